"""The last read of a chat, by whoever knows that its end comes: a flow, or the customer's page.

Tokens die with their chat, so what is read just before it is what is known of it. Somebody waits
for the answer: it comes by a deadline, whatever the chat's length, and what is left is capture's,
which reads the same chat at the same time perhaps: both merge into its document.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from chatlake.aws_clients.counters import Counters
from chatlake.aws_clients.metric_names import Metric
from chatlake.capture.fetch import Fetched
from chatlake.capture.given_tokens import MOST_TOKEN
from chatlake.capture.token_candidates import LearnedAfterEnd
from chatlake.capture.token_reading import read_transcript
from chatlake.documents.document import Document
from chatlake.documents.upsert import upsert
from chatlake.exceptions import RejectedInput, UnreadableDocument
from chatlake.timestamps import now_ms

if TYPE_CHECKING:
    from collections.abc import Callable

    from chatlake.capture.capture_state import CaptureState
    from chatlake.capture.participant_client import ParticipantClient
    from chatlake.capture.schedule import CaptureSchedule
    from chatlake.capture.token_cipher import TokenCipher
    from chatlake.chat_state import ChatState
    from chatlake.documents.store import DocumentStore, StoredDocument
    from chatlake.json_codec import JsonObject


class Outcome(StrEnum):
    """What became of a last read, as a flow and a page are told."""

    READ = "read"
    """The whole transcript was read."""
    PARTLY = "partly"
    """Its newest pages were; the rest is left to capture."""
    NO_TOKEN = "no token"
    """None is kept that has not expired."""
    DENIED = "denied"
    """Those that are kept open the chat no longer."""
    NO_TURN = "no turn"
    """The reserve, or the service, had no place in time; all is left to capture."""
    FAILED = "failed"


METRICS = {
    Outcome.READ: Metric.LAST_READS,
    Outcome.PARTLY: Metric.LAST_READS_PARTLY,
    Outcome.NO_TOKEN: Metric.LAST_READS_WITHOUT_TOKEN,
    Outcome.DENIED: Metric.LAST_READS_DENIED,
    Outcome.NO_TURN: Metric.LAST_READS_WITHOUT_TURN,
    Outcome.FAILED: Metric.LAST_READS_FAILED,
}
_LEFT_TO_CAPTURE = frozenset({Outcome.PARTLY, Outcome.NO_TURN, Outcome.FAILED})
_BUSY = frozenset({Metric.READS_THROTTLED})


@dataclass(frozen=True, slots=True)
class LastReadServices:
    """What one last read works with.

    Attributes
    ----------
    take_turn
        Waits for the turn of the next call of GetTranscript; says whether it comes in time.
    warn
        Takes the metric of what went wrong, the chat, and why.
    problems
        What went wrong.
    """

    schedule: CaptureSchedule
    chats: ChatState
    store: DocumentStore
    token_cipher: TokenCipher
    service: ParticipantClient
    take_turn: Callable[[], bool]
    warn: Callable[[Metric, str, str], None]
    counters: Counters = field(default_factory=Counters)
    problems: set[Metric] = field(default_factory=set)
    tokens_after_end: LearnedAfterEnd = field(default_factory=LearnedAfterEnd)

    @property
    def listens(self) -> bool:
        """It reads, and is gone."""
        return False

    @property
    def may_go_on(self) -> Callable[[], bool]:
        """Whether there is time, and a turn, for another page."""
        return self.take_turn

    def note(self, problem: Metric, chat: str, reason: str) -> None:
        """Count a problem and say which chat has it."""
        self.counters.add(problem)
        self.problems.add(problem)
        self.warn(problem, chat, reason)


def find_state(
    services: LastReadServices, contact_id: str, initial_contact_id: str | None = None
) -> CaptureState | None:
    """Find what the schedule has of the chat of a contact; None if nobody noted anything of it.

    Connect is not asked: whoever knows an address could use up its quota.
    """
    named = [initial_contact_id or contact_id, contact_id]
    first: CaptureState | None = None
    # A token that was registered under a leg, and is not yet moved, is that one's.
    for chat in dict.fromkeys(named):
        state = services.schedule.read(chat)
        if state is not None and state.tokens:
            return state
        first = first or state
    owners = services.chats.legs.initial_contacts(named)
    for chat in set(owners.values()) - set(named):
        state = services.schedule.read(chat)
        if state is not None and state.tokens:
            return state
        first = first or state
    return first


def participant_token(body: JsonObject) -> str:
    """Return the ParticipantToken that a request's body gives as proof.

    Raises
    ------
    RejectedInput
        It gives none, or none that could be one.
    """
    token = body.get("ParticipantToken")
    if not isinstance(token, str) or not 0 < len(token) <= MOST_TOKEN:
        message = f"ParticipantToken must be a text of 1 to {MOST_TOKEN} characters"
        raise RejectedInput(message)
    return token


def proves(state: CaptureState | None, participant_token: str, services: LastReadServices) -> bool:
    """Return whether a ParticipantToken is one that is kept of a chat."""
    if state is None:
        return False
    given = participant_token.encode()
    # Each of them, and each in the same time, whichever it is.
    same = [
        hmac.compare_digest(
            services.token_cipher.open(token.sealed, state.initial_contact_id).encode(), given
        )
        for token in state.tokens.values()
        if token.kind == "participant"
    ]
    return any(same)


def last_read(state: CaptureState | None, services: LastReadServices) -> Outcome:
    """Read the transcript of a chat, newest pages first, and merge it into the document."""
    at = now_ms()
    if state is None or not any(
        token.expires_at is None or token.expires_at > at for token in state.tokens.values()
    ):
        return Outcome.NO_TOKEN
    outcome = Outcome.FAILED
    try:
        outcome = _read(state, services)
    finally:
        if outcome in _LEFT_TO_CAPTURE:
            services.schedule.make_due(state.initial_contact_id, phase="ended", due_at=now_ms())
    return outcome


def _read(state: CaptureState, services: LastReadServices) -> Outcome:
    chat = state.initial_contact_id
    try:
        stored = services.store.read(chat)
    except UnreadableDocument as error:
        services.note(Metric.UNREADABLE_DOCUMENTS, chat, str(error))
        return Outcome.FAILED
    if not services.take_turn():
        return Outcome.NO_TURN
    fetched = Fetched()
    known = stored.document if stored else Document(chat)
    read_transcript(state, fetched, known, services, whole=True)
    for token in fetched.tokens.values():
        services.schedule.keep_token(chat, token)
    if fetched.documents:
        return _merge(chat, stored, fetched, services)
    if services.problems & _BUSY:
        return Outcome.NO_TURN
    return Outcome.FAILED if services.problems else Outcome.DENIED


def _merge(
    chat: str, stored: StoredDocument | None, fetched: Fetched, services: LastReadServices
) -> Outcome:
    """Merge what was read into the document of the chat that the transcript names."""
    upserted = upsert(
        fetched.documents,
        store=services.store,
        chats=services.chats,
        known={chat: stored} if stored else {},
        ask_published=False,
    )
    if upserted.left_out:
        services.counters.add(Metric.CONTENT_LEFT_OUT, upserted.left_out)
    if upserted.erased:
        return Outcome.NO_TOKEN
    for damaged, reason in upserted.failed.items():
        services.note(Metric.UNREADABLE_DOCUMENTS, damaged, reason)
    for other in {document.initial_contact_id for document in fetched.documents} - {chat}:
        # The token was registered under a leg: capture moves all to the chat that this is of.
        for moved in (chat, other):
            services.schedule.make_due(moved, phase="ended", due_at=now_ms())
    if upserted.failed:
        return Outcome.FAILED
    return Outcome.READ if fetched.read_all else Outcome.PARTLY
