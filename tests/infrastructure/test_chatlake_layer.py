"""The layer of chatlake holds what its functions import, and nothing of the command line."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tools.artifacts import HOST, ROOT, IndexUnreachable, built_layer

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCES = ROOT / "layers" / "chatlake" / "python" / "chatlake"
FUNCTIONS = sorted(ROOT.glob("functions/*/app.py"))


def imported(code: ast.AST) -> Iterator[str]:
    """The modules that code imports, at once or late, but not what is for types alone."""
    for node in ast.iter_child_nodes(code):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield str(node.module)
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        yield from imported(node)


def files_of(module: str) -> Iterator[Path]:
    """The file of a module of chatlake, and of the packages that it is in."""
    names = module.split(".")
    if names[0] == "chatlake":
        for depth in range(len(names)):
            stem = SOURCES.joinpath(*names[1 : depth + 1])
            yield from filter(Path.is_file, (stem.with_suffix(".py"), stem / "__init__.py"))


def reached_from_functions() -> set[str]:
    reached: set[Path] = set()
    waiting = list(FUNCTIONS)
    while waiting:
        code = ast.parse(waiting.pop().read_text(encoding="utf-8"))
        fresh = {path for module in imported(code) for path in files_of(module)} - reached
        reached |= fresh
        waiting += fresh
    return {str(path.relative_to(SOURCES)) for path in reached}


@pytest.fixture(scope="module")
def in_the_layer() -> set[str]:
    try:
        package = built_layer("ChatlakeLayer", HOST) / "python" / "chatlake"
    except IndexUnreachable:
        pytest.skip("the package index cannot be reached, and the layers are not yet built")
    return {str(path.relative_to(package)) for path in package.rglob("*") if path.is_file()}


def test_the_layer_holds_the_modules_that_functions_reach_and_no_other(
    in_the_layer: set[str],
) -> None:
    modules = {name for name in in_the_layer if name.endswith(".py")}
    assert modules == reached_from_functions()


def test_the_layer_holds_nothing_of_the_command_line_the_embedded_archive_or_the_report(
    in_the_layer: set[str],
) -> None:
    assert [
        name for name in in_the_layer if {"cli", "embedded", "report"} & {*Path(name).parts}
    ] == []


def test_the_layer_holds_the_views_and_the_named_queries(in_the_layer: set[str]) -> None:
    queries = {
        str(path.relative_to(ROOT))
        for kind in ("views", "named")
        for path in ROOT.glob(f"queries/{kind}/*.sql")
    }
    assert queries
    assert {name for name in in_the_layer if name.endswith(".sql")} == queries
