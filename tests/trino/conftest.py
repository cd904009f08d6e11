"""Trino, and a lake that it and DuckDB are asked about."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from local.clock import Clock
from local.cloud import LocalCloud
from local.cloud.moto_server import MotoOptions
from local.trino.installation import TrinoMissing, installed
from tests.trino.lakes import Lakes, small_lake
from tests.trino.shared_lake import shared_lakes

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.trino.lakes import AskedLake
    from tests.trino.shared_lake import SharedLake


@pytest.fixture(scope="session", autouse=True)
def trino() -> None:
    """Leave out what needs Trino where it is not installed, unless it must be there."""
    if installed() is None:
        assert not os.environ.get("CHATLAKE_NEEDS_TRINO"), str(TrinoMissing())
        pytest.skip(str(TrinoMissing()))


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory, trino: None) -> Iterator[LocalCloud]:
    """A cloud whose Athena is Trino."""
    folder = tmp_path_factory.mktemp("cloud")
    with LocalCloud(folder, Clock(time.time()), moto=MotoOptions(trino=True)) as cloud:
        yield cloud


@pytest.fixture(scope="session")
def lakes(cloud: LocalCloud) -> Iterator[Lakes]:
    with Lakes(cloud) as made:
        yield made


@pytest.fixture(scope="session")
def lake(lakes: Lakes) -> Iterator[AskedLake]:
    """A small lake with everything in it that is rare."""
    with small_lake(lakes) as made:
        yield made


@pytest.fixture(scope="session")
def make_lake(lakes: Lakes) -> Iterator[Callable[..., SharedLake]]:
    """Make lakes with some chats, to which others write, too."""
    with shared_lakes(lakes) as make:
        yield make
