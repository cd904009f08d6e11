"""Every minute, for each shard: follows live chats and serves those that are due, until none is.

One invocation has the shard's lease and takes what is new; for five minutes the others return at
once, then one takes its place. The older one listens on to its chats until it must go.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from chatlake.aws.archive import DeployedArchive
from chatlake.aws.observability import count, describe, guarded, logger, metrics, record
from chatlake.aws.settings import Settings
from chatlake.aws_clients import clients
from chatlake.aws_clients.counters import Counters
from chatlake.aws_clients.metric_names import Metric
from chatlake.capture import contact_records
from chatlake.capture.capture_services import CaptureServices
from chatlake.capture.export_bucket import ExportBucket
from chatlake.capture.lease import Lease
from chatlake.capture.leased_pace import LeasedPace
from chatlake.capture.message_waiting import MessageWaitingEvents
from chatlake.capture.participant_client import ParticipantClient
from chatlake.capture.reserve import WithSpareTurns
from chatlake.capture.shard_table import ShardTable, survey_shards
from chatlake.capture.waiting_customers import WaitingCustomers
from chatlake.capture.worker import run
from chatlake.capture.worker_hooks import (
    LAST_ATTEMPT_MS,
    LAST_PAGE_MS,
    LONGEST_LIFE_MS,
    NEW_EVERY_MS,
    Pacing,
    WorkerHooks,
    reads_at_once,
)
from chatlake.chat_state.leg_cache import with_leg_cache
from chatlake.timestamps import now_ms

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aws_lambda_powertools.utilities.typing import LambdaContext
    from types_boto3_connect import ConnectClient

    from chatlake.capture.rate_limiter import Pace
    from chatlake.capture.shard_table import Coverage, Rate
    from chatlake.capture.socket_pool import SocketPool

LEAST_REPORTED_S = 1.0
"""The rate says nothing of less than a second."""

settings = Settings.from_environment()
archive = DeployedArchive(settings)
exports = ExportBucket(clients.s3(), settings.export_bucket)
rate = settings.own_capture_rate / settings.capture_shards


@cache
def connect() -> ConnectClient:
    """Return a client of Connect, which takes long to make and is needed by few stacks."""
    return clients.connect(clients.PROMPT)


def recordings_of(contact: str) -> object:
    """Return what the record of a contact lists as its recordings."""
    return contact_records.recordings_of(connect(), settings.instance_id, contact)


def report_failure(chat: str, error: Exception) -> None:
    """Log a capture attempt that failed in a way that nobody foresaw."""
    counters.add(Metric.CAPTURE_ATTEMPTS_FAILED)
    logger.error("a capture attempt failed", extra={"chat": chat, **describe(error)})


def warn(problem: Metric, chat: str, reason: str) -> None:
    """Log what went wrong with a chat."""
    logger.warning(problem, extra={"chat": chat, "reason": reason})


counters = Counters()
waiting = WaitingCustomers(
    MessageWaitingEvents(
        clients.events(),
        archive.schedule,
        counters,
        warn,
        after_ms=settings.message_waiting_ms,
    )
    if settings.message_waiting_ms
    else None
)
leases: list[Lease] = []
"""That of the invocation which this process serves; none between two."""


def share(of: Rate) -> float:
    """Return which part of one of the shard's rates this process may use now."""
    return leases[-1].share(of) if leases else 0.0


pace: Pace = LeasedPace(rate, partial(share, "transcripts"))
if settings.last_read_reserve:
    pace = WithSpareTurns(pace, archive.spare_reserve, settings.last_read_reserve)
services = CaptureServices(
    schedule=archive.schedule,
    chats=with_leg_cache(archive.chats),
    store=archive.store,
    token_cipher=archive.token_cipher,
    service=ParticipantClient(
        clients.participant(),
        transcripts=pace,
        connections=LeasedPace(
            settings.connection_rate / settings.capture_shards, partial(share, "connections")
        ),
        counters=counters,
    ),
    read_export=exports.read,
    recordings_of=recordings_of,
    publish_queue=archive.publish_queue,
    exports_come=bool(settings.export_bucket),
    listens=settings.live_source == "websocket",
    warn=warn,
    on_read=waiting.on_read,
    on_still=waiting.on_still,
    on_gone=waiting.on_gone,
    counters=counters,
)


