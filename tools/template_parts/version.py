"""The output that says which version a stack runs."""

from __future__ import annotations

from chatlake import __version__


def rendered() -> str:
    """Return the output as the template has it."""
    return f"""\
  Version:
    Description: The version of chatlake that the stack runs
    Value: {__version__}
"""
