"""The command of chatlake within this process."""

from __future__ import annotations

import gc
import sys
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import pytest

from chatlake.cli import commands as cli
from tests.lake_folder import Ran


def run_command(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    *arguments: str | Path,
    during: AbstractContextManager[object] | None = None,
) -> Ran:
    """Run it, within a context if there is one; return what it said, and its exit code."""
    monkeypatch.setattr(sys, "argv", ["chatlake", *map(str, arguments)])
    capsys.readouterr()
    try:
        with pytest.raises(SystemExit) as done, during or nullcontext():
            cli.main()
    finally:
        gc.enable()  # which commands switch off for as long as they last
    said = capsys.readouterr()
    code = done.value.code
    assert isinstance(code, int)
    return Ran(code, said.out, said.err)
