"""Where documents are kept: one object per chat, changed atomically.

A store promises two things. A change sees the newest document and is written on top of nothing
else, whatever concurrent writers do. And a tag, once taken, never again stands for another content
of the same document, so an equal tag means that nothing has changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from chatlake.documents.document import Document
from chatlake.exceptions import DamagedDocument

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from chatlake.chat_state import BatchHint
    from chatlake.documents.content_policy import ContentPolicy
    from chatlake.exceptions import UnreadableDocument


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """A document as it was in the store, the tag of that state, and its size in bytes."""

    document: Document
    tag: str
    size: int


class DocumentStore(Protocol):
    """One document per chat; implementations are a folder and an S3 bucket."""

    @property
    def policy(self) -> ContentPolicy:
        """What documents may hold; whoever changes one applies it before, `update` once more."""

    @property
    def retention_days(self) -> int:
        """After how many days something removes documents, so that none so old is made; or 0."""

    def read(self, initial_contact_id: str) -> StoredDocument | None:
        """Return a chat's document; None if there is none.

        Raises
        ------
        UnreadableDocument
            There is something in its place that is no document, or one of a newer format.
        """

    def read_many(
        self, initial_contact_ids: Iterable[str]
    ) -> dict[str, StoredDocument | UnreadableDocument]:
        """Return the documents of those chats that have one, or why one is unreadable.

        They are all in memory at once: some hundreds are enough for one call.
        """

    def tags(self, initial_contact_ids: Iterable[str]) -> dict[str, str]:
        """Return the present tags of those chats that have a document."""

    def update(
        self,
        initial_contact_id: str,
        change: Callable[[Document | None], Document],
        known: StoredDocument | None = None,
    ) -> tuple[StoredDocument, bool]:
        """Change a document; return what is then stored, and whether that differs from before.

        `known` is what the caller has just read, which may save reading it again.
        """

    def delete(self, initial_contact_id: str, tag: str | None = None) -> bool:
        """Remove a document, with a tag only in that state; return whether it is gone now."""

    def chats(self) -> Iterator[tuple[str, BatchHint]]:
        """Return the chats that have a document, in no order.

        With each what the store can tell, without more requests, of how to batch it.
        """

    def __iter__(self) -> Iterator[StoredDocument | UnreadableDocument]:
        """Return all documents, in no order; in place of an unreadable one the error."""


def parse_document(data: bytes, name: str) -> Document:
    """Parse stored bytes; `name` is what the error calls the chat.

    Raises
    ------
    UnreadableDocument
        They are no document, or one of a newer format.
    """
    try:
        return Document.from_bytes(data)
    except (ValueError, TypeError) as error:
        raise DamagedDocument(name, str(error)) from error
