"""What a user gets who installs the project: the command, the SQL files, and nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
UV = Path(sys.prefix) / "boot" / "bin" / "uv"
TRANSCRIPT = {
    "InitialContactId": "c1",
    "Transcript": [
        {
            "Id": "m1",
            "Type": "MESSAGE",
            "ContactId": "c1",
            "ParticipantRole": "AGENT",
            "AbsoluteTime": "2026-09-01T10:00:00.000Z",
            "MessageMetadata": {
                "Receipts": [
                    {"RecipientParticipantId": "p2", "ReadTimestamp": "2026-09-01T10:00:02.500Z"}
                ]
            },
        }
    ],
}


def run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    if "Failed to fetch" in done.stderr or "dns error" in done.stderr:
        pytest.skip("the package index cannot be reached")
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment with the project installed from a copy of its files."""
    folder = tmp_path_factory.mktemp("installed")
    source = folder / "source"
    source.mkdir()
    tracked = run("git", "ls-files", "--cached", "--others", "--exclude-standard", cwd=ROOT)
    for name in tracked.splitlines():
        if name.startswith(("layers/", "queries/", "pyproject", "README", "LICENSE")):
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    run(UV, "venv", "--quiet", "--python", sys.executable, "env", cwd=folder)
    run(UV, "pip", "install", "--quiet", "--python", "env/bin/python", "./source", cwd=folder)
    return folder


@pytest.mark.timeout(300)
def test_the_installed_command_imports_and_answers(installed: Path) -> None:
    (installed / "chat.json").write_text(json.dumps(TRANSCRIPT))
    command = installed / "env" / "bin" / "chatlake"
    run(command, "import", "chat.json", cwd=installed)
    answer = run(
        command, "query", "--named", "read_latency_by_role", "--format", "json", cwd=installed
    )
    assert json.loads(answer) == [
        {
            "sender_role": "AGENT",
            "recipient_role": None,
            "messages_read": 1,
            "p50_s": 2.5,
            "p90_s": 2.5,
            "p95_s": 2.5,
            "p99_s": 2.5,
        }
    ]


@pytest.mark.timeout(300)
def test_the_installation_has_nothing_that_only_tests_and_benches_need(installed: Path) -> None:
    listed = run(UV, "pip", "list", "--python", "env/bin/python", "--format", "json", cwd=installed)
    names = {package["name"] for package in json.loads(listed)}
    assert "chatlake" in names
    assert names & {"moto", "boto3", "pytest", "hypothesis", "ruff", "mypy", "pandas"} == set()
