"""Ids as the service writes them."""

from __future__ import annotations

from chatlake.json_codec import well_formed


def text_id(value: object) -> str | None:
    """Read an id: a string that is not empty, lone surrogates replaced; None for all else."""
    return well_formed(value) if isinstance(value, str) and value else None


def instance_id(value: object) -> str | None:
    """Read the id of a Connect instance from its id or ARN: the last segment."""
    text = text_id(value)
    return text.rsplit("/", 1)[-1] or None if text else None
