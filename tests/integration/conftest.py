"""A lake and the command on it; one AWS for all tests of a process; functions to load."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.aws import Aws, serving
from tests.command import run_command
from tests.functions import Load, loader
from tests.lake_folder import CANARY, Chatlake, LakeFolder, Ran, new_lake


@pytest.fixture
def lake(tmp_path: Path) -> LakeFolder:
    """A lake that is not there yet, and an empty inbox."""
    return new_lake(tmp_path)


@pytest.fixture
def chatlake(
    lake: LakeFolder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Chatlake:
    """Run the command on the lake, within this process."""

    def run(*arguments: str | Path) -> Ran:
        ran = run_command(monkeypatch, capsys, "--lake", lake.path, *arguments)
        assert CANARY not in ran.err
        assert CANARY not in ran.out or "query" in arguments
        return ran

    return run


@pytest.fixture(scope="session")
def aws() -> Iterator[Aws]:
    with serving() as running:
        yield running


@pytest.fixture
def load(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Load a function as it is when its environment is new."""
    return loader(aws, monkeypatch)
