"""Others write to the tables between any two of our steps: pyiceberg's commits, on real files."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from hypothesis.stateful import precondition, rule

from tests.others.foreign import OthersAmongOurs
from tests.others.model import TABLES
from tests.others.with_pyiceberg import PyicebergOthers
from tests.stateful.world import World

if TYPE_CHECKING:
    from tests.others.protocol import Others


class OthersInALake(OthersAmongOurs):
    """The tables and documents of a folder, which alone can be rebuilt."""

    def make_world(self) -> World:
        self.folder = TemporaryDirectory()
        return World(Path(self.folder.name))

    def make_others(self) -> Others:
        assert self.world.catalog is not None
        return PyicebergOthers(self.world.catalog)

    @precondition(lambda self: self.is_quiet())
    @rule()
    def all_is_rebuilt(self) -> None:
        self.world.rebuild()
        for table in TABLES:
            self.model.begin_anew(table)
        self.touched.clear()
        self.look()
        self.publish()

    def teardown(self) -> None:
        try:
            super().teardown()
        finally:
            self.folder.cleanup()


TestOthers = pytest.mark.timeout(900)(OthersInALake.TestCase)
TestOthers.settings = settings(
    max_examples=max(settings().max_examples // 8, 1), stateful_step_count=10
)
