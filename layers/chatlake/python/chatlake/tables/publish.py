"""Documents become rows of the tables: a batch of chats, one commit per table.

Each table is written with optimistic concurrency: load the table, **then** make sure that the
documents are still the ones at hand, then look for old rows, then commit on the snapshot that was
loaded. Whoever commits first wins, and the other starts over, so no slow publisher can put old
rows over new ones. A chat whose document changes on the way is left out of the remaining tables
and handed back to be published again: the change may not have been sent to the queue.
"""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from chatlake.backoff import jittered_wait_s
from chatlake.chat_state import NO_DOCUMENT, AttemptRecord
from chatlake.documents.revision import revision
from chatlake.exceptions import (
    DamagedDocument,
    PublishConflict,
    SnapshotConflict,
    UnreadableDocument,
)
from chatlake.tables import schema
from chatlake.tables.flatten import Tables, arrow_schema, flatten
from chatlake.tables.lake.data_files import day_of
from chatlake.tables.lake.pruning import Sought
from chatlake.tables.look_through import look_through
from chatlake.tables.measures import Measures, measure
from chatlake.timestamps import now

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    from chatlake.chat_state import BatchHint, ChatState, Day
    from chatlake.documents.document import Document
    from chatlake.documents.store import DocumentStore, StoredDocument
    from chatlake.tables.lake.iceberg import Lake

_CHAT = "initial_contact_id"
# Documents are many small objects: freed after so many, they cost a fraction of the memory.
_DOCUMENTS_AT_ONCE = 500
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


@dataclass(slots=True)
class _Batch:
    """The chats at hand: the tag of each one's document, its revision, and all their rows.

    `attempts` are those before this one; nothing may be left of the `erased`.
    """

    tags: dict[str, str | None]
    revisions: dict[str, str]
    attempts: dict[str, AttemptRecord]
    rows: Tables
    erased: set[str] = field(default_factory=set)

    def drop(self, chats: Collection[str]) -> None:
        """Leave out some chats from here on."""
        for chat in chats:
            del self.tags[chat], self.revisions[chat]
        out = pa.array(sorted(chats), pa.string())
        for name, rows in self.rows.items():
            self.rows[name] = rows.filter(pc.invert(pc.is_in(rows.column(_CHAT), out)))


def publish(
    initial_contact_ids: Iterable[str],
    *,
    store: DocumentStore,
    chats: ChatState,
    lake: Lake,
    announce: Callable[[Mapping[str, BatchHint]], object],
    sleep: Callable[[float], None] = time.sleep,
) -> PublishOutcome:
    """Sync the rows of some chats with their documents.

    A chat without a document, because it was erased or merged into another, loses its rows.

    Parameters
    ----------
    announce
        Sends chats to the publish queue: others, whose rows an earlier version has made.

    Raises
    ------
    TableDiffers
        Others have changed a table so that it cannot be written; the chats are still due.
    PublishConflict
        A table kept changing under the publisher; what was committed so far stays valid.
    """
    outcome = PublishOutcome()
    wanted = set(initial_contact_ids)
    batch: _Batch | None = None
    counts: dict[str, int] = {}
    for table in schema.TABLES:
        for attempt in range(_MOST_ATTEMPTS):
            try:
                loaded = lake.load(table)
                if batch is None:
                    batch = _read(sorted(wanted), store, chats, outcome)
                    counts = chats.publish_attempts.record(_days(batch))
                # The first time, too: who removed a document before the attempt was recorded has
                # not seen it, and takes no row away.
                if moved := _moved(batch, store):
                    outcome.moved |= moved
                    batch.drop(moved)
                if not batch.tags:
                    return outcome
                # Before the commit, which says that all of this is known.
                of_others = lake.rows_of_others(table, loaded)
                look_through(of_others, chats, at_hand=batch.tags, announce=announce)
                sought = _sought(batch, chats, again=attempt > 0)
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


def _forget_erased(batch: _Batch, chats: ChatState) -> None:
    without = [chat for chat, digest in batch.revisions.items() if digest == NO_DOCUMENT]
    # An erasure forgets the legs last: without them it is over, and this attempt came after it.
    for chat in chats.tombstones.erased(without) - chats.legs.initial_contacts(without).keys():
        chats.forget(chat)


