"""A table's log never goes back in time, whatever the clocks of its writers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest
from pyiceberg.table import metadata as metadata_module
from pyiceberg.table import update as update_module
from pyiceberg.types import StringType

from chatlake.embedded.archive import EmbeddedArchive
from chatlake.tables.flatten import arrow_schema
from chatlake.tables.lake.glue import glue_lake
from chatlake.tables.lake.iceberg import Lake
from chatlake.tables.lake.pruning import Sought
from chatlake.tables.schema import ATTACHMENTS
from tests.aws import Aws, in_environment

HOUR_MS = 3_600_000
NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
WAYS = ("append", "overwrite", "evolve", "set a property")


@dataclass
class MachineClock:
    """What all that asks for the time in this process is told."""

    now: datetime = NOON

    def turn(self, **hours: float) -> None:
        self.now += timedelta(**hours)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> MachineClock:
    clock = MachineClock()

    class Shown(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return clock.now.astimezone(tz)

    # Snapshots are dated by the one, all other changes and new tables by the other.
    monkeypatch.setattr(time, "time", lambda: clock.now.timestamp())  # noqa: PLW0108
    monkeypatch.setattr(update_module, "datetime", Shown)
    monkeypatch.setattr(metadata_module, "datetime", SimpleNamespace(datetime=Shown))
    return clock


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[Callable[[], Lake]]:
    archives = []

    def make() -> Lake:
        archives.append(EmbeddedArchive(tmp_path / "lake", create=True))
        return archives[0].lake

    yield make
    for archive in archives:
        archive.__exit__()


@pytest.fixture
def deployed(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], Lake]]:
    def make() -> Lake:
        bucket = aws.bucket()
        database = bucket.replace("-", "_")
        aws.client("glue").create_database(DatabaseInput={"Name": database})
        lake = glue_lake(aws.client("glue"), bucket=bucket, database=database)
        lake.create_tables()
        return lake

    with in_environment(aws, monkeypatch):
        yield make


def rows_of(item_id: str) -> pa.Table:
    row = {"initial_contact_id": "chat", "contact_id": "chat", "item_id": item_id}
    return pa.Table.from_pylist([row], arrow_schema(ATTACHMENTS))


def change(lake: Lake, way: str, name: str) -> None:
    """Commit something; `name` tells it from what was committed before."""
    table = lake.load(ATTACHMENTS)
    match way:
        case "append":
            assert lake.replace(ATTACHMENTS, table, rows_of(name), Sought())
        case "overwrite":
            assert lake.replace(ATTACHMENTS, table, rows_of(name), Sought({"chat": {None}}))
        case "evolve":
            with table.update_schema() as update:
                update.add_column(name, StringType())
        case "set a property":
            with table.transaction() as transaction:
                transaction.set_properties({name: "1"})


def times(lake: Lake) -> dict[str, list[int]]:
    """Return what is dated in a table, in the order in which it was written."""
    metadata = lake.load(ATTACHMENTS).metadata
    return {
        "metadata": [e.timestamp_ms for e in metadata.metadata_log] + [metadata.last_updated_ms],
        "snapshot log": [e.timestamp_ms for e in metadata.snapshot_log],
        "snapshots": [
            snapshot.timestamp_ms
            for snapshot in sorted(metadata.snapshots, key=lambda s: s.sequence_number or 0)
        ],
    }


def disorder(lake: Lake) -> dict[str, list[int]]:
    found = times(lake)
    # No entry of one may be newer than the metadata that has it, either.
    found |= {name: [*of, found["metadata"][-1]] for name, of in found.items()}
    return {
        name: of for name, of in found.items() if any(late > later for late, later in pairwise(of))
    }


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("home", ["embedded", "deployed"])
def test_a_clock_behind_the_one_that_wrote_before_dates_nothing_back(
    home: str, way: str, clock: MachineClock, request: pytest.FixtureRequest
) -> None:
    lake: Lake = request.getfixturevalue(home)()
    clock.turn(hours=1)
    change(lake, "append", "first")
    clock.turn(hours=-25)
    change(lake, way, "second")
    assert disorder(lake) == {}
    clock.turn(hours=1)
    change(lake, "append", "third")
    change(lake, "evolve", "fourth")
    assert disorder(lake) == {}


@pytest.mark.parametrize("way", WAYS)
def test_a_table_of_a_clock_that_was_ahead_is_written_by_one_that_is_right(
    way: str, clock: MachineClock, embedded: Callable[[], Lake]
) -> None:
    clock.turn(hours=24)
    lake = embedded()
    clock.turn(hours=-24)
    change(lake, way, "first")
    assert disorder(lake) == {}


@pytest.mark.parametrize("way", WAYS)
def test_clocks_that_are_right_are_believed(
    way: str, clock: MachineClock, embedded: Callable[[], Lake]
) -> None:
    lake = embedded()
    clock.turn(hours=1)
    change(lake, way, "first")
    noon_ms = int(NOON.timestamp() * 1000)
    assert times(lake)["metadata"] == [noon_ms, noon_ms + HOUR_MS]


def test_nothing_is_dated_where_nothing_is_changed(
    clock: MachineClock, embedded: Callable[[], Lake]
) -> None:
    lake = embedded()
    change(lake, "set a property", "first")
    before = lake.load(ATTACHMENTS).metadata
    clock.turn(hours=1)
    with lake.load(ATTACHMENTS).transaction():
        pass
    assert lake.load(ATTACHMENTS).metadata == before


@pytest.mark.parametrize("hours", [-24, 0, 24])
def test_a_purge_leaves_one_snapshot_whatever_the_clock(
    hours: float, clock: MachineClock, tmp_path: Path
) -> None:
    with EmbeddedArchive(tmp_path / "lake", create=True) as archive:
        change(archive.lake, "append", "first")
        change(archive.lake, "overwrite", "second")
        clock.turn(hours=hours)
        archive.purge()
        assert disorder(archive.lake) == {}
        found: Any = archive.lake.load(ATTACHMENTS)
        assert len(found.metadata.snapshots) == 1
        assert [row["item_id"] for row in found.scan().to_arrow().to_pylist()] == ["second"]
        files = (tmp_path / "lake" / "warehouse").rglob("*.parquet")
        assert len(list(files)) == 1
