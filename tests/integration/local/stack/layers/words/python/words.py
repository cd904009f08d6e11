"""A module of a layer."""

from __future__ import annotations


def greet(greeting: str, name: str) -> str:
    return f"{greeting} {name}"
