"""The exports of a past period: which there are, day by day, as the bucket lists them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING

from chatlake.capture.track import contact_of_export

if TYPE_CHECKING:
    from collections.abc import Iterator

    from types_boto3_s3 import S3Client

    from chatlake.progress import Progress


@dataclass(frozen=True, slots=True)
class PastDays:
    """A period of whole days, UTC, both included."""

    since: date
    until: date

    def __iter__(self) -> Iterator[date]:
        for number in range((self.until - self.since).days + 1):
            yield self.since + timedelta(days=number)

    def __str__(self) -> str:
        return f"{self.since} to {self.until}"


@dataclass(frozen=True, slots=True)
class ExportFolder:
    """Where the instance writes its exports: in folders of days below a prefix."""

    s3: S3Client
    bucket: str
    prefix: str

    def of_day(self, day: date) -> Iterator[tuple[str, str, int]]:
        """Yield the contact, the key and the size in bytes of each final export of a day."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix=f"{self.prefix}/{day:%Y/%m/%d}/"
        )
        for page in pages:
            for found in page.get("Contents", []):
                contact = contact_of_export(found["Key"], self.prefix)
                if contact is not None:
                    yield contact, found["Key"], found["Size"]


@dataclass(slots=True)
class Listing:
    """What was listed of a period: how many exports each day has, and their bytes together."""

    exports: dict[date, int] = field(default_factory=dict)
    size_bytes: int = 0

    @property
    def count(self) -> int:
        """All exports of the period."""
        return sum(self.exports.values())


def list_exports(folder: ExportFolder, days: PastDays, progress: Progress) -> Listing:
    """Count the exports of a period."""
    listing = Listing()
    with progress.stage("Listing", (days.until - days.since).days + 1) as advance:
        for day in days:
            sizes = [size for _, _, size in folder.of_day(day)]
            listing.exports[day] = len(sizes)
            listing.size_bytes += sum(sizes)
            advance(1)
    return listing
