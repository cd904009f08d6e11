"""Track `redelivery`: the same files once more. No row of the lake may change.

Rows are compared by number and checksum over all columns of all four tables, `published_at`
included: what is not rewritten keeps the time that it was written. The DuckDB script runs twice
into one folder, too; it has no memory of what it took in, so every row is there twice.
"""

from __future__ import annotations

import json
import sys
from statistics import median
from typing import TYPE_CHECKING, cast

from bench import report
from bench.importing import chatlake_import, duckdb_script
from bench.process import measure, run

if TYPE_CHECKING:
    from pathlib import Path

    from bench.fingerprint import Fingerprint
    from bench.workspace import Workspace

_NOTES = (
    "The script could overwrite instead, and would lose what an earlier delivery had and this one "
    "has not; or look up what is there before it adds, which is what chatlake is for.",
)


def redelivery_track(space: Workspace, *, chats: int, runs: int) -> int:
    """Import the same again; exit code 1 if a row of the lake changed."""
    data = space.dataset(chats)
    lake, folder = space.fresh("lake"), space.fresh("script")
    report.progress("first delivery")
    first = measure(chatlake_import(data.folder, lake))
    script_first = measure(duckdb_script(data.folder, folder))
    before, script_before = _fingerprint(lake), _fingerprint(folder)
    again = []
    for position in range(1, runs + 1):
        report.progress(f"the same again, {position} of {runs} ({report.load()})")
        again.append(measure(chatlake_import(data.folder, lake)))
    script_again = measure(duckdb_script(data.folder, folder))
    after, script_after = _fingerprint(lake), _fingerprint(folder)

    report.heading(f"redelivery: the same {chats:,} chats again")
    print(f"{report.machine()}\n")
    report.table(
        [
            ["", "first, s", "again, s", "rows after the first", "rows at last", "rows"],
            [
                f"chatlake import (again: {runs} times, median)",
                f"{first.wall_s:.2f}",
                f"{median(usage.wall_s for usage in again):.2f}",
                *_verdict(before, after),
            ],
            [
                "DuckDB script (again: once)",
                f"{script_first.wall_s:.2f}",
                f"{script_again.wall_s:.2f}",
                *_verdict(script_before, script_after),
            ],
        ]
    )
    print()
    report.notes(_NOTES)
    return 0 if before == after else 1


def _fingerprint(folder: Path) -> Fingerprint:
    printed = run([sys.executable, "-m", "bench.fingerprint", folder])
    return cast("Fingerprint", json.loads(printed))


def _verdict(before: Fingerprint, after: Fingerprint) -> tuple[str, str, str]:
    counts = [sum(rows for rows, _ in state.values()) for state in (before, after)]
    same = "unchanged" if before == after else f"{counts[1] / counts[0]:.2f} times"
    return f"{counts[0]:,}", f"{counts[1]:,}", same
