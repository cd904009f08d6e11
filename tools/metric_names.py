"""Finds the names of all metrics in the code, so that no page forgets one."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from tools.artifacts import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator


def metric_names() -> set[str]:
    """Find the names of all metrics in the code: what is counted, recorded or noted."""
    names: set[str] = set()
    for folder in ("functions", "layers/chatlake/python"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            names.update(_metrics_of(ast.parse(path.read_text(encoding="utf-8"))))
    return names


def _metrics_of(code: ast.AST) -> Iterator[str]:
    for node in ast.walk(code):
        found: list[ast.AST] = []
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            if called == "count":
                found = [key for a in node.args if isinstance(a, ast.Dict) for key in a.keys if key]
            elif called == "record" or called.endswith(("counters.add", "services.note")):
                found = list(node.args[:1])
        elif isinstance(node, ast.TypeAlias) and node.name.id == "Tracked":
            found = [node.value]
        for constant in (inner for one in found for inner in ast.walk(one)):
            if isinstance(constant, ast.Constant) and isinstance(constant.value, str):
                yield constant.value
