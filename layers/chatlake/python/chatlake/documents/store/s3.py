"""Documents as objects of an S3 bucket."""

from __future__ import annotations

import hashlib
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from botocore.exceptions import ClientError

from chatlake.aws_clients.s3_errors import is_contested, is_not_found
from chatlake.backoff import jittered_wait_s
from chatlake.chat_state import BatchHint
from chatlake.documents.content_policy import ContentPolicy
from chatlake.documents.store import StoredDocument, parse_document
from chatlake.exceptions import DamagedDocument, DocumentContested, UnreadableDocument

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from types_boto3_s3 import S3Client

    from chatlake.documents.document import Document

_PREFIX = "documents/"
_MOST_ATTEMPTS = 12
_CONNECTIONS = 16
_LONGEST_NAME = 256


class S3Store:
    """Documents of one bucket, safe for any number of writers by conditional requests."""

    def __init__(
        self,
        s3: S3Client,
        bucket: str,
        policy: ContentPolicy = ContentPolicy.FULL,
        retention_days: int = 0,
    ) -> None:
        self.policy, self.retention_days = policy, retention_days
        self._s3 = s3
        self._bucket = bucket
        self._pool = ThreadPoolExecutor(_CONNECTIONS)

    def read(self, initial_contact_id: str) -> StoredDocument | None:
        """Return a chat's document; None if there is none."""
        key = _key(initial_contact_id)
        found = self._get(key)
        if found is None:
            return None
        data, tag = found
        return StoredDocument(_parse(data, key), tag, len(data))

    def read_many(
        self, initial_contact_ids: Iterable[str]
    ) -> dict[str, StoredDocument | UnreadableDocument]:
        """Return the documents of those chats that have one, or why one is unreadable.

        They are read some at a time side by side.
        """
        chats = list(initial_contact_ids)
        found = zip(chats, self._pool.map(self._stored_or_error, map(_key, chats)), strict=True)
        return {chat: stored for chat, stored in found if stored is not None}

    def tags(self, initial_contact_ids: Iterable[str]) -> dict[str, str]:
        """Return the present tags of those chats that have a document."""
        chats = list(initial_contact_ids)
        tags = zip(chats, self._pool.map(self._tag, map(_key, chats)), strict=True)
        return {chat: tag for chat, tag in tags if tag is not None}

    def update(
        self,
        initial_contact_id: str,
        change: Callable[[Document | None], Document],
        known: StoredDocument | None = None,
    ) -> tuple[StoredDocument, bool]:
        """Change a document; return what is then stored, and whether that differs from before.

        Raises
        ------
        DocumentContested
            Other writers were always first.
        """
        key = _key(initial_contact_id)
        before = known or self.read(initial_contact_id)
        for attempt in range(_MOST_ATTEMPTS):
            document = self.policy.applied(change(None if before is None else before.document))
            after = document.to_bytes()
            if before is not None and after == before.document.to_bytes():
                return before, False
            tag = self._put(key, after, None if before is None else before.tag)
            if tag is not None:
                return StoredDocument(document, tag, len(after)), True
            time.sleep(jittered_wait_s(attempt))
            before = self.read(initial_contact_id)
        raise DocumentContested(initial_contact_id, _MOST_ATTEMPTS)

    def delete(self, initial_contact_id: str, tag: str | None = None) -> bool:
        """Remove a document, with a tag only in that state; return whether it is gone now."""
        key = _key(initial_contact_id)
        try:
            if tag is None:
                self._s3.delete_object(Bucket=self._bucket, Key=key)
            else:
                self._s3.delete_object(Bucket=self._bucket, Key=key, IfMatch=tag)
        except ClientError as error:
            if not is_contested(error):
                raise
            return is_not_found(error)
        return True

    def delete_versions(self, initial_contact_id: str) -> int:
        """Delete all versions that the bucket kept of a document; return how many there were."""
        key = _key(initial_contact_id)
        count = 0
        pages = self._s3.get_paginator("list_object_versions").paginate(
            Bucket=self._bucket, Prefix=key
        )
        for page in pages:
            for version in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]:
                if version["Key"] == key:
                    self._s3.delete_object(
                        Bucket=self._bucket, Key=key, VersionId=version["VersionId"]
                    )
                    count += 1
        return count

    def chats(self, *, after: str | None = None) -> Iterator[tuple[str, BatchHint]]:
        """Return the chats that have a document, always in the same order, with its size.

        They are listed and not read, so what is unreadable is among them.

        Parameters
        ----------
        after
            A chat, with a document or not; only those that follow it are returned.
        """
        for objects in self._listed("" if after is None else _key(after)):
            for key, size in objects:
                name = _name(key)
                if _key(name) == key:
                    yield name, BatchHint(size=size)
                    continue
                # Too long a name for a key: only the document tells.
                stored = self._stored_or_error(key)
                if isinstance(stored, StoredDocument):
                    yield stored.document.initial_contact_id, BatchHint(size=size)

    def __iter__(self) -> Iterator[StoredDocument | UnreadableDocument]:
        """Return all documents, in no order; in place of an unreadable one the error."""
        for objects in self._listed():
            keys = [key for key, _ in objects]
            yield from filter(None, self._pool.map(self._stored_or_error, keys))

    def _listed(self, after: str = "") -> Iterator[list[tuple[str, int]]]:
        """List the documents' keys and sizes, page by page."""
        pages = self._s3.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=_PREFIX, StartAfter=after
        )
        for page in pages:
            yield [(found["Key"], found["Size"]) for found in page.get("Contents", [])]

    def _stored_or_error(self, key: str) -> StoredDocument | UnreadableDocument | None:
        found = self._get(key)
        if found is None:
            return None
        data, tag = found
        try:
            return StoredDocument(_parse(data, key), tag, len(data))
        except UnreadableDocument as error:
            return error

    def _get(self, key: str) -> tuple[bytes, str] | None:
        try:
            found = self._s3.get_object(Bucket=self._bucket, Key=key)
        except ClientError as error:
            if is_not_found(error):
                return None
            raise
        return found["Body"].read(), found["ETag"]

    def _tag(self, key: str) -> str | None:
        try:
            return self._s3.head_object(Bucket=self._bucket, Key=key)["ETag"]
        except ClientError as error:
            if is_not_found(error):
                return None
            raise

    def _put(self, key: str, data: bytes, tag: str | None) -> str | None:
        """Write an object in the place of the one with that tag; None if it is another by now."""
        try:
            if tag is None:
                done = self._s3.put_object(Bucket=self._bucket, Key=key, Body=data, IfNoneMatch="*")
            else:
                done = self._s3.put_object(Bucket=self._bucket, Key=key, Body=data, IfMatch=tag)
        except ClientError as error:
            if is_contested(error):
                return None
            raise
        return done["ETag"]


def _key(initial_contact_id: str) -> str:
    # A digest in front spreads the requests over S3's partitions.
    digest = hashlib.sha256(initial_contact_id.encode()).hexdigest()
    name = quote(initial_contact_id, safe="")
    return f"{_PREFIX}{digest[:2]}/{name if len(name) <= _LONGEST_NAME else digest}.json"


def _parse(data: bytes, key: str) -> Document:
    document = parse_document(data, _name(key))
    if _key(str(document.initial_contact_id)) != key:
        raise DamagedDocument(_name(key), "it is another chat's")
    return document


def _name(key: str) -> str:
    return unquote(key.rsplit("/", 1)[-1].removesuffix(".json"))
