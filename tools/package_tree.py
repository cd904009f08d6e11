"""Put the tree of the package into docs/architecture.md: its packages, from the ground up.

The order is the rule of imports, too: each imports only from those above it
(tests/infrastructure/test_architecture.py).
"""

from __future__ import annotations

import ast
import re
import textwrap
from typing import TYPE_CHECKING

from tools.artifacts import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PACKAGE = ROOT / "layers" / "chatlake" / "python" / "chatlake"
PAGE = ROOT / "docs" / "architecture.md"
TREE = re.compile(r"(?<=<!-- tree -->\n).*?(?=<!-- /tree -->)", re.DOTALL)

GROUND = (
    "exceptions",
    "participant_exceptions",
    "json_codec",
    "timestamps",
    "identifiers",
    "progress",
    "backoff",
    "locks",
    "interrupts",
    "atomic_write",
)
"""The modules that are in no package, each importing only from those before it."""

PACKAGES = (
    "aws_clients",
    "chat_state",
    "documents",
    "sources",
    "tables",
    "capture",
    "analytics",
    "operations",
    "embedded",
    "aws",
    "cli",
)
"""The packages by stage, each importing only from those before it and from the ground."""

_WIDTH = 100
_NAME_WIDTH = 14


def tree() -> str:
    """Return the tree as the page has it."""
    lines = ["```", "chatlake/"]
    ground = "what every stage uses: errors, JSON, times, ids, locks, files"
    lines += _entry("", ground, GROUND)
    for name in PACKAGES:
        folder = PACKAGE / name
        lines += _entry(f"{name}/", _doc(folder / "__init__.py"), _modules(folder))
    return "\n".join([*lines, "```", ""])


def _entry(name: str, doc: str, modules: Iterator[str] | tuple[str, ...]) -> Iterator[str]:
    indent = " " * (_NAME_WIDTH + 2)
    yield f"  {name:<{_NAME_WIDTH}}{doc}".rstrip()
    yield from textwrap.wrap(
        "  ".join(modules),
        _WIDTH,
        initial_indent=indent,
        subsequent_indent=indent,
        break_on_hyphens=False,
    )


def _modules(folder: Path) -> Iterator[str]:
    yield from sorted(path.stem for path in folder.glob("*.py") if path.stem != "__init__")
    yield from sorted(f"{path.parent.name}/" for path in folder.glob("*/__init__.py"))


def _doc(path: Path) -> str:
    """Return the first sentence of a module's docstring, as what the package is."""
    doc = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    first = doc.partition("\n")[0].rstrip(".").replace("`", "")
    return first[0].lower() + first[1:] if first[1:2].islower() else first


def main() -> None:
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(TREE.sub(lambda _: tree(), page), encoding="utf-8")


if __name__ == "__main__":
    main()
