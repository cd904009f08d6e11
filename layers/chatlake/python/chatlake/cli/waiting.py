"""What answers lack: chats of the lake that are not in its tables yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from chatlake.chat_state.sqlite_queue import count_waiting
from chatlake.tables.lake.local_catalog import CHATS

if TYPE_CHECKING:
    from pathlib import Path


def warn_of_waiting(folder: Path) -> None:
    """Say on standard error how many chats wait to be published, if any do."""
    waiting = count_waiting(folder / CHATS)
    if waiting:
        chats = "1 chat waits" if waiting == 1 else f"{waiting:,} chats wait"
        click.echo(
            f"{chats} to be published: this tells of the others, or of how it was before. "
            "`chatlake rebuild` publishes all.",
            err=True,
        )
