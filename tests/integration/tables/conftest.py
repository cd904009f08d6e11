"""A world on the real documents and tables of a folder, and others who write to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.tables.beside_others import Beside, beside_others, publish_two_chats
from tests.others.with_pyiceberg import PyicebergOthers
from tests.stateful.saved_world import SavedWorld
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


@pytest.fixture(scope="module")
def two_chats_published(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SavedWorld]:
    saved = SavedWorld(tmp_path_factory.mktemp("beside"), publish_two_chats)
    yield saved
    saved.close()


@pytest.fixture
def beside(two_chats_published: SavedWorld) -> Iterator[Beside]:
    """Two chats that were published at once, and others."""
    world = two_chats_published.again()
    yield beside_others(world)
    world.close()
