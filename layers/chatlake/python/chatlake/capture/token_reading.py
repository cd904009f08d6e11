"""Reading the transcript of a chat by the tokens that are kept of it.

Capture does so again and again, a last read once, when somebody knows that the end comes.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from chatlake.aws_clients.metric_names import Metric
from chatlake.capture.capture_state import Token
from chatlake.capture.pagination import scan
from chatlake.capture.token_candidates import candidates
from chatlake.exceptions import RejectedInput
from chatlake.participant_exceptions import (
    ParticipantDenied,
    ParticipantError,
    ParticipantPutOff,
    ParticipantRejected,
    ParticipantThrottled,
)
from chatlake.sources.get_transcript import from_response
from chatlake.timestamps import now_ms

if TYPE_CHECKING:
    from collections.abc import Callable

    from chatlake.aws_clients.counters import Counters
    from chatlake.capture.capture_state import CaptureState
    from chatlake.capture.fetch import Fetched
    from chatlake.capture.pagination import Scan, Sweep
    from chatlake.capture.participant_client import Page, ParticipantClient, StartPosition
    from chatlake.capture.token_candidates import Candidate, LearnedAfterEnd
    from chatlake.capture.token_cipher import TokenCipher
    from chatlake.chat_state import ChatState
    from chatlake.documents.document import Document
    from chatlake.documents.store import DocumentStore


class ReadingServices(Protocol):
    """What reading by tokens works with, of what a capture attempt or a last read has."""

    @property
    def chats(self) -> ChatState:
        """Where a chat that the transcript names is noted."""

    @property
    def store(self) -> DocumentStore:
        """Whose policy says what may be kept of a transcript."""

    @property
    def token_cipher(self) -> TokenCipher:
        """What opens and seals tokens."""

    @property
    def service(self) -> ParticipantClient:
        """The Participant Service, at the rate that is allowed."""

    @property
    def listens(self) -> bool:
        """Whether the websockets of live chats are opened, so that a URL is of use."""

    @property
    def may_go_on(self) -> Callable[[], bool]:
        """Whether there is time for another page."""

    @property
    def counters(self) -> Counters:
        """Counts of what happened."""

    @property
    def tokens_after_end(self) -> LearnedAfterEnd:
        """What was learned of tokens of chats that ended."""

    def note(self, problem: Metric, chat: str, reason: str) -> None:
        """Count a problem and say which chat has it."""


def read_transcript(
    state: CaptureState,
    fetched: Fetched,
    known: Document,
    services: ReadingServices,
    *,
    whole: bool,
    after_end: bool = False,
    sweep: Sweep | None = None,
) -> None:
    """Read the transcript by the first token that opens it.

    Parameters
    ----------
    whole
        True to read all the way back.
    after_end
        True if the chat has ended: whether its tokens live on is counted then.
    sweep
        Where a snapshot before was cut short, to go on there.
    """
    chat = state.initial_contact_id
    open_before = state.tokens.keys() - fetched.done
    learned = services.tokens_after_end
    for one in candidates(state, fetched, known, learned, after_end=after_end):
        if after_end:
            services.counters.add(Metric.TOKENS_TRIED_AFTER_END)
        try:
            _give_way(services, is_last_hope=one.is_last_hope)
            if _read_by(one.token, state, fetched, known, services, whole=whole, sweep=sweep):
                _opened(one, state, fetched, services, after_end=after_end)
                return
            services.note(Metric.EMPTY_TRANSCRIPTS, chat, "though it has items, or has ended")
        except ParticipantDenied:
            fetched.done.add(one.name)
            one.note(opened=False)
        except ParticipantRejected as error:
            # Asking again with this token would be rejected again.
            fetched.done.add(one.name)
            fetched.failure = str(error)
            services.note(Metric.READS_REJECTED, chat, str(error))
        except (ClientError, BotoCoreError) as error:
            # Not the service's, whose errors have kinds of their own: the token stays sealed.
            reason = f"a token was not opened: {type(error).__name__}"
            services.note(Metric.READS_FAILED, chat, reason)
            fetched.retry = True
        except ParticipantError as error:
            _note_failure(error, chat, services, after_end=after_end)
            fetched.retry = True
            return
    if open_before and open_before <= fetched.done and not fetched.tokens:
        services.counters.add(Metric.PARTICIPANT_SOURCES_CLOSED)


def _give_way(services: ReadingServices, *, is_last_hope: bool) -> None:
    """Put off a token that most likely has died with its chat: those that live come first."""
    if is_last_hope and services.service.is_busy:
        raise ParticipantPutOff("GetTranscript", "others wait")


def _note_failure(
    error: ParticipantError, chat: str, services: ReadingServices, *, after_end: bool
) -> None:
    if isinstance(error, ParticipantPutOff):
        # Nobody was asked.
        services.counters.add(Metric.TOKENS_TRIED_AFTER_END, -after_end)
        return
    throttled = isinstance(error, ParticipantThrottled)
    metric = Metric.READS_THROTTLED if throttled else Metric.READS_FAILED
    services.note(metric, chat, str(error))


def _opened(
    one: Candidate,
    state: CaptureState,
    fetched: Fetched,
    services: ReadingServices,
    *,
    after_end: bool,
) -> None:
    """Note that a token opened its chat, and let go of connections that a new one replaces."""
    if after_end:
        services.counters.add(Metric.TOKENS_OPENED_AFTER_END)
    one.note(opened=True)
    if fetched.tokens:
        fetched.done |= {n for n, token in state.tokens.items() if token.kind == "connection"}


def _read_by(
    token: Token,
    state: CaptureState,
    fetched: Fetched,
    known: Document,
    services: ReadingServices,
    *,
    whole: bool,
    sweep: Sweep | None,
) -> bool:
    """Read by one token; False if the answer was empty though the chat has items, or has ended."""
    chat = state.initial_contact_id
    connection, fresh, fetched.url = _connection(token, chat, services, after_end=whole)
    read_at = now_ms()
    found = _scan(connection, known, services, whole=whole, at=read_at, sweep=sweep)
    # Before, it may have waited long for its turn.
    read_at = found.asked_at or read_at
    fetched.calls, fetched.sweep = found.pages, found.sweep
    # An ended chat has at least its join events, so an empty answer is not its transcript.
    if not found.items and (known.items or whole):
        return False
    if fresh is not None:
        fetched.tokens[fresh.name] = fresh
    try:
        response = found.response(chat)
        document = from_response(
            response,
            read_at=read_at,
            whole=found.whole,
            reached=found.reached,
            observed_at=found.observed_at,
        )
    except RejectedInput as error:
        fetched.failure = f"GetTranscript: {error}"
        services.note(Metric.READS_REJECTED, chat, fetched.failure)
        return True
    fetched.documents.append(services.store.policy.applied(document))
    if document.initial_contact_id != chat:
        # The token was registered under a leg; its items alone may not show that.
        services.chats.legs.add({chat: document.initial_contact_id}, provisional=False)
    services.counters.add(Metric.TRANSCRIPTS_READ)
    if found.error is None and found.sweep is None:
        fetched.reached_at = read_at
    to_the_end = whole or found.saw_end
    fetched.read_all |= found.whole and to_the_end
    fetched.retry |= found.error is not None or (to_the_end and not found.whole)
    fetched.failure = None
    return True


def _scan(
    connection: str,
    known: Document,
    services: ReadingServices,
    *,
    whole: bool,
    at: int,
    sweep: Sweep | None,
) -> Scan:
    def read_from(item_id: str | None, next_token: str | None) -> Page:
        services.counters.add(Metric.GET_TRANSCRIPT_CALLS)
        start: StartPosition | None = None if item_id is None else {"Id": item_id}
        return services.service.get_transcript(
            connection, next_token=next_token, start_position=start
        )

    return scan(
        partial(read_from, None),
        known,
        whole=whole,
        may_go_on=services.may_go_on,
        at=at,
        sweep=sweep,
        read_from=read_from,
    )


def _connection(
    token: Token, chat: str, services: ReadingServices, *, after_end: bool
) -> tuple[str, Token | None, str | None]:
    """Open a token; return a ConnectionToken, and it sealed and a websocket's URL if it is new.

    A chat that has ended, whose token is most likely dead, comes after those that live.
    """
    secret = services.token_cipher.open(token.sealed, chat)
    if token.kind == "connection":
        return secret, None, None
    websocket = services.listens and not after_end
    made = services.service.connect(secret, websocket=websocket, urgent=not after_end)
    sealed = services.token_cipher.seal(made.token, chat)
    return made.token, Token("connection", sealed, made.expires_at), made.url
