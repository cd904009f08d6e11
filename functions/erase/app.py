"""Invoked by hand: removes the chats of some contacts everywhere, and for good.

Invoked every day: removes the rows of days that are over, if rows are not kept for good, notes of
which erasures the last bytes are gone, and asks how Glue's optimizers do, on which that depends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from chatlake.aws.archive import DeployedArchive
from chatlake.aws.observability import (
    count,
    counting_tables_that_differ,
    describe,
    guarded,
    logger,
    metrics,
)
from chatlake.aws.settings import Settings
from chatlake.aws_clients import clients
from chatlake.aws_clients.metric_names import Metric
from chatlake.exceptions import RejectedInput
from chatlake.operations.erase import erase
from chatlake.operations.erasure_records import ErasureRecords
from chatlake.operations.optimizer_runs import failed_optimizers
from chatlake.tables.lake.retention import first_day_kept, remove_expired_rows

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from chatlake.operations.erase import Erasure

LONGEST_ARN = 2048

settings = Settings.from_environment()
archive = DeployedArchive(settings)
records = ErasureRecords(clients.s3(), settings.document_bucket)


def discard(contact: str) -> None:
    """Remove what is kept under a contact: its document with all versions, its capture state."""
    archive.schedule.remove(contact)
    archive.older_schedule.remove(contact)
    archive.store.delete(contact)
    archive.store.delete_versions(contact)


def upkeep() -> None:
    """Do what is to be done every day."""
    first_day = first_day_kept(settings.row_retention_days)
    if first_day is not None:
        with counting_tables_that_differ():
            count({Metric.ROW_FILES_EXPIRED: remove_expired_rows(archive.lake, first_day)})
    count({Metric.ERASURES_COMPLETED: records.close_those_gone(archive.lake)})
    account = settings.instance_arn.split(":")[4]
    try:
        failed = failed_optimizers(clients.glue(), account=account, database=settings.database)
    except (ClientError, BotoCoreError) as error:
        logger.warning("Glue does not tell of its optimizers", extra=describe(error))
        return
    for optimizer in failed:
        logger.error("an optimizer's last run has failed", extra={"optimizer": optimizer})
    count({Metric.OPTIMIZERS_FAILED: len(failed)})


def checked(event: dict[str, Any]) -> tuple[list[str], str | None]:
    """Return the contacts that a payload names, and who wants them erased, if it says.

    Raises
    ------
    RejectedInput
        It names none, or something else.
    """
    contact_ids, requested_by = event.get("contact_ids"), event.get("requested_by")
    if not isinstance(contact_ids, list) or not all(
        isinstance(contact, str) and contact for contact in contact_ids
    ):
        message = 'the payload must be {"contact_ids": ["…"]}'
        raise RejectedInput(message)
    if requested_by is not None and not (
        isinstance(requested_by, str) and requested_by.startswith("arn:")
    ):
        message = '"requested_by" must be the ARN of a principal'
        raise RejectedInput(message)
    return contact_ids, requested_by and requested_by[:LONGEST_ARN]


def erase_chats(contact_ids: list[str]) -> Erasure:
    """Erase the chats of some contacts."""
    # What waits for its first capture attempt is known to the schedule alone.
    unplaced = set(contact_ids) - archive.chats.legs.initial_contacts(contact_ids).keys()
    waiting = archive.older_schedule.read_many(unplaced) | archive.schedule.read_many(unplaced)
    archive.chats.legs.add({chat: chat for chat in waiting}, provisional=True)
    with counting_tables_that_differ():
        return erase(contact_ids, archive, discard=discard)


@logger.inject_lambda_context
@metrics.log_metrics
@guarded
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Erase the chats that ``contact_ids`` are legs of; return what became of each contact.

    ``still_held`` names the tags and branches that hold rows of them, with the SQL that drops each,
    ``record`` the object that keeps who erased what, once the last bytes are gone. With
    ``{"upkeep": true}`` do what is to be done every day.
    """
    if event.get("upkeep") is True:
        upkeep()
        return {}
    contact_ids, requested_by = checked(event)
    record = records.begin(
        contact_ids, requested_by=requested_by, request_id=context.aws_request_id
    )
    erasure = erase_chats(contact_ids)
    place = records.finish(record, erasure, archive.lake)
    count({Metric.CHATS_ERASED: len(erasure.erased)})
    return {
        "erased": sorted(erasure.erased),
        "already_erased": sorted(erasure.already_erased),
        "unknown": sorted(erasure.unknown),
        "still_held": [
            {"table": ref.table[-1], ref.kind: ref.name, "drop": ref.statement}
            for ref in erasure.still_held
        ],
        "record": place,
    }
