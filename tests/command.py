"""Commands: that of chatlake within this process, and whatever is run as a program."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import pytest

from chatlake.cli import commands as cli
from tests.lake_folder import Ran

_SCRIPT_TIMEOUT_S = 400


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


def outside(*prefixes: str) -> dict[str, str]:
    """Return this process's environment without what names a lake or a stack, and such prefixes."""
    left_out = ("CHATLAKE_", *prefixes)
    return {name: value for name, value in os.environ.items() if not name.startswith(left_out)}


def run_shell(script: str, *, environment: Mapping[str, str], cwd: Path) -> Ran:
    """Run commands as a shell does; what fails ends them."""
    shell = ("bash", "-euo", "pipefail", "-c", script)
    return run_program(*shell, environment=environment, cwd=cwd, timeout_s=_SCRIPT_TIMEOUT_S)


def run_program(
    *command: str | Path,
    environment: Mapping[str, str],
    cwd: Path | None = None,
    timeout_s: float = 120,
) -> Ran:
    """Run a program in an environment, with nothing to read; nobody is to see a traceback."""
    done = subprocess.run(
        command,
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return Ran(done.returncode, done.stdout, done.stderr)
