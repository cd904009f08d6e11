"""What is done with a live chat besides listening to it; each takes a thread its time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from chatlake.capture.capture_chat import capture_chat
from chatlake.timestamps import now_ms

if TYPE_CHECKING:
    from chatlake.capture.capture_services import CaptureServices
    from chatlake.capture.live_chat import LiveChat


type Kind = Literal["ended", "new", "gap", "open", "read", "write", "waiting"]
"""Why something is done with a chat."""

ATTEMPTS: tuple[Kind, ...] = ("ended", "new", "waiting")
HOLDS_UP = 5
"""So many others an attempt counts for while it waits for a call: what is heard of its chat comes
into the document only then."""

ROOM: dict[Kind, int] = {
    "ended": 12,
    "new": 20,
    "gap": 2,
    "open": 8,
    "write": 4,
    "waiting": 2,
}
"""How many at once, so that none keeps out the others; of reads as many as the rate needs."""


def look_at(live: LiveChat, services: CaptureServices) -> LiveChat | None:
    """Read a live chat; look at it as a whole where that is to be done."""
    is_to_be_looked_at = live.read(services)
    if not is_to_be_looked_at and live.is_to_be_written(services):
        is_to_be_looked_at = not live.write(services)
    return capture_chat(live.chat, services, live) if is_to_be_looked_at else live


def write(live: LiveChat, services: CaptureServices) -> LiveChat | None:
    """Write what is known of a live chat; one that cannot be written is looked at."""
    return live if live.write(services) else capture_chat(live.chat, services, live)


def write_late(live: LiveChat, services: CaptureServices) -> None:
    """Write what is not yet written of a chat that another process serves."""
    live.write_late(services)


def write_lasting(live: LiveChat, services: CaptureServices) -> LiveChat:
    """Write what is heard of a chat that was taken for ended; an attempt tells how it stands."""
    if live.write(services):
        services.schedule.make_due(live.chat, phase="ended", due_at=now_ms())
    return live
