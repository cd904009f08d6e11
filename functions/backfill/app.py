"""Backfill queue: chats of the past, of which `chatlake backfill` has put the exports in."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import cache
from itertools import batched
from time import monotonic
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.data_classes import SQSEvent, event_source

from chatlake.aws.archive import DeployedArchive
from chatlake.aws.observability import count, guarded, logger, metrics
from chatlake.aws.settings import Settings
from chatlake.aws_clients import clients
from chatlake.capture import contact_records
from chatlake.capture.backfill import BackfillServices, PastContact, backfill
from chatlake.capture.export_bucket import ExportBucket
from chatlake.capture.past_records import LAST_RECORD_MS, RECORDS_PER_S, PastRecords
from chatlake.capture.rate_limiter import RateLimiter
from chatlake.documents.content_policy import ContentPolicy
from chatlake.exceptions import MessageRefused, RejectedInput

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aws_lambda_powertools.utilities.typing import LambdaContext
    from types_boto3_connect import ConnectClient

    from chatlake.aws_clients.metric_names import Metric

_MESSAGES_AT_ONCE = 10

settings = Settings.from_environment()
archive = DeployedArchive(settings)
s3, sqs = clients.s3(), clients.sqs()


def warn(problem: Metric, subject: str, reason: str) -> None:
    """Log what went wrong with an export or a chat."""
    logger.warning(problem, extra={"subject": subject, "reason": reason})


services = BackfillServices(
    store=archive.store,
    chats=archive.chats,
    publish_queue=archive.publish_queue,
    instance_id=settings.instance_id,
    read_export=ExportBucket(s3, settings.export_bucket).read_dated,
    warn=warn,
)


@cache
def connect() -> ConnectClient:
    """Return a client of Connect, which takes long to make and is needed by few stacks."""
    return clients.connect(clients.ONCE)


def recordings_of(contact: str) -> object:
    """Return what the record of a contact lists as its recordings."""
    return contact_records.recordings_of(connect(), settings.instance_id, contact)


def services_within(context: LambdaContext) -> BackfillServices:
    """Return what an invocation works with, which asks for records as long as it has time."""
    if settings.content_policy is not ContentPolicy.REDACTED:
        return services
    records = PastRecords(
        recordings_of,
        # One for each invocation: nobody knows what that of another process has just called.
        RateLimiter(RECORDS_PER_S),
        may_go_on=lambda: context.get_remaining_time_in_millis() > LAST_RECORD_MS,
        warn=warn,
        counters=services.counters,
    )
    return replace(services, is_redacted=records.is_redacted)


def send_again(contacts: Iterable[PastContact]) -> None:
    """Put contacts into the queue once more: a message that only failed becomes a dead letter."""
    for some in batched(contacts, _MESSAGES_AT_ONCE, strict=False):
        answer = sqs.send_message_batch(
            QueueUrl=settings.backfill_queue_url,
            Entries=[
                {"Id": str(number), "MessageBody": contact.to_body()}
                for number, contact in enumerate(some)
            ],
        )
        for failure in answer.get("Failed", []):
            raise MessageRefused("backfill", failure["Code"], "the messages come again")


@logger.inject_lambda_context
@metrics.log_metrics
@guarded
@event_source(data_class=SQSEvent)
def handler(event: SQSEvent, context: LambdaContext) -> dict[str, Any]:
    """Store the contacts that the messages name; return the messages that are to come again."""
    begun = monotonic()
    contacts: dict[str, PastContact] = {}
    unreadable: dict[str, str] = {}
    bodies = {message.message_id: message.body for message in event.records}
    for message, body in bodies.items():
        try:
            contacts[message] = PastContact.from_body(body)
        except RejectedInput as error:
            unreadable[message] = str(error)
    outcome = backfill(contacts, services_within(context))
    send_again(outcome.unfinished.values())
    # Kept at once, with the reason: to come again five times would not make them better.
    for message, reason in outcome.rejected.items():
        sqs.send_message(
            QueueUrl=settings.backfill_dead_letters_url,
            MessageBody=contacts[message].to_body(why=reason),
        )
    failed = {*outcome.failed, *unreadable}
    over = contacts.keys() - failed - outcome.unfinished.keys()
    done = Counter(contacts[message].run for message in over)
    busy_ms = (monotonic() - begun) * 1000
    for run, number in done.items():
        rejected = sum(contacts[message].run == run for message in outcome.rejected)
        archive.backfills.add(
            run,
            done=number - rejected,
            rejected=rejected,
            busy_ms=round(busy_ms * number / len(bodies)),
        )
    if unreadable:
        logger.error("messages name no contact", extra={"messages": len(unreadable)})
    count(services.counters.take())
    return {"batchItemFailures": [{"itemIdentifier": message} for message in sorted(failed)]}
