"""Invoked by hand: removes the chats of some contacts everywhere, and for good."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chatlake.aws.archive import DeployedArchive
from chatlake.aws.observability import count, counting_tables_that_differ, guarded, logger, metrics
from chatlake.aws.settings import Settings
from chatlake.aws_clients.metric_names import Metric
from chatlake.exceptions import RejectedInput
from chatlake.operations.erase import erase

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

archive = DeployedArchive(Settings.from_environment())


def discard(contact: str) -> None:
    """Remove what is kept under a contact: its document with all versions, its capture state."""
    archive.schedule.remove(contact)
    archive.older_schedule.remove(contact)
    archive.store.delete(contact)
    archive.store.delete_versions(contact)


@logger.inject_lambda_context
@metrics.log_metrics
@guarded
def handler(event: dict[str, Any], _: LambdaContext) -> dict[str, list[Any]]:
    """Erase the chats that ``contact_ids`` are legs of; return what became of each contact.

    ``still_held`` names the tags and branches that hold rows of them, with the SQL that drops each.
    """
    contact_ids = event.get("contact_ids")
    if not isinstance(contact_ids, list) or not all(
        isinstance(contact, str) and contact for contact in contact_ids
    ):
        message = 'the payload must be {"contact_ids": ["…"]}'
        raise RejectedInput(message)
    # What waits for its first capture attempt is known to the schedule alone.
    unplaced = set(contact_ids) - archive.chats.legs.initial_contacts(contact_ids).keys()
    waiting = archive.older_schedule.read_many(unplaced) | archive.schedule.read_many(unplaced)
    archive.chats.legs.add({chat: chat for chat in waiting}, provisional=True)
    with counting_tables_that_differ():
        erasure = erase(contact_ids, archive, discard=discard)
    count({Metric.CHATS_ERASED: len(erasure.erased)})
    return {
        "erased": sorted(erasure.erased),
        "already_erased": sorted(erasure.already_erased),
        "unknown": sorted(erasure.unknown),
        "still_held": [
            {"table": ref.table[-1], ref.kind: ref.name, "drop": ref.statement}
            for ref in erasure.still_held
        ],
    }
