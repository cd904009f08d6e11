"""A chat that was started and never attended: its customer's page did not connect.

Connect ends such a chat five minutes after its start (StartChatContact). A ``ghost`` is another
thing: there the page came, and nobody wrote.
"""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING

from local.scripted.scene import Scene
from local.scripted.speech import PLAIN
from local.scripted.traits import draw_traits
from local.scripted.transcript import chat_of

if TYPE_CHECKING:
    from local.scripted.chat import Chat

ENDS_AFTER_MS = 300_000


def unattended(seed: int, started_ms: int) -> Chat:
    """Return a chat of which only the flow is there.

    Parameters
    ----------
    seed
        Any integer; another one gives another chat.
    started_ms
        When it starts.
    """
    rng = Random(f"{seed}/unattended")
    traits = replace(draw_traits(rng, None), kind="unattended", receipt_items=False, typing=False)
    scene = Scene(rng, traits, started_ms, None)
    flow = scene.enter("SYSTEM", "SYSTEM_MESSAGE")
    scene.enter("CUSTOMER", traits.customer_name)
    scene.wait(0.5, 0.4)
    scene.say(flow, (PLAIN, traits.language.welcome))
    scene.now_ms = started_ms + ENDS_AFTER_MS
    scene.close_leg("EXPIRED")
    return chat_of(scene, 0, None)
