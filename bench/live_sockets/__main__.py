"""The bench on the command line: `python -m bench.live_sockets`."""

from __future__ import annotations

import argparse
import signal
import sys
from typing import TYPE_CHECKING

from bench import report as machine
from bench.live_sockets.report import broken, show
from bench.live_sockets.run import Configuration, run

if TYPE_CHECKING:
    from collections.abc import Sequence

_SOURCES = ("websocket", "polling")
_DESCRIPTION = """\
Capture as it is deployed reads thousands of live chats that start, go on and end, and what it has
kept of them is held against their scripts: by the participant's websocket, and the same chats by
GetTranscript alone.

A run begins as a running stack is: as many chats as are live on average are under way, their tokens
are known, and for some minutes, which are not measured, they are read and their sockets opened
faster than the rates allow. From then on these are held. Tokens die with their chats. Every process
is one of the system, is replaced as Lambda's time limit demands, and may be killed. Exit code 1 if
a promise is not kept: 99.5 % of the receipts that were reported before the end, and every message.
"""
_EPILOG = """\
examples:
  python -m bench.live_sockets                         1,000 chats, an hour of the clock, both ways
  python -m bench.live_sockets --chats 5000 --rate 15 --connections 15 --shards 5 --speed 1
  python -m bench.live_sockets --source websocket --kill 3       what kill -9 loses, three times
  python -m bench.live_sockets --source websocket --from-nothing --minutes 20
  python -m bench.live_sockets --chats 40 --warm 4 --minutes 3 --speed 8      does it work at all?

A run takes (warm + minutes + 3) / speed minutes. What is too fast for the machine shows: the
figures get worse, for everything is late. DynamoDB, S3, KMS and SQS are stand-ins whose requests
cost less than boto3's; the Participant Service is called by boto3 over HTTP, without TLS.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the runs that the command line asks for; return 1 if a promise is not kept."""
    options = _parser().parse_args(arguments)
    # Ended from outside, it ends its processes, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    sources = _SOURCES if options.source == "both" else (options.source,)
    outcomes = []
    for source in sources:
        machine.progress(f"by {source} ({machine.load()})")
        configuration = Configuration(
            source=source,
            chats=options.chats,
            minutes=options.minutes,
            speed=options.speed,
            rate=options.rate,
            connections=options.connections,
            shards=options.shards,
            kills=options.kill,
            from_nothing=options.from_nothing,
            warm_minutes=options.warm,
            seed=options.seed,
        )
        outcomes.append(run(configuration, machine.progress))
    machine.heading(
        f"{options.chats:,} live chats for {options.minutes:g} minutes at speed {options.speed:g}: "
        f"GetTranscript {options.rate:g}/s, CreateParticipantConnection "
        f"{options.connections:g}/s, shards {options.shards}, seed {options.seed}"
    )
    print(f"{machine.machine()}\n")
    show(outcomes)
    if options.verbose:
        for outcome in outcomes:
            machine.heading(f"not all kept by {outcome.configuration.source}")
            print(*outcome.kept.incomplete, sep="\n")
            machine.heading(f"what capture counted by {outcome.configuration.source}")
            print(
                *(f"{name} {count:,}" for name, count in sorted(outcome.counts.items())), sep="\n"
            )
    return int(any(broken(outcome) for outcome in outcomes))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench.live_sockets",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--chats", type=int, default=1_000, metavar="N", help="live at a time, on average (1000)")
    add("--minutes", type=float, default=60, metavar="M", help="measured, of the run's clock (60)")
    add(
        "--warm",
        type=float,
        default=16,
        metavar="M",
        help="before that, until every process has been replaced once (16)",
    )
    add("--speed", type=float, default=4, metavar="X", help="of the run's clock (4)")
    add("--rate", type=float, default=4, metavar="R", help="GetTranscript a second (4)")
    add(
        "--connections",
        type=float,
        default=3,
        metavar="R",
        help="CreateParticipantConnection a second (3)",
    )
    add("--shards", type=int, default=1, choices=range(1, 6), help="as CaptureShards (1)")
    add(
        "--source",
        choices=("both", *_SOURCES),
        default="both",
        help="as LiveSource; the same chats by both unless said (both)",
    )
    add("--kill", type=int, default=0, metavar="N", help="processes that are killed (0)")
    add(
        "--from-nothing",
        action="store_true",
        help="hold the rates from the start, when nothing has been read of the live chats",
    )
    add(
        "--verbose",
        action="store_true",
        help="name each chat that is not all kept, and tell all that capture counted",
    )
    add("--seed", type=int, default=1, metavar="S", help="other chats, and other moments (1)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
