"""DuckDB, pyiceberg and the Parquet files themselves tell the same of the tables."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from chatlake.analytics.duckdb_engine import connect
from chatlake.tables import schema
from local.chats import scripts
from tests.lake_folder import CANARY, TABLES, LakeFolder, message, new_lake, page

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyiceberg.manifest import DataFile
    from pyiceberg.table import StaticTable

    from local.chats import Chat
    from tests.oracle import Object

START = datetime(2026, 9, 1, tzinfo=UTC)
FIRST_DAY, EPOCH = datetime(2026, 9, 1), datetime(1970, 1, 1)  # noqa: DTZ001 - as in tables
tables = pytest.mark.parametrize("table", schema.TABLES, ids=TABLES)


def halfway(chat: Chat) -> datetime:
    return datetime.fromtimestamp((chat.started_ms + chat.ended_ms) / 2000, UTC)


def odd_chats() -> list[Object]:
    """Rows without a time, before 1970, with ids and texts of any kind."""
    times = (None, "soon", "1969-12-31T23:59:59.999999Z", "0001-01-01T00:00:00Z")
    receipt = {"RecipientParticipantId": "\U0001f600", "ReadTimestamp": "1969-01-01T00:00:00.0005Z"}
    return [
        page(
            "odd/" + "\U0010ffff" * 20,
            *(
                message(
                    f"m{number}",
                    Content=f"{CANARY}-private-{number}\x00",
                    DisplayName=f"{CANARY}-private",
                    Unknown=f"{CANARY}-private",
                    AbsoluteTime=time,
                    MessageMetadata={"Receipts": [receipt]},
                    Attachments=[{"AttachmentName": f"{CANARY}-private-file"}],
                )
                for number, time in enumerate(times)
            ),
        )
    ]


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> LakeFolder:
    """A lake with a past: chats read early, then to their end, some of them erased since."""
    lake = new_lake(tmp_path_factory.mktemp("engines"))
    chats = list(scripts(seed=6, count=50, start=START, days=3))
    lake.take(*(value for chat in chats[:40] for value in chat.pages(at=halfway(chat))))
    lake.take(*(value for chat in chats for value in chat.pages()), *odd_chats())
    lake.take(*(value for chat in chats[::3] for value in chat.exports()))
    lake.erase(*(chat.initial_contact_id for chat in chats[1::7]))
    for snapshot_table in lake.tables().values():
        assert len(snapshot_table.snapshots()) >= 3
    return lake


def data_files(table: StaticTable) -> Iterator[DataFile]:
    for task in table.scan().plan_files():
        assert task.delete_files == set()
        yield task.file


# --- the same figures


@tables
def test_both_engines_count_and_add_up_the_same(lake: LakeFolder, table: schema.Table) -> None:
    rows = lake.tables()[table.name].scan().to_arrow()
    expected: dict[str, Any] = {"rows": rows.num_rows}
    questions = ["count(*) AS rows"]
    for column in table.columns:
        name, values = column.name, rows.column(column.name)
        questions.append(f'count("{name}") AS "{name} count"')
        expected[f"{name} count"] = values.length() - values.null_count
        if column.type in {"int", "long"}:
            questions.append(f'sum("{name}")::BIGINT AS "{name} sum"')
            expected[f"{name} sum"] = pc.sum(values).as_py()
        elif column.type in {"timestamp", "date"}:
            questions += [f'min("{name}") AS "{name} min"', f'max("{name}") AS "{name} max"']
            expected |= {
                f"{name} {end}": as_py for end, as_py in pc.min_max(values).as_py().items()
            }
        elif column.type == "boolean":
            questions.append(f'count(*) FILTER ("{name}") AS "{name} true"')
            expected[f"{name} true"] = pc.sum(values).as_py()
        else:
            questions += [
                f'count(DISTINCT "{name}") AS "{name} distinct"',
                f'sum(strlen("{name}"))::BIGINT AS "{name} bytes"',
            ]
            expected[f"{name} distinct"] = pc.count_distinct(values).as_py()
            expected[f"{name} bytes"] = pc.sum(pc.binary_length(values)).as_py()
    with connect(lake.path) as connection:
        sql = f"SELECT {', '.join(questions)} FROM {table.name}"
        [answer] = connection.execute(sql).to_arrow_table().to_pylist()
    assert expected["rows"] > 0
    assert answer == expected


@tables
def test_both_engines_give_the_same_rows(lake: LakeFolder, table: schema.Table) -> None:
    names = [column.name for column in table.columns]
    with connect(lake.path) as connection:
        by_duckdb = connection.execute(f"SELECT * FROM {table.name}").to_arrow_table()
    by_pyiceberg = lake.tables()[table.name].scan().to_arrow()
    assert by_duckdb.column_names == by_pyiceberg.column_names == names

    def as_set(rows: pa.Table) -> list[tuple[Any, ...]]:
        return sorted((tuple(row.values()) for row in rows.to_pylist()), key=repr)

    # Time zones differ by name (UTC, Etc/UTC), not in what they mean.
    plain = [
        f.with_type(pa.int64()) if pa.types.is_timestamp(f.type) else f for f in by_pyiceberg.schema
    ]
    assert as_set(by_duckdb.cast(pa.schema(plain))) == as_set(by_pyiceberg.cast(pa.schema(plain)))


def test_a_filter_on_a_day_finds_what_a_full_scan_finds(lake: LakeFolder) -> None:
    """Pruning by partition must not lose rows; the bounds of a day are its own."""
    rows = lake.rows()["messages"]
    with connect(lake.path) as connection:
        for day in range(-1, 5):
            start = FIRST_DAY + timedelta(days=day)
            end = start + timedelta(days=1)
            sql = "SELECT count(*) FROM messages WHERE sent_at >= ? AND sent_at < ?"
            found = connection.execute(sql, [start, end]).fetchall()
            wanted = [row for row in rows if row["sent_at"] and start <= row["sent_at"] < end]
            assert found == [(len(wanted),)]
        sql = "SELECT count(*) FROM messages WHERE sent_at IS NULL"
        assert connection.execute(sql).fetchall() == [(2,)]


# --- the files


@tables
def test_every_file_is_of_one_day_and_sorted_as_declared(
    lake: LakeFolder, table: schema.Table
) -> None:
    loaded = lake.tables()[table.name]
    fields = [loaded.schema().find_field(field.source_id) for field in loaded.sort_order().fields]
    assert tuple(field.name for field in fields) == table.sort_by
    days = set()
    for file in data_files(loaded):
        assert file.sort_order_id == loaded.sort_order().order_id
        rows = pq.ParquetFile(file.file_path).read()
        order = [(name, "ascending", "at_end") for name in table.sort_by]
        keys = rows.select(table.sort_by)
        assert keys.take(pc.sort_indices(keys, sort_keys=order)).equals(keys)

        moments = rows.column(table.partition_by).to_pylist()
        in_file = {None if moment is None else (moment - EPOCH).days for moment in moments}
        assert in_file == {file.partition[0]}
        assert file.file_path.startswith(str(lake.path / "warehouse" / "chatlake" / table.name))
        assert file.file_size_in_bytes == Path(file.file_path).stat().st_size
        assert file.record_count == rows.num_rows > 0
        days |= in_file
    if table.partition_by == "sent_at":
        assert {None, -1} < days
        assert len(days) > 4


@tables
def test_every_file_is_zstd_with_a_page_index_and_dictionaries(
    lake: LakeFolder, table: schema.Table
) -> None:
    for file in data_files(lake.tables()[table.name]):
        footer = pq.ParquetFile(file.file_path).metadata
        assert footer.num_row_groups > 0
        for group in range(footer.num_row_groups):
            for position in range(footer.num_columns):
                column = footer.row_group(group).column(position)
                name = column.path_in_schema
                assert column.compression == "ZSTD", name
                assert column.has_offset_index, name
                assert column.has_column_index, name
                if table.column(name).type != "boolean":
                    assert column.has_dictionary_page, name


@tables
def test_columns_are_known_by_field_ids_that_follow_the_schema(
    lake: LakeFolder, table: schema.Table
) -> None:
    loaded = lake.tables()[table.name]
    ids = {field.name: field.field_id for field in loaded.schema().fields}
    assert list(ids) == [column.name for column in table.columns]
    assert list(ids.values()) == list(range(1, len(ids) + 1))
    for file in data_files(loaded):
        for field in pq.ParquetFile(file.file_path).schema_arrow:
            assert field.metadata[b"PARQUET:field_id"] == str(ids[field.name]).encode()


@tables
def test_manifests_count_the_values_of_each_file(lake: LakeFolder, table: schema.Table) -> None:
    loaded = lake.tables()[table.name]
    ids = {field.name: field.field_id for field in loaded.schema().fields}
    for file in data_files(loaded):
        rows = pq.ParquetFile(file.file_path).read()
        nulls = {name: rows.column(name).null_count for name in ids}
        assert {name: file.value_counts[ids[name]] for name in ids} == dict.fromkeys(
            ids, rows.num_rows
        )
        assert {name: file.null_value_counts[ids[name]] for name in ids} == nulls


@tables
def test_manifests_have_bounds_of_public_columns_only(
    lake: LakeFolder, table: schema.Table
) -> None:
    loaded = lake.tables()[table.name]
    private = {loaded.schema().find_field(name).field_id for name in table.private}
    chat = loaded.schema().find_field("initial_contact_id").field_id
    for snapshot in loaded.snapshots():
        for manifest in snapshot.manifests(loaded.io):
            for entry in manifest.fetch_manifest_entry(loaded.io, discard_deleted=False):
                bounds = (entry.data_file.lower_bounds, entry.data_file.upper_bounds)
                assert not private & {field_id for bound in bounds for field_id in bound}
                assert chat in bounds[0]


def test_no_metadata_holds_a_private_value(lake: LakeFolder) -> None:
    entries = [
        repr(entry)
        for loaded in lake.tables().values()
        for snapshot in loaded.snapshots()
        for manifest in snapshot.manifests(loaded.io)
        for entry in manifest.fetch_manifest_entry(loaded.io, discard_deleted=False)
    ]
    assert any("odd/" in entry for entry in entries), "bounds of ids are not shown"
    assert not any(CANARY in entry for entry in entries)
    for path in (lake.path / "warehouse").rglob("*.json"):
        assert CANARY not in path.read_text()


# --- what the tables say of themselves


@tables
def test_tables_and_columns_carry_their_docs(lake: LakeFolder, table: schema.Table) -> None:
    loaded = lake.tables()[table.name]
    assert loaded.properties["comment"] == table.doc
    described = {f.name: (f.doc, f.required) for f in loaded.schema().fields}
    assert described == {c.name: (c.doc, c.required) for c in table.columns}
    assert all(column.doc for column in table.columns)


@tables
def test_tables_are_iceberg_v2_partitioned_by_a_hidden_day(
    lake: LakeFolder, table: schema.Table
) -> None:
    loaded = lake.tables()[table.name]
    assert loaded.metadata.format_version == 2
    [partition] = loaded.spec().fields
    assert loaded.schema().find_field(partition.source_id).name == table.partition_by
    assert str(partition.transform) == "day"
    assert loaded.properties["write.parquet.compression-codec"] == "zstd"
