"""Where a test lives follows from the module that it tests, and unit tests need nothing."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import pytest

from tools.artifacts import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

TESTS = ROOT / "tests"
CHATLAKE = ROOT / "layers" / "chatlake" / "python" / "chatlake"
# Where tests may be of code beside the package, and where that is.
BESIDE = {
    "unit": {"local": ROOT / "local", "tools": ROOT / "tools"},
    "integration": {
        "local": ROOT / "local",
        "bench": ROOT / "bench",
        "functions": ROOT / "functions",
    },
}
# What stands in for AWS or opens a browser; the server of the local cloud runs moto.
NOT_IN_UNIT = {"moto", "playwright", "local.cloud.moto_server"}


def place_of(kind: str, folder: str) -> Path:
    """Return the folder of the modules that the tests of a folder are of."""
    return BESIDE[kind].get(folder, CHATLAKE / folder)


def names_of_modules(folder: Path) -> set[str]:
    """Return what tests of modules below a folder are named by, such as `chats` or `store_s3`."""
    paths = (path.relative_to(folder).with_suffix("").parts for path in folder.rglob("*.py"))
    return {
        "_".join(part for part in parts[begin:] if part != "__init__")
        for parts in paths
        for begin in range(len(parts))
    } - {""}


def is_of_a_module(test: Path) -> bool:
    """Whether a unit test is named by a module of its package, and perhaps by more words."""
    folder, *_ = (*test.relative_to(TESTS / "unit").parts[:-1], "")
    name = test.stem.removeprefix("test_")
    return any(
        name == module or name.startswith(f"{module}_")
        for module in names_of_modules(place_of("unit", folder))
    )


@pytest.mark.parametrize(
    "test",
    sorted((TESTS / "unit").rglob("test_*.py")),
    ids=lambda path: str(path.relative_to(TESTS / "unit")),
)
def test_a_unit_test_is_named_by_the_module_that_it_tests(test: Path) -> None:
    assert is_of_a_module(test)


@pytest.mark.parametrize(
    ("place", "is_so"),
    [
        ("capture/test_pagination.py", True),
        ("tables/test_flatten.py", True),
        ("documents/test_store_folder.py", True),
        ("local/test_participant_service_timeline.py", True),
        ("test_timestamps.py", True),
        ("documents/test_pagination.py", False),
        ("capture/test_transcript_scan.py", False),
        ("nothing/test_timestamps.py", False),
    ],
)
def test_a_unit_test_in_a_wrong_place_is_found(place: str, *, is_so: bool) -> None:
    assert is_of_a_module(TESTS / "unit" / place) is is_so


@pytest.mark.parametrize("kind", BESIDE)
def test_the_folders_of_tests_are_those_of_the_packages(kind: str) -> None:
    folders = {path.parent.name for path in (TESTS / kind).glob("*/test_*.py")}
    assert folders
    assert {folder for folder in folders if not place_of(kind, folder).is_dir()} == set()
    # Only modules of the ground are in no package.
    assert kind == "unit" or list((TESTS / kind).glob("test_*.py")) == []


def imported(path: Path) -> Iterator[str]:
    """Yield what a module imports, at once or late, but for what it needs for types only."""
    waiting: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield str(node.module)
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"):
            waiting += ast.iter_child_nodes(node)


def files_of(module: str) -> list[Path]:
    """Return the file of a module of this project, and those of the packages it is in."""
    names = module.split(".")
    home = CHATLAKE.parent if names[0] == "chatlake" else ROOT
    stems = [home.joinpath(*names[:end]) for end in range(1, len(names) + 1)]
    files = [file for stem in stems for file in (stem.with_suffix(".py"), stem / "__init__.py")]
    return [file for file in files if file.is_file()]


def reached(files: Iterable[Path]) -> dict[str, Path]:
    """Return all that some files import, however far, each with a file that does."""
    found: dict[str, Path] = {}
    waiting = list(files)
    seen: set[Path] = set()
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        for module in imported(path):
            found.setdefault(module, path)
            waiting += files_of(module)
    return found


def forbidden(modules: dict[str, Path]) -> dict[str, Path]:
    return {
        module: path
        for module, path in modules.items()
        if any(module == name or module.startswith(f"{name}.") for name in NOT_IN_UNIT)
    }


def test_no_unit_test_reaches_a_stand_in_for_aws_or_a_browser() -> None:
    modules = reached([*(TESTS / "unit").rglob("*.py"), TESTS / "conftest.py"])
    assert {
        "chatlake.json_codec",
        "local.participant_service",
        "tests.strategies",
    } <= modules.keys()
    assert forbidden(modules) == {}


@pytest.mark.parametrize(
    ("code", "is_found"),
    [
        ("import moto", True),
        ("def f():\n    from playwright.sync_api import Page", True),
        ("from tests.aws import Aws", True),
        ("from local.cloud.event_pattern import matches", True),
        ("if TYPE_CHECKING:\n    from tests.aws import Aws", False),
        ("from local.participant_service import Behaviour", False),
    ],
)
def test_a_unit_test_that_reaches_one_is_found(
    tmp_path: Path, code: str, *, is_found: bool
) -> None:
    path = tmp_path / "test_it.py"
    path.write_text(code)
    assert bool(forbidden(reached([path]))) is is_found


def from_conftests(path: Path) -> set[str]:
    return {module for module in imported(path) if "conftest" in module.split(".")}


def test_no_module_imports_from_a_conftest() -> None:
    found = {path: from_conftests(path) for path in TESTS.rglob("*.py")}
    assert {str(path.relative_to(ROOT)) for path, modules in found.items() if modules} == set()


def test_an_import_from_a_conftest_is_found(tmp_path: Path) -> None:
    path = tmp_path / "test_it.py"
    path.write_text("from tests.integration.conftest import lake")
    assert from_conftests(path)
    path.write_text("from tests.integration import conftest")
    assert from_conftests(path)
    path.write_text("from tests.lake_folder import LakeFolder")
    assert not from_conftests(path)
