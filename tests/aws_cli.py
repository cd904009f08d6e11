"""The AWS CLI, which comes beside SAM: pages give its commands, and tests run them."""

from __future__ import annotations

from pathlib import Path

from tools.artifacts import ROOT


def install(folder: Path) -> Path:
    """Put `aws` alone into a new folder, for the head of a PATH."""
    program = ROOT / ".venv/sam/bin/aws"
    assert program.exists(), "run make setup .venv/sam/bin/sam first"
    folder.mkdir()
    (folder / "aws").symlink_to(program)
    return folder
