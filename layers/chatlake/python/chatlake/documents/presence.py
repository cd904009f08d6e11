"""Who comes into a chat and who leaves it, as an item says."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chatlake.json_codec import JsonObject

_JOINED = ".participant.joined"
_LEFT = (".participant.left", ".participant.autodisconnection")


def joins(item: JsonObject) -> bool:
    """Return whether its participant joins the chat."""
    return item.get("Type") == "PARTICIPANT_JOINED" or _event(item).endswith(_JOINED)


def leaves(item: JsonObject) -> bool:
    """Return whether its participant leaves the chat, or is disconnected for being idle."""
    return item.get("Type") == "PARTICIPANT_LEFT" or _event(item).endswith(_LEFT)


def _event(item: JsonObject) -> str:
    kind = item.get("ContentType")
    return kind if isinstance(kind, str) else ""
