"""Track: notes contact events and new exports in the schedule, and when their chat is due."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote_plus

from chatlake.aws_clients.metric_names import Metric
from chatlake.capture.noted import Noted
from chatlake.capture.schedule import TOKEN_MAY_COME_MS
from chatlake.documents.lifecycle import ENDING_EVENTS, SETTLE_MS
from chatlake.exceptions import RejectedInput
from chatlake.identifiers import text_id
from chatlake.sources.contact_event import from_event
from chatlake.timestamps import now_ms

if TYPE_CHECKING:
    from chatlake.capture.capture_state import CaptureState
    from chatlake.capture.chat_resolver import ChatResolver
    from chatlake.capture.schedule import CaptureSchedule
    from chatlake.json_codec import JsonObject

# The event types of a chat's life, with which it begins or ends; others change nothing. COMPLETED
# tells once more what DISCONNECTED told, and counts where that was lost.
_KINDS = {"INITIATED", "CONNECTED_TO_SYSTEM", "QUEUED", "CONNECTED_TO_AGENT", *ENDING_EVENTS}
# With these a leg begins, of a chat that was taken for one that ended.
_BEGINNING = {"INITIATED", "CONNECTED_TO_AGENT"}
_REPEATED_END = "COMPLETED"
# The service was renamed in 2026; some of its samples have the new name.
_DETAIL_TYPES = ("Amazon Connect Contact Event", "Connect Customer Contact Event")
# By which a chat begins. A later leg has TRANSFER, QUEUE_TRANSFER, DISCONNECT and the like.
_BEGINNING_METHODS = ("API", "INBOUND")
# Only whole, redacted transcripts: Analysis/ and unprocessed copies have other folders.
_EXPORT_KEY = re.compile(r"/\d{4}/\d\d/\d\d/([^/_]+)_[^/]*\.json")


@dataclass(frozen=True, slots=True)
class TrackServices:
    """What tracking works with; exports lie in folders of days below the prefix."""

    schedule: CaptureSchedule
    chat_resolver: ChatResolver
    export_bucket: str
    export_prefix: str
    instance_id: str


def track(event: JsonObject, services: TrackServices) -> Metric:
    """Note an EventBridge event.

    Raises
    ------
    RejectedInput
        It is a contact event or an export's, but says of no contact.
    """
    if event.get("source") == "aws.s3":
        return _track_object(event, services)
    if event.get("detail-type") in _DETAIL_TYPES:
        return _track_contact(event, services)
    return Metric.EVENTS_IGNORED


class _Noticed:
    """What the schedule has of the chat that a contact is of, read once."""

    def __init__(self, schedule: CaptureSchedule) -> None:
        self._schedule = schedule
        self.state: CaptureState | None = None

    def is_known(self, chat: str) -> bool:
        """Return whether something is noted of the chat."""
        self.state = self._schedule.read_due(chat)
        return self.state.version > 0


def _track_contact(event: JsonObject, services: TrackServices) -> Metric:
    # It reads both spellings, and says what is wrong.
    read = from_event(event)
    [(contact_id, by_type)] = read.events.items()
    [(event_type, told)] = by_type.items()
    detail = told["detail"]
    channel = detail.get("channel")
    if event_type not in _KINDS or not _is_chat(channel):
        return Metric.EVENTS_IGNORED
    # EventBridge has the events of all instances of the account and Region.
    if read.instance_id not in {None, services.instance_id}:
        return Metric.EVENTS_IGNORED
    previous = text_id(detail.get("previousContactId"))
    noticed = _Noticed(services.schedule)
    chat = services.chat_resolver.resolve(
        contact_id,
        initial_contact_id=None if read.provisional else read.initial_contact_id,
        relatives=[previous] if previous else [],
        is_first=_is_first(detail),
        is_known=noticed.is_known,
    )
    if chat is None:
        return Metric.EVENTS_OF_ERASED
    ending = event_type in ENDING_EVENTS
    at = now_ms()
    noted = services.schedule.add_event(
        chat,
        read,
        Noted(
            "ended" if ending else "waiting",
            at if ending else at + TOKEN_MAY_COME_MS,
            goes_on_at=at if event_type in _BEGINNING else None,
            ended=frozenset({contact_id} if ending else ()),
        ),
        unless_ended=event_type == _REPEATED_END,
        before=noticed.state,
    )
    return Metric.EVENTS_TRACKED if noted else Metric.EVENTS_IGNORED


def _is_first(detail: JsonObject) -> bool:
    """Return whether a contact begins its chat, as its event tells without naming the chat."""
    names_another = detail.keys() & {"initialContactId", "previousContactId"}
    method = detail.get("initiationMethod")
    return not names_another and isinstance(method, str) and method.upper() in _BEGINNING_METHODS


def _is_chat(channel: object) -> bool:
    return isinstance(channel, str) and channel.upper() == "CHAT"


def _track_object(event: JsonObject, services: TrackServices) -> Metric:
    detail = event.get("detail")
    found = detail.get("object") if isinstance(detail, dict) else None
    key = found.get("key") if isinstance(found, dict) else None
    if not isinstance(key, str):
        message = "its detail has no object key: not an event of S3"
        raise RejectedInput(message)
    contact_id = contact_of_export(key, services.export_prefix)
    bucket = detail.get("bucket") if isinstance(detail, dict) else None
    name = bucket.get("name") if isinstance(bucket, dict) else None
    if contact_id is None or name != services.export_bucket:
        return Metric.EVENTS_IGNORED
    noticed = _Noticed(services.schedule)
    chat = services.chat_resolver.resolve(contact_id, is_known=noticed.is_known)
    if chat is None:
        return Metric.EVENTS_OF_ERASED
    # A chat that has just ended has one more attempt within this time.
    due_at = now_ms() + SETTLE_MS
    services.schedule.add_export(chat, contact_id, key, due_at=due_at, before=noticed.state)
    return Metric.EXPORTS_TRACKED


def contact_of_export(key: str, prefix: str) -> str | None:
    """Return the contact whose transcript an object is; None if it is none, or not a final one."""
    if not key.startswith(prefix):
        return None
    matched = _EXPORT_KEY.fullmatch(key.removeprefix(prefix))
    return unquote_plus(matched[1]) if matched else None
