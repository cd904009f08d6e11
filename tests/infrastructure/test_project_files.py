"""The files that make a fresh machine the same as every other one."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable

ROOT = Path(__file__).resolve().parents[2]
REQUIREMENTS = ROOT / "requirements"
PYPROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
DIRECT: dict[str, list[str]] = {
    "bootstrap": PYPROJECT["dependency-groups"]["bootstrap"],
    "runtime": PYPROJECT["project"]["dependencies"],
    "dev": PYPROJECT["project"]["dependencies"]
    + PYPROJECT["project"]["optional-dependencies"]["aws"]
    + PYPROJECT["dependency-groups"]["dev"],
    "sam": PYPROJECT["dependency-groups"]["sam"],
    "scan": PYPROJECT["dependency-groups"]["scan"],
    "trino": PYPROJECT["dependency-groups"]["trino"],
}

# Their direct requirements name no versions: those are dev's.
LAYERS = ("layer-arrow", "layer-base")

requirement_files = pytest.mark.parametrize("name", sorted([*DIRECT, *LAYERS]))


def blocks(name: str) -> list[str]:
    """Each requirement with the lines that belong to it."""
    text = (REQUIREMENTS / f"{name}.txt").read_text()
    return re.findall(r"^\w.*(?:\n[ \t].*)*", text, flags=re.MULTILINE)


def pins(requirements: Iterable[str]) -> dict[str, str]:
    """Versions by package name; a requirement that is not exact fails."""
    matches = [
        (r, re.match(r"([\w.-]+)(?:\[[\w,]+\])?==([\w.]+)(?=\s|$)", r)) for r in requirements
    ]
    assert [r for r, match in matches if match is None] == []
    return {match[1]: match[2] for _, match in matches if match}


@requirement_files
def test_every_pinned_package_has_its_hashes(name: str) -> None:
    assert blocks(name)
    assert [block for block in blocks(name) if "--hash=sha256:" not in block] == []


@requirement_files
def test_no_requirement_file_names_an_index_or_a_path_of_a_machine(name: str) -> None:
    text = (REQUIREMENTS / f"{name}.txt").read_text()
    assert re.findall(r"https?:|file:|index|find-links|trusted-host|\s/\w+", text) == []


@pytest.mark.parametrize("name", sorted(DIRECT))
def test_the_pins_are_those_of_pyproject(name: str) -> None:
    pinned = pins(blocks(name))
    direct = pins(DIRECT[name])
    assert {package: pinned.get(package) for package in direct} == direct, "run `make lock`"


def test_tests_run_on_the_versions_that_users_get() -> None:
    runtime, dev = pins(blocks("runtime")), pins(blocks("dev"))
    assert {package: dev.get(package) for package in runtime} == runtime, "run `make lock`"


@pytest.mark.parametrize("name", LAYERS)
def test_layers_hold_the_versions_that_are_tested(name: str) -> None:
    layer, dev = pins(blocks(name)), pins(blocks("dev"))
    assert set(PYPROJECT["dependency-groups"][name]) <= layer.keys(), "run `make lock`"
    assert {package: dev.get(package) for package in layer} == layer, "run `make lock`"


def test_the_build_backend_is_the_pinned_one() -> None:
    assert set(PYPROJECT["build-system"]["requires"]) <= set(DIRECT["dev"])


def test_the_wheel_carries_every_module_and_every_query(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    [wheel] = tmp_path.glob("*.whl")

    package = ROOT / "layers/chatlake/python"
    modules = {path.relative_to(package).as_posix() for path in package.rglob("*.py")}
    queries = {f"chatlake/{path.relative_to(ROOT)}" for path in ROOT.glob("queries/*/*.sql")}
    assert modules
    assert queries
    with zipfile.ZipFile(wheel) as archive:
        assert modules | queries <= set(archive.namelist())
