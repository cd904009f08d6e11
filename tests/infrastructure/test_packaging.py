"""`pip install .` gives a working command, with what the embedded home needs and no more."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from chatlake import __version__

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[2]
UV = ROOT / ".venv" / "boot" / "bin" / "uv"
RUNTIME = ROOT / "requirements" / "runtime.txt"
NOT_NEEDED = (
    "boto3",
    "botocore",
    "hypothesis",
    "moto",
    "mypy",
    "pandas",
    "polars",
    "pytest",
    "ruff",
)
# What uv says when nobody answers; any other failure is ours.
UNREACHABLE = ("Failed to fetch", "error sending request", "network was disabled")
CHAT = {
    "InitialContactId": "c1",
    "Transcript": [
        {
            "Id": f"m{second}",
            "Type": "MESSAGE",
            "AbsoluteTime": f"2026-09-01T10:00:{second:02}.000Z",
            "Content": "hello",
            "ParticipantId": "p",
            "ParticipantRole": "CUSTOMER",
        }
        for second in range(3)
    ],
}


def uv(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    env = dict(os.environ)
    if index := env.get("PIP_INDEX_URL"):
        env.setdefault("UV_DEFAULT_INDEX", index)
    return subprocess.run(
        [str(UV), *map(str, arguments)],
        check=False,
        cwd=ROOT,
        env=env,
        text=True,
        capture_output=True,
    )


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of programs of a fresh environment into which the project was installed."""
    assert UV.exists(), "run `make setup`"
    folder = tmp_path_factory.mktemp("fresh") / "env"
    made = uv("venv", "--quiet", "--python", sys.executable, folder)
    assert made.returncode == 0, made.stderr
    python = folder / "bin" / "python"
    # The pins of what is pulled in, so that the same is installed today and next year.
    install = ("pip", "install", "--python", python, "--constraint", RUNTIME, ".")
    done = uv(*install)
    if done.returncode and any(said in done.stderr for said in UNREACHABLE):
        done = uv(*install, "--offline")
        if done.returncode and any(said in done.stderr for said in UNREACHABLE):
            pytest.skip("the package index cannot be reached, and uv's cache has not all of it")
    assert done.returncode == 0, done.stderr
    return folder / "bin"


type Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(installed: Path, tmp_path: Path) -> Run:
    """Run a program of that environment where nothing of this checkout or this user is found."""

    def run(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(installed / program), *arguments],
            check=False,
            cwd=tmp_path,
            env={"HOME": str(tmp_path / "home"), "PATH": "/usr/bin:/bin"},
            text=True,
            capture_output=True,
            timeout=60,
        )

    return run


def test_the_installed_command_imports_and_answers(run: Run, tmp_path: Path) -> None:
    (tmp_path / "chat.json").write_text(json.dumps(CHAT))
    imported = run("chatlake", "import", "chat.json")
    assert imported.returncode == 0, imported.stderr
    asked = run("chatlake", "query", "--named", "messages_by_day", "--format", "csv")
    assert (asked.returncode, asked.stderr) == (0, "")
    assert asked.stdout == "chat_day,chats,messages,messages_with_receipt\n2026-09-01,1,3,0\n"
    reported = run("chatlake", "report")
    assert reported.returncode == 0, reported.stderr
    assert "report.html" in reported.stderr


def test_the_installed_command_carries_every_query(run: Run) -> None:
    listed = run("chatlake", "query")
    assert (listed.returncode, listed.stderr) == (0, "")
    names = {
        path.stem for kind in ("views", "named") for path in ROOT.glob(f"queries/{kind}/*.sql")
    }
    assert names
    assert {name for name in names if name not in listed.stdout} == set()


def test_nothing_of_the_checkout_is_used(run: Run, installed: Path) -> None:
    where = run("python", "-c", "import chatlake; print(chatlake.__file__)")
    assert Path(where.stdout.strip()).is_relative_to(installed.parent)


def test_only_what_the_embedded_home_needs_is_installed(installed: Path) -> None:
    listed = uv("pip", "list", "--format", "json", "--python", installed / "python")
    versions = {package["name"]: package["version"] for package in json.loads(listed.stdout)}
    assert versions.pop("chatlake") == __version__
    pinned = dict(re.findall(r"^([\w.-]+)==(\S+)", RUNTIME.read_text(), flags=re.MULTILINE))
    assert {name: pinned.get(name) for name in versions} == versions
    assert not versions.keys() & set(NOT_NEEDED)


def test_the_installed_modules_have_their_types(run: Run) -> None:
    code = "from importlib.resources import files; print(*files('chatlake').iterdir(), sep='\\n')"
    names = {Path(line).name for line in run("python", "-c", code).stdout.splitlines()}
    assert {"py.typed", "cli", "queries"} <= names
