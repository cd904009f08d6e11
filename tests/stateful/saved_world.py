"""A world that is played once for all tests of a module."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from tests.stateful.world import World

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class SavedWorld:
    """A world in a folder that was played once, and is then found by each test in the same place.

    To copy the folder takes much less than to publish, but tables know where they are.
    """

    def __init__(self, folder: Path, play: Callable[[World], object]) -> None:
        self._place, self._saved = folder / "place", folder / "saved"
        self._place.mkdir()
        self._played = World(self._place)
        play(self._played)
        shutil.copytree(self._place, self._saved)

    def again(self) -> World:
        """Return the world as it was when it was played; the one before must have been closed."""
        shutil.rmtree(self._place)
        shutil.copytree(self._saved, self._place)
        world = World(self._place)
        world.remember(self._played)
        return world

    def close(self) -> None:
        self._played.close()
