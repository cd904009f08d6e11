"""The bench measures what it says, and refuses to compare what is not equal."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from bench import duckdb_script
from bench.equality import RowsDiffer, assert_equal_rows
from bench.importing import chatlake_import
from bench.memory import memory_track
from bench.modules import Size, size_of
from bench.process import CommandFailed, Usage, measure, run
from bench.workspace import Workspace

pytestmark = pytest.mark.world

ROOT = Path(__file__).resolve().parents[3]
CHATS = 60
HOG_BYTES = 200 * 2**20


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return Workspace(tmp_path_factory.mktemp("bench"))


@pytest.fixture(scope="module")
def lake(space: Workspace) -> Path:
    folder = space.folder / "lake"
    run(chatlake_import(space.dataset(CHATS).folder, folder))
    return folder


@pytest.fixture(scope="module")
def made_by_script(space: Workspace) -> Path:
    folder = space.folder / "script"
    duckdb_script.main(space.dataset(CHATS).folder, folder)
    return folder


@pytest.fixture
def script_output(made_by_script: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made_by_script, tmp_path / "script"))


def bench(tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bench", *arguments],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )


def rewrite(folder: Path, sql: str) -> None:
    """Put one file with the rows of some SQL over `rows` in the place of a table's files."""
    files = list(folder.rglob("*.parquet"))
    with duckdb.connect() as connection:
        connection.execute(
            f"CREATE TABLE rows AS FROM read_parquet('{folder}/**/*.parquet', "
            "hive_partitioning = false)"
        )
        for file in files:
            file.unlink()
        connection.execute(f"COPY ({sql}) TO '{folder}/rewritten.parquet' (FORMAT parquet)")


def test_the_lake_and_the_script_hold_the_same_rows(lake: Path, script_output: Path) -> None:
    counts = assert_equal_rows(lake, script_output)

    assert counts.keys() == {"messages", "receipts"}
    assert min(counts.values()) > CHATS


@pytest.mark.parametrize("table", ["messages", "receipts"])
@pytest.mark.parametrize(
    "sql",
    [
        pytest.param("FROM rows OFFSET 1", id="a row is missing"),
        pytest.param("FROM rows UNION ALL (FROM rows LIMIT 1)", id="a row is there twice"),
        pytest.param(
            "SELECT * REPLACE (sent_at + to_microseconds(1) AS sent_at) FROM rows",
            id="times are a microsecond late",
        ),
        pytest.param("SELECT * EXCLUDE sent_at FROM rows", id="a column is missing"),
        pytest.param(
            "SELECT * REPLACE (sent_at::VARCHAR AS sent_at) FROM rows", id="a type differs"
        ),
        pytest.param("FROM rows WHERE false", id="all rows are missing"),
    ],
)
def test_a_difference_is_named_with_its_table(
    lake: Path, script_output: Path, table: str, sql: str
) -> None:
    rewrite(script_output / table, sql)

    with pytest.raises(RowsDiffer, match=table):
        assert_equal_rows(lake, script_output)


def test_a_column_that_the_script_leaves_out_must_hold_nothing(
    script_output: Path, tmp_path: Path
) -> None:
    item = {"Id": "1", "ContactId": "c", "Type": "MESSAGE", "Mood": "good"}
    chat = {"InitialContactId": "c", "Transcript": [item]}
    (tmp_path / "chat.json").write_text(json.dumps(chat))
    run(chatlake_import(tmp_path / "chat.json", tmp_path / "lake"))

    with pytest.raises(RowsDiffer, match="messages: extra, which the script leaves out, is set"):
        assert_equal_rows(tmp_path / "lake", script_output)


def test_unequal_rows_fail_the_process_that_compares(lake: Path, script_output: Path) -> None:
    rewrite(script_output / "receipts", "FROM rows OFFSET 1")

    with pytest.raises(CommandFailed, match="exit code 1"):
        run([sys.executable, "-m", "bench.equality", lake, script_output])


