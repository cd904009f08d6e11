"""Documents become rows of the tables: a batch of chats, one commit per table.

Each table is written with optimistic concurrency: load the table, **then** make sure that the
documents are still the ones at hand, then look for old rows, then commit on the snapshot that was
loaded. Whoever commits first wins, and the other starts over, so no slow publisher can put old
rows over new ones. A chat whose document changes on the way is left out of the remaining tables
and handed back to be published again: the change may not have been sent to the queue.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chatlake.backoff import jittered_wait_s
from chatlake.chat_state import NO_DOCUMENT, AttemptRecord
from chatlake.exceptions import PublishConflict, SnapshotConflict
from chatlake.tables import schema
from chatlake.tables.batch import Batch, read_batch
from chatlake.tables.lake.pruning import Sought
from chatlake.tables.lake.retention import all_kept_rows
from chatlake.tables.look_through import look_through
from chatlake.tables.measures import Measures, measure
from chatlake.timestamps import now

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from chatlake.chat_state import BatchHint, ChatState
    from chatlake.documents.store import DocumentStore
    from chatlake.tables.lake.iceberg import Lake

_MOST_ATTEMPTS = 30
# To tell whether a chat was ever published: one attempt that was cut off, and its repetition.
_MOST_ATTEMPTS_OF_NEW = 2


@dataclass(slots=True)
class PublishOutcome:
    """What became of the chats of a batch, by initial contact id.

    Attributes
    ----------
    published
        Their rows are those of their documents now.
    unchanged
        They were so before.
    moved
        Their documents changed meanwhile: to be published again.
    failed
        Why a chat could not be published at all.
    measures
        Of those that had never been published before; each chat is measured once.
    """

    published: set[str] = field(default_factory=set)
    unchanged: set[str] = field(default_factory=set)
    moved: set[str] = field(default_factory=set)
    failed: dict[str, str] = field(default_factory=dict)
    measures: Measures | None = None

    def add(self, later: PublishOutcome) -> None:
        """Join what became of chats that were published after these."""
        self.published |= later.published
        self.unchanged |= later.unchanged
        settled = later.published | later.unchanged | later.failed.keys()
        self.moved = (self.moved - settled) | later.moved
        self.failed |= later.failed


def publish(
    initial_contact_ids: Iterable[str],
    *,
    store: DocumentStore,
    chats: ChatState,
    lake: Lake,
    announce: Callable[[Mapping[str, BatchHint]], object],
    erasing: bool = False,
    sleep: Callable[[float], None] = time.sleep,
) -> PublishOutcome:
    """Sync the rows of some chats with their documents.

    A chat without a document, because it was erased or merged into another, loses its rows.

    Parameters
    ----------
    announce
        Sends chats to the publish queue; used for those whose rows an earlier version has made.
    erasing
        Leave nothing of those that were erased in any file, whatever is known of their rows.

    Raises
    ------
    TableDiffers
        Others have changed a table so that it cannot be written; the chats are still due.
    PublishConflict
        A table kept changing under the publisher; what was committed so far stays valid.
    """
    outcome, counts = PublishOutcome(), dict[str, int]()
    batch: Batch | None = None
    for table in schema.TABLES:
        for attempt in range(_MOST_ATTEMPTS):
            try:
                loaded = lake.load(table)
                if batch is None:
                    batch = read_batch(initial_contact_ids, store, chats, outcome, erasing=erasing)
                    batch.rows = all_kept_rows(batch.rows, lake.row_retention_days)
                    counts = chats.publish_attempts.record(batch.days())
                # The first time, too: who removed a document before the attempt was recorded has
                # not seen it, and takes no row away.
                if moved := _moved(batch, store):
                    outcome.moved |= moved
                    batch.drop(moved)
                if not batch.tags:
                    return outcome
                of_others = lake.rows_of_others(table, loaded)
                doubled = look_through(of_others, chats, batch.tags.keys(), announce)
                sought = _sought(batch, chats, batch.tags if attempt else doubled)
                lake.replace(table, loaded, batch.rows[table.name], sought)
                break
            except SnapshotConflict:
                sleep(jittered_wait_s(attempt))
        else:
            raise PublishConflict(table.name, _MOST_ATTEMPTS)
    assert batch is not None
    marked = chats.publish_attempts.mark_published(batch.revisions, counts)
    outcome.measures = measure(batch.rows, _new_chats(batch, marked, counts), at=now())
    _forget_erased(batch, chats)
    outcome.published |= batch.tags.keys()
    return outcome


def _forget_erased(batch: Batch, chats: ChatState) -> None:
    without = [chat for chat, digest in batch.revisions.items() if digest == NO_DOCUMENT]
    # An erasure forgets the legs last: without them it is over, and this attempt came after it.
    for chat in chats.tombstones.erased(without) - chats.legs.initial_contacts(without).keys():
        chats.forget(chat)


def _sought(batch: Batch, chats: ChatState, at_least: Collection[str]) -> Sought:
    """Say whose old rows are to give way, and where those can be.

    One attempt, this one, means that no other publisher has written the chat, nor can it before
    this commit without a conflict. After one, that is no longer known.
    """
    known = chats.publish_attempts.read(batch.tags)
    return Sought(
        {c: record.days for c, record in known.items() if record.count > 1 or c in at_least},
        erased=batch.erased & batch.tags.keys(),
        without=batch.files_without,
    )


def _moved(batch: Batch, store: DocumentStore) -> set[str]:
    tags = store.tags(batch.tags)
    return {chat for chat, tag in batch.tags.items() if tags.get(chat) != tag}


def _new_chats(batch: Batch, marked: Collection[str], counts: Mapping[str, int]) -> set[str]:
    """Return the chats that this attempt was the first to publish.

    Recording an attempt forgets what the one before has published. So after one attempt without a
    revision the chat is new, that one was cut off; after more, nobody knows.
    """
    return {
        chat
        for chat in marked
        if batch.revisions[chat] != NO_DOCUMENT
        and (before := batch.attempts.get(chat, AttemptRecord())).published_revision is None
        and before.count + 1 == counts[chat] <= _MOST_ATTEMPTS_OF_NEW
    }
