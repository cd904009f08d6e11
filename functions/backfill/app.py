"""Backfill queue: chats of the past, of which `chatlake backfill` has put the exports in."""

from __future__ import annotations

from collections import Counter
from time import monotonic
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.data_classes import SQSEvent, event_source

from chatlake.aws.archive import DeployedArchive
from chatlake.aws.observability import count, guarded, logger, metrics
from chatlake.aws.settings import Settings
from chatlake.aws_clients import clients
from chatlake.capture.backfill import BackfillServices, PastContact, backfill
from chatlake.capture.export_bucket import ExportBucket
from chatlake.exceptions import RejectedInput

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from chatlake.aws_clients.metric_names import Metric

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


@logger.inject_lambda_context
@metrics.log_metrics
@guarded
@event_source(data_class=SQSEvent)
def handler(event: SQSEvent, _: LambdaContext) -> dict[str, Any]:
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
    outcome = backfill(contacts, services)
    # Kept at once, with the reason: to come again five times would not make them better.
    for message, reason in outcome.rejected.items():
        sqs.send_message(
            QueueUrl=settings.backfill_dead_letters_url,
            MessageBody=contacts[message].to_body(why=reason),
        )
    failed = {*outcome.failed, *unreadable}
    done = Counter(contacts[message].run for message in contacts.keys() - failed)
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
