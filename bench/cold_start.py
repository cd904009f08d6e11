"""Track `cold`: how long a function takes from nothing to ready, beside what it cannot do without.

Functions are started as the local cloud starts them, by Lambda's own runtime client; ready is when
it asks for its first event. Bare imports run from the same layers, in as isolated a process. The
runs take turns, so that whatever else the machine does meets all of them.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from bench import report
from local.clock import Clock
from local.cloud import LocalCloud
from local.scripted.contact_center import INSTANCE_ARN
from tools.artifacts import HOST, built_layer, run_isolated

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.cloud import Stack

_TEMPLATE = Path(".aws-sam/build/template.yaml")
_BARE = {
    "bare import boto3": (("BaseLayer",), "import boto3"),
    "bare import pyarrow.parquet, pyiceberg": (
        ("BaseLayer", "ArrowLayer"),
        "import pyarrow.parquet, pyiceberg.catalog.glue, pyiceberg.io.pyarrow",
    ),
}
_EVENTS: dict[str, dict[str, list[str]]] = {"Capture": {}, "Publish": {"Records": []}}


def cold_track(*, runs: int) -> int:
    """Print the medians of some cold starts; exit code 1 if there is no build."""
    if not _TEMPLATE.exists():
        print("There is no build: run `make build` first.", file=sys.stderr)
        return 1
    times: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder, LocalCloud(Path(folder), _clock()) as cloud:
        report.progress("deploying")
        stack = cloud.deploy(_TEMPLATE, {"ConnectInstanceArn": INSTANCE_ARN})
        for run in range(runs + 1):
            report.progress(f"run {run} of {runs}" if run else "a first run, to warm the disk")
            for name, seconds in _run(cloud, stack):
                if run:
                    times.setdefault(name, []).append(seconds)
    _print(times, runs)
    return 0


def _clock() -> Clock:
    return Clock(time.time())


def _run(cloud: LocalCloud, stack: Stack) -> Iterator[tuple[str, float]]:
    for name, (layers, code) in _BARE.items():
        folders = [built_layer(layer, HOST) / "python" for layer in layers]
        started = time.perf_counter()
        run_isolated(folders, code).check_returncode()
        yield name, time.perf_counter() - started
    for name, event in _EVENTS.items():
        cloud.cool(stack.resources[name])
        cloud.invoke(stack, name, event)
        init_s = cloud.invocations(name)[-1].init_s
        assert init_s is not None, "the environment was to be a new one"
        yield name, init_s


def _print(times: dict[str, list[float]], runs: int) -> None:
    report.heading("Cold start")
    peers = {"Capture": "bare import boto3", "Publish": "bare import pyarrow.parquet, pyiceberg"}
    rows = [["process", "median s", "least", "most", "beside the bare import"]]
    for name, found in times.items():
        peer = peers.get(name)
        ratio = f"{median(found) / median(times[peer]):.2f} ×" if peer else ""
        rows.append([name, f"{median(found):.2f}", f"{min(found):.2f}", f"{max(found):.2f}", ratio])
    report.table(rows)
    report.notes(
        [
            f"{runs} runs each, taking turns, disk warm; {report.machine()}.",
            "Functions: from the start of the process to the first request for an event, handler "
            "imported, clients made. Bare imports: a whole process, its end included.",
        ]
    )
