"""What one capture attempt brings: events and exports that were noted, and the transcript.

The transcript itself is read by `token_reading`, which others share.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from chatlake.aws_clients.clients import error_code
from chatlake.aws_clients.metric_names import Metric
from chatlake.capture.capture_state import CaptureState, Token
from chatlake.documents.document import Document, rekeyed
from chatlake.exceptions import RejectedInput
from chatlake.json_codec import loads, without_byte_order_mark
from chatlake.sources.s3_export import from_export
from chatlake.timestamps import now_ms

if TYPE_CHECKING:
    from chatlake.capture.capture_services import CaptureServices
    from chatlake.capture.pagination import Sweep


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
    calls
        How many pages of the transcript were read.
    sweep
        Where the next snapshot goes on, if this one was cut short.
    url
        Of a websocket that may be opened now; None if no connection was made.
    """

    documents: list[Document] = field(default_factory=list)
    done: set[str] = field(default_factory=set)
    tokens: dict[str, Token] = field(default_factory=dict)
    read_all: bool = False
    retry: bool = False
    export_retry: bool = False
    failure: str | None = None
    calls: int = 0
    sweep: Sweep | None = None
    url: str | None = None


def take_events(state: CaptureState, fetched: Fetched) -> None:
    """Take the contact events that wait."""
    for name, event in state.events.items():
        fetched.done.add(name)
        chat, named = state.initial_contact_id, event.initial_contact_id
        # One that came under its own contact, because nothing named its chat, stays provisional.
        is_leg = event.provisional and named != chat
        fetched.documents.append(rekeyed(event, chat) if is_leg else event)


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
