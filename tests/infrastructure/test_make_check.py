"""`make check` runs its parts side by side, and fails if one of them does."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tools.artifacts import ROOT

# Every tool that the gate runs before the tests.
TOOLS = (
    *("ruff", "uv", "mypy", "python", "cfn-lint", "sam"),
    *("checkov", "bandit", "zizmor", "detect-secrets-hook"),
)


def check(folder: Path, *, fails: str | None) -> subprocess.CompletedProcess[str]:
    """Run it with tools that do nothing, of which one fails; each notes that it was called."""
    called = folder / "called"
    for name in TOOLS:
        (tool := folder / name).write_text(
            f"#!/bin/sh\necho {name} >> {called}\nexit {int(name == fails)}\n"
        )
        tool.chmod(0o755)
    made = [folder / name for name in ("ready", "scan-ready")]
    # After the tools, so that nothing is made anew.
    for file in made:
        file.touch()
    return subprocess.run(
        [
            *("make", "check", f"BIN={folder}", f"SCANNERS={folder}", f"UV={folder / 'uv'}"),
            *(f"SAM={folder / 'sam'}", f"READY={made[0]}", f"SCAN={made[1]}"),
        ],
        cwd=ROOT,
        check=False,
        # Apart from the make that runs the tests, whose options would reach this one.
        env={name: value for name, value in os.environ.items() if not name.startswith("MAKE")},
        text=True,
        capture_output=True,
    )


def test_every_tool_is_called(tmp_path: Path) -> None:
    done = check(tmp_path, fails=None)
    assert (done.returncode, done.stderr) == (0, "")
    assert set((tmp_path / "called").read_text().split()) == set(TOOLS)


@pytest.mark.parametrize("tool", TOOLS)
def test_one_that_fails_fails_the_gate(tmp_path: Path, tool: str) -> None:
    assert check(tmp_path, fails=tool).returncode != 0
