"""Track `questions`: what each named query reads on the engine of Athena, and how long it takes.

Athena bills the bytes. A question on `read_latency` alone may read 5 MB of 10,000 chats, any other
20 MB, and each table once; that an answer is right is what the tests in tests/trino are for. All
chats are of one day: a million a month are 33,000 a day, and files are as large as days are busy.
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from unittest.mock import patch

from bench import report
from chatlake.analytics.sql_files import ALWAYS, Query, load_named
from chatlake.tables import schema
from local.chats import scripts
from local.clock import Clock
from local.cloud import LocalCloud
from local.cloud.moto_server import MotoOptions
from local.deployed_lake import open_questions, write_lake
from local.scans import ColumnBytes, scans_of
from local.trino.installation import installed
from tools.prices import price

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from bench.workspace import Workspace
    from local.questions import Questions

CHATS, DAYS = 10_000, 1
PRICED_CHATS = 1_000_000
START = datetime(2026, 11, 1, tzinfo=UTC)
MOST_BYTES, MOST_BYTES_OF_READINGS = 20_000_000, 5_000_000

_DATABASE = "chats"
_READINGS = {"read_latency"}
_LEAST_BILLED_BYTES = 10_000_000
_PAGE = "docs/performance.md"


@dataclass(frozen=True, slots=True)
class Measured:
    """What a question took; bytes are the same each time, seconds are the least of some runs."""

    name: str
    bytes_read: int
    bytes_needed: int
    seconds: float
    scans: dict[str, int]

    @property
    def most_bytes(self) -> int:
        """The limit, of so many chats as are asked about by default."""
        return MOST_BYTES_OF_READINGS if self.scans.keys() <= _READINGS else MOST_BYTES

    def dollars(self, chats: int) -> float:
        """Return the price of asking once about a month of a million chats."""
        scanned = self.bytes_read * PRICED_CHATS / chats
        return max(scanned, _LEAST_BILLED_BYTES) / 1e12 * price("athena_tb")


def questions_track(space: Workspace, *, chats: int, runs: int) -> int:
    """Print a table of all named queries; exit code 1 if one reads more than it may."""
    if installed() is None:
        report.heading("questions: left out")
        print("Trino is not installed; `make trino` does that.")
        return 0
    with asked(space.fresh("cloud"), chats) as (questions, stored):
        report.heading(f"questions: {chats:,} chats of a day, on Trino")
        print(f"{report.machine()}; {sum(stored.of_tables().values()) / 1e6:.1f} MB in tables\n")
        print("| question | tables | MB read | of what it needs | seconds | price |")
        print("|---|---|---:|---:|---:|---:|")
        failed = 0
        for query in load_named():
            measured = measure(questions, stored, query, runs)
            print(_line(measured, chats), flush=True)
            failed |= _is_too_much(measured, chats)
    print(f"\nprice: dollars, for {PRICED_CHATS:,} chats a month; the table is for {_PAGE}")
    return failed


@contextmanager
def asked(folder: Path, chats: int) -> Iterator[tuple[Questions, ColumnBytes]]:
    """Make a lake on a local cloud whose Athena is Trino."""
    with (
        LocalCloud(folder, Clock(time.time()), moto=MotoOptions(trino=True)) as cloud,
        patch.dict(os.environ, cloud.environment),
    ):
        report.progress(f"writing {chats:,} chats")
        made = scripts(seed=1, count=chats, start=START, days=DAYS)
        lake = write_lake(cloud, _DATABASE, made)
        report.progress("starting Trino")
        yield open_questions(cloud, _DATABASE), ColumnBytes(lake, schema.TABLES)


def measure(questions: Questions, stored: ColumnBytes, query: Query, runs: int) -> Measured:
    """Ask about all days, some times, after a first time that does not count."""
    parameters = ALWAYS.parameters
    scans = scans_of(questions, query.sql, parameters)
    answers = [questions.ask(query.sql, parameters) for _ in range(runs + 1)]
    return Measured(
        query.name,
        answers[0].bytes_read,
        stored.needed(scans),
        min(answer.elapsed_ms for answer in answers[1:]) / 1000,
        dict(scans.tables),
    )


def _line(measured: Measured, chats: int) -> str:
    cells: Sequence[str] = (
        f"`{measured.name}`",
        ", ".join(sorted(measured.scans)),
        f"{measured.bytes_read / 1e6:.1f}",
        f"{measured.bytes_read / measured.bytes_needed:.2f}",
        f"{measured.seconds:.1f}",
        f"${measured.dollars(chats):.4f}",
    )
    return f"| {' | '.join(cells)} |"


def _is_too_much(measured: Measured, chats: int) -> bool:
    often = {table for table, times in measured.scans.items() if times > 1}
    if often:
        print(f"{measured.name} reads {', '.join(sorted(often))} more than once", file=sys.stderr)
    # Of few chats most of what is read are the ends of files, which say what is in them.
    over = chats >= CHATS and measured.bytes_read * CHATS > measured.most_bytes * chats
    if over:
        limit = measured.most_bytes * chats // CHATS
        print(f"{measured.name} reads {measured.bytes_read:,} bytes of {limit:,}", file=sys.stderr)
    return bool(often) or over
