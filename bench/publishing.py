"""Publishing alone, in CPU time: new chats, the same once more, and one in ten of them changed.

`python -m bench.publishing [CHATS]`. It goes by what every version has, so that two checkouts can
take turns with one file of it: put this file into the older one and run both in pairs.
"""

from __future__ import annotations

import gc
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from chatlake.cli.console import TerminalProgress
from chatlake.documents.upsert import upsert
from chatlake.embedded.archive import EmbeddedArchive
from chatlake.operations.publish_waiting import publish_waiting
from chatlake.operations.republish import republish
from chatlake.sources.get_transcript import from_response
from chatlake.tables.publish import PublishOutcome
from local.chats import scripts
from local.example_lake import START, archived

if TYPE_CHECKING:
    from collections.abc import Iterable

    from chatlake.documents.document import Document
    from local.chats import Chat

_CHATS, _DAYS = 4_000, 7
_CHANGED = 10


def main() -> None:
    """Print the seconds of each, and how many chats were written."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else _CHATS
    chats = list(scripts(seed=3, count=count, start=START, days=_DAYS))
    first = [archived(chat) if n % _CHANGED else _half(chat) for n, chat in enumerate(chats)]
    rest = [archived(chat) for chat in chats[::_CHANGED]]
    with (
        TemporaryDirectory() as folder,
        EmbeddedArchive(Path(folder) / "lake", create=True) as archive,
    ):
        _take(archive, first)
        _measure(archive, "new")
        republish(archive, TerminalProgress())
        _measure(archive, "the same")
        _take(archive, rest)
        _measure(archive, f"one in {_CHANGED} changed")


def _half(chat: Chat) -> Document:
    page = next(iter(chat.pages()))
    items = page["Transcript"]
    return from_response({**page, "Transcript": items[: len(items) // 2 + 1]})


def _take(archive: EmbeddedArchive, documents: Iterable[Document]) -> None:
    result = upsert(list(documents), store=archive.store, chats=archive.chats)
    archive.publish_queue.send(result.to_publish)


def _measure(archive: EmbeddedArchive, what: str) -> None:
    outcome = PublishOutcome()
    gc.collect()
    began = time.process_time()
    publish_waiting(archive, TerminalProgress(), outcome)
    print(f"{what}: {time.process_time() - began:.2f} s, {len(outcome.published):,} chats")


if __name__ == "__main__":
    main()
