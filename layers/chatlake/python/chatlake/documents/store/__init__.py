"""Where documents are kept: one object per chat, changed atomically.

A store promises two things. A change sees the newest document and is written on top of nothing
else, whoever else is writing. And a tag, once taken, never again stands for another content of
the same document, so an equal tag means that nothing has changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from chatlake.documents.document import Document
from chatlake.exceptions import DamagedDocument

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """A document as it was in the store, the tag of that state, and its size in bytes."""

    document: Document
    tag: str
    size: int


class DocumentStore(Protocol):
    """One document per chat; implementations are a folder and an S3 bucket."""

    def read(self, initial_contact_id: str) -> StoredDocument | None:
        """Give a chat's document; None if there is none.

        Raises
        ------
        DamagedDocument
            There is something in its place that is no document.
        """

    def read_many(
        self, initial_contact_ids: Iterable[str]
    ) -> dict[str, StoredDocument | DamagedDocument]:
        """Give the documents of those chats that have one; in place of a damaged one the error.

        They are all in memory at once: some hundreds are enough for one call.
        """

    def tags(self, initial_contact_ids: Iterable[str]) -> dict[str, str]:
        """Give the present tags of those chats that have a document."""

    def update(
        self,
        initial_contact_id: str,
        change: Callable[[Document | None], Document],
        known: StoredDocument | None = None,
    ) -> tuple[StoredDocument, bool]:
        """Change a document; give what is then stored, and whether that differs from before.

        `known` is what the caller has just read, which may save reading it again.
        """

    def delete(self, initial_contact_id: str, tag: str | None = None) -> bool:
        """Remove a document, if a tag is given only in that state; give whether it is gone now."""

    def __iter__(self) -> Iterator[StoredDocument | DamagedDocument]:
        """Give all documents, in no order; in the place of a damaged one the error."""
