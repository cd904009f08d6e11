"""Every minute: reads the transcripts of chats that are due, until none is live."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from chatlake.aws.archive import DeployedArchive
from chatlake.aws.observability import count, describe, guarded, logger, metrics, record
from chatlake.aws.settings import Settings
from chatlake.aws_clients import clients
from chatlake.aws_clients.counters import Counters
from chatlake.aws_clients.metric_names import Metric
from chatlake.aws_clients.s3_errors import is_no_such_key
from chatlake.capture.capture_services import CaptureServices
from chatlake.capture.message_waiting import MessageWaitingEvents
from chatlake.capture.participant_client import ParticipantClient
from chatlake.capture.rate_limiter import Pace, RateLimiter
from chatlake.capture.reserve import WithSpareTurns
from chatlake.capture.waiting_customers import WaitingCustomers
from chatlake.capture.worker import WorkerHooks, run
from chatlake.chat_state.leg_cache import with_leg_cache

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

LAST_ATTEMPT_MS = 45_000
"""So long before the time limit no further capture attempt begins."""
LAST_PAGE_MS = 30_000
"""So long before it no further page is read; what was read is still to be written."""
MOST_READS_AT_ONCE = 8
LEAST_REPORTED_S = 1.0
"""The rate says nothing of less than a second."""

settings = Settings.from_environment()
archive = DeployedArchive(settings)
s3 = clients.s3()
rate = settings.own_capture_rate
pace: Pace = RateLimiter(rate)
if settings.last_read_reserve:
    pace = WithSpareTurns(pace, archive.spare_reserve, settings.last_read_reserve)
service = ParticipantClient(
    clients.participant(),
    transcripts=pace,
    # The quota of connections is three quarters of that of transcripts.
    connections=RateLimiter(settings.capture_rate * 0.75),
)


def read_export(key: str) -> bytes | None:
    """Return the bytes of an export; None if it is not there."""
    try:
        return s3.get_object(Bucket=settings.export_bucket, Key=key)["Body"].read()
    except ClientError as error:
        if is_no_such_key(error):
            return None
        raise


def report_failure(chat: str, error: Exception) -> None:
    """Log a capture attempt that failed in a way that nobody foresaw."""
    services.counters.add(Metric.CAPTURE_ATTEMPTS_FAILED)
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
services = CaptureServices(
    schedule=archive.schedule,
    chats=with_leg_cache(archive.chats),
    store=archive.store,
    token_cipher=archive.token_cipher,
    service=service,
    read_export=read_export,
    publish_queue=archive.publish_queue,
    exports_come=bool(settings.export_bucket),
    warn=warn,
    on_read=waiting.on_read,
    on_gone=waiting.on_gone,
    counters=counters,
)


def report(seconds: float, live: int) -> None:
    """Send the metrics of the last minute; an invocation may last for fifteen."""
    waiting.flush()
    counts = services.counters.take()
    # What functions of the version before have noted since, which may be under way for minutes.
    archive.older_schedule.move_to(archive.schedule)
    # No event for long is an alarm, and needs a number of hours without one, too.
    count({Metric.EVENTS_TRACKED: 0, Metric.CHATS_LIVE: live, **counts})
    metrics.flush_metrics()
    allowed = rate * max(seconds, LEAST_REPORTED_S)
    share = 100 * counts.get(Metric.GET_TRANSCRIPT_CALLS, 0) / allowed
    record(Metric.CALLS_OF_RATE, "Percent", [share])
    record(Metric.LONGEST_UNSEEN, "Seconds", [waiting.longest_s("unseen")])
    record(Metric.LONGEST_UNANSWERED, "Seconds", [waiting.longest_s("unanswered")])


@logger.inject_lambda_context
@guarded
def handler(_: dict[str, Any], context: LambdaContext) -> int:
    """Serve chats that are due; return the number of capture attempts."""
    hooks = WorkerHooks(
        may_begin=lambda: context.get_remaining_time_in_millis() > LAST_ATTEMPT_MS,
        report=report,
        failed=report_failure,
    )
    in_time = replace(
        services, may_go_on=lambda: context.get_remaining_time_in_millis() > LAST_PAGE_MS
    )
    archive.older_schedule.move_to(archive.schedule)
    waiting.clear()
    return run(
        in_time,
        hooks,
        shortest_ms=settings.shortest_interval_ms,
        reads_at_once=max(2, min(MOST_READS_AT_ONCE, round(2 * rate))),
    )
