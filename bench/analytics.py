"""Track `analytics`: what a question of one day reads, and how long the report takes.

`read_latency_hourly` for one day of thirty is asked of the lake, and the same of the JSON that the
lake was made of. Both must count the same readings before anything is reported.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from bench import report
from bench.importing import CHATLAKE, chatlake_import
from bench.process import measure, run

if TYPE_CHECKING:
    from pathlib import Path

    from bench.workspace import Workspace

_DAY = "2026-09-15"


def analytics_track(space: Workspace, *, chats: int, receipts: int) -> int:
    """Print both; exit code 1 if lake and JSON do not agree."""
    data, lake = space.dataset(chats), space.fresh("lake")
    report.progress("importing")
    run(chatlake_import(data.folder, lake))
    of_lake, of_json = (
        _hours(kind, folder) for kind, folder in (("lake", lake), ("json", data.folder))
    )
    report.heading(
        f"analytics: one day of thirty, {chats:,} chats, {report.mb(data.size)} MB of JSON"
    )
    print(f"{report.machine()}\n")
    rows = [["read_latency_hourly", "files read", "of files", "MB read", "seconds"]]
    for name, asked in (("of the lake", of_lake), ("of the JSON", of_json)):
        figures = [asked["files"], asked["files in all"], report.mb(asked["bytes"])]
        rows.append([name, *map(str, figures), f"{asked['seconds']:.2f}"])
    report.table(rows)
    print(f"\nbytes: the JSON takes {of_json['bytes'] / of_lake['bytes']:.0f} times as many")
    if of_lake["rows"] != of_json["rows"]:
        print("The lake and the JSON do not count the same readings.", file=sys.stderr)
        return 1
    _report(space, receipts)
    return 0


def _hours(kind: str, folder: Path) -> dict[str, Any]:
    report.progress(f"asking for the hours of {_DAY}, of the {kind}")
    said = run([sys.executable, "-m", "bench.hours", kind, folder, _DAY])
    asked: dict[str, Any] = json.loads(said)
    return asked


def _report(space: Workspace, receipts: int) -> None:
    lake = space.fresh("many")
    report.progress(f"making a lake of {receipts:,} receipts")
    run([sys.executable, "-m", "bench.many_receipts", lake, str(receipts)])
    page = space.fresh("report.html")
    report.progress("making the report")
    usage = measure([CHATLAKE, "--lake", lake, "report", "--output", page], sample_tree=True)
    print(
        f"\nreport of {receipts:,} receipts: {usage.wall_s:.1f} s, {usage.cpu_s:.1f} s CPU, "
        f"at most {report.mb(usage.tree_peak_bytes)} MB; "
        f"the page has {page.stat().st_size // 1000} kB"
    )
