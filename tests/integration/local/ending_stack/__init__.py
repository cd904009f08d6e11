"""A stack with a function that reads last."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent
TEMPLATE = FOLDER / "template.yaml"
