"""Verifying a deployed archive: documents against their rows, of a sample of chats or of all.

Chats are compared some at a time, those of the same days together, with the files of these days
alone. Capture and publishing go on meanwhile: a chat whose newest document is not published yet is
counted and not compared, and what differs is read once more.
"""

from __future__ import annotations

import secrets
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import batched, chain, islice
from typing import TYPE_CHECKING

from chatlake.chat_state import NO_DOCUMENT, AttemptRecord
from chatlake.documents.revision import revision
from chatlake.exceptions import UnreadableDocument
from chatlake.operations.findings import Difference, Findings
from chatlake.operations.row_differences import row_differences
from chatlake.tables import schema
from chatlake.tables.flatten import flatten
from chatlake.tables.lake.chat_rows import opened, row_counts, rows_of
from chatlake.tables.lake.retention import first_day_kept, kept_rows

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    import pyarrow as pa

    from chatlake.chat_state import ChatState, Day
    from chatlake.documents.document import Document
    from chatlake.documents.store.s3 import S3Store
    from chatlake.operations.row_differences import RowDifference
    from chatlake.progress import Progress
    from chatlake.tables.lake.iceberg import Lake

_CHAT = "initial_contact_id"
_CHATS_AT_ONCE = 500
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
_STILL_THERE = "it was erased, but its document is still there; erase it again"
_GONE = "its document is gone, and its rows are there: restore an older version of the object"

type _Found = list[tuple[schema.Table, RowDifference]]