def test_the_script_joins_by_hash(space: Workspace) -> None:
    plans = []
    with duckdb.connect() as connection:
        source = space.dataset(CHATS).folder / "*.jsonl"
        connection.execute("SET VARIABLE files = ?", [str(source)])
        for name in ("items", "chat_days", "receipts", "messages"):
            sql = (ROOT / "bench" / "sql" / f"{name}.sql").read_text()
            connection.execute(sql)
            plans += connection.execute(f"EXPLAIN SELECT * FROM {name}").fetchall()
            if name == "receipts":
                as_select = sql[sql.index("WITH") :]
                plans += connection.execute(f"EXPLAIN {as_select}").fetchall()

    joins = [word for _, plan in plans for word in plan.split() if word.endswith("_JOIN")]
    assert joins
    assert {*joins} <= {"HASH_JOIN"}


def test_the_import_track_reports_every_way_and_leaves_nothing_behind(tmp_path: Path) -> None:
    done = bench(tmp_path, "--track", "import", "--chats", str(CHATS), "--runs", "1")

    assert done.returncode == 0, done.stderr
    for line in ("chatlake import  ", "DuckDB script  ", "floor  ", "chatlake import ÷ DuckDB"):
        assert f"\n{line}" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_the_redelivery_track_finds_the_lake_unchanged_and_the_script_doubled(
    tmp_path: Path,
) -> None:
    done = bench(tmp_path, "--track", "redelivery", "--chats", str(CHATS), "--runs", "1")

    assert done.returncode == 0, done.stderr
    verdicts = [line.split("  ")[-1].strip() for line in done.stdout.splitlines()]
    assert "unchanged" in verdicts
    assert "2.00 times" in verdicts


def test_the_memory_track_fails_when_an_import_passes_its_limit(tmp_path: Path) -> None:
    assert memory_track(Workspace(tmp_path), chats=50, limit_bytes=1) == 1


@pytest.mark.parametrize(("tree_peak_bytes", "code"), [(600_000_000, 0), (600_000_001, 1)])
def test_the_limit_holds_for_all_processes_of_an_import_together(
    space: Workspace, monkeypatch: pytest.MonkeyPatch, tree_peak_bytes: int, code: int
) -> None:
    usage = Usage(wall_s=1.0, cpu_s=1.0, peak_bytes=1, tree_peak_bytes=tree_peak_bytes)
    monkeypatch.setattr("bench.memory.measure", lambda *_, **__: usage)

    assert memory_track(space, chats=CHATS) == code


def test_a_command_that_fails_is_no_measurement() -> None:
    with pytest.raises(CommandFailed, match=r"exit code 1 of: .*\n.*no such thing"):
        measure([sys.executable, "-c", "import sys; sys.exit('no such thing')"])


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_the_peak_of_a_tree_counts_every_process() -> None:
    hog = f"hog = b'x' * {HOG_BYTES}"
    child = f"import sys; {hog}; print(flush=True); sys.stdin.read()"
    # Both have it for a second at least, in which samples are taken.
    parent = (
        "import subprocess, sys, time; pipe = subprocess.PIPE; "
        f"child = subprocess.Popen([sys.executable, '-c', {child!r}], stdin=pipe, stdout=pipe); "
        f"{hog}; child.stdout.readline(); time.sleep(1); child.stdin.close(); child.wait()"
    )

    usage = measure([sys.executable, "-c", parent], sample_tree=True)

    assert usage.peak_bytes >= HOG_BYTES
    assert usage.tree_peak_bytes >= 2 * HOG_BYTES


def test_lines_of_code_are_neither_blank_nor_comments_nor_docstrings() -> None:
    source = "\n".join(
        [
            '"""Doc,',
            "",
            'of a module."""',
            "",
            "# why",
            'X = """a',
            "",
            'b"""  # what',
            "",
            "",
            "def f():",
            '    """Doc."""',
            "    return X",
        ]
    )

    assert size_of(source) == Size(lines=13, text=7, code=4)
