"""Imports go one way: each package of chatlake imports only from those above it."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tools.package_tree import GROUND, PACKAGES

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "layers" / "chatlake" / "python"
# Beside the order: what starts often needs no Arrow, and neither home knows the other.
NEVER = {
    ("capture", "tables"),
    ("documents", "aws"),
    ("analytics", "capture"),
    ("embedded", "capture"),
    ("aws", "embedded"),
    ("aws", "analytics"),
    ("cli", "capture"),
}
# Loading these takes longer than all else that Capture loads.
HEAVY = {"pyarrow", "pyiceberg", "duckdb", "sqlglot", "rich", "vl_convert", "sqlalchemy"}
WITHOUT_HEAVY = ("aws_clients", "chat_state", "documents", "sources", "capture")


def room_of(module: str) -> str:
    """Name the package of a module of chatlake, or the module if it is of the ground."""
    return module.split(".")[1] if "." in module else ""


def rank(room: str) -> int:
    return (*GROUND, *PACKAGES).index(room)


def arrows(path: Path, sources: Path = SOURCES) -> Iterator[tuple[str, str, int]]:
    """The imports of a module, late ones and those for types included: from, to, line."""
    names = path.relative_to(sources).with_suffix("").parts
    module = ".".join(names).removesuffix(".__init__")
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((module, alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}:{node.lineno} is relative: name the whole module"
            base = str(node.module)
            if base == "chatlake":
                yield from ((module, f"{base}.{a.name}", node.lineno) for a in node.names)
            else:
                yield module, base, node.lineno


def wrong(path: Path, sources: Path = SOURCES) -> Iterator[str]:
    for module, target, line in arrows(path, sources):
        if not target.startswith("chatlake.") or module == "chatlake":
            continue
        here, there = room_of(module), room_of(target)
        if here != there and (rank(there) > rank(here) or (here, there) in NEVER):
            yield f"{module}:{line} imports {target}: {here} stands above {there}, or may not"


MODULES = sorted((SOURCES / "chatlake").rglob("*.py"))


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(SOURCES / "chatlake")))
def test_a_module_imports_only_from_packages_above_its_own(path: Path) -> None:
    assert list(wrong(path)) == []


def test_every_package_and_every_module_of_the_ground_has_its_place_in_the_order() -> None:
    top = SOURCES / "chatlake"
    packages = {path.name for path in top.iterdir() if (path / "__init__.py").exists()}
    ground = {path.stem for path in top.glob("*.py")} - {"__init__"}
    assert (packages, ground) == (set(PACKAGES), set(GROUND))


@pytest.mark.parametrize("package", WITHOUT_HEAVY)
def test_what_starts_often_imports_nothing_heavy(package: str) -> None:
    paths = [path for path in MODULES if path.relative_to(SOURCES).parts[1] == package]
    found = {(m, t) for path in paths for m, t, _ in arrows(path) if t.split(".")[0] in HEAVY}
    assert found == set()


def test_nothing_imports_the_functions_or_what_is_beside_the_package() -> None:
    elsewhere = {"functions", "local", "bench", "tools", "tests"}
    targets = {t.split(".")[0] for path in MODULES for _, t, _ in arrows(path)}
    assert targets & elsewhere == set()


@pytest.mark.parametrize(
    ("place", "code", "is_wrong"),
    [
        ("documents/store/s3.py", "from chatlake.aws_clients import clients", False),
        ("aws_clients/clients.py", "from chatlake.documents.document import Document", True),
        ("tables/schema.py", "def f():\n    from chatlake.capture.fetch import scan", True),
        ("capture/fetch.py", "import chatlake.tables.schema", True),
        ("capture/fetch.py", "from chatlake import tables", True),
        ("json_codec.py", "from chatlake.timestamps import now", True),
        ("timestamps.py", "from chatlake.json_codec import loads", False),
        ("operations/erase.py", "if TYPE_CHECKING:\n    import chatlake.embedded.archive", True),
    ],
)
def test_an_arrow_that_runs_back_up_is_found(
    tmp_path: Path, place: str, code: str, is_wrong: bool
) -> None:
    path = tmp_path / "chatlake" / place
    path.parent.mkdir(parents=True)
    path.write_text(f"{code}\n")
    assert bool(list(wrong(path, tmp_path))) is is_wrong


def test_exceptions_are_where_one_looks_for_them() -> None:
    defined = [
        f"{path.relative_to(SOURCES)}: {node.name}"
        for path in MODULES
        if not path.stem.endswith("exceptions")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef)
        and any(ast.unparse(base).endswith(("Error", "Exception")) for base in node.bases)
    ]
    assert defined == []


def test_every_metric_is_sent_by_something() -> None:
    """Its name stands in one place; whoever adds to it names the member."""
    from chatlake.aws_clients.metric_names import Metric

    code = "".join(
        path.read_text(encoding="utf-8")
        for path in (*MODULES, *ROOT.glob("functions/*/app.py"))
        if path.name != "metric_names.py"
    )
    assert [metric.name for metric in Metric if f"Metric.{metric.name}" not in code] == []