def _sought(batch: _Batch, chats: ChatState, *, again: bool) -> Sought:
    """Say whose old rows are to give way, and where those can be.

    One attempt, this one, means that no other publisher has written the chat, nor can it before
    this commit without a conflict. After one, that is no longer known.
    """
    known = chats.publish_attempts.read(batch.tags)
    return Sought(
        {chat: record.days for chat, record in known.items() if record.count > 1 or again},
        erased=batch.erased & batch.tags.keys(),
    )


def _read(
    wanted: list[str], store: DocumentStore, chats: ChatState, outcome: PublishOutcome
) -> _Batch:
    """Read the documents and flatten those whose rows are not of their revision already."""
    known = chats.publish_attempts.read(wanted)
    batch = _Batch({}, {}, known, {})
    parts: list[Tables] = []
    published_at = now()
    for start in range(0, len(wanted), _DOCUMENTS_AT_ONCE):
        documents: list[Document] = []
        some = wanted[start : start + _DOCUMENTS_AT_ONCE]
        found = store.read_many(some)
        read: dict[str, StoredDocument | None] = {}
        for chat in some:
            stored = found.get(chat)
            if isinstance(stored, UnreadableDocument):
                outcome.failed[chat] = str(stored)
            else:
                read[chat] = stored
        # After the documents: a writer maps the legs before it removes a document.
        erased = chats.tombstones.erased(read)
        placed = chats.legs.initial_contacts(read)
        for chat, stored in read.items():
            document = None if stored is None or chat in erased else stored.document
            if document is None and chat not in erased and placed.get(chat, chat) == chat:
                outcome.failed[chat] = f"chat {chat} has no document: import its transcripts again"
                continue
            try:
                digest = NO_DOCUMENT if document is None else revision(document)
            except Exception as error:  # noqa: BLE001 - whatever it is, the others go on
                outcome.failed[chat] = _no_rows(chat, error)
                continue
            attempts = known.get(chat, AttemptRecord())
            has_rows = document or attempts.count or chat in erased
            if digest == attempts.published_revision or not has_rows:
                outcome.unchanged.add(chat)
                continue
            batch.tags[chat] = stored.tag if stored else None
            if chat in erased:
                batch.erased.add(chat)
            batch.revisions[chat] = digest
            if document is not None:
                documents.append(document)
        parts += _flattened(documents, published_at, batch, outcome)
    batch.rows = {
        table.name: pa.concat_tables(
            [arrow_schema(table).empty_table(), *(p[table.name] for p in parts)]
        )
        for table in schema.TABLES
    }
    return batch


def _flattened(
    documents: Sequence[Document], published_at: datetime, batch: _Batch, outcome: PublishOutcome
) -> list[Tables]:
    """Flatten documents; one of which no rows can be made fails alone and leaves the batch."""
    try:
        return [flatten(documents, published_at=published_at)]
    except Exception as error:  # noqa: BLE001 - whatever it is, the others go on
        if len(documents) > 1:
            half = len(documents) // 2
            return [
                tables
                for some in (documents[:half], documents[half:])
                for tables in _flattened(some, published_at, batch, outcome)
            ]
        [document] = documents
        chat = document.initial_contact_id
        outcome.failed[chat] = _no_rows(chat, error)
        del batch.tags[chat], batch.revisions[chat]
        return []


def _no_rows(chat: str, error: Exception) -> str:
    # Not its words: nobody knows what they quote.
    return str(DamagedDocument(chat, f"no rows can be made of it: {type(error).__name__}"))


def _moved(batch: _Batch, store: DocumentStore) -> set[str]:
    tags = store.tags(batch.tags)
    return {chat for chat, tag in batch.tags.items() if tags.get(chat) != tag}


def _new_chats(batch: _Batch, marked: Collection[str], counts: Mapping[str, int]) -> set[str]:
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


def _days(batch: _Batch) -> dict[str, set[Day]]:
    days = defaultdict[str, set["Day"]](set, {chat: set() for chat in batch.tags})
    for table in schema.TABLES:
        rows = batch.rows[table.name]
        pairs = pa.table(
            {"chat": rows.column(_CHAT), "day": day_of(rows.column(table.partition_by))}
        )
        for chat, day in zip(
            *pairs.group_by(["chat", "day"]).aggregate([]).to_pydict().values(), strict=True
        ):
            days[chat].add(day)
    return days
