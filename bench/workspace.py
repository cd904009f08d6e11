"""The temporary folder of a run, with the generated chats that its tracks read.

Nothing in it is deleted before the end: for minutes after many files are gone, ext4 makes new ones
at many times the cost (it passes over inodes that were freed lately), which would be measured.
The same holds for a bench right after a bench.
"""

from __future__ import annotations

import shutil
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING

from bench.process import run
from bench.report import progress

if TYPE_CHECKING:
    from collections.abc import Iterator

_CHATS_PER_FILE = 5000


@dataclass(frozen=True, slots=True)
class Dataset:
    """Generated chats: where their files are, how many they are, and the size of their JSON."""

    folder: Path
    chats: int
    size: int


class Workspace:
    """A folder for all that a run writes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._given = 0

    def dataset(self, chats: int) -> Dataset:
        """Generate chats as pages of GetTranscript in .jsonl files, the same in every run."""
        folder = self.folder / f"chats-{chats}"
        if not folder.exists():
            progress(f"generating {chats:,} chats")
            generate = [sys.executable, "-m", "local.chats", "--chats", str(chats)]
            run([*generate, "--jsonl", str(_CHATS_PER_FILE), "--output", folder])
        return Dataset(folder, chats, sum(file.stat().st_size for file in folder.iterdir()))

    def fresh(self, name: str) -> Path:
        """Return the path of a folder that is not there yet."""
        self._given += 1
        return self.folder / f"{self._given:03}-{name}"


@contextmanager
def workspace(*, keep: bool) -> Iterator[Workspace]:
    """Make a temporary folder, removed at the end unless it is to be kept."""
    folder = Path(mkdtemp(prefix="chatlake-bench-"))
    try:
        yield Workspace(folder)
    finally:
        if keep:
            progress(f"kept: {folder}")
        else:
            shutil.rmtree(folder)
