"""What is settled about a scripted chat before its first word, with the share of each case."""

from __future__ import annotations

import math
from dataclasses import dataclass
from random import Random

from local.scripted.phrases import LANGUAGES, Language

MAX_MESSAGES = 700
_MEDIAN_MESSAGES = 5.8
_MESSAGES_SIGMA = 0.8
_MARATHON_SHARE = 0.002
_MARATHON_FACTOR = 10


@dataclass(frozen=True, slots=True)
class Traits:
    """How one chat goes, who is in it and how their clients behave.

    ``kind`` is ``agent``, ``bot`` (no agent needed), ``abandoned`` (left in the queue), ``silent``
    (the customer never writes) or ``ghost`` (opened and forgotten). ``bot`` is the role of the bot
    that comes first, ``third`` the role of a third participant. ``receipt_shape`` is ``inline``,
    ``separate`` (MESSAGEMETADATA items instead) or ``both``.
    """

    kind: str
    language: Language
    customer_name: str
    messages: int
    bot: str | None
    agent_legs: int
    survey: bool
    third: str | None
    transfer_fails: bool
    customer_receipts: bool
    agent_receipts: bool
    receipt_shape: str
    receipt_items: bool
    shows_empty_metadata: bool
    specific_types: bool
    typing: bool
    markdown: bool
    processed: bool
    customer_pace: float
    customer_skew_ms: int
    agent_skew_ms: int


def draw_traits(rng: Random, known: tuple[Language, str] | None) -> Traits:
    """Draw the traits of a chat; the language and name of a customer who comes back are known."""
    kind = _kind(rng.random())
    language, name = known or _customer(rng)
    customer_receipts, agent_receipts = _receipts(rng.random())
    with_agent = kind == "agent"
    return Traits(
        kind=kind,
        language=language,
        customer_name=name,
        messages=_messages(rng),
        bot=_bot(rng, kind),
        agent_legs=_agent_legs(rng.random()) if with_agent else 1,
        survey=with_agent and rng.random() < 0.04,
        third=_third(rng.random()) if with_agent else None,
        transfer_fails=with_agent and rng.random() < 0.015,
        customer_receipts=customer_receipts,
        agent_receipts=agent_receipts,
        receipt_shape=_receipt_shape(rng.random()),
        receipt_items=rng.random() < 0.012,
        shows_empty_metadata=rng.random() < 0.5,
        specific_types=rng.random() < 0.05,
        typing=rng.random() < 0.06,
        markdown=rng.random() < 0.3,
        processed=rng.random() < 0.12,
        customer_pace=math.exp(rng.gauss(0.0, 0.5)),
        customer_skew_ms=_skew_ms(rng, share=0.015),
        agent_skew_ms=_skew_ms(rng, share=0.004),
    )


def _kind(luck: float) -> str:
    if luck < 0.010:
        return "ghost"
    if luck < 0.035:
        return "silent"
    if luck < 0.085:
        return "abandoned"
    return "bot" if luck < 0.175 else "agent"


def _customer(rng: Random) -> tuple[Language, str]:
    language = LANGUAGES[int(rng.random() * len(LANGUAGES))]
    return language, language.names[int(rng.random() * len(language.names))]


def _messages(rng: Random) -> int:
    messages = _MEDIAN_MESSAGES * math.exp(rng.gauss(0.0, _MESSAGES_SIGMA))
    if rng.random() < _MARATHON_SHARE:
        messages *= _MARATHON_FACTOR
    return min(MAX_MESSAGES, 1 + int(messages))


def _receipts(luck: float) -> tuple[bool, bool]:
    # The hosted widget sends none unless told to, and then the chat has receipts off altogether.
    if luck < 0.22:
        return False, False
    if luck < 0.27:
        return True, False
    return luck >= 0.32, True


def _receipt_shape(luck: float) -> str:
    if luck < 0.012:
        return "separate"
    return "both" if luck < 0.016 else "inline"


def _bot(rng: Random, kind: str) -> str | None:
    shares = {"bot": 1.0, "agent": 0.35, "abandoned": 0.35}
    if rng.random() >= shares.get(kind, 0.0):
        return None
    # A Lex bot speaks as the flow does; only a participant of its own has the role of a bot.
    return "CUSTOM_BOT" if rng.random() < 0.4 else "SYSTEM"


def _agent_legs(luck: float) -> int:
    if luck < 0.035:
        return 3
    return 2 if luck < 0.16 else 1


def _third(luck: float) -> str | None:
    if luck < 0.018:
        return "SUPERVISOR"
    return "AGENT" if luck < 0.045 else None


def _skew_ms(rng: Random, *, share: float) -> int:
    # A clock that is behind by more than the throttle makes latencies negative.
    return -int(rng.uniform(6_000, 60_000)) if rng.random() < share else 0
