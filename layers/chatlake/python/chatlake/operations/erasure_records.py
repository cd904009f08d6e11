"""A record of every erasure: who asked for which contacts, and when their bytes were gone.

Each is an object below ``erasures/`` in the bucket of documents. It is written before anything is
erased, so that an erasure which was cut off has one, too, and holds ids of contacts and no more.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from chatlake.json_codec import dumps, loads
from chatlake.operations.erased_bytes import newest_commits, tables_with_older
from chatlake.timestamps import now, parse_timestamp

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from datetime import datetime

    from types_boto3_s3 import S3Client

    from chatlake.operations.erase import Erasure
    from chatlake.tables.lake.iceberg import Lake

PREFIX = "erasures/"
_DONE = "done/"
_OPEN = "open/"


@dataclass(slots=True)
class ErasureRecord:
    """One erasure.

    Attributes
    ----------
    requested_by
        The ARN of the principal as the command line gives it, which asked STS; None if the function
        was invoked by other means. CloudTrail's data events of Lambda know it in any case.
    rows_gone_at
        When documents with their versions, and rows of the current tables, were gone; None if the
        erasure was cut off.
    commits
        By table, when it was written last by then: snapshots of before hold what was erased.
    bytes_gone_at
        When no table had such a snapshot any more, at a daily look; None until then.
    """

    requested_at: str
    request_id: str
    requested_by: str | None
    contact_ids: list[str]
    erased: list[str] = field(default_factory=list)
    already_erased: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    still_held: list[str] = field(default_factory=list)
    rows_gone_at: str | None = None
    commits: dict[str, str] = field(default_factory=dict)
    bytes_gone_at: str | None = None

    @property
    def name(self) -> str:
        """What its object is called, in the order of time."""
        return f"{self.requested_at}-{self.request_id}.json"


class ErasureRecords:
    """The records of one archive."""

    def __init__(self, s3: S3Client, bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket

    def begin(
        self, contact_ids: Collection[str], *, requested_by: str | None, request_id: str
    ) -> ErasureRecord:
        """Note that contacts are about to be erased."""
        record = ErasureRecord(_text(now()), request_id, requested_by, sorted(contact_ids))
        self._put(_OPEN, record)
        return record

    def finish(self, record: ErasureRecord, erasure: Erasure, lake: Lake) -> str:
        """Note what became of the contacts; return where the record will be, once all is gone."""
        record.erased = sorted(erasure.erased)
        record.already_erased = sorted(erasure.already_erased)
        record.unknown = sorted(erasure.unknown)
        record.still_held = sorted(map(str, erasure.still_held))
        record.rows_gone_at = _text(now())
        record.commits = {name: _text(at) for name, at in newest_commits(lake).items()}
        self._put(_OPEN, record)
        return f"s3://{self._bucket}/{PREFIX}{_DONE}{record.name}"

    def close_those_gone(self, lake: Lake) -> int:
        """Close the records whose last bytes are gone by now; return how many those were."""
        closed = 0
        for record in self._open():
            commits = {name: _moment(at) for name, at in record.commits.items()}
            if record.rows_gone_at is None or tables_with_older(lake, commits):
                continue
            record.bytes_gone_at = _text(now())
            self._put(_DONE, record)
            self._s3.delete_object(Bucket=self._bucket, Key=f"{PREFIX}{_OPEN}{record.name}")
            closed += 1
        return closed

    def _open(self) -> Iterator[ErasureRecord]:
        pages = self._s3.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=f"{PREFIX}{_OPEN}"
        )
        for page in pages:
            for found in page.get("Contents", []):
                body = self._s3.get_object(Bucket=self._bucket, Key=found["Key"])["Body"].read()
                yield ErasureRecord(**loads(body))

    def _put(self, state: str, record: ErasureRecord) -> None:
        self._s3.put_object(
            Bucket=self._bucket,
            Key=f"{PREFIX}{state}{record.name}",
            Body=dumps(asdict(record)),
            ContentType="application/json",
        )


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _moment(text: str) -> datetime:
    moment = parse_timestamp(text)
    assert moment is not None
    return moment
