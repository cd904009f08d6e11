"""Formats of stored documents: which this version reads, and how older ones become today's.

A change that an older version would misread raises `FORMAT` and adds an upgrader from the format
before. Merging, rows and revisions see today's format only. Whatever the format, a document is an
object with ``format`` and ``initial_contact_id``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chatlake.exceptions import UnsupportedDocumentFormat
from chatlake.identifiers import text_id

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from chatlake.json_codec import JsonObject

FORMAT = 1
"""The format that this version writes."""

UPGRADERS: dict[int, Callable[[JsonObject], JsonObject]] = {}
"""By format: makes a document of the next one, without the member ``format``."""


def upgraded(
    value: Any,
    *,
    newest: int = FORMAT,
    upgraders: Mapping[int, Callable[[JsonObject], JsonObject]] = UPGRADERS,
) -> JsonObject:
    """Return the members of a document in the newest format, ``format`` itself left out.

    Parameters
    ----------
    value
        What was parsed of the stored bytes; altered.

    Raises
    ------
    UnsupportedDocumentFormat
        Its format is a newer one.
    ValueError
        It is no document.
    """
    found = value.pop("format", None) if isinstance(value, dict) else None
    chat = text_id(value.get("initial_contact_id")) if isinstance(value, dict) else None
    if not isinstance(found, int) or isinstance(found, bool) or found < 1 or chat is None:
        message = "it is not a document of any format"
        raise ValueError(message)
    if found > newest:
        raise UnsupportedDocumentFormat(chat, found, newest)
    members: JsonObject = value
    for number in range(found, newest):
        members = upgraders[number](members)
    return members
