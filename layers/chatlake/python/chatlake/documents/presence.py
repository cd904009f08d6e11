"""Who comes into a chat and who leaves it, as an item says."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chatlake.json_codec import JsonObject

JOINS = (("PARTICIPANT_JOINED", ".participant.joined"),)
"""Types of items whose participant joins the chat, and how their content types end."""

LEAVES = (("PARTICIPANT_LEFT", ".participant.left"), (None, ".participant.autodisconnection"))
"""The same of items whose participant leaves it; None is no type of its own."""

_LEX_BOT = "BOT"


def is_lex_bot(item: JsonObject) -> bool:
    """Return whether an item is of a bot of Lex, which speaks as SYSTEM, as the flow itself does.

    The service tells it by this name alone, which is nobody's.
    """
    return item.get("ParticipantRole") == "SYSTEM" and item.get("DisplayName") == _LEX_BOT


def joins(item: JsonObject) -> bool:
    """Return whether its participant joins the chat."""
    return _is_one_of(item, JOINS)


def leaves(item: JsonObject) -> bool:
    """Return whether its participant leaves the chat, or is disconnected for being idle."""
    return _is_one_of(item, LEAVES)


def _is_one_of(item: JsonObject, kinds: tuple[tuple[str | None, str], ...]) -> bool:
    kind, what = item.get("Type"), item.get("ContentType")
    event = what if isinstance(what, str) else ""
    return any((kind is not None and kind == name) or event.endswith(end) for name, end in kinds)
