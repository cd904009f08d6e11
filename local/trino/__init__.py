"""Trino, the engine that Athena is built on, on this machine: where it is, one server, a client."""

from __future__ import annotations

from local.trino.client import Answer, Column, StatementFailed, TrinoClient
from local.trino.installation import Installation, TrinoMissing, installed, required
from local.trino.server import CATALOG, Lake, TrinoServer

__all__ = [
    "CATALOG",
    "Answer",
    "Column",
    "Installation",
    "Lake",
    "StatementFailed",
    "TrinoClient",
    "TrinoMissing",
    "TrinoServer",
    "installed",
    "required",
]
