"""Undoing what a creation has begun: CloudFormation deletes no bucket that is not empty.

CloudFormation asks for the same when a stack fails to be created and when one is deleted whose
data is to stay. So a lake is emptied only if nothing of it could be missed, whatever else is known
of its stack: it has tables without a snapshot, younger than an hour, and nothing else.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from types_boto3_glue import GlueClient
    from types_boto3_s3 import S3Client

_LONGEST_CREATION = timedelta(hours=1)
_RESULTS = "query-results/"
_NO_SNAPSHOT = (None, -1)


@dataclass(frozen=True, slots=True)
class NewLake:
    """A bucket and a database that a stack has made for itself; `tables` are those of the stack."""

    s3: S3Client
    glue: GlueClient
    bucket: str
    database: str
    tables: Collection[str]

    def remove_unused(self) -> str | None:
        """Remove the tables and everything in the bucket; return why not, if nothing was done."""
        keys: list[str] = []
        oldest = datetime.now(UTC) - _LONGEST_CREATION
        metadata = re.compile(rf"tables/(?:{'|'.join(self.tables)})/metadata/[^/]+\.metadata\.json")
        for key, written in self._objects():
            if written < oldest:
                return "the bucket has files that are older than an hour"
            # Of a snapshot there are manifests, too, and data files.
            if not key.startswith(_RESULTS) and not metadata.fullmatch(key):
                return "the bucket has files that are not of empty tables"
            keys.append(key)
        there = self._tables()
        if any(self._has_snapshots(location) for location in there.values()):
            return "a table has rows, or had some"
        for name in there:
            self.glue.delete_table(DatabaseName=self.database, Name=name)
        for key in keys:
            self.s3.delete_object(Bucket=self.bucket, Key=key)
        return None

    def _tables(self) -> dict[str, str]:
        """Return where the metadata are of each table that is there."""
        found: dict[str, str] = {}
        for name in self.tables:
            try:
                table = self.glue.get_table(DatabaseName=self.database, Name=name)["Table"]
            except self.glue.exceptions.EntityNotFoundException:
                continue
            found[name] = table["Parameters"]["metadata_location"]
        return found

    def _objects(self) -> Iterator[tuple[str, datetime]]:
        for page in self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket):
            for found in page.get("Contents", []):
                yield found["Key"], found["LastModified"]

    def _has_snapshots(self, location: str) -> bool:
        key = location.removeprefix(f"s3://{self.bucket}/")
        told = json.loads(self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read())
        return bool(told.get("snapshots")) or told.get("current-snapshot-id") not in _NO_SNAPSHOT
