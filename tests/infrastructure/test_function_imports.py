"""Every function finds what it imports in its own layers, without anything installed here."""

from __future__ import annotations

import ast
import sys
from dataclasses import replace
from functools import cache
from importlib.machinery import PathFinder
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tools.artifacts import (
    HOST,
    Function,
    IndexUnreachable,
    built_layer,
    functions,
    python_folders,
    run_isolated,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

FUNCTIONS = functions()
# They start often and alone; Arrow would double the time.
WITHOUT_ARROW = {"Backfill", "Capture", "LastRead", "Reconcile", "StartChat", "TakeToken", "Track"}
# What only the command line imports, and only when used: no layer has it.
EMBEDDED_HOME = {
    "click",
    "duckdb",
    "jinja2",
    "markupsafe",
    "rich",
    "sqlalchemy",
    "sqlglot",
    "vl_convert",
}

loads_libraries = pytest.mark.skipif(sys.platform != "linux", reason="layers are for Linux")
of_each_function = pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f.name)


def folders(function: Function) -> list[Path]:
    try:
        return python_folders(function, HOST)
    except IndexUnreachable:
        pytest.skip("the package index cannot be reached, and the layers are not yet built")


def imports(code: ast.AST, package: str, *, later: bool) -> Iterator[str]:
    """Modules that are imported when this is, or (`later`) also when its functions are called."""
    for node in ast.iter_child_nodes(code):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join([package] * bool(node.level) + [node.module or ""] * bool(node.module))
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)
        elif later or not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from imports(node, package, later=later)


@cache
def parsed(code: str) -> ast.AST:
    """The code of a module, which most functions import."""
    return ast.parse(code)


def missing(code: Path, found_in: list[Path]) -> set[str]:
    """Packages that the code, or a module of chatlake that it imports, needs and does not find."""
    lacking: set[str] = set()
    seen: set[Path] = set()
    # A function's own code is small: what it imports late counts as what it imports at once.
    waiting = [(code, True)]
    while waiting:
        path, later = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        for module in imports(parsed(path.read_text()), package_of(path), later=later):
            top = module.partition(".")[0]
            if top == "chatlake":
                waiting += [(part, False) for part in module_files(module, found_in)]
            elif top not in sys.stdlib_module_names and not is_found(top, found_in):
                lacking.add(top)
    return lacking


def package_of(path: Path) -> str:
    parts = path.with_suffix("").parts
    names = parts[len(parts) - parts[::-1].index("chatlake") - 1 :] if "chatlake" in parts else ()
    return ".".join(names if path.name == "__init__.py" else names[:-1]).removesuffix(".__init__")


def module_files(module: str, found_in: list[Path]) -> list[Path]:
    """The file of a module of chatlake, and of the packages that are imported before it."""
    home = next(folder for folder in found_in if (folder / "chatlake").is_dir())
    names = module.split(".")
    stems = [home.joinpath(*names[: depth + 1]) for depth in range(len(names))]
    files = [file for stem in stems for file in (stem.with_suffix(".py"), stem / "__init__.py")]
    return [file for file in files if file.is_file()]


def is_found(top: str, found_in: list[Path]) -> bool:
    return PathFinder.find_spec(top, [str(folder) for folder in found_in]) is not None


@of_each_function
def test_a_function_finds_what_it_and_chatlake_import(function: Function) -> None:
    assert missing(function.code / "app.py", folders(function)) == set()


@loads_libraries
@of_each_function
def test_a_function_starts_with_its_layers_alone(function: Function) -> None:
    code = "import app; print(callable(app.handler)); print(*sys.modules, sep='\\n')"
    done = run_isolated(folders(function), code, function.variables)
    assert done.returncode == 0, done.stderr
    is_callable, *modules = done.stdout.split()
    assert is_callable == "True"
    loaded = {module.partition(".")[0] for module in modules}
    if function.name in WITHOUT_ARROW:
        assert loaded & {"pyarrow", "pyiceberg"} == set()


def test_functions_that_start_often_have_no_arrow() -> None:
    assert {f.name for f in FUNCTIONS if "ArrowLayer" not in f.layers} == WITHOUT_ARROW


IMPORTED = """
import importlib

def is_there(name):
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name.partition(".")[0] in ELSEWHERE:
            return True
        module, _, member = name.rpartition(".")
        return module and is_there(module) and hasattr(importlib.import_module(module), member)
    return True

print(*(name for name in NAMES if not is_there(name)))
"""


@loads_libraries
def test_late_imports_of_chatlake_are_in_a_layer_or_of_the_command_line() -> None:
    [everything] = [function for function in FUNCTIONS if function.name == "Publish"]
    found_in = folders(everything)
    package = built_layer("ChatlakeLayer", HOST) / "python" / "chatlake"
    names = {
        module
        for path in package.rglob("*.py")
        for module in imports(parsed(path.read_text()), package_of(path), later=True)
        if module.partition(".")[0] not in sys.stdlib_module_names | EMBEDDED_HOME | {"chatlake"}
    }
    assert {"pyarrow", "pyiceberg.transforms"} <= names
    given = f"NAMES, ELSEWHERE = {sorted(names)!r}, {EMBEDDED_HOME!r}\n"
    done = run_isolated(found_in, given + IMPORTED)
    assert (done.stdout, done.stderr) == ("\n", "")


@pytest.fixture
def fabricated(tmp_path: Path) -> Function:
    """A function with the layers of Capture and code of its own."""
    [capture] = [function for function in FUNCTIONS if function.name == "Capture"]
    return replace(capture, code=tmp_path)


@pytest.mark.parametrize("module", ["duckdb", "pyarrow"])
def test_a_function_that_imports_what_its_layers_lack_is_found_out(
    fabricated: Function, module: str
) -> None:
    app = fabricated.code / "app.py"
    app.write_text(f"import json, boto3\n\ndef handler(event, context):\n    import {module}\n")
    assert missing(app, folders(fabricated)) == {module}
    app.write_text(f"import {module}\n")
    done = run_isolated(folders(fabricated), "import app", fabricated.variables)
    assert f"No module named '{module}'" in done.stderr


def test_a_module_of_chatlake_that_imports_what_the_layers_lack_is_found_out(
    fabricated: Function,
) -> None:
    package = fabricated.code / "chatlake"
    (package / "lake").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "lake" / "__init__.py").write_text("from . import rows\n")
    (package / "lake" / "rows.py").write_text("import pyarrow as pa\n")
    app = fabricated.code / "app.py"
    app.write_text("from chatlake.lake import publish\n")
    assert missing(app, folders(fabricated)) == {"pyarrow"}