def report_lease() -> Coverage:
    """Send how old the oldest lease is; return how all live chats are covered."""
    age_ms, coverage = survey_shards(
        clients.dynamodb(), settings.schedule_table, settings.capture_shards, now_ms()
    )
    record(Metric.LEASE_AGE, "Seconds", [age_ms / 1000])
    return coverage


def report(seconds: float) -> None:
    """Send the metrics of the last minute; an invocation may last for fifteen."""
    waiting.flush()
    counts = services.counters.take()
    coverage = report_lease()
    if all(lease.is_newest and lease.shard == 0 for lease in leases):
        # What functions of the version before have noted since, which may be under way for minutes.
        archive.older_schedule.move_to(archive.schedule)
        # No event for long is an alarm, and needs a number of hours without one, too.
        count(
            {
                Metric.EVENTS_TRACKED: 0,
                Metric.CHATS_LIVE: coverage.chats,
                Metric.CHATS_BY_SOCKET: coverage.by_socket,
                Metric.CHATS_BY_READS: coverage.by_reads,
                Metric.CHATS_UNCOVERED: coverage.uncovered,
            }
        )
    count(counts)
    metrics.flush_metrics()
    if part := share("transcripts"):
        allowed = rate * part * max(seconds, LEAST_REPORTED_S)
        used = 100 * counts.get(Metric.GET_TRANSCRIPT_CALLS, 0) / allowed
        record(Metric.CALLS_OF_RATE, "Percent", [used])
    record(Metric.LONGEST_UNSEEN, "Seconds", [waiting.longest_s("unseen")])
    record(Metric.LONGEST_UNANSWERED, "Seconds", [waiting.longest_s("unanswered")])


@logger.inject_lambda_context
@guarded
def handler(event: dict[str, Any], context: LambdaContext) -> int:
    """Serve chats of a shard, 0 if the event names none; return the number of capture attempts."""
    shard = int(event.get("shard", 0))
    lease = Lease.take(
        ShardTable(clients.dynamodb(), settings.schedule_table, shard),
        every_ms=NEW_EVERY_MS[settings.live_source],
        shard=shard,
        shards=settings.capture_shards,
    )
    if lease is None:
        report_lease()
        return 0
    ends_at = now_ms() + min(context.get_remaining_time_in_millis(), LONGEST_LIFE_MS)

    def left_ms() -> int:
        return min(ends_at - now_ms(), context.get_remaining_time_in_millis())

    hooks = WorkerHooks(
        may_begin=lambda: left_ms() > LAST_ATTEMPT_MS,
        report=lambda seconds, _: report(seconds),
        failed=report_failure,
    )
    lease.calls_until = ends_at - LAST_ATTEMPT_MS
    archive.older_schedule.move_to(archive.schedule)
    waiting.clear()
    with lease, held(lease), sockets_of() as sockets:
        return run(
            replace(services, may_go_on=lambda: left_ms() > LAST_PAGE_MS),
            hooks,
            Pacing(settings.shortest_interval_ms, reads_at_once(rate), ends_at),
            shard=lease,
            sockets=sockets,
        )


@contextmanager
def held(lease: Lease) -> Iterator[None]:
    """Let calls be made at the lease's share of the rates."""
    leases.append(lease)
    try:
        yield
    finally:
        leases.clear()


@contextmanager
def sockets_of() -> Iterator[SocketPool | None]:
    """Hold websockets; None if live chats are only read."""
    if settings.live_source == "polling":
        yield None
        return
    # Most invocations return without any.
    from chatlake.capture.sockets import Sockets

    with Sockets(count=counters.add) as sockets:
        yield sockets
