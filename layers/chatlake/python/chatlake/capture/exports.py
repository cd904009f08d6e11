"""Reading the exports that wait for a chat, once it is known how far contents may be kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from chatlake.aws_clients.clients import error_code
from chatlake.aws_clients.metric_names import Metric
from chatlake.capture.contact_records import is_no_contact, told_redacted
from chatlake.documents.content_policy import ContentPolicy
from chatlake.exceptions import RejectedInput
from chatlake.json_codec import loads, without_byte_order_mark
from chatlake.sources.s3_export import from_export
from chatlake.timestamps import now_ms

if TYPE_CHECKING:
    from collections.abc import Iterable

    from chatlake.capture.capture_services import CaptureServices
    from chatlake.capture.capture_state import CaptureState
    from chatlake.capture.fetch import Fetched
    from chatlake.documents.document import Document
    from chatlake.json_codec import JsonObject

MOST_WAITS_FOR_RECORD = 8
"""Attempts, over 45 minutes, after which a record that does not list an export is believed."""


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
        if data is None:
            fetched.done.add(name)
            services.note(Metric.EXPORTS_GONE, key, "there is no such object")
            continue
        try:
            value = transcript_of(data)
            redacted = _is_redacted(key, value, state, fetched.documents, services)
            if redacted is None:
                fetched.export_retry = True
                continue
            read = from_export(value, read_at=read_at, redacted=redacted)
            fetched.documents.append(services.store.policy.applied(read))
            services.counters.add(Metric.EXPORTS_READ)
        except (RejectedInput, ValueError) as error:
            services.note(Metric.REJECTED_EXPORTS, key, str(error))
            fetched.failure = "rejected export"
        fetched.done.add(name)


def transcript_of(data: bytes) -> JsonObject:
    """Return what the bytes of an export hold.

    Raises
    ------
    RejectedInput, ValueError
        It is no JSON, or no object.
    """
    value = loads(without_byte_order_mark(data))
    if not isinstance(value, dict):
        message = "it is no object"
        raise RejectedInput(message)
    return value


def _is_redacted(
    key: str,
    value: JsonObject,
    state: CaptureState,
    known: Iterable[Document],
    services: CaptureServices,
) -> bool | None:
    """Return whether an export was redacted, where that matters; None if that is to be seen."""
    contact = value.get("ContactId")
    if services.store.policy is not ContentPolicy.REDACTED or not isinstance(contact, str):
        return False
    found = None
    try:
        found = told_redacted(key, contact, known, services.recordings_of)
    except (ClientError, BotoCoreError) as error:
        services.note(Metric.RECORDS_UNAVAILABLE, contact, error_code(error))
        if not is_no_contact(error):
            return None
    if found is None and state.checkpoint.export_retries >= MOST_WAITS_FOR_RECORD:
        return False
    return found
