"""A template of SAM as it is written."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any


def read_source(path: Path) -> Any:
    """Return what a template says, dates as texts; each text is parsed only once."""
    return parse_source(path.read_text("utf-8"))


def parse_source(text: str) -> Any:
    """Return what the text of a template says; the caller may change it."""
    return json.loads(_parsed(text))


@cache
def _parsed(text: str) -> str:
    from samtranslator.yaml_helper import yaml_parse  # type: ignore[import-untyped]

    # A template of this size takes a third of a second, and tests read it with many parameters.
    return json.dumps(yaml_parse(text), default=str)
