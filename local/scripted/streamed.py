"""Messages of bots that are streamed: which ones, and in what pieces.

Nothing of it is drawn from the chat's own source of choices, so all else of a chat is as it was.
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from local.scripted.items import Streaming
from local.scripted.speech import MARKDOWN, PLAIN

if TYPE_CHECKING:
    from local.scripted.scene import Scene

BOT = "BOT"
"""The name of a bot that speaks as the flow does; only such messages are streamed."""

_SHARE = 0.4
_LONGEST_STEP_MS = 400
_SHORTEST_STEP_MS = 20
_SHORTEST = 12


def streamed(scene: Scene) -> dict[int, Streaming]:
    """Return how messages of a finished scene are streamed, by their place among its lines."""
    rng = Random(f"streamed {scene.initial_contact_id}")
    if rng.random() >= _SHARE:
        return {}
    bots = {member.place for member in scene.members if member.name == BOT}
    found: dict[int, Streaming] = {}
    for place, line in enumerate(scene.lines):
        can_be = line.sender in bots and line.type == "MESSAGE"
        if (
            can_be
            and line.content_type in {PLAIN, MARKDOWN}
            and len(line.content or "") > _SHORTEST
        ):
            count = 2 + int(rng.random() * 3)
            # It is whole before anything else happens.
            later = (next_.sent_ms for next_ in scene.lines[place + 1 :])
            room_ms = min(next(later, scene.now_ms), scene.now_ms) - line.sent_ms - 1
            step_ms = min(_LONGEST_STEP_MS, room_ms // count)
            if step_ms >= _SHORTEST_STEP_MS:
                found[place] = Streaming(line.sent_ms, step_ms, _pieces(line.content or "", count))
    return found


def _pieces(content: str, count: int) -> tuple[str, ...]:
    length = -(-len(content) // count)
    return tuple(content[start : start + length] for start in range(0, len(content), length))
