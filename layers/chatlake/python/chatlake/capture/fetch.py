"""What one capture attempt brings: events and exports that were noted, and the transcript."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from chatlake.aws_clients.clients import error_code
from chatlake.aws_clients.metric_names import Metric
from chatlake.capture.capture_state import CaptureState, Token
from chatlake.capture.pagination import scan
from chatlake.documents.lifecycle import saw_end
from chatlake.exceptions import (
    ParticipantDenied,
    ParticipantError,
    ParticipantRejected,
    ParticipantThrottled,
    RejectedInput,
)
from chatlake.json_codec import loads, without_byte_order_mark
from chatlake.sources.contact_event import from_event
from chatlake.sources.get_transcript import from_response
from chatlake.sources.s3_export import from_export
from chatlake.timestamps import now_ms

if TYPE_CHECKING:
    from chatlake.capture.capture_services import CaptureServices
    from chatlake.capture.participant_client import Page
    from chatlake.documents.document import Document


@dataclass(slots=True)
class Fetched:
    """What one capture attempt brought.

    Attributes
    ----------
    documents
        To be merged into that of the chat.
    done, tokens
        Names of what need not stay in the capture state, and tokens that are new to it, by name.
    read_all
        True if the whole transcript was read after the end.
    retry, export_retry
        True if the Participant Service, or S3 of an export, may answer later.
    failure
        Why the chat cannot be read; None if it can.
    """

    documents: list[Document] = field(default_factory=list)
    done: set[str] = field(default_factory=set)
    tokens: dict[str, Token] = field(default_factory=dict)
    read_all: bool = False
    retry: bool = False
    export_retry: bool = False
    failure: str | None = None


def take_events(state: CaptureState, fetched: Fetched, services: CaptureServices) -> None:
    """Make documents of the contact events that wait."""
    for name, event in state.events.items():
        fetched.done.add(name)
        try:
            fetched.documents.append(
                from_event(event, initial_contact_id=state.initial_contact_id)
                if not _is_own(event, state)
                else from_event(event)
            )
        except RejectedInput as error:
            services.note(Metric.REJECTED_EVENTS, state.initial_contact_id, str(error))


def _is_own(event: dict[str, object], state: CaptureState) -> bool:
    """Return whether an event came under its own contact, because nothing named its chat."""
    detail = event.get("detail")
    spellings = ("contactId", "ContactId")
    return isinstance(detail, dict) and state.initial_contact_id in map(detail.get, spellings)


def take_exports(state: CaptureState, fetched: Fetched, services: CaptureServices) -> None:
    """Read the exports that wait."""
    for name, key in state.exports.items():
        read_at = now_ms()
        try:
            data = services.read_export(key)
        except ClientError as error:
            services.note(Metric.EXPORTS_UNAVAILABLE, key, error_code(error))
            fetched.export_retry = True
            continue
        fetched.done.add(name)
        if data is None:
            services.note(Metric.EXPORTS_GONE, key, "there is no such object")
            continue
        try:
            fetched.documents.append(_export(data, read_at))
            services.counters.add(Metric.EXPORTS_READ)
        except (RejectedInput, ValueError) as error:
            services.note(Metric.REJECTED_EXPORTS, key, str(error))
            fetched.failure = "rejected export"


def _export(data: bytes, read_at: int) -> Document:
    value = loads(without_byte_order_mark(data))
    if not isinstance(value, dict):
        message = "it is no object"
        raise RejectedInput(message)
    return from_export(value, read_at=read_at)


def read_transcript(
    state: CaptureState,
    fetched: Fetched,
    known: Document,
    services: CaptureServices,
    *,
    whole: bool,
) -> None:
    """Read the transcript by the first token that opens it."""
    at = now_ms()
    chat = state.initial_contact_id
    tokens = {
        name: token
        for name, token in state.tokens.items()
        if token.expires_at is None or token.expires_at > at
    }
    fetched.done |= state.tokens.keys() - tokens.keys()
    # Connections first: a ParticipantToken costs a further call.
    for name, token in sorted(tokens.items(), key=lambda named: named[1].kind):
        try:
            if _read_by(token, state, fetched, known, services, whole=whole):
                return
            services.note(Metric.EMPTY_TRANSCRIPTS, chat, "though it has items, or has ended")
        except ParticipantDenied:
            fetched.done.add(name)
        except ParticipantRejected as error:
            # Asking again with this token would be rejected again.
            fetched.done.add(name)
            fetched.failure = str(error)
            services.note(Metric.READS_REJECTED, chat, str(error))
        except (ClientError, BotoCoreError) as error:
            # Not the service's, whose errors have kinds of their own: the token stays sealed.
            services.note(
                Metric.READS_FAILED, chat, f"a token was not opened: {type(error).__name__}"
            )
            fetched.retry = True
        except ParticipantError as error:
            throttled = isinstance(error, ParticipantThrottled)
            services.note(
                Metric.READS_THROTTLED if throttled else Metric.READS_FAILED, chat, str(error)
            )
            fetched.retry = True
            return
    if state.tokens and state.tokens.keys() <= fetched.done and not fetched.tokens:
        services.counters.add(Metric.PARTICIPANT_SOURCES_CLOSED)


def _read_by(
    token: Token,
    state: CaptureState,
    fetched: Fetched,
    known: Document,
    services: CaptureServices,
    *,
    whole: bool,
) -> bool:
    """Read by one token; False if the answer was empty though the chat has items, or has ended."""
    chat = state.initial_contact_id
    connection = services.token_cipher.open(token.sealed, chat)
    fresh: Token | None = None
    if token.kind == "participant":
        made = services.service.connect(connection)
        connection = made.token
        fresh = Token("connection", services.token_cipher.seal(connection, chat), made.expires_at)

    def read_page(next_token: str | None) -> Page:
        services.counters.add(Metric.GET_TRANSCRIPT_CALLS)
        return services.service.get_transcript(connection, next_token=next_token)

    if whole:
        services.counters.add(Metric.TOKENS_TRIED_AFTER_END)
    read_at = now_ms()
    found = scan(read_page, known, whole=whole, may_go_on=services.may_go_on)
    # An ended chat has at least its join events, so an empty answer is not its transcript.
    if not found.items and (known.items or whole):
        return False
    if whole:
        services.counters.add(Metric.TOKENS_OPENED_AFTER_END)
    if fresh is not None:
        fetched.tokens[fresh.name] = fresh
    try:
        response = found.response(chat)
        document = from_response(
            response, read_at=read_at, whole=found.whole, reached=found.reached
        )
    except RejectedInput as error:
        fetched.failure = f"GetTranscript: {error}"
        services.note(Metric.READS_REJECTED, chat, fetched.failure)
        return True
    fetched.documents.append(document)
    if document.initial_contact_id != chat:
        # The token was registered under a leg; its items alone may not show that.
        services.chats.legs.add({chat: document.initial_contact_id}, provisional=False)
    services.counters.add(Metric.TRANSCRIPTS_READ)
    fetched.read_all |= found.whole and (whole or saw_end(document))
    fetched.retry |= found.error is not None or (whole and not found.whole)
    fetched.failure = None
    return True
