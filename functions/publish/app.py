"""Publish queue: turns a batch of documents into rows, one commit per table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.data_classes import SQSEvent, event_source

from chatlake.aws.archive import DeployedArchive
from chatlake.aws.observability import (
    count,
    counting_tables_that_differ,
    guarded,
    logger,
    metrics,
    record,
)
from chatlake.aws.settings import Settings
from chatlake.aws_clients.metric_names import Metric
from chatlake.identifiers import text_id
from chatlake.json_codec import loads

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from chatlake.tables.measures import Measures

archive = DeployedArchive(Settings.from_environment())
# Here, because Lambda gives a whole processor to what is loaded before the first event.
lake = archive.lake


@logger.inject_lambda_context
@metrics.log_metrics
@guarded
@event_source(data_class=SQSEvent)
def handler(event: SQSEvent, _: LambdaContext) -> dict[str, Any]:
    """Publish the chats that the messages name; return the messages that have failed."""
    chats = {message.message_id: _chat(message.body) for message in event.records}
    named = {chat for chat in chats.values() if chat is not None}
    with counting_tables_that_differ():
        outcome = archive.publish(named)
        if outcome.moved:
            # The queue may not be told of the change.
            again = archive.publish(outcome.moved)
            outcome.add(again)
            if again.measures is not None:
                report(again.measures)
    for chat, reason in outcome.failed.items():
        logger.error("a chat was not published", extra={"chat": chat, "reason": reason})
    # What moved once more comes again with its message.
    waiting = outcome.failed.keys() | outcome.moved
    failed = [message for message, chat in chats.items() if chat is None or chat in waiting]
    unreadable = list(chats.values()).count(None)
    if unreadable:
        logger.error("messages name no chat", extra={"messages": unreadable})
    count(
        {
            Metric.CHATS_PUBLISHED: len(outcome.published),
            Metric.CHATS_UNCHANGED: len(outcome.unchanged),
            Metric.CHATS_MOVED: len(outcome.moved),
            Metric.CHATS_FAILED: len(failed)
            - sum(chat in outcome.moved for chat in chats.values()),
        }
    )
    if outcome.measures is not None:
        report(outcome.measures)
    return {"batchItemFailures": [{"itemIdentifier": message} for message in failed]}


def report(measures: Measures) -> None:
    """Send what was measured of chats that were published for the first time."""
    count(
        {
            Metric.MESSAGES_PUBLISHED: measures.messages,
            Metric.RECEIPTS_PUBLISHED: measures.receipts,
            Metric.NEGATIVE_LATENCIES: measures.negative_latencies,
        }
    )
    record(Metric.END_TO_ROWS, "Seconds", measures.end_to_rows_s)
    for role, latencies in measures.read_latencies_ms.items():
        record(Metric.READ_LATENCY, "Milliseconds", latencies, sender_role=role)


def _chat(body: str) -> str | None:
    try:
        message = loads(body.encode())
    except ValueError:
        return None
    return text_id(message.get("initial_contact_id")) if isinstance(message, dict) else None
