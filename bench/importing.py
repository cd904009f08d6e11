"""Track `import`: chatlake beside DuckDB on its own, on the same files, with the same rows.

The first round is not timed: it warms the disk cache for all, and its outputs must hold the same
rows, or there is nothing to compare. Then the ways take turns, each in a fresh process that writes
to a fresh folder, and ratios are made pair by pair, so that a busy moment of the machine hits
both sides of a pair. Absolute times are printed, never asserted.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from bench import report
from bench.process import measure, run

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bench.process import Usage
    from bench.workspace import Dataset, Workspace

CHATLAKE = Path(sys.executable).with_name("chatlake")

_NOTES = (
    "DuckDB's script (bench/duckdb_script.py, bench/sql/) makes messages and receipts without the "
    "columns instance_id (not in these files) and extra (null in every row here: the files hold "
    "nothing unknown). It reads one shape of well-formed input, as fast as a script can.",
    "chatlake import does more in its time: it keeps a document for each chat (the raw JSON, "
    "merged, one file each), applies all of docs/row-rules.md (unknown members, unreadable values, "
    "items without ids), makes attachments and contacts, too, commits four Iceberg tables in "
    "batches, and can be repeated or killed at any point without a row lost or doubled.",
    "floor: orjson parses every line, ten members of each item go as they are into one unsorted "
    "Parquet file; one core.",
)


@dataclass(frozen=True, slots=True)
class Way:
    """A way from the files to tables: its name, and its command for a source and an output."""

    name: str
    command: Callable[[Path, Path], list[str | Path]]


def chatlake_import(source: Path, lake: Path) -> list[str | Path]:
    return [CHATLAKE, "import", "--lake", lake, source]


def duckdb_script(source: Path, output: Path) -> list[str | Path]:
    return [sys.executable, "-m", "bench.duckdb_script", source, output]


def _floor(source: Path, output: Path) -> list[str | Path]:
    return [sys.executable, "-m", "bench.floor", source, output]


OURS = Way("chatlake import", chatlake_import)
THEIRS = Way("DuckDB script", duckdb_script)
_WAYS = (OURS, THEIRS, Way("floor", _floor))
_COMPARED = {"messages", "receipts"}


@dataclass(frozen=True, slots=True)
class Run:
    """One timed run: what it used, and the bytes of its two tables and of all that it wrote."""

    usage: Usage
    tables_size: int
    size: int


def import_track(space: Workspace, *, chats: int, runs: int) -> int:
    """Compare the ways; exit code 0."""
    data = space.dataset(chats)
    report.progress("first round, not timed: are the rows equal?")
    outputs = {way: _once(way, data, space)[0] for way in _WAYS}
    equal = run([sys.executable, "-m", "bench.equality", outputs[OURS], outputs[THEIRS]])
    timed: dict[Way, list[Run]] = {way: [] for way in _WAYS}
    for position in range(1, runs + 1):
        for way in _WAYS:
            report.progress(f"run {position} of {runs}: {way.name} ({report.load()})")
            timed[way].append(_once(way, data, space)[1])
    _print(data, equal, timed)
    return 0


def _once(way: Way, data: Dataset, space: Workspace) -> tuple[Path, Run]:
    output = space.fresh(way.name.replace(" ", "-"))
    usage = measure(way.command(data.folder, output))
    sizes = {path: path.stat().st_size for path in output.rglob("*") if path.is_file()}
    in_tables = sum(
        size
        for path, size in sizes.items()
        if path.suffix == ".parquet" and _COMPARED & {*path.relative_to(output).parts}
    )
    return output, Run(usage, in_tables, sum(sizes.values()))


def _print(data: Dataset, equal: str, timed: dict[Way, list[Run]]) -> None:
    report.heading(f"import: {data.chats:,} chats, {report.mb(data.size)} MB of JSON")
    print(f"{report.machine()}\nThe lake and the script's output hold the same {equal}.\n")
    header = ["median", "wall s", "CPU s", "peak RSS MiB", "chats/s", "MB/s"]
    rows = [[*header, "two tables MiB", "all files MiB"]]
    for way, runs in timed.items():
        wall_s = median(run.usage.wall_s for run in runs)
        rows.append(
            [
                way.name,
                f"{wall_s:.2f}",
                f"{median(run.usage.cpu_s for run in runs):.2f}",
                report.mib(median(run.usage.peak_bytes for run in runs)),
                f"{data.chats / wall_s:,.0f}",
                f"{data.size / 1e6 / wall_s:.1f}",
                f"{median(run.tables_size for run in runs) / 2**20:.1f}",
                f"{median(run.size for run in runs) / 2**20:.1f}",
            ]
        )
    report.table(rows)
    ours, theirs = timed[OURS], timed[THEIRS]
    print(
        f"\nchatlake import ÷ DuckDB script, pair by pair over {len(ours)} runs: "
        f"wall {_ratio(ours, theirs, lambda run: run.usage.wall_s)}, "
        f"CPU {_ratio(ours, theirs, lambda run: run.usage.cpu_s)}, "
        f"peak RSS {_ratio(ours, theirs, lambda run: run.usage.peak_bytes)}\n"
    )
    report.notes(_NOTES)


def _ratio(ours: Sequence[Run], theirs: Sequence[Run], of: Callable[[Run], float]) -> str:
    ratios = [of(a) / of(b) for a, b in zip(ours, theirs, strict=True)]
    return f"{median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
