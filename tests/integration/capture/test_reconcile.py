"""What no event told of is found, once; what is stuck is set going again; erased chats rest."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import boto3
import pytest

from chatlake.capture.older_schedule import OlderSchedule
from chatlake.capture.rate_limiter import RateLimiter
from chatlake.capture.reconcile import ReconcileServices, reconcile
from chatlake.chat_state import add_tombstones
from chatlake.documents import revision as revisions
from chatlake.documents.revision import revision
from local.chats import Chat, scripts
from tests.aws import Aws
from tests.clock import HandClock, rule_time
from tests.integration.capture.archive import UNLIMITED, Archive, archive

CHATS = sorted(
    scripts(seed=7, count=12, start=datetime(2026, 9, 1, tzinfo=UTC), days=1),
    key=lambda chat: chat.ended_ms,
)
LEGS = {leg.contact_id for chat in CHATS for leg in chat.legs}
DAY_MS = 24 * 3_600_000
INSTANCE = CHATS[0].legs[0].export_key.partition("/ChatTranscripts/")[0]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> HandClock:
    clock = HandClock()
    # From midnight on, the runs of one day compare all of the days before it.
    clock.set((CHATS[-1].ended_ms // DAY_MS + 1) * DAY_MS)
    rule_time(clock, monkeypatch)
    return clock


@pytest.fixture
def opened(aws: Aws, clock: HandClock) -> Iterator[Archive]:
    behaviour = replace(UNLIMITED, search_contacts_per_s=1e6, search_contacts_burst=1_000_000)
    with archive(aws, clock, CHATS, behaviour) as opened:
        yield opened


def reconciled(
    opened: Archive, bucket: str = "", *, may_go_on: bool = True, may_list: bool = True
) -> dict[str, int]:
    session = boto3.Session("local", "local", region_name="eu-central-1")
    connect = session.client("connect", endpoint_url=opened.simulator.url)
    services = ReconcileServices(
        schedule=opened.schedule,
        older_schedule=OlderSchedule(opened.aws.client("dynamodb"), opened.table),
        chats=opened.services.chats,
        connect=connect,
        s3=opened.aws.client("s3"),
        instance_arn=CHATS[0].instance_arn,
        export_bucket=bucket,
        export_prefix=f"{INSTANCE}/ChatTranscripts",
        searches=RateLimiter(100),
        may_go_on=lambda: may_go_on,
        may_list=lambda: may_list,
        publish_queue=opened,
    )
    reconcile(services)
    connect.close()
    return {str(metric): count for metric, count in services.counters.take().items()}


def over_a_day(opened: Archive, bucket: str = "") -> Counter[str]:
    """Every hour a part of the last days is compared, in a day all of them."""
    found = Counter[str]()
    for _ in range(24):
        found.update(reconciled(opened, bucket))
        opened.clock.advance(3600)
    return found


@pytest.mark.world
def test_lost_ends_are_found_once(opened: Archive) -> None:
    known = CHATS[0]
    for event in known.contact_events():
        opened.deliver(event)
    assert over_a_day(opened)["ContactsFound"] == len(LEGS) - len(known.legs)
    assert over_a_day(opened)["ContactsFound"] == 0
    lost = CHATS[1]
    state = opened.schedule.read(lost.initial_contact_id)
    assert state is not None
    assert state.ended == {leg.contact_id for leg in lost.legs}
    assert state.due_at is not None
    opened.attempt(lost.initial_contact_id)
    events = opened.document(lost.initial_contact_id).events
    assert {kind for by_type in events.values() for kind in by_type} == {"DISCONNECTED"}


def test_lost_exports_are_found_once(opened: Archive) -> None:
    bucket, s3 = opened.aws.bucket(), opened.aws.client("s3")
    chat: Chat = CHATS[0]
    # Objects are of the machine's time, whatever the clock shows.
    today = datetime.now(UTC)
    opened.clock.set(today.timestamp() * 1000 + 60_000)
    for leg in chat.legs:
        for folder in ("ChatTranscripts", "Analysis"):
            key = f"{INSTANCE}/{folder}/{today:%Y/%m/%d}/{leg.contact_id}_x_UTC.json"
            s3.put_object(Bucket=bucket, Key=key, Body=json.dumps(chat.export(leg)).encode())
    assert reconciled(opened, bucket)["ExportsFound"] == len(chat.legs)
    assert "ExportsFound" not in reconciled(opened, bucket)


def test_a_run_that_has_no_time_left_says_so(opened: Archive) -> None:
    bucket = opened.aws.bucket()
    assert reconciled(opened, bucket, may_list=False)["ReconciliationsCutShort"] == 1
    assert reconciled(opened, may_go_on=False)["ReconciliationsCutShort"] == 2


def test_erased_chats_are_left_alone(opened: Archive) -> None:
    chat = CHATS[0]
    opened.services.chats.legs.add(
        {leg.contact_id: chat.initial_contact_id for leg in chat.legs}, provisional=False
    )
    add_tombstones(opened.services.chats, chat.initial_contact_id)
    assert over_a_day(opened)["ContactsFound"] > 0
    assert opened.schedule.read(chat.initial_contact_id) is None
    assert opened.announced == []


def test_finished_chats_that_nobody_published_are_announced_again(opened: Archive) -> None:
    chat = CHATS[0].initial_contact_id
    for event in CHATS[0].contact_events():
        opened.deliver(event)
    opened.attempt_until(opened.clock.now_ms() + 10 * 60_000, chat)
    [announced] = opened.announced
    assert "ChatsUnpublished" not in reconciled(opened)
    again = over_a_day(opened)["ChatsUnpublished"]
    assert again >= 1
    assert opened.announced == [announced] * (1 + again)
    counts = opened.services.chats.publish_attempts.record({chat: [1]})
    opened.services.chats.publish_attempts.mark_published({chat: announced[1]}, counts)
    assert over_a_day(opened)["ChatsUnpublished"] == 0


def test_finished_chats_whose_rows_are_of_another_row_format_are_published(
    opened: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Capture notified in one format, and the publisher of the next version wrote the rows."""
    chat = CHATS[0].initial_contact_id
    for event in CHATS[0].contact_events():
        opened.deliver(event)
    opened.attempt_until(opened.clock.now_ms() + 10 * 60_000, chat)
    stored = opened.services.store.read(chat)
    assert stored is not None
    monkeypatch.setattr(revisions, "ROW_FORMAT", revisions.ROW_FORMAT + 1)
    attempts = opened.services.chats.publish_attempts
    attempts.mark_published({chat: revision(stored.document)}, attempts.record({chat: [1]}))
    assert over_a_day(opened)["ChatsUnpublished"] == 0
    attempts.forget_published([chat])
    assert over_a_day(opened)["ChatsUnpublished"] > 0


def test_chats_that_nobody_looks_at_are_overdue(opened: Archive) -> None:
    opened.schedule.make_due("late", phase="ended", due_at=opened.clock.now_ms() - 16 * 60_000)
    opened.schedule.make_due("soon", phase="ended", due_at=opened.clock.now_ms())
    assert reconciled(opened)["ChatsOverdue"] == 1
