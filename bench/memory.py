"""Track `memory`: whether a large import stays within its limit.

The peak is that of the largest process, by the kernel's account, and of all processes at one
moment, sampled; the larger of the two must not pass the limit. What it takes to verify the lake
and to query it is printed beside, without a limit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench import report
from bench.importing import CHATLAKE, chatlake_import
from bench.process import measure

if TYPE_CHECKING:
    from pathlib import Path

    from bench.workspace import Workspace

LIMIT_BYTES = 600_000_000


def memory_track(space: Workspace, *, chats: int, limit_bytes: int = LIMIT_BYTES) -> int:
    """Measure the peaks; exit code 1 if the import's is above the limit."""
    data = space.dataset(chats)
    lake = space.fresh("lake")
    commands: dict[str, list[str | Path]] = {
        "import": chatlake_import(data.folder, lake),
        "query (named)": [CHATLAKE, "query", "--lake", lake, "--named", "read_latency_by_role"],
        "verify": [CHATLAKE, "verify", "--lake", lake],
    }
    rows = [["", "wall s", "CPU s", "largest process MB", "all processes MB"]]
    peaks = {}
    for name, command in commands.items():
        report.progress(f"chatlake {name} ({report.load()})")
        usage = measure(command, sample_tree=True)
        peaks[name] = usage.tree_peak_bytes
        rows.append(
            [
                f"chatlake {name}",
                f"{usage.wall_s:.1f}",
                f"{usage.cpu_s:.1f}",
                report.mb(usage.peak_bytes),
                report.mb(usage.tree_peak_bytes),
            ]
        )
    report.heading(f"memory: {chats:,} chats, {report.mb(data.size)} MB of JSON")
    print(f"{report.machine()}\n")
    report.table(rows)
    is_within = peaks["import"] <= limit_bytes
    print(
        f"\nimport: {report.mb(peaks['import'])} MB, "
        f"{'within' if is_within else 'ABOVE'} the limit of {report.mb(limit_bytes)} MB"
    )
    return 0 if is_within else 1