@dataclass(slots=True)
class DeployedVerification(Findings):
    """What was found: yields differences while it goes on, and then tells what others have done.

    Attributes
    ----------
    compared, waiting
        How many chats were compared, and how many wait to be published and so were not.
    """

    store: S3Store
    chats: ChatState
    lake: Lake
    compared: int = 0
    waiting: int = 0
    _days: dict[str, Collection[Day]] = field(default_factory=dict)

    def run(self, progress: Progress, sample: int | None) -> Iterator[Difference]:
        """Compare the rows of so many chats, taken at random, or of all, with their documents.

        Of all, rows of chats that have no document are found, too; where documents expire, only
        those of ids that no chat has.

        Yields
        ------
        Difference
            In no order; what others have changed is not among them.
        """
        with progress.stage("Listing", None) as advance:
            chats = self._listed(sample)
            advance(len(chats))
            for some in batched(chats, _CHATS_AT_ONCE, strict=False):
                records = self.chats.publish_attempts.read(some)
                self._days.update((chat, record.days) for chat, record in records.items())
        # Chats of the same days are in the same files.
        chats.sort(key=self._first_day)
        with progress.stage("Verifying", len(chats)) as advance:
            for some in batched(chats, _CHATS_AT_ONCE, strict=False):
                yield from self._compare(some)
                advance(len(some))
        if sample is None:
            for chat in sorted(self._seek_strangers(set(chats), progress)):
                yield Difference(chat, None, _GONE)

    def _listed(self, sample: int | None) -> list[str]:
        if sample is None:
            return [chat for chat, _ in self.store.chats()]
        # Documents lie in the order of a digest: those after any point are of any time.
        some = chain(self.store.chats(after=secrets.token_hex(16)), self.store.chats())
        return list(dict.fromkeys(chat for chat, _ in islice(some, sample)))

    def _first_day(self, chat: str) -> int:
        return min((day for day in self._days.get(chat, ()) if day is not None), default=-1)

    def _compare(self, chats: Collection[str]) -> Iterator[Difference]:
        documents: dict[str, Document] = {}
        found = self.store.read_many(chats)
        erased = self.chats.tombstones.erased(found)
        for chat, stored in found.items():
            if chat in erased:
                yield Difference(chat, None, _STILL_THERE)
            elif isinstance(stored, UnreadableDocument):
                yield Difference(chat, None, str(stored))
            else:
                documents[chat] = stored.document
        published = self._published(documents)
        self.waiting += len(documents) - len(published)
        self.compared += len(published)
        differing = self._differences(published)
        if not differing:
            return
        again = {
            chat: stored.document
            for chat, stored in self.store.read_many(differing).items()
            if not isinstance(stored, UnreadableDocument)
        }
        for differences in self._differences(self._published(again)).values():
            for table, difference in differences:
                self.by_others[table.name].add(difference)

    def _published(self, documents: Mapping[str, Document]) -> dict[str, Document]:
        """Return the documents whose newest revision is published, and note where rows can be."""
        records = self.chats.publish_attempts.read(documents)
        published = dict[str, "Document"]()
        for chat, document in documents.items():
            record = records.get(chat, AttemptRecord())
            self._days[chat] = record.days
            if record.published_revision == revision(document):
                published[chat] = document
        return published

    def _differences(self, documents: Mapping[str, Document]) -> dict[str, _Found]:
        if not documents:
            return {}
        days = {chat: self._days[chat] for chat in documents}
        wanted = flatten(list(documents.values()), published_at=_NEVER)
        differing = defaultdict[str, "_Found"](list)
        # What was to be removed is not missing, and what is about to be is not too many.
        first_day = first_day_kept(self.lake.row_retention_days)
        for table in schema.TABLES:
            found = kept_rows(table, rows_of(table, opened(self.lake, table), days), first_day)
            self._count_columns_of_others(table, found)
            kept = kept_rows(table, wanted[table.name], first_day)
            ours = [row for row in kept.to_pylist() if row[_CHAT] in documents]
            for difference in row_differences(table, ours, found.to_pylist()):
                differing[difference.initial_contact_id].append((table, difference))
        return dict(differing)

    def _count_columns_of_others(self, table: schema.Table, found: pa.Table) -> None:
        ours = {column.name for column in table.columns}
        for name in found.column_names:
            if name not in ours:
                values = self.columns_of_others.setdefault(table.name, {})
                there = len(found) - found[name].null_count
                values[name] = values.get(name, 0) + there

    def _seek_strangers(self, known: set[str], progress: Progress) -> set[str]:
        """Count rows of ids that no chat has; return the chats whose rows outlived the document."""
        orphaned: set[str] = set()
        with progress.stage("Seeking", len(schema.TABLES)) as advance:
            for table in schema.TABLES:
                counts = defaultdict[str | None, int](int)
                for of_file in row_counts(opened(self.lake, table)):
                    for chat, count in of_file.items():
                        if chat not in known:
                            counts[chat] += count
                orphaned |= self._count_strangers(table, counts)
                advance(1)
        return orphaned

    def _count_strangers(self, table: schema.Table, counts: dict[str | None, int]) -> set[str]:
        if without_id := counts.pop(None, 0):
            self.by_others[table.name].added += without_id
        named = [chat for chat in counts if chat is not None]
        orphaned: set[str] = set()
        for some in batched(named, _CHATS_AT_ONCE, strict=False):
            # What was archived, or erased, since all were listed.
            archived = self.store.tags(some).keys()
            records = self.chats.publish_attempts.read(some)
            for chat in some:
                if chat not in archived | records.keys():
                    self.strangers.add(chat)
                    self.by_others[table.name].added += counts[chat]
                    self.by_others[table.name].chats.add(chat)
            if not self.store.retention_days:
                without = {chat: records[chat] for chat in records.keys() - archived}
                orphaned |= self._orphaned(without)
        return orphaned

    def _orphaned(self, without_document: Mapping[str, AttemptRecord]) -> set[str]:
        """Return those of chats without a document whose rows nobody is about to remove."""
        chats = {
            chat
            for chat, record in without_document.items()
            if record.published_revision != NO_DOCUMENT
        }
        placed = self.chats.legs.initial_contacts(chats)
        merged = {chat for chat in chats if placed.get(chat, chat) != chat}
        return chats - merged - self.chats.tombstones.erased(chats)
