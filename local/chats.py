"""Scripted chats for tests, benches and the local cloud: generated, and written as files.

`scripts` makes chats that look like a contact center's: arrivals by hour and weekday, queues and
agents of different speed, bots, transfers, receipts throttled by their clients. A chat depends on
the seed, its number and the period alone, so the same arguments give the same bytes.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path, PurePath
from random import Random
from zlib import crc32

from local.scripted.chat import Chat, Leg
from local.scripted.contact_center import Calendar
from local.scripted.conversation import Conversation
from local.scripted.files import Folders, JsonLines, Writer
from local.scripted.items import Attachment, Item, JsonObject, Participant, Processing, Receipt
from local.scripted.phrases import LANGUAGES, Language
from local.scripted.scene import Scene
from local.scripted.traits import draw_traits
from local.scripted.transcript import chat_of

__all__ = [
    "Attachment",
    "Calendar",
    "Chat",
    "Item",
    "Leg",
    "Participant",
    "Processing",
    "Receipt",
    "script",
    "scripts",
]

RETURNING_SHARE = 0.055
TWICE_RETURNING_SHARE = 0.25
"""Of the returning customers, those who look for an earlier chat that itself continued one."""

_EXPORT_DELAY_MS = 60_000
_TRIES = 100  # the rarer sort is one in eighteen: this many tries miss it once in 300
_PROGRESS_EVERY = 500


def scripts(*, seed: int, count: int, start: datetime, days: int) -> Iterator[Chat]:
    """Make chats that start within a period.

    Parameters
    ----------
    seed
        Any integer; another one gives other chats.
    count
        How many; chat ``i`` is the same whatever the count.
    start
        The aware moment when the period begins; hours and weekdays are those of its time zone.
    days
        The length of the period; a chat near its end may run past it.

    Yields
    ------
    Chat
        The chats by number, not by time.
    """
    calendar = Calendar(start, days)
    for index in range(count):
        yield script(seed, index, calendar)


def script(seed: int, index: int, calendar: Calendar) -> Chat:
    """Make one chat by its number; for a persistent one, that which it continues is made too."""
    rng = Random(f"{seed}/{index}")
    source, started_ms = _source(rng, seed, index, calendar)
    if started_ms is None:
        started_ms = calendar.arrival_ms(rng)
    traits = draw_traits(rng, None if source is None else _customer_of(source))
    related = None if source is None else source.initial_contact_id
    scene = Scene(rng, traits, started_ms, related)
    Conversation(scene).play()
    return chat_of(scene, index, source)


def _source(
    rng: Random, seed: int, index: int, calendar: Calendar
) -> tuple[Chat, int] | tuple[None, None]:
    """Return the earlier chat that a chat continues and when it does; most continue none."""
    if index == 0 or not _returns(seed, index):
        return None, None
    source = script(seed, _earlier(rng, seed, index), calendar)
    started_ms = calendar.arrival_after_ms(rng, source.ended_ms + _EXPORT_DELAY_MS)
    return (None, None) if started_ms is None else (source, started_ms)


def _returns(seed: int, index: int) -> bool:
    """Whether a chat's customer looks for an earlier chat, told without making the chat."""
    return crc32(f"{seed}/{index}/returns".encode()) < RETURNING_SHARE * 2**32


def _earlier(rng: Random, seed: int, index: int) -> int:
    twice = rng.random() < TWICE_RETURNING_SHARE
    earlier = int(rng.random() * index)
    for _ in range(_TRIES):
        if _returns(seed, earlier) == twice:
            break
        earlier = int(rng.random() * index)
    return earlier


def _customer_of(chat: Chat) -> tuple[Language, str]:
    customer = next(person for person in chat.participants if person.role == "CUSTOMER")
    return next(known for known in LANGUAGES if known.code == chat.language), customer.name


def _named_values(chat: Chat, shapes: Iterable[str]) -> Iterator[tuple[str, str, JsonObject]]:
    """Yield (shape, name, value) of each JSON value that a chat is written as."""
    if "pages" in shapes:
        for number, page in enumerate(chat.pages(), start=1):
            yield "pages", f"{chat.initial_contact_id}_{number:03}", page
    if "exports" in shapes:
        for leg, export in zip(chat.legs, chat.exports(), strict=True):
            yield "exports", PurePath(leg.export_key).stem, export


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m local.chats",
        description=(
            "Write invented Amazon Connect chats as the JSON that `chatlake import` reads: pages "
            "of GetTranscript, the exports that Connect puts into S3, or both. The same "
            "arguments always give the same bytes."
        ),
        epilog=(
            "A first look, 200 chats in a file each page:\n"
            "  python -m local.chats --chats 200 --output ./chats\n"
            "A bench, 100,000 chats in a few large files:\n"
            "  python -m local.chats --chats 100000 --jsonl 20000 --output ./chats\n"
            "What a stack without tokens sees, compressed:\n"
            "  python -m local.chats --chats 500 --shape exports --gzip --output ./exports"
        ),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--chats", type=_positive, default=200, metavar="N", help="how many chats (200)")
    add("--seed", type=int, default=1, metavar="S", help="another seed, other chats (1)")
    add(
        "--start",
        type=_moment,
        default="2026-09-01",
        metavar="DATE",
        help="the period's first day or moment, UTC unless it has an offset (2026-09-01)",
    )
    add("--days", type=_positive, default=30, metavar="N", help="the period's length (30)")
    add("--output", type=Path, required=True, metavar="DIR", help="where to; made if missing")
    add(
        "--shape",
        choices=("pages", "exports", "both"),
        default="pages",
        help="GetTranscript responses with receipts, S3 exports without, or both (pages)",
    )
    files = parser.add_mutually_exclusive_group()
    files.add_argument(
        "--files-per",
        type=_positive,
        default=1_000,
        metavar="N",
        help="one .json file per page or export, N of them in a folder (1000)",
    )
    files.add_argument(
        "--jsonl",
        type=_positive,
        metavar="N",
        help="N pages or exports in each .jsonl file instead: much faster to write and to read",
    )
    add("--gzip", action="store_true", help="compress every file (.gz)")
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        message = f"{number} is less than 1"
        raise argparse.ArgumentTypeError(message)
    return number


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write chats as the command line says, and return the exit code."""
    options = _parser().parse_args(arguments)
    shapes = ("pages", "exports") if options.shape == "both" else (options.shape,)
    chats = scripts(seed=options.seed, count=options.chats, start=options.start, days=options.days)
    with ExitStack() as stack:
        writers = {shape: stack.enter_context(_writer(options, shape)) for shape in shapes}
        for number, chat in enumerate(chats, start=1):
            for shape, name, value in _named_values(chat, shapes):
                writers[shape].write(name, value)
            if number % _PROGRESS_EVERY == 0 or number == options.chats:
                _show_progress(number, options.chats)
    return 0


def _writer(options: argparse.Namespace, shape: str) -> Writer:
    if options.jsonl is None:
        return Folders(options.output / shape, options.files_per, zipped=options.gzip)
    return JsonLines(options.output, shape, options.jsonl, zipped=options.gzip)


def _show_progress(number: int, count: int) -> None:
    if sys.stderr.isatty():
        end = "\n" if number == count else ""
        print(f"\r{number:,} of {count:,} chats", end=end, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
