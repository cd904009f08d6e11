"""A chat with as many messages as one likes, more than customers and agents ever type."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from local.scripted.chat import Chat
from local.scripted.contact_center import pick_agent, pick_queue
from local.scripted.scene import Scene
from local.scripted.speech import Speech
from local.scripted.traits import draw_traits
from local.scripted.transcript import chat_of


def marathon(seed: int, messages: int, started_ms: int, lasts_s: float) -> Chat:
    """Return a chat of one leg with one agent.

    Parameters
    ----------
    seed
        Any integer; another one gives another chat.
    messages
        How many the two of them write, in turns.
    started_ms
        When it starts.
    lasts_s
        About how long it takes.
    """
    rng = Random(f"{seed}/marathon")
    traits = replace(
        draw_traits(rng, None), kind="agent", receipt_shape="inline", receipt_items=False
    )
    scene = Scene(rng, traits, started_ms, None)
    scene.enter("SYSTEM", "SYSTEM_MESSAGE")
    customer = scene.join("CUSTOMER", traits.customer_name, read_s=2)
    queue = pick_queue(rng)
    scene.queue(queue)
    agent = scene.connect(pick_agent(rng, queue), read_s=2)
    speech = Speech(rng, traits.language, markdown=traits.markdown)
    for number in range(messages):
        scene.wait(lasts_s / messages, 0.1)
        if number % 2:
            scene.say(agent, speech.agent())
        else:
            scene.say(customer, speech.customer())
    scene.leave(agent)
    scene.event("chat.ended")
    scene.close_leg("AGENT_DISCONNECT")
    return chat_of(scene, 0, None)
