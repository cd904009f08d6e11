"""What is fetched is what is pinned, or nothing is installed."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from local.trino import installation
from local.trino.installation import SERVER
from tools import trino

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "home"
    monkeypatch.setattr(installation, "HOME", place)
    monkeypatch.setattr(trino, "HOME", place)
    return place


def test_a_file_of_other_bytes_than_are_pinned_is_refused(tmp_path: Path) -> None:
    file = tmp_path / SERVER.file_name
    file.write_bytes(b"server")
    pinned = replace(SERVER, sha256=hashlib.sha256(b"server").hexdigest())
    trino.check(pinned, file)
    file.write_bytes(b"another")
    with pytest.raises(trino.NotInstalled, match=r"trino-server-core.* has sha256"):
        trino.check(pinned, file)


def test_without_maven_nothing_is_installed_and_the_reason_is_told(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(trino.NotInstalled, match="mvn"):
        trino.install(tmp_path / "uv")
    assert not home.exists()


def test_an_installation_that_was_cut_off_is_none(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mvn").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "mvn").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(trino.NotInstalled, match=r"mvn did not fetch .*trino-server-core"):
        trino.install(tmp_path / "uv")
    assert installation.installed() is None
    assert list(home.iterdir()) == []
