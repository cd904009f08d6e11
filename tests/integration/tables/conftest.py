"""A world on the real documents and tables of a folder, and others who write to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.tables.beside_others import Beside, two_chats
from tests.others.with_pyiceberg import PyicebergOthers
from tests.stateful.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.close()


@pytest.fixture
def others(world: World) -> PyicebergOthers:
    assert world.catalog is not None
    return PyicebergOthers(world.catalog)


@pytest.fixture
def beside(world: World) -> Beside:
    return two_chats(world)
