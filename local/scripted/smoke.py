"""The chat of a smoke test: its customer says what `chatlake smoke` sends, an agent answers."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from chatlake.operations.smoke import MESSAGES, NAME
from local.scripted.chat import Chat
from local.scripted.contact_center import pick_agent, pick_queue
from local.scripted.scene import Scene
from local.scripted.traits import draw_traits
from local.scripted.transcript import chat_of

_TEXT = "text/plain"


def smoke_chat(seed: int, started_ms: int, lasts_s: float) -> Chat:
    """Return a chat of one leg in which the customer comes, is greeted, says both, and goes."""
    rng = Random(f"{seed}/smoke")
    traits = replace(
        draw_traits(rng, None),
        kind="agent",
        receipt_shape="inline",
        receipt_items=False,
        processed=False,
        typing=False,
    )
    scene = Scene(rng, traits, started_ms, None)
    scene.enter("SYSTEM", "SYSTEM_MESSAGE")
    customer = scene.join("CUSTOMER", NAME, read_s=2)
    queue = pick_queue(rng)
    scene.queue(queue)
    agent = scene.connect(pick_agent(rng, queue), read_s=2)
    scene.say(agent, (_TEXT, "How can I help?"))
    for content in MESSAGES:
        scene.wait(3, 0.1)
        scene.say(customer, (_TEXT, content))
    scene.wait(lasts_s, 0.01)
    scene.leave(customer)
    scene.event("chat.ended")
    scene.close_leg("CUSTOMER_DISCONNECT")
    return chat_of(scene, 0, None)
