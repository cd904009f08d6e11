"""Documents as files of a folder."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from chatlake.documents.batch_hint import batch_hint
from chatlake.documents.content_policy import ContentPolicy
from chatlake.documents.store import StoredDocument, parse_document
from chatlake.exceptions import DamagedDocument, UnreadableDocument

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from chatlake.chat_state import BatchHint
    from chatlake.documents.document import Document
    from chatlake.locks import ExclusiveAccess

_DIGEST_NAME = "sha256_"
# What is a file name everywhere, on systems that fold case, too.
_PLAIN_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,99}")


class FolderStore:
    """Documents as files in a folder, safe for several processes of one machine."""

    def __init__(self, folder: Path, policy: ContentPolicy = ContentPolicy.FULL) -> None:
        self.policy, self.retention_days = policy, 0
        self._folder = str(folder)
        self._locks: dict[str, int] = {}

    def read(self, initial_contact_id: str) -> StoredDocument | None:
        """Return a chat's document; None if there is none."""
        path = self._path(initial_contact_id)
        try:
            data, state = _read(path)
        except FileNotFoundError:
            return None
        return StoredDocument(self._parse(data, path), _tag(state), len(data))

    def read_many(
        self, initial_contact_ids: Iterable[str]
    ) -> dict[str, StoredDocument | UnreadableDocument]:
        """Return the documents of those chats that have one, or why one is unreadable."""
        found: dict[str, StoredDocument | UnreadableDocument] = {}
        for chat in initial_contact_ids:
            try:
                stored = self.read(chat)
            except UnreadableDocument as error:
                found[chat] = error
            else:
                if stored is not None:
                    found[chat] = stored
        return found

    def tags(self, initial_contact_ids: Iterable[str]) -> dict[str, str]:
        """Return the present tags of those chats that have a document."""
        tags = {}
        for initial_contact_id in initial_contact_ids:
            try:
                tags[initial_contact_id] = _tag(os.stat(self._path(initial_contact_id)))
            except FileNotFoundError:
                continue
        return tags

    def update(
        self,
        initial_contact_id: str,
        change: Callable[[Document | None], Document],
        known: StoredDocument | None = None,  # noqa: ARG002 - reading a file again costs nothing
    ) -> tuple[StoredDocument, bool]:
        """Change a document; return what is then stored, and whether that differs from before."""
        path = self._path(initial_contact_id)
        with self._locked(path):
            before, state = None, None
            with suppress(FileNotFoundError):
                before, state = _read(path)
            stored = None if before is None else self._parse(before, path)
            document = self.policy.applied(change(stored))
            after = document.to_bytes()
            if state is None or after != before:
                state = _write(path, after, state)
            return StoredDocument(document, _tag(state), len(after)), after != before

    def delete(self, initial_contact_id: str, tag: str | None = None) -> bool:
        """Remove a document, with a tag only in that state; return whether it is gone now."""
        path = self._path(initial_contact_id)
        with self._locked(path), suppress(FileNotFoundError):
            if tag is not None and tag != _tag(os.stat(path)):
                return False
            os.unlink(path)
        return True

    def chats(self) -> Iterator[tuple[str, BatchHint]]:
        """Return the chats that have a readable document, in no order, with size and day."""
        for stored in self:
            if isinstance(stored, StoredDocument):
                yield stored.document.initial_contact_id, batch_hint(stored)

    def __iter__(self) -> Iterator[StoredDocument | UnreadableDocument]:
        """Return all documents, in no order; in place of an unreadable one the error."""
        for path in self._files(".json"):
            try:
                data, state = _read(path)
                yield StoredDocument(self._parse(data, path), _tag(state), len(data))
            except FileNotFoundError:
                continue
            except UnreadableDocument as error:
                yield error

    def count(self) -> int:
        """Count the documents."""
        return sum(1 for _ in self._files(".json"))

    def close(self) -> None:
        """Close the handles of locks."""
        for lock in self._locks.values():
            os.close(lock)
        self._locks.clear()

    def sweep(self, access: ExclusiveAccess) -> None:
        """Remove what killed writers left behind."""
        access.require()
        for path in self._files(".tmp"):
            os.unlink(path)

    def _files(self, suffix: str) -> Iterator[str]:
        with suppress(FileNotFoundError):
            for shard in os.listdir(self._folder):
                for name in os.listdir(f"{self._folder}/{shard}"):
                    if name.endswith(suffix):
                        yield f"{self._folder}/{shard}/{name}"

    def _path(self, initial_contact_id: str) -> str:
        digest = hashlib.sha256(initial_contact_id.encode()).hexdigest()
        plain = _PLAIN_ID.fullmatch(initial_contact_id)
        name = initial_contact_id if plain else f"{_DIGEST_NAME}{digest}"
        return f"{self._folder}/{digest[:2]}/{name}.json"

    def _parse(self, data: bytes, path: str) -> Document:
        name = os.path.basename(path).removesuffix(".json")
        document = parse_document(data, name)
        if self._path(str(document.initial_contact_id)) != path:
            raise DamagedDocument(name, "it is another chat's")
        return document

    @contextmanager
    def _locked(self, path: str) -> Iterator[None]:
        shard = os.path.dirname(path)
        lock = self._locks.get(shard)
        if lock is None:
            os.makedirs(shard, exist_ok=True)
            lock = os.open(f"{shard}/.lock", os.O_RDWR | os.O_CREAT, 0o644)
            self._locks[shard] = lock
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(lock, fcntl.LOCK_UN)


def _read(path: str) -> tuple[bytes, os.stat_result]:
    with open(path, "rb", buffering=0) as file:
        return file.readall(), os.fstat(file.fileno())


def _write(path: str, data: bytes, before: os.stat_result | None) -> os.stat_result:
    """Write a file whole and rename it into its place, so that a killed writer leaves the old."""
    fresh = f"{path}.{os.getpid()}.tmp"
    with open(fresh, "wb") as file:
        file.write(data)
        file.flush()
        # The clock of files is coarse; the tag must differ from the one before.
        modified = max(time.time_ns(), before.st_mtime_ns + 1 if before else 0)
        os.utime(file.fileno(), ns=(modified, modified))
        state = os.fstat(file.fileno())
    os.replace(fresh, path)
    return state


def _tag(state: os.stat_result) -> str:
    return f"{state.st_mtime_ns}-{state.st_ino}-{state.st_size}"
