"""What happens in a world: who starts chats, what reads at their ends, and what came of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from random import Random

from local.participant_service import Behaviour
from local.participant_service.timeline import Happening
from local.scripted.chat import Chat
from local.scripted.ending import EndedBy

CLOSING_SHARE = 0.8
"""Of the chats that a page began and the customer ends: how many of these pages call."""


class Origin(Enum):
    """Who starts a chat, and so whether its token is known."""

    PAGE = "a web page, by way of the stack"
    BACK_END = "another back end, which registers the token"
    FOREIGN = "something that gives no token"


class Hook(Enum):
    """What reads a chat once more, right before it ends."""

    NONE = "–"
    FLOW = "a flow"
    """It invokes a function of the stack."""
    CLOSING = "the page"
    """It calls before it disconnects."""


@dataclass
class Told:
    """What has happened so far; chats by initial contact id.

    ``given`` are those of which the stack was given a token, ``hooks`` what was to read a chat at
    its end and was there, and ``answers`` what became of the calls: ``answered``, ``refused`` or
    ``late``.
    """

    started: set[str] = field(default_factory=set)
    ended: set[str] = field(default_factory=set)
    given: set[str] = field(default_factory=set)
    hooks: dict[str, Hook] = field(default_factory=dict)
    answers: Counter[tuple[Hook, str]] = field(default_factory=Counter)
    events: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)


def _from_a_page(_: Chat) -> Origin:
    return Origin.PAGE


def _no_hook(_: Chat) -> Hook:
    return Hook.NONE


def usual_hook(chat: Chat, origin: Origin) -> Hook:
    """Return what reads at a chat's end where all flows do, and most pages; the same each time."""
    match chat.ended_by:
        case EndedBy.AGENT | EndedBy.FLOW:
            return Hook.FLOW
        case EndedBy.CUSTOMER if origin is Origin.PAGE:
            calls = Random(f"{chat.initial_contact_id}/closing").random() < CLOSING_SHARE
            return Hook.CLOSING if calls else Hook.NONE
    return Hook.NONE


@dataclass(frozen=True)
class Script:
    """What happens in a world.

    Attributes
    ----------
    chats
        Those that take place, at their own times by the clock.
    behaviour
        Of the simulated service.
    deliveries
        What is delivered, and when; None for what Connect sends, in order.
    origin
        Who starts a chat.
    hook
        What reads at its end, if the stack has it.
    """

    chats: Sequence[Chat]
    behaviour: Behaviour = field(default_factory=Behaviour)
    deliveries: Sequence[Happening] | None = None
    origin: Callable[[Chat], Origin] = _from_a_page
    hook: Callable[[Chat], Hook] = _no_hook
