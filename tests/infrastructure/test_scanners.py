"""The scanners of the gate find what is planted, ask nobody, and pass over nothing unexplained."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.recipes import recipe
from tools.artifacts import ROOT

SCANNERS = ROOT / ".venv" / "scan" / "bin"
installed = pytest.mark.skipif(not SCANNERS.is_dir(), reason="make scan installs them")
# A key that nobody has, put together here so that this file is not found to have one.
PLANTED_KEY = "AKIA" + "QYLPMN5HFIQR7BBB"


def found(name: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [SCANNERS / name, *arguments], check=False, cwd=ROOT, text=True, capture_output=True
    )


def test_the_gate_scans_template_code_workflow_and_all_files_offline() -> None:
    commands = "\n".join(recipe("scan"))
    for scanner in ("checkov", "bandit", "zizmor", "detect-secrets-hook"):
        assert f"/{scanner} " in commands
    assert "--offline" in commands
    assert "--no-verify" in commands
    assert "skip-download: true" in (ROOT / ".checkov.yaml").read_text()
    assert set(recipe("scan")) <= set(recipe("check"))


def test_what_is_passed_over_in_the_code_has_its_rule_and_its_reason() -> None:
    scanned = ("layers/chatlake/python", "functions", "bench", "local", "tools")
    assert all(folder in "\n".join(recipe("scan")) for folder in scanned)
    for path in (path for folder in scanned for path in (ROOT / folder).rglob("*.py")):
        for line in path.read_text().splitlines():
            if "nosec" in line:
                assert re.search(r"  # nosec B\d{3} # \w.+$", line), (path, line)


def test_rules_that_are_off_have_their_reason() -> None:
    for name in (".bandit.yaml", "pyproject.toml"):
        text = (ROOT / name).read_text()
        rules = re.findall(r'^ +(?:- )?"?(B\d{3})"?,?(.*)$', text, re.MULTILINE)
        assert rules, name
        assert [rule for rule, why in rules if not re.fullmatch(r" +# .{8,}", why)] == []


def test_what_looks_like_a_secret_and_is_none_has_its_reason() -> None:
    # Whoever writes the file anew, by detect-secrets, writes the reasons anew.
    found = json.loads((ROOT / ".secrets.json").read_text())["results"]
    entries = [entry for entries in found.values() for entry in entries]
    assert entries
    assert [one["filename"] for one in entries if len(one.get("reason", "")) < 10] == []


def test_what_is_passed_over_in_the_template_has_its_reason() -> None:
    skipped = re.findall(r"^  - (CKV\w+)(.*)$", (ROOT / ".checkov.yaml").read_text(), re.MULTILINE)
    assert [rule for rule, why in skipped if not re.fullmatch(r" +# .{10,}", why)] == []
    told = re.findall(r"id: CKV\w+.*", (ROOT / "template.yaml").read_text())
    assert told
    assert [one for one in told if not re.search(r"comment: .{10,}", one)] == []


@installed
def test_a_secret_that_is_planted_is_found(tmp_path: Path) -> None:
    (baseline := tmp_path / "secrets.json").write_text((ROOT / ".secrets.json").read_text())
    (planted := tmp_path / "planted.py").write_text(f'KEY = "{PLANTED_KEY}"\n')
    done = found("detect-secrets-hook", "--no-verify", "--baseline", baseline, planted)
    assert (done.returncode, "AWS Access Key" in done.stdout) == (1, True)


@installed
@pytest.mark.parametrize("rules", ["pyproject.toml", ".bandit.yaml"])
def test_code_that_runs_what_it_was_told_is_found(tmp_path: Path, rules: str) -> None:
    (planted := tmp_path / "planted.py").write_text(
        "import subprocess\n\ndef run(said: str) -> None:\n    subprocess.run(said, shell=True)\n"
    )
    done = found("bandit", "--quiet", "--configfile", rules, planted)
    assert (done.returncode, "B602" in done.stdout) == (1, True)


@installed
def test_a_workflow_that_runs_what_others_may_change_is_found(tmp_path: Path) -> None:
    text = (ROOT / ".github" / "workflows" / "ci.yml").read_text()
    (planted := tmp_path / "ci.yml").write_text(re.sub(r"checkout@\w+ # .*", "checkout@v4", text))
    done = found("zizmor", "--offline", "--no-progress", planted)
    assert done.returncode != 0
    assert "unpinned-uses" in done.stdout
