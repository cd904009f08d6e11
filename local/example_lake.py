"""A lake to try things on: invented chats with their contact events, receipts and exports.

`python -m local.example_lake --output DIR` makes what a deployed stack would have archived of them:
of most chats transcript, export and events; of every tenth, from a messaging app, no more than
export and events. The same arguments always give the same rows.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import reduce
from pathlib import Path

from chatlake.cli.console import TerminalProgress
from chatlake.documents.document import Document, merge
from chatlake.embedded.archive import EmbeddedArchive
from chatlake.operations.rebuild import rebuild
from chatlake.sources.contact_event import from_event
from chatlake.sources.get_transcript import from_response
from chatlake.sources.s3_export import from_export
from local.chats import scripts
from local.scripted.chat import Chat
from local.scripted.items import timestamp

_WITHOUT_TOKEN = 10
START = datetime.fromisoformat("2026-11-02T00:00:00+00:00")


def example_lake(folder: Path, *, chats: int, days: int, seed: int = 1) -> None:
    """Make a lake, or replace what a lake holds, with chats that begin on Monday, 2026-11-02."""
    with EmbeddedArchive(folder, create=True) as archive:
        for chat in scripts(seed=seed, count=chats, start=START, days=days):
            document = archived(chat)
            archive.store.update(document.initial_contact_id, _given(document))
    with EmbeddedArchive(folder, rebuilding=True) as archive:
        rebuild(archive, TerminalProgress())


def archived(chat: Chat) -> Document:
    """Return the document of a chat when all is over."""
    return reduce(merge, _sources(chat))


def _sources(chat: Chat) -> Iterator[Document]:
    for leg in chat.legs:
        for event_type, at_ms in leg.events():
            detail = leg.detail(event_type, at_ms, chat.initial_contact_id)
            yield from_event({"time": timestamp(at_ms), "detail": detail})
    for export in chat.exports():
        yield from_export(export)
    if chat.index % _WITHOUT_TOKEN:
        for page in chat.pages():
            yield from_response(page)


def _given(document: Document) -> Callable[[Document | None], Document]:
    return lambda _: document


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m local.example_lake", description=__doc__)
    parser.add_argument("--chats", type=int, default=2000, metavar="N", help="how many (2000)")
    parser.add_argument("--days", type=int, default=28, metavar="N", help="of how many days (28)")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="the lake")
    arguments = parser.parse_args()
    example_lake(arguments.output, chats=arguments.chats, days=arguments.days)


if __name__ == "__main__":
    main()
