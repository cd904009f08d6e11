"""The demo, smaller and faster: it judges itself, and ends with 0 if all is as it should be."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from chatlake.capture.reserve import BURST
from local.demo import CAPTURE_RATE, OLDER_PROCESSES
from tests.e2e.pipeline.deployable import deployable
from tools.artifacts import ROOT

pytestmark = [pytest.mark.timeout(600), pytest.mark.world]

CODE = """
import pathlib, sys
from local import demo
demo.TEMPLATE = pathlib.Path(sys.argv.pop())
sys.exit(demo.main())
"""


def run(cwd: Path, template: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", CODE, *arguments, str(template)],
        check=False,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "120"},
        text=True,
        capture_output=True,
    )


@pytest.mark.parametrize("options", [(), ("--hooks",), ("--polling",)], ids=" ".join)
def test_every_chat_is_archived_within_the_rate_and_can_be_asked_about(
    tmp_path: Path, options: tuple[str, ...]
) -> None:
    template = deployable(tmp_path / "build")
    done = run(tmp_path, template, "--chats", "12", "--speed", "12", *options)
    assert done.returncode == 0, done.stdout + done.stderr
    said = done.stdout
    calls = re.search(r"at most (\d+) GetTranscript calls in any second, (\d+) are allowed", said)
    assert calls is not None
    allowed = CAPTURE_RATE + OLDER_PROCESSES + (BURST if "--hooks" in options else 0)
    assert 0 < int(calls[1]) <= int(calls[2]) == allowed
    there = re.search(r"messages +([\d,]+) of ([\d,]+) are there, 0 wrong", said)
    assert there is not None
    assert there[1] == there[2] != "0"
    assert "read_latency_by_role" in said
    reader = "a flow" if "--hooks" in options else "–"
    assert re.search(rf"by the agent +{reader} +\d", said)
    flows = re.findall(r"(\d+) of a flow answered", said)
    assert [int(number) > 0 for number in flows] == ([True] if "--hooks" in options else [])
    [opened] = re.findall(r"websockets opened +([\d,]+)", said)
    assert (opened != "0") is ("--polling" not in options)
    for operation in ("GetTranscript", "CreateParticipantConnection"):
        [made] = re.findall(rf"{operation} +([\d,]+) +[\d.]+", said)
        assert made != "0"
    asked = subprocess.run(
        [Path(sys.executable).with_name("chatlake"), "--lake", "demo/lake", "verify"],
        check=False,
        cwd=tmp_path,
    )
    assert asked.returncode == 0


def test_without_a_build_it_says_what_to_do(tmp_path: Path) -> None:
    done = run(tmp_path, tmp_path / "template.yaml")
    assert (done.returncode, done.stdout) == (2, "")
    assert "run `make build` first" in done.stderr
