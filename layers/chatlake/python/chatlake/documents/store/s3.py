"""Documents as objects of an S3 bucket."""

from __future__ import annotations

import hashlib
import random
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from botocore.exceptions import ClientError

from chatlake.documents.document import Document
from chatlake.documents.store import StoredDocument
from chatlake.exceptions import DamagedDocument, DocumentContested

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from types_boto3_s3 import S3Client

_PREFIX = "documents/"
_MOST_ATTEMPTS = 12
_LONGEST_WAIT_S = 2.0
_CONNECTIONS = 16
_LONGEST_NAME = 256
_NOT_FOUND = 404
# 412: somebody else was first; 409: somebody else is at it; 404: it was deleted meanwhile.
_CONTESTED = frozenset({_NOT_FOUND, 409, 412})


class S3Store:
    """Documents of one bucket, safe for any number of writers by conditional requests."""

    def __init__(self, s3: S3Client, bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._pool = ThreadPoolExecutor(_CONNECTIONS)

    def read(self, initial_contact_id: str) -> StoredDocument | None:
        """Give a chat's document; None if there is none."""
        key = _key(initial_contact_id)
        found = self._get(key)
        if found is None:
            return None
        data, tag = found
        return StoredDocument(_parse(data, key), tag, len(data))

    def read_many(
        self, initial_contact_ids: Iterable[str]
    ) -> dict[str, StoredDocument | DamagedDocument]:
        """Give the documents of those chats that have one; in place of a damaged one the error.

        They are read some at a time side by side.
        """
        chats = list(initial_contact_ids)
        found = zip(chats, self._pool.map(self._stored_or_error, map(_key, chats)), strict=True)
        return {chat: stored for chat, stored in found if stored is not None}

    def tags(self, initial_contact_ids: Iterable[str]) -> dict[str, str]:
        """Give the present tags of those chats that have a document."""
        chats = list(initial_contact_ids)
        tags = zip(chats, self._pool.map(self._tag, map(_key, chats)), strict=True)
        return {chat: tag for chat, tag in tags if tag is not None}

    def update(
        self,
        initial_contact_id: str,
        change: Callable[[Document | None], Document],
        known: StoredDocument | None = None,
    ) -> tuple[StoredDocument, bool]:
        """Change a document; give what is then stored, and whether that differs from before.

        Raises
        ------
        DocumentContested
            Other writers were always first.
        """
        key = _key(initial_contact_id)
        before = known or self.read(initial_contact_id)
        for attempt in range(_MOST_ATTEMPTS):
            document = change(None if before is None else before.document)
            after = document.to_bytes()
            if before is not None and after == before.document.to_bytes():
                return before, False
            tag = self._put(key, after, None if before is None else before.tag)
            if tag is not None:
                return StoredDocument(document, tag, len(after)), True
            time.sleep(random.uniform(0, min(_LONGEST_WAIT_S, 0.02 * 2**attempt)))
            before = self.read(initial_contact_id)
        raise DocumentContested(initial_contact_id, _MOST_ATTEMPTS)

    def delete(self, initial_contact_id: str, tag: str | None = None) -> bool:
        """Remove a document, if a tag is given only in that state; give whether it is gone now."""
        key = _key(initial_contact_id)
        try:
            if tag is None:
                self._s3.delete_object(Bucket=self._bucket, Key=key)
            else:
                self._s3.delete_object(Bucket=self._bucket, Key=key, IfMatch=tag)
        except ClientError as error:
            if _status(error) not in _CONTESTED:
                raise
            return _status(error) == _NOT_FOUND
        return True

    def delete_versions(self, initial_contact_id: str) -> int:
        """Delete all versions that the bucket kept of a document; give how many there were."""
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

    def __iter__(self) -> Iterator[StoredDocument | DamagedDocument]:
        """Give all documents, in no order; in the place of a damaged one the error."""
        pages = self._s3.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=_PREFIX
        )
        for page in pages:
            keys = [found["Key"] for found in page.get("Contents", [])]
            yield from filter(None, self._pool.map(self._stored_or_error, keys))

    def _stored_or_error(self, key: str) -> StoredDocument | DamagedDocument | None:
        found = self._get(key)
        if found is None:
            return None
        data, tag = found
        try:
            return StoredDocument(_parse(data, key), tag, len(data))
        except DamagedDocument as error:
            return error

    def _get(self, key: str) -> tuple[bytes, str] | None:
        try:
            found = self._s3.get_object(Bucket=self._bucket, Key=key)
        except ClientError as error:
            if _status(error) == _NOT_FOUND:
                return None
            raise
        return found["Body"].read(), found["ETag"]

    def _tag(self, key: str) -> str | None:
        try:
            return self._s3.head_object(Bucket=self._bucket, Key=key)["ETag"]
        except ClientError as error:
            if _status(error) == _NOT_FOUND:
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
            if _status(error) in _CONTESTED:
                return None
            raise
        return done["ETag"]


def _key(initial_contact_id: str) -> str:
    # A digest in front spreads the requests over S3's partitions.
    digest = hashlib.sha256(initial_contact_id.encode()).hexdigest()
    name = quote(initial_contact_id, safe="")
    return f"{_PREFIX}{digest[:2]}/{name if len(name) <= _LONGEST_NAME else digest}.json"


def _parse(data: bytes, key: str) -> Document:
    try:
        document = Document.from_bytes(data)
    except (ValueError, TypeError) as error:
        raise DamagedDocument(_name(key), str(error)) from error
    if _key(str(document.initial_contact_id)) != key:
        raise DamagedDocument(_name(key), "it is another chat's")
    return document


def _name(key: str) -> str:
    return unquote(key.rsplit("/", 1)[-1].removesuffix(".json"))


def _status(error: ClientError) -> int:
    return int(error.response["ResponseMetadata"]["HTTPStatusCode"])
