"""Publishing the chats that wait in the queue of a folder's archive."""

from __future__ import annotations

import gc
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chatlake.tables.publish import publish

if TYPE_CHECKING:
    from chatlake.operations.archive import FolderArchive
    from chatlake.progress import Progress
    from chatlake.tables.publish import PublishOutcome


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """How much is in memory at once; parsed, JSON takes about six times its size."""

    import_bytes: int = 8 * 2**20
    publish_bytes: int = 24 * 2**20
    publish_chats: int = 5000


DEFAULT_LIMITS = BatchLimits()


def publish_waiting(
    archive: FolderArchive,
    progress: Progress,
    outcome: PublishOutcome,
    limits: BatchLimits = DEFAULT_LIMITS,
) -> None:
    """Publish the chats that wait, batch by batch, until none is left; adds to the outcome."""
    queue = archive.publish_queue
    with archive.publishing(), progress.stage("Publishing", queue.total_size()) as advance:
        while batch := queue.peek(most_chats=limits.publish_chats, most_bytes=limits.publish_bytes):
            latest = publish(
                [queued.initial_contact_id for queued in batch],
                store=archive.store,
                chats=archive.chats,
                lake=archive.lake,
                announce=queue.send,
            )
            queue.acknowledge(
                queued for queued in batch if queued.initial_contact_id not in latest.moved
            )
            outcome.add(latest)
            advance(sum(queued.size for queued in batch))
            gc.collect()
