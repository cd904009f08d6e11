"""An embedded lake of a stack's documents, to try things on when the cloud is gone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from chatlake.documents.document import Document
from chatlake.documents.store.s3 import S3Store
from chatlake.embedded.archive import EmbeddedArchive
from chatlake.exceptions import UnreadableDocument
from chatlake.operations.rebuild import rebuild


def copy_into_lake(documents: S3Store, folder: Path) -> None:
    """Copy documents into a new embedded lake, and make its tables of them."""
    with EmbeddedArchive(folder, create=True) as archive:
        for stored in documents:
            if not isinstance(stored, UnreadableDocument):
                archive.store.update(stored.document.initial_contact_id, _as_it_is(stored.document))
    with EmbeddedArchive(folder, rebuilding=True) as archive:
        rebuild(archive, _Silent())


def _as_it_is(document: Document) -> Callable[[Document | None], Document]:
    return lambda _: document


class _Silent:
    """Shows no progress: a few hundred chats are done at once."""

    @contextmanager
    def stage(self, title: str, total: int | None) -> Iterator[Callable[[int], None]]:  # noqa: ARG002
        yield lambda _: None
