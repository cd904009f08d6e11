"""What make would run: the commands of a target as make itself works them out."""

from __future__ import annotations

import os
import subprocess

from tools.artifacts import ROOT


def recipe(target: str) -> list[str]:
    """Return the commands of a target and of all that it needs, as a new shell would see them.

    What makes the environments counts as made: tests run in one of them.
    """
    made = (
        *("requirements/bootstrap.txt", ".venv/.ready", ".venv/sam/bin/sam"),
        ".venv/scan/.ready",
    )
    said = _make("--dry-run", *(f"--assume-old={name}" for name in made), target)
    return said.replace("\\\n", " ").splitlines()


def targets() -> set[str]:
    """Return the targets that `make` lists to whoever asks."""
    return {line.split()[1] for line in _make().splitlines() if line.startswith("make ")}


def _make(*arguments: str) -> str:
    done = subprocess.run(
        ["make", *arguments],
        cwd=ROOT,
        check=True,
        # Apart from the make that runs the tests, whose options would reach this one.
        env={name: value for name, value in os.environ.items() if not name.startswith("MAKE")},
        text=True,
        capture_output=True,
    )
    return done.stdout
