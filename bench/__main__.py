"""The bench on the command line: `python -m bench`."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from bench.analytics import analytics_track
from bench.cold_start import cold_track
from bench.importing import import_track
from bench.memory import memory_track
from bench.modules import modules_track
from bench.process import CommandFailed
from bench.questions import CHATS, questions_track
from bench.redelivery import redelivery_track
from bench.truth import truth_track
from bench.workspace import workspace

if TYPE_CHECKING:
    from collections.abc import Sequence

_TRACKS = ("import", "redelivery", "memory", "analytics", "questions", "cold", "modules", "truth")
_DESCRIPTION = """\
Measure chatlake on generated chats, always the same ones, in fresh processes.

tracks:
  import      chatlake import beside a well-tuned DuckDB script on the same files, and
              beside the floor (orjson parses, Parquet is written). First the rows of
              both must be equal; then they take turns, and the ratio of each pair counts.
  redelivery  the same files again: exit code 1 if a row of the lake changes.
  memory      peak of resident memory of a large import: exit code 1 above 600 MB.
              Besides, what a query and verify take.
  analytics   what read_latency_hourly of one day of thirty reads of the lake, beside the same
              question on the JSON; and the time of a report on --receipts receipts.
  questions   what each named query reads on Trino, which Athena is built on, and its price;
              exit code 1 if one reads more than it may. Left out without Trino (make trino).
  cold        how long Capture and Publish take to start, beside bare imports.
  modules     lines of code of each module.
  truth       what is told of readings beside the truth, by how often chats are read whose tokens
              die with them: exit code 1 if one is told to be unseen for longer than it was.

The machine decides the absolute figures and nothing asserts them: quote medians and ratios, of
a machine that does nothing else and, on ext4, has not deleted many files in the last minutes
(new ones are dear until then). All tracks take some 6 GB in the temporary folder ($TMPDIR).
"""
_EPILOG = """\
examples:
  python -m bench                                    all tracks, some ten minutes
  python -m bench --track import --runs 9            a steadier ratio
  python -m bench --track import --chats 500 --runs 1     does it work at all?
  python -m bench --track memory --chats 300000      does the peak grow with the input?

exit code: 0 measured and within all limits, 1 a row or a limit is not as it should be.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the tracks that the command line asks for, and return the exit code."""
    options = _parser().parse_args(arguments)
    tracks = _TRACKS if options.track == "all" else (options.track,)
    code = 0
    with workspace(keep=options.keep) as space:
        for track in tracks:
            try:
                match track:
                    case "import":
                        chats = options.chats or 20_000
                        failed = import_track(space, chats=chats, runs=options.runs)
                    case "redelivery":
                        chats = options.chats or 20_000
                        failed = redelivery_track(space, chats=chats, runs=options.runs)
                    case "memory":
                        failed = memory_track(space, chats=options.chats or 100_000)
                    case "analytics":
                        failed = analytics_track(
                            space, chats=options.chats or 20_000, receipts=options.receipts
                        )
                    case "questions":
                        failed = questions_track(
                            space, chats=options.chats or CHATS, runs=options.runs
                        )
                    case "cold":
                        failed = cold_track(runs=options.runs)
                    case "truth":
                        failed = truth_track(chats=options.chats or 3_000)
                    case _:
                        failed = modules_track()
            except CommandFailed as error:
                print(f"{track}: {error}", file=sys.stderr)
                failed = 1
            code = max(code, failed)
            sys.stdout.flush()
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--track", choices=(*_TRACKS, "all"), default="all", help="which one (all)")
    parser.add_argument(
        "--chats",
        type=_positive,
        metavar="N",
        help="how many (20,000; memory: 100,000; truth: 3,000)",
    )
    parser.add_argument(
        "--receipts",
        type=_positive,
        default=1_000_000,
        metavar="N",
        help="analytics: receipts that the report is made of (1,000,000)",
    )
    parser.add_argument(
        "--runs", type=_positive, default=5, metavar="R", help="timed runs of each way (5)"
    )
    parser.add_argument(
        "--keep", action="store_true", help="keep the temporary folder and say where it is"
    )
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        message = f"{number} is less than 1"
        raise argparse.ArgumentTypeError(message)
    return number


if __name__ == "__main__":
    sys.exit(main())
