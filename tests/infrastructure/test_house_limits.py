"""The limits of the house: a module holds one idea, and a function is seen at once."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("bench", "functions", "layers", "local", "tools")
MODULE_LINES = 300
FUNCTION_LINES = 60

CHATLAKE = "layers/chatlake/python/chatlake"
# What may be longer, by its place, and why. An entry goes when what it names is short enough.
EXCEPTIONS: dict[str, str] = {}

of_each_folder = pytest.mark.parametrize("folder", FOLDERS)


def module_lengths(folder: str) -> dict[str, int]:
    """Lines of each module, by its path."""
    return {
        path.relative_to(ROOT).as_posix(): len(path.read_text("utf-8").splitlines())
        for path in sorted((ROOT / folder).rglob("*.py"))
    }


def function_lengths(folder: str) -> dict[str, int]:
    """Lines of each function, docstring included and decorators left out, by its place."""
    lengths: dict[str, int] = {}
    for path in sorted((ROOT / folder).rglob("*.py")):
        module = path.relative_to(ROOT).as_posix()
        for name, lines in functions_of(ast.parse(path.read_text("utf-8"))):
            place = f"{module}:{name}"
            # Branches may define a function of the same name twice.
            lengths[place] = max(lines, lengths.get(place, 0))
    return lengths


def functions_of(code: ast.AST, within: str = "") -> Iterator[tuple[str, int]]:
    """The functions below a node with their lines, those within classes and functions, too."""
    for node in ast.iter_child_nodes(code):
        name = within
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            name = f"{within}.{node.name}".lstrip(".")
            if not isinstance(node, ast.ClassDef):
                yield name, (node.end_lineno or node.lineno) - node.lineno + 1
        yield from functions_of(node, name)


def beyond(limit: int, lengths: dict[str, int]) -> list[str]:
    return [
        f"{place} has {lines} lines, {limit} are allowed"
        for place, lines in lengths.items()
        if lines > limit and place not in EXCEPTIONS
    ]


@of_each_folder
def test_no_module_is_too_long_for_one_idea(folder: str) -> None:
    lengths = module_lengths(folder)
    assert lengths
    too_long = beyond(MODULE_LINES, lengths)
    assert not too_long, "give the second idea a module of its own:\n" + "\n".join(too_long)


@of_each_folder
def test_no_function_is_too_long_to_be_seen_at_once(folder: str) -> None:
    lengths = function_lengths(folder)
    assert lengths
    too_long = beyond(FUNCTION_LINES, lengths)
    assert not too_long, "give a step of it a name of its own:\n" + "\n".join(too_long)


@pytest.mark.parametrize("place", sorted(EXCEPTIONS))
def test_an_exception_is_still_needed(place: str) -> None:
    path, _, function = place.partition(":")
    folder = path.partition("/")[0]
    if function:
        lines, limit = function_lengths(folder).get(place, 0), FUNCTION_LINES
    else:
        lines, limit = module_lengths(folder).get(place, 0), MODULE_LINES
    assert lines > limit, f"{place} has {lines} lines by now: take it out of EXCEPTIONS"


def test_a_function_is_measured_with_its_docstring_wherever_it_is() -> None:
    code = """
class One:
    @property
    def two(self):
        \"\"\"Three lines,
        all of them.
        \"\"\"
        async def three():
            return 4
if True:
    def five(): ...
"""
    assert dict(functions_of(ast.parse(code))) == {"One.two": 6, "One.two.three": 2, "five": 1}
