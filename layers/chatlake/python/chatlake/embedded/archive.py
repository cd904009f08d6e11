"""The embedded archive: everything in one folder of one machine, safe for several processes.

Many may write documents at once; one at a time publishes, which spares them each other's
conflicts; and what needs exclusive access (rebuilding, verifying, purging) has it.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import quote

from pyiceberg.catalog.sql import SqlCatalog

from chatlake.chat_state.sqlite import SqliteChatState
from chatlake.documents.content_policy import ContentPolicy
from chatlake.documents.store.folder import FolderStore
from chatlake.exceptions import (
    LakeDiffers,
    LakeIncomplete,
    LakeNotFound,
    LakeOutdated,
    OlderTables,
    TableDiffers,
)
from chatlake.locks import exclusive_access, file_lock
from chatlake.operations.republish import republish
from chatlake.progress import NoProgress
from chatlake.tables.lake.commit_times import OrderedCommits
from chatlake.tables.lake.iceberg import Lake
from chatlake.tables.lake.local_catalog import (
    CATALOG,
    CHATS,
    DOCUMENTS,
    WAREHOUSE,
    check_locations,
)
from chatlake.tables.lake.purge import purge
from chatlake.tables.publish import PublishOutcome, publish

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path
    from typing import Self

    from chatlake.chat_state.sqlite_queue import SqlitePublishQueue
    from chatlake.locks import ExclusiveAccess

_LOCK = "lake.lock"


class _Catalog(OrderedCommits, SqlCatalog):
    """A catalog in a file."""


class EmbeddedArchive:
    """An open lake folder: documents, state of chats and tables."""

    def __init__(
        self,
        folder: Path,
        *,
        create: bool = False,
        rebuilding: bool = False,
        policy: ContentPolicy = ContentPolicy.FULL,
    ) -> None:
        """Open a lake folder; `policy` is what documents that are written may hold.

        Raises
        ------
        LakeNotFound
            The folder holds no lake, and none was to be made.
        LakeIncomplete
            It has documents, but lacks what tells of their rows; only rebuilding helps.
        LakeMoved
            Its tables were made in another folder; only rebuilding them helps.
        LakeOutdated
            Its tables were made by an earlier version; only rebuilding them helps.
        LakeDiffers
            Others have changed its tables so that they cannot be written; only rebuilding helps.
        """
        # Without links and "..", so that every way to name the folder names the same tables.
        self.folder = folder.resolve()
        has_documents = (self.folder / DOCUMENTS).exists()
        if not (create or has_documents or (self.folder / CATALOG).exists()):
            raise LakeNotFound(str(folder))
        self.warehouse = self.folder / WAREHOUSE
        self.warehouse.mkdir(parents=True, exist_ok=True)
        with ExitStack() as to_close:
            self.store = FolderStore(self.folder / DOCUMENTS, policy)
            to_close.callback(self.close)
            self._open(folder, has_documents=has_documents, rebuilding=rebuilding)
            to_close.pop_all()

    def _open(self, folder: Path, *, has_documents: bool, rebuilding: bool) -> None:
        with file_lock(self.folder / "open.lock"):
            for name in (CHATS, CATALOG):
                if has_documents and not rebuilding and not (self.folder / name).exists():
                    raise LakeIncomplete(str(folder), name)
            if not rebuilding and (self.folder / CATALOG).exists():
                check_locations(self.folder)
            self.chats = SqliteChatState(self.folder / CHATS)
            if not rebuilding:
                try:
                    with self._written():
                        self._create_tables(has_documents=has_documents)
                except OlderTables as error:
                    raise LakeOutdated(str(folder)) from error

    def _create_tables(self, *, has_documents: bool) -> None:
        if has_documents and self.lake.lacks_rows():
            with self.shared():
                # Not if a rebuild was at it. And first: whatever becomes of this process, nothing
                # is made that nobody will fill.
                if self.lake.lacks_rows():
                    republish(self, NoProgress())
        self.lake.create_tables()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all files; the archive is of no use any more."""
        self.store.close()
        for name in ("chats", "_catalog"):
            if name in self.__dict__:
                self.__dict__[name].close()

    @cached_property
    def lake(self) -> Lake:
        """The tables."""
        return Lake(self._catalog)

    @cached_property
    def _catalog(self) -> _Catalog:
        # Makes the file if it is not there: not before a rebuild has read all documents.
        return _Catalog(
            "lake",
            uri=f"sqlite:///{quote(str(self.folder / CATALOG))}?timeout=60",
            warehouse=str(self.warehouse),
        )

    def publish(
        self, initial_contact_ids: Iterable[str], *, erasing: bool = False
    ) -> PublishOutcome:
        """Sync the rows of some chats with their documents, with the lake's publisher lock."""
        with self.publishing():
            return publish(
                initial_contact_ids,
                store=self.store,
                chats=self.chats,
                lake=self.lake,
                announce=self.publish_queue.send,
                erasing=erasing,
            )

    @property
    def publish_queue(self) -> SqlitePublishQueue:
        """Where chats wait to be published."""
        return self.chats.queue

    def purge(self) -> int:
        """Delete all that no present row or document needs; return the number of table files."""
        with self.exclusive() as access:
            self.store.sweep(access)
            self.chats.compact(access)
            return purge(self.lake, self.warehouse, access)

    @contextmanager
    def shared(self) -> Iterator[None]:
        """Work beside others; waits while another process has exclusive access."""
        with file_lock(self.folder / _LOCK, shared=True):
            yield

    @contextmanager
    def exclusive(self) -> Iterator[ExclusiveAccess]:
        """Work while nobody else does; waits for the others to end."""
        with exclusive_access(self.folder / _LOCK) as access:
            yield access

    @contextmanager
    def publishing(self) -> Iterator[None]:
        """Publish while nobody else does."""
        with file_lock(self.folder / "publish.lock"), self._written():
            yield

    @contextmanager
    def _written(self) -> Iterator[None]:
        try:
            yield
        except TableDiffers as error:
            raise LakeDiffers(str(self.folder), error.table, error.what) from error
