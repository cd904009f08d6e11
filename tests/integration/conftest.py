"""A lake and the command on it; one AWS for all tests of a process; functions to load."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from chatlake.cli import commands as cli
from tests.aws import Aws, serving
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
        argv = ["chatlake", "--lake", str(lake.path), *map(str, arguments)]
        monkeypatch.setattr(sys, "argv", argv)
        capsys.readouterr()
        try:
            with pytest.raises(SystemExit) as done:
                cli.main()
        finally:
            gc.enable()  # which commands switch off for as long as they last
        said = capsys.readouterr()
        assert CANARY not in said.err
        assert CANARY not in said.out or "query" in argv
        code = done.value.code
        assert isinstance(code, int)
        return Ran(code, said.out, said.err)

    return run


@pytest.fixture(scope="session")
def aws() -> Iterator[Aws]:
    with serving() as running:
        yield running


@pytest.fixture
def load(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Load a function as it is when its environment is new."""
    return loader(aws, monkeypatch)
