"""What a run says: tables and notes on standard output, progress on standard error."""

from __future__ import annotations

import os
import platform
import sys
import textwrap
from importlib.metadata import version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_WIDTH = 100


def progress(step: str) -> None:
    """Say what is being done."""
    print(f"… {step}", file=sys.stderr, flush=True)


def heading(title: str) -> None:
    print(f"\n{title}\n{'=' * len(title)}")


def table(rows: Sequence[Sequence[str]]) -> None:
    """Print rows, the first of them the header: words to the left, numbers to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for position, row in enumerate(rows):
        first, *others = [
            cell.rjust(width) if place else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        print("  ".join([first, *others]).rstrip())
        if position == 0:
            print("  ".join("-" * width for width in widths))


def notes(lines: Iterable[str]) -> None:
    for line in lines:
        print(textwrap.fill(line, _WIDTH, initial_indent="* ", subsequent_indent="  "))


def machine() -> str:
    """Describe what the figures hold for."""
    packages = ", ".join(f"{name} {version(name)}" for name in ("duckdb", "pyarrow", "orjson"))
    return (
        f"{len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count()} "
        f"cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}, "
        f"{packages}; {load()}"
    )


def load() -> str:
    """Say how busy the machine is, which the figures depend on."""
    return f"load average {os.getloadavg()[0]:.1f}"


def mib(size: float) -> str:
    return f"{size / 2**20:,.0f}"


def mb(size: float) -> str:
    return f"{size / 1e6:,.0f}"
