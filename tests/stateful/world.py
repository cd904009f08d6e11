"""A small world of documents, state and tables, and the actors that change it step by step."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache, partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from pyiceberg.catalog.sql import SqlCatalog

from chatlake.chat_state.sqlite import SqliteChatState
from chatlake.documents import revision as revisions
from chatlake.documents.document import Document
from chatlake.documents.store.folder import FolderStore
from chatlake.documents.upsert import upsert
from chatlake.locks import exclusive_access
from chatlake.operations.erase import erase
from chatlake.tables import schema
from chatlake.tables.flatten import flatten
from chatlake.tables.lake.iceberg import Lake
from chatlake.tables.publish import PublishOutcome, publish
from tests.settled import is_settled, without_observation
from tests.stateful.lockstep import Actor
from tests.stateful.memory import MemoryLake, MemoryStore, plain_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    import pyarrow as pa
    from pyiceberg.catalog import Catalog

    from chatlake.chat_state import BatchHint, ChatState
    from chatlake.documents.store import DocumentStore, StoredDocument
    from chatlake.documents.upsert import UpsertResult
    from chatlake.exceptions import UnreadableDocument
    from chatlake.operations.archive import Archive
    from chatlake.operations.erase import Erasure
    from chatlake.tables.lake.pruning import Sought
    from chatlake.tables.lake.refs import Ref
    from tests.stateful.lockstep import Step
    from tests.stateful.memory import Row

_MOST_ROUNDS = 50


class AnyLake(Protocol):
    """What the real lake and the one in memory have in common."""

    def load(self, table: schema.Table) -> Any: ...

    def chats_of_legs(self, contact_ids: Collection[str]) -> set[str]: ...

    def refs_with_rows(self, chats: Collection[str]) -> list[Ref]: ...

    def rows_of_others(self, table: schema.Table, loaded: Any) -> Iterator[pa.Table]: ...

    def replace(self, table: schema.Table, loaded: Any, rows: pa.Table, sought: Sought) -> bool: ...


class World:
    """Documents, state of chats, tables and a publish queue, and actors at work on them.

    The queue is one that delivers at least once: a chat stays in it until a publisher that was
    given it has ended well, and two publishers may be given it at once.
    """

    def __init__(self, folder: Path | None = None) -> None:
        """Make an empty world: of real documents and tables in a folder, or all in memory."""
        self._to_close = ExitStack()
        self.chats = SqliteChatState(Path(":memory:"))
        self._to_close.callback(self.chats.close)
        self.store: DocumentStore = MemoryStore()
        self.lake: AnyLake = MemoryLake()
        self.catalog: Catalog | None = None
        self._folder = folder or Path()
        if folder is not None:
            store = FolderStore(folder / "documents")
            catalog = SqlCatalog(
                "lake", uri=f"sqlite:///{folder / 'catalog.db'}", warehouse=str(folder)
            )
            lake = Lake(catalog)
            lake.create_tables()
            self._to_close.callback(store.close)
            self._to_close.callback(catalog.close)
            self.store, self.lake, self.catalog = store, lake, catalog
        self.queue: dict[int, str] = {}
        self._messages = count()

    def close(self) -> None:
        self._to_close.close()

    def copied(self) -> World:
        """Return another one that has come as far; of one that is all in memory."""
        assert isinstance(self.store, MemoryStore)
        assert isinstance(self.lake, MemoryLake)
        other = World()
        other.store, other.lake = self.store.copied(), self.lake.copied()
        other.remember(self)
        return other

    def remember(self, other: World) -> None:
        """Take over the state of chats and the queue of another one."""
        other.chats._db.backup(self.chats._db)
        self.queue, self._messages = dict(other.queue), count(next(other._messages))

    # Actors

    def publisher(self, *chats: str) -> Actor[PublishOutcome]:
        """Return a publisher of some of the chats in the queue; of all without a name."""
        batch = {m: chat for m, chat in self.queue.items() if not chats or chat in chats}

        def work(step: Step) -> PublishOutcome:
            outcome = self._publish(set(chats) | set(batch.values()), step)
            step("acknowledge")
            for message, chat in batch.items():
                if chat not in outcome.moved:
                    self.queue.pop(message, None)
            return outcome

        return Actor("publisher", work)

    def upserted(self, *documents: Document) -> Actor[UpsertResult]:
        """Return an upsert of some documents."""

        def work(step: Step) -> UpsertResult:
            result = upsert(
                documents,
                store=_SteppedStore(self.store, step),
                chats=_SteppedChats(self.chats, step),
            )
            step("send")
            self.announce(result.to_publish)
            return result

        return Actor("upsert", work)

    def erasure(self, *contacts: str) -> Actor[Erasure]:
        """Return an erasure of the chats that some contacts are legs of."""

        def work(step: Step) -> Erasure:
            archive = _SteppedArchive(
                _SteppedStore(self.store, step),
                _SteppedChats(self.chats, step),
                _SteppedLake(self.lake, step),
                partial(self._publish, step=step),
            )
            return erase(contacts, cast("Archive", archive))

        return Actor("erasure", work)

    def _publish(
        self, chats: Iterable[str], step: Step, *, erasing: bool = False
    ) -> PublishOutcome:
        def sleep(_: float) -> None:
            step("sleep")

        return publish(
            chats,
            store=_SteppedStore(self.store, step),
            chats=_SteppedChats(self.chats, step),
            lake=cast("Lake", _SteppedLake(self.lake, step)),
            announce=self.announce,
            erasing=erasing,
            sleep=sleep,
        )

    # What happens at once

    def upsert(self, *documents: Document) -> UpsertResult:
        return self.upserted(*documents).finish()

    def publish(self, *chats: str) -> PublishOutcome:
        return self.publisher(*chats).finish()

    def erase(self, *contacts: str) -> Erasure:
        return self.erasure(*contacts).finish()

    def rebuild(self) -> None:
        """Empty the tables, and announce all chats."""
        with exclusive_access(self._folder / "lock") as access:
            self.chats.publish_attempts.forget_all_published()
            cast("Lake", self.lake).reset_tables(access)
            self.chats.publish_attempts.forget_all(access)
        self.announce(self.documents())

    def announce(self, chats: Iterable[str]) -> None:
        self.queue.update((next(self._messages), chat) for chat in chats)

    def drain(self) -> None:
        """Publish until the queue is empty."""
        for _ in range(_MOST_ROUNDS):
            if not self.queue:
                return
            outcome = self.publish()
            assert not outcome.failed
        message = f"the queue never gets empty: {self.queue}"
        raise AssertionError(message)

    # What is seen of it

    def rows(self, table: schema.Table) -> list[Row]:
        """Return the rows of a table, sorted, without `published_at`."""
        if isinstance(self.lake, MemoryLake):
            return self.lake.rows(table)
        return sorted(plain_rows(self.lake.load(table).scan().to_arrow()), key=repr)

    def documents(self) -> dict[str, Document]:
        """Return the documents by chat."""
        stored = list(cast("Iterable[StoredDocument]", self.store))
        return {one.document.initial_contact_id: one.document for one in stored}


def rows_of(documents: Iterable[Document]) -> dict[str, list[Row]]:
    """Return the rows that documents make, by table, sorted, without `published_at`."""
    made = flatten(list(documents), published_at=datetime(2026, 1, 1, tzinfo=UTC))
    return {name: sorted(plain_rows(rows), key=repr) for name, rows in made.items()}


@lru_cache(maxsize=64)
def _rows_of(documents: tuple[bytes, ...], _row_format: int) -> dict[str, list[Row]]:
    """Return the same: whatever the order of steps, they end with the same documents."""
    return rows_of(map(Document.from_bytes, documents))


def _comparable(table: schema.Table, row: Row, open_chats: Collection[str]) -> dict[str, Any]:
    names = [column.name for column in table.columns if column.name != "published_at"]
    named = dict(zip(names, row, strict=True))
    is_open = named["initial_contact_id"] in open_chats
    return without_observation(table.name, named) if is_open else named


def assert_rows_are_those_of_documents(world: World) -> None:
    """Every row of every document, once each, and no other."""
    documents = world.documents()
    open_chats = {chat for chat, document in documents.items() if not is_settled(document)}
    stored = tuple(document.to_bytes() for document in documents.values())
    made = _rows_of(stored, revisions.ROW_FORMAT)
    for table in schema.TABLES:
        actual, expected = (
            sorted((_comparable(table, row, open_chats) for row in rows), key=repr)
            for rows in (world.rows(table), made[table.name])
        )
        assert actual == expected, (
            f"{table.name}: too many {[row for row in actual if row not in expected]}, "
            f"missing {[row for row in expected if row not in actual]}, "
            f"{len(actual)} rows for {len(expected)}"
        )


class _SteppedStore:
    """A document store, one step per document."""

    def __init__(self, store: DocumentStore, step: Step) -> None:
        self._store = store
        self._step = step
        self.policy, self.retention_days = store.policy, store.retention_days

    def read(self, initial_contact_id: str) -> StoredDocument | None:
        self._step(f"read {initial_contact_id}")
        return self._store.read(initial_contact_id)

    def read_many(
        self, initial_contact_ids: Iterable[str]
    ) -> dict[str, StoredDocument | UnreadableDocument]:
        found: dict[str, StoredDocument | UnreadableDocument] = {}
        for chat in initial_contact_ids:
            self._step(f"read {chat}")
            found |= self._store.read_many([chat])
        return found

    def tags(self, initial_contact_ids: Iterable[str]) -> dict[str, str]:
        tags: dict[str, str] = {}
        for chat in sorted(initial_contact_ids):
            self._step(f"tag {chat}")
            tags |= self._store.tags([chat])
        return tags

    def update(
        self,
        initial_contact_id: str,
        change: Callable[[Document | None], Document],
        known: StoredDocument | None = None,
    ) -> tuple[StoredDocument, bool]:
        self._step(f"update {initial_contact_id}")
        return self._store.update(initial_contact_id, change, known)

    def delete(self, initial_contact_id: str, tag: str | None = None) -> bool:
        self._step(f"delete {initial_contact_id}")
        return self._store.delete(initial_contact_id, tag)

    def chats(self) -> Iterator[tuple[str, BatchHint]]:
        return self._store.chats()

    def __iter__(self) -> Iterator[Any]:
        return iter(self._store)


class _Stepped:
    """A part of the state of chats, one step per call."""

    def __init__(self, part: object, step: Step, of_what: str = "") -> None:
        self._part = part
        self._step = step
        self._of_what = of_what

    def __getattr__(self, name: str) -> Any:
        called = getattr(self._part, name)

        def stepped(*arguments: Any, **named: Any) -> Any:
            self._step(f"{name} {self._of_what}".strip())
            return called(*arguments, **named)

        return stepped


class _SteppedChats:
    """The state of chats, one step per call of one of its parts."""

    def __init__(self, chats: ChatState, step: Step) -> None:
        self.legs: Any = _Stepped(chats.legs, step)
        self.publish_attempts: Any = _Stepped(chats.publish_attempts, step, "attempts")
        self.tombstones: Any = _Stepped(chats.tombstones, step)
        self._chats = chats
        self._step = step

    def forget(self, initial_contact_id: str) -> bool:
        self._step("forget")
        return self._chats.forget(initial_contact_id)


class _SteppedLake:
    """A lake, one step to load a table and one to commit."""

    row_retention_days = 0

    def __init__(self, lake: AnyLake, step: Step) -> None:
        self._lake = lake
        self._step = step

    def load(self, table: schema.Table) -> Any:
        self._step(f"load {table.name}")
        return self._lake.load(table)

    def chats_of_legs(self, contact_ids: Collection[str]) -> set[str]:
        return self._lake.chats_of_legs(contact_ids)

    def refs_with_rows(self, chats: Collection[str]) -> list[Ref]:
        return self._lake.refs_with_rows(chats)

    def rows_of_others(self, table: schema.Table, loaded: Any) -> Iterator[pa.Table]:
        return self._lake.rows_of_others(table, loaded)

    def replace(self, table: schema.Table, loaded: Any, rows: pa.Table, sought: Sought) -> bool:
        self._step(f"commit {table.name}")
        return self._lake.replace(table, loaded, rows, sought)


@dataclass(frozen=True)
class _SteppedArchive:
    """What an erasure sees of a home, without the lock that keeps other publishers away."""

    store: _SteppedStore
    chats: _SteppedChats
    lake: _SteppedLake
    publish: Callable[..., PublishOutcome]

    @contextmanager
    def publishing(self) -> Iterator[None]:
        yield
