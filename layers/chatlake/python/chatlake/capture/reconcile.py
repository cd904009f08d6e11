"""Reconciling: what no event told of is found, and what is stuck is set going again.

Events are best effort. Exports and contacts of the last days are compared with what is stored, a
part of them every hour; whatever is missing is put into the schedule as if its event had come.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from chatlake.aws_clients.clients import error_code
from chatlake.aws_clients.counters import Counters
from chatlake.aws_clients.metric_names import Metric
from chatlake.capture.capture_state import CaptureState
from chatlake.capture.contact_search import as_event, search_contacts
from chatlake.capture.noted import Noted
from chatlake.capture.track import contact_of_export
from chatlake.chat_state import NO_HINT, AttemptRecord
from chatlake.documents.lifecycle import SETTLE_MS
from chatlake.documents.revision import row_format_of
from chatlake.sources.contact_event import from_event
from chatlake.timestamps import now, now_ms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from types_boto3_connect import ConnectClient
    from types_boto3_s3 import S3Client

    from chatlake.capture.older_schedule import OlderSchedule
    from chatlake.capture.rate_limiter import RateLimiter
    from chatlake.capture.schedule import CaptureSchedule
    from chatlake.chat_state import ChatState, PublishQueue
    from chatlake.json_codec import JsonObject

type Period = tuple[datetime, datetime]

DAYS = 3
"""How far back exports and contacts are compared."""

LONGEST_CONTACT = timedelta(days=7)
"""As long as Connect lets a chat be."""

_OVERDUE_MS = 15 * 60_000
_CHATS_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class ReconcileServices:
    """What one run works with.

    Attributes
    ----------
    searches
        Limits the rate of SearchContacts.
    may_go_on, may_list
        Whether there is time for more, and for more listing of exports.
    warn
        Takes the reason why Connect did not say which contacts ended.
    notified
        Chats that this run has sent to the publisher again.
    """

    schedule: CaptureSchedule
    older_schedule: OlderSchedule
    chats: ChatState
    connect: ConnectClient
    s3: S3Client
    instance_arn: str
    export_bucket: str
    export_prefix: str
    searches: RateLimiter
    publish_queue: PublishQueue
    may_go_on: Callable[[], bool] = lambda: True
    may_list: Callable[[], bool] = lambda: True
    warn: Callable[[str], None] = lambda _: None
    counters: Counters = field(default_factory=Counters)
    notified: set[str] = field(default_factory=set)


def reconcile(services: ReconcileServices) -> None:
    """Find what is missing or stuck; counts what it found."""
    services.counters.add(Metric.CHATS_OVERDUE, _overdue(services.schedule))
    parts = periods(now())
    # What has just happened before what was compared already, and exports before the searches,
    # whose quota makes them slow.
    if services.export_bucket:
        _find_exports(services, parts)
    for part in parts:
        _find_contacts(services, part)


def periods(at: datetime) -> list[Period]:
    """Return what one hourly run compares: the last two hours, and a part of the last days.

    The parts of one day's runs follow each other without a gap, so every moment is compared soon
    and once more later, and no run has to go through all days.
    """
    recent = at - timedelta(hours=2), at
    length = timedelta(days=DAYS) / 24
    begin = at.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=DAYS)
    begin += at.hour * length
    return [recent, (begin, begin + length)]


def _overdue(schedule: CaptureSchedule) -> int:
    # Of live chats nobody can tell it: they are read all the time, and written now and then.
    return schedule.count("ended", due_by=now_ms() - _OVERDUE_MS)


def _find_exports(services: ReconcileServices, parts: list[Period]) -> None:
    """Put exports into the schedule that nobody told of."""
    keys: dict[str, str] = {}
    for key in _export_keys(services, parts):
        if (contact := contact_of_export(key, services.export_prefix)) is not None:
            keys[contact] = key
        if len(keys) >= _CHATS_AT_ONCE:
            _compare_exports(services, keys)
            keys.clear()
    _compare_exports(services, keys)


def _export_keys(services: ReconcileServices, parts: list[Period]) -> Iterator[str]:
    pages = services.s3.get_paginator("list_objects_v2")
    # An export lies under the day on which its contact began; the latest is the likeliest.
    first, day = min(start for start, _ in parts) - LONGEST_CONTACT, max(end for _, end in parts)
    while day.date() >= first.date():
        prefix = f"{services.export_prefix}/{day:%Y/%m/%d}/"
        for page in pages.paginate(Bucket=services.export_bucket, Prefix=prefix):
            if not services.may_list():
                services.counters.add(Metric.RECONCILIATIONS_CUT_SHORT)
                return
            for found in page.get("Contents", []):
                if any(start <= found["LastModified"] <= end for start, end in parts):
                    yield found["Key"]
        day -= timedelta(days=1)


def _compare_exports(services: ReconcileServices, keys: dict[str, str]) -> None:
    owners = services.chats.legs.initial_contacts(keys)
    places = {contact: owners.get(contact, contact) for contact in keys}
    states = _known(services, places)
    for contact, chat in places.items():
        if chat in states and contact not in states[chat].exported:
            services.counters.add(Metric.EXPORTS_FOUND)
            services.schedule.add_export(chat, contact, keys[contact], due_at=now_ms())


def _known(services: ReconcileServices, places: dict[str, str]) -> dict[str, CaptureState]:
    """Return what is noted of those chats that were not erased, and see to unpublished ones."""
    erased = services.chats.tombstones.erased({*places, *places.values()})
    chats = {chat for contact, chat in places.items() if not erased & {contact, chat}}
    states = services.schedule.read_many(chats)
    # For some days after an update.
    states |= services.older_schedule.read_many(chats - states.keys())
    _notify_of_unpublished(services, states)
    return {chat: states.get(chat, CaptureState(chat, version=0)) for chat in chats}


def _notify_of_unpublished(services: ReconcileServices, states: dict[str, CaptureState]) -> None:
    """Notify the publisher again of finished chats whose rows are not those of their documents."""
    # Those of which it has just been notified are on their way.
    before = now_ms() - _OVERDUE_MS
    finished = {
        chat: state
        for chat, state in states.items()
        if state.due_at is None
        and chat not in services.notified
        and max(state.checkpoint.settled_since + SETTLE_MS, state.checkpoint.changed_at) <= before
    }
    attempts = services.chats.publish_attempts.read(finished)
    missing = {
        chat
        for chat, state in finished.items()
        if state.checkpoint.announced
        and not _shows(attempts.get(chat, AttemptRecord()), state.checkpoint.announced)
    }
    if missing:
        services.counters.add(Metric.CHATS_UNPUBLISHED, len(missing))
        services.publish_queue.send(dict.fromkeys(sorted(missing), NO_HINT))
        services.notified.update(missing)


def _shows(record: AttemptRecord, revision: str) -> bool:
    """Return whether rows are known to show a revision, or were made by later rules."""
    published = record.published_revision
    if published is None:
        return False
    # Nobody can compare revisions of two formats; after an update every chat is published anew.
    return published == revision or row_format_of(published) > row_format_of(revision)


def _find_contacts(services: ReconcileServices, part: Period) -> None:
    """Put contacts into the schedule that ended and of whose end nothing is known."""
    try:
        for page in _contacts(services, part):
            if not services.may_go_on():
                services.counters.add(Metric.RECONCILIATIONS_CUT_SHORT)
                return
            _compare_contacts(services, page)
    except (ClientError, BotoCoreError) as error:
        # The next run searches again.
        services.counters.add(Metric.SEARCHES_FAILED)
        services.warn(error_code(error))


def _contacts(services: ReconcileServices, part: Period) -> Iterator[list[JsonObject]]:
    # The events of younger ones may be on their way.
    ended_by = min(part[1], now() - timedelta(milliseconds=SETTLE_MS))
    return search_contacts(
        services.connect,
        services.searches,
        services.instance_arn,
        "DISCONNECT_TIMESTAMP",
        (part[0], ended_by),
    )


def _compare_contacts(services: ReconcileServices, contacts: list[JsonObject]) -> None:
    by_id = {contact["Id"]: contact for contact in contacts if contact.get("Id")}
    owners = services.chats.legs.initial_contacts(by_id)
    places = {
        contact_id: contact.get("InitialContactId") or owners.get(contact_id, contact_id)
        for contact_id, contact in by_id.items()
    }
    states = _known(services, places)
    for contact_id, chat in places.items():
        if chat in states and contact_id not in states[chat].ended:
            services.counters.add(Metric.CONTACTS_FOUND)
            event = from_event(as_event(by_id[contact_id], services.instance_arn))
            noted = Noted("ended", now_ms(), ended=frozenset({contact_id}))
            services.schedule.add_event(chat, event, noted, unless_ended=True)
