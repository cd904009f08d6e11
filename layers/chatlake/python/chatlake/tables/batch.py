"""A batch of chats that is to be published: their documents, flattened."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from chatlake.chat_state import NO_DOCUMENT, AttemptRecord
from chatlake.documents.revision import revision
from chatlake.exceptions import DamagedDocument, UnreadableDocument
from chatlake.tables import schema
from chatlake.tables.flatten import Tables, arrow_schema, flatten
from chatlake.tables.lake.data_files import day_of
from chatlake.timestamps import now

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from datetime import datetime

    from chatlake.chat_state import ChatState, Day
    from chatlake.documents.document import Document
    from chatlake.documents.store import DocumentStore, StoredDocument
    from chatlake.tables.publish import PublishOutcome

_CHAT = "initial_contact_id"
# Documents are many small objects: freed after so many, they cost a fraction of the memory.
_DOCUMENTS_AT_ONCE = 500


@dataclass(slots=True)
class Batch:
    """The chats at hand: the tag of each one's document, its revision, and all their rows.

    Attributes
    ----------
    attempts
        Those before this one.
    erased
        Nothing may be left of these in any file.
    files_without
        Files that are known to hold no rows of the erased ones.
    """

    tags: dict[str, str | None]
    revisions: dict[str, str]
    attempts: dict[str, AttemptRecord]
    rows: Tables
    erased: set[str] = field(default_factory=set)
    files_without: set[str] = field(default_factory=set)

    def drop(self, chats: Collection[str]) -> None:
        """Leave out some chats from here on."""
        for chat in chats:
            del self.tags[chat], self.revisions[chat]
        out = pa.array(sorted(chats), pa.string())
        for name, rows in self.rows.items():
            self.rows[name] = rows.filter(pc.invert(pc.is_in(rows.column(_CHAT), out)))

    def days(self) -> dict[str, set[Day]]:
        """Return the days that the rows of each chat fall on, in all tables."""
        days = defaultdict[str, set["Day"]](set, {chat: set() for chat in self.tags})
        for table in schema.TABLES:
            rows = self.rows[table.name]
            pairs = pa.table(
                {"chat": rows.column(_CHAT), "day": day_of(rows.column(table.partition_by))}
            )
            for chat, day in zip(
                *pairs.group_by(["chat", "day"]).aggregate([]).to_pydict().values(), strict=True
            ):
                days[chat].add(day)
        return days


def read_batch(
    initial_contact_ids: Iterable[str],
    store: DocumentStore,
    chats: ChatState,
    outcome: PublishOutcome,
    *,
    erasing: bool,
) -> Batch:
    """Read the documents and flatten those whose rows are not of their revision already.

    What became of the others is added to the outcome.
    """
    wanted = sorted(set(initial_contact_ids))
    known = chats.publish_attempts.read(wanted)
    batch = Batch({}, {}, known, {})
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
            batch.tags[chat] = stored.tag if stored else None
            if erasing and chat in erased:
                batch.erased.add(chat)
            elif digest == attempts.published_revision or not (document or attempts.count):
                outcome.unchanged.add(chat)
                del batch.tags[chat]
                continue
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
    documents: Sequence[Document], published_at: datetime, batch: Batch, outcome: PublishOutcome
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
