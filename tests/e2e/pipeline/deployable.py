"""The template with its code for this machine's processor, as `sam build` leaves it."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import pytest

from tools.artifacts import HOST, ROOT, IndexUnreachable, built_layer

LAYERS = {"ArrowLayer": "arrow", "BaseLayer": "base", "ChatlakeLayer": "chatlake"}


def layer(name: str) -> Path:
    """A layer as it is deployed, built unless it was before."""
    try:
        return built_layer(name, HOST)
    except IndexUnreachable:
        pytest.skip("the package index cannot be reached, and the layers are not yet built")


def deployable(folder: Path, layers: Mapping[str, Path] = MappingProxyType({})) -> Path:
    """Put the template and what it deploys into a new folder, some layers other than built now."""
    (folder / "layers").mkdir(parents=True)
    template = folder / "template.yaml"
    shutil.copy(ROOT / "template.yaml", template)
    # A copy, because functions start long after this: all are to be of one moment.
    made = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "functions", folder / "functions", ignore=made)
    for name, place in LAYERS.items():
        (folder / "layers" / place).symlink_to(layers.get(name) or layer(name))
    return template
