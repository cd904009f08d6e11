"""Runs on a busy machine tell which test failed in which of them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tools.artifacts import ROOT
from tools.under_load import Run, busy_loops, main, summary

pytestmark = pytest.mark.world

GOOD = "def test_good():\n    pass\n"
# It fails in every second run: the one that finds the file of the other.
FLAKY = """
from pathlib import Path

def test_flaky():
    Path("here").touch(exist_ok=False)

def teardown_module():
    seen = Path("seen")
    if seen.exists():
        seen.unlink()
        Path("here").unlink()
    else:
        seen.touch()
"""
# It dies without a chance to end the loop.
STARTER = """
import os
from tools.under_load import busy_loops

with busy_loops(1) as [loop]:
    print(loop.pid, flush=True)
    os._exit(0)
"""


def load(folder: Path, *arguments: str) -> int:
    logs = ["--logs", str(folder / "logs"), "--loops", "1"]
    return main(
        [*logs, *arguments, "--", "-c", os.devnull, "--rootdir", ".", "-p", "no:cacheprovider", "."]
    )


@pytest.fixture
def tests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "tests"
    folder.mkdir()
    (folder / "test_good.py").write_text(GOOD)
    monkeypatch.chdir(folder)
    return folder


def test_tests_that_always_pass_end_well(
    tests: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert load(tmp_path, "--runs", "2") == 0
    printed = capsys.readouterr().out.splitlines()
    assert [line.partition(",")[0] for line in printed[:2]] == [
        "run 1: 0 of 1 failed",
        "run 2: 0 of 1 failed",
    ]
    assert printed[2:] == ["No test failed in 2 runs."]


def test_a_test_that_fails_now_and_then_is_named_with_its_runs(
    tests: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tests / "test_flaky.py").write_text(FLAKY)
    assert load(tmp_path, "--runs", "2") == 1
    assert capsys.readouterr().out.splitlines()[-1] == (
        "test_flaky::test_flaky: failed in 1 of 2 (run 2)"
    )
    assert "FileExistsError" in (tmp_path / "logs" / "run-2.log").read_text()


def test_a_run_that_could_not_begin_is_no_good_one(
    tests: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tests / "test_good.py").unlink()
    assert load(tmp_path, "--runs", "1") == 1
    assert capsys.readouterr().out.splitlines()[-1] == "run 1: pytest ended with 5"


def test_each_test_is_told_once_with_all_its_runs() -> None:
    runs = {1: Run(1, 3, 1.0, ("a", "b")), 2: Run(0, 3, 1.0, ()), 3: Run(1, 3, 1.0, ("a",))}
    assert summary(runs) == "a: failed in 2 of 3 (run 1, 3)\nb: failed in 1 of 3 (run 1)"


def test_the_loops_run_while_the_block_lasts_and_are_gone_afterwards() -> None:
    with busy_loops(2) as loops:
        assert [loop.poll() for loop in loops] == [None, None]
    assert [loop.returncode for loop in loops] == [-signal.SIGKILL] * 2


def test_a_loop_ends_with_the_one_that_started_it() -> None:
    done = subprocess.run(
        [sys.executable, "-c", STARTER], cwd=ROOT, check=True, text=True, capture_output=True
    )
    pid = int(done.stdout)
    deadline = time.monotonic() + 60
    while Path(f"/proc/{pid}").exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
