"""What an operation needs of an archive, embedded or deployed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from chatlake.chat_state import ChatState, PublishQueue
    from chatlake.chat_state.sqlite import SqliteChatState
    from chatlake.chat_state.sqlite_queue import SqlitePublishQueue
    from chatlake.documents.store import DocumentStore
    from chatlake.documents.store.folder import FolderStore
    from chatlake.locks import ExclusiveAccess
    from chatlake.tables.lake.iceberg import Lake
    from chatlake.tables.publish import PublishOutcome


class Archive(Protocol):
    """All places where something of a chat is; the embedded archive and the deployed one."""

    @property
    def store(self) -> DocumentStore:
        """The documents."""

    @property
    def chats(self) -> ChatState:
        """The state of chats."""

    @property
    def publish_queue(self) -> PublishQueue:
        """Where chats wait to be published."""

    @property
    def lake(self) -> Lake:
        """The tables."""

    def publish(
        self, initial_contact_ids: Iterable[str], *, erasing: bool = False
    ) -> PublishOutcome:
        """Sync the rows of some chats with their documents."""


class FolderArchive(Protocol):
    """An archive in a folder of this machine, which can be had alone."""

    @property
    def folder(self) -> Path:
        """Where it is."""

    @property
    def warehouse(self) -> Path:
        """Where the files of its tables are."""

    @property
    def store(self) -> FolderStore:
        """The documents."""

    @property
    def chats(self) -> SqliteChatState:
        """The state of chats."""

    @property
    def publish_queue(self) -> SqlitePublishQueue:
        """Where chats wait to be published."""

    @property
    def lake(self) -> Lake:
        """The tables."""

    def exclusive(self) -> AbstractContextManager[ExclusiveAccess]:
        """Work while nobody else does; waits for the others to end."""

    def publishing(self) -> AbstractContextManager[None]:
        """Publish while nobody else does."""
