"""Track `modules`: how much code the package is, module by module.

`lines` are all lines; `text` those that are neither blank nor only a comment; `code` those of them
that are no docstring either.
"""

from __future__ import annotations

import ast
import io
import tokenize
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import chatlake
from bench import report

_PACKAGE = Path(chatlake.__file__).parent
_LAYOUT = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
}


@dataclass(frozen=True, slots=True)
class Size:
    """Lines of a module."""

    lines: int
    text: int
    code: int


def modules_track() -> int:
    """Print the size of each module; exit code 0."""
    sizes = {
        str(path.relative_to(_PACKAGE)): size_of(path.read_text(encoding="utf-8"))
        for path in sorted(_PACKAGE.rglob("*.py"))
    }
    total = Size(*(sum(getattr(size, name) for size in sizes.values()) for name in Size.__slots__))
    report.heading("modules: chatlake, by lines of code")
    by_size = sorted(sizes.items(), key=lambda pair: pair[1].code, reverse=True)
    report.table(
        [
            ["module", *Size.__slots__],
            *([name, str(s.lines), str(s.text), str(s.code)] for name, s in by_size),
            [f"{len(sizes)} modules", str(total.lines), str(total.text), str(total.code)],
        ]
    )
    print(
        f"\nmedian module: {median(size.code for size in sizes.values()):.0f} lines of code, "
        f"largest: {by_size[0][0]}"
    )
    return 0


def size_of(source: str) -> Size:
    """Count the lines of a module's source."""
    text = {
        line
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type not in _LAYOUT
        for line in range(token.start[0], token.end[0] + 1)
    }
    written = source.splitlines()
    text = {line for line in text if written[line - 1].strip()}
    return Size(len(written), len(text), len(text - _docstrings(ast.parse(source))))


def _docstrings(tree: ast.Module) -> set[int]:
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    return {
        line
        for node in ast.walk(tree)
        if isinstance(node, documented) and ast.get_docstring(node, clean=False) is not None
        for line in range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1)
    }
