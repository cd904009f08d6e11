"""A version is one everywhere before it is tagged, and a tag is all that a release makes."""

from __future__ import annotations

import re
import subprocess
import tomllib
from dataclasses import replace
from datetime import date
from importlib import metadata
from typing import TYPE_CHECKING, Any

import pytest

import chatlake
from tools import release as tool
from tools.artifacts import ROOT
from tools.release import Formats, Release, make_tag, newest_entry, problems

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CHANGELOG = """\
# Changelog

## 1.2.0 - 2026-12-01

Formats: documents 3, rows 5

### Added

- A table of tides.

## 1.1.0 - 2026-11-01

Formats: documents 3, rows 4
"""
TEMPLATE = """\
Resources:
  Bucket: {Type: AWS::S3::Bucket}
Outputs:
  Name: {Value: !Ref Bucket}
  Version: {Value: 1.2.0}
"""


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=folder, check=True, text=True, capture_output=True
    )
    return done.stdout.strip()


@pytest.fixture
def ready(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Release:
    """A version that can be released: all say the same, and all is committed on main."""
    # Whatever this machine's git is set to: a hook, a signature, another name of the branch.
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", "/dev/null")
    folder = tmp_path / "checkout"
    folder.mkdir()
    git(folder, "init", "--initial-branch=main")
    git(folder, "config", "user.name", "Somebody")
    git(folder, "config", "user.email", "somebody@example.com")
    (folder / "CHANGELOG.md").write_text(CHANGELOG)
    (folder / "template.yaml").write_text(TEMPLATE)
    commit(folder)
    return Release(folder, "1.2.0", "1.2.0", Formats(documents=3, rows=5), date(2026, 12, 1))


def commit(folder: Path) -> None:
    git(folder, "add", "--all")
    git(folder, "commit", "--message", "a change")


def rewritten(release: Release, name: str, old: str, new: str) -> Release:
    """The same version after a committed change of a file."""
    path = release.folder / name
    content = path.read_text()
    assert old in content
    path.write_text(content.replace(old, new, 1))
    commit(release.folder)
    return release


def on_a_branch(release: Release) -> Release:
    git(release.folder, "switch", "--create", "topic")
    return release


def on_no_branch(release: Release) -> Release:
    git(release.folder, "switch", "--detach")
    return release


def with_a_new_file(release: Release) -> Release:
    (release.folder / "notes.txt").write_text("not committed")
    return release


def tagged_before(release: Release) -> Release:
    git(release.folder, "tag", "v1.2.0")
    return release


def test_a_version_that_all_agree_on_can_be_released(ready: Release) -> None:
    assert problems(ready) == []


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda r: replace(r, installed="1.1.0"), "chatlake 1.1.0 is installed, not 1.2.0"),
        (lambda r: replace(r, today=date(2026, 12, 2)), "write '## 1.2.0 - 2026-12-02'"),
        (lambda r: rewritten(r, "CHANGELOG.md", "2026-12-01", "unreleased"), "says 'unreleased'"),
        (lambda r: rewritten(r, "CHANGELOG.md", "## 1.2.0", "## 1.3.0"), "newest entry"),
        (lambda r: rewritten(r, "CHANGELOG.md", CHANGELOG, "# Changelog\n"), "has no entry"),
        (lambda r: replace(r, formats=Formats(documents=4, rows=5)), "'Formats: documents 4, rows"),
        (lambda r: replace(r, formats=Formats(documents=3, rows=4)), "documents 3, rows 4'"),
        (lambda r: rewritten(r, "template.yaml", "Value: 1.2.0", "Value: 1.1.0"), "is '1.1.0'"),
        (lambda r: rewritten(r, "template.yaml", "Version:", "Versions:"), "no output Version"),
        (lambda r: rewritten(r, "template.yaml", "Outputs:", "Metadata:"), "no output Version"),
        (with_a_new_file, "not clean: commit or remove\n?? notes.txt"),
        (on_a_branch, "this is branch topic"),
        (on_no_branch, "this is branch (none)"),
        (tagged_before, "a tag v1.2.0 already"),
    ],
    ids=[
        "another is installed",
        "of another day",
        "without a day",
        "changelog of another version",
        "changelog without entries",
        "another format of documents",
        "another format of rows",
        "template of another version",
        "template without the output",
        "template without outputs",
        "not committed",
        "on a branch",
        "on no branch",
        "tagged before",
    ],
)
def test_a_version_is_not_released(
    ready: Release, spoil: Callable[[Release], Release], told: str
) -> None:
    [problem] = problems(spoil(ready))
    assert told in problem


def test_the_formats_of_an_earlier_version_do_not_count(ready: Release) -> None:
    without = rewritten(ready, "CHANGELOG.md", "Formats: documents 3, rows 5\n", "")
    earlier = replace(without, formats=Formats(documents=3, rows=4))
    [problem] = problems(earlier)
    assert "does not name the formats of 1.2.0" in problem


def test_the_tag_has_the_entry_of_the_changelog(ready: Release) -> None:
    make_tag(ready)
    assert git(ready.folder, "cat-file", "-t", "v1.2.0") == "tag"
    assert git(ready.folder, "rev-parse", "v1.2.0^{commit}") == git(
        ready.folder, "rev-parse", "HEAD"
    )
    message = git(ready.folder, "tag", "--list", "--format=%(contents)", "v1.2.0")
    assert message.startswith("chatlake 1.2.0\n")
    assert "### Added\n\n- A table of tides." in message
    assert "1.1.0" not in message


@pytest.fixture
def run(
    ready: Release, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str]]:
    """The tool as it is run in that checkout: its exit code, and all that it printed."""
    monkeypatch.setattr(tool, "this_release", lambda: ready)

    def run(*arguments: str) -> tuple[int, str]:
        code = tool.main(arguments)
        printed = capsys.readouterr()
        return code, printed.out + printed.err

    return run


type Run = Callable[..., tuple[int, str]]


def test_a_release_is_a_tag_that_nobody_else_has(ready: Release, run: Run, tmp_path: Path) -> None:
    there = tmp_path / "there.git"
    git(tmp_path, "init", "--bare", str(there))
    git(ready.folder, "remote", "add", "origin", str(there))
    code, printed = run()
    assert (code, git(ready.folder, "tag")) == (0, "v1.2.0")
    assert "git push origin main v1.2.0" in printed
    assert git(there, "for-each-ref") == ""
    [command] = re.findall(r"git (push .*)", printed)
    git(ready.folder, *command.split())
    assert "refs/tags/v1.2.0" in git(there, "for-each-ref")


def test_to_check_makes_no_tag(ready: Release, run: Run) -> None:
    assert run("--check") == (0, "chatlake 1.2.0 can be released.\n")
    assert git(ready.folder, "tag") == ""


def test_a_problem_makes_no_tag_and_every_one_is_named(ready: Release, run: Run) -> None:
    with_a_new_file(on_a_branch(ready))
    code, printed = run()
    assert code == 1
    assert "notes.txt" in printed
    assert "switch to main" in printed
    assert git(ready.folder, "tag") == ""


def test_what_is_released_is_what_the_code_says_of_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tool, "formats", lambda: Formats(documents=7, rows=8))
    release = tool.this_release()
    assert (release.folder, release.version) == (ROOT, chatlake.__version__)
    assert (release.installed, release.tag) == (chatlake.__version__, f"v{chatlake.__version__}")
    assert release.formats.line == "Formats: documents 7, rows 8"


def test_the_version_stands_in_one_place() -> None:
    pyproject: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert "version" not in pyproject["project"]
    assert pyproject["project"]["dynamic"] == ["version"]
    path = ROOT / pyproject["tool"]["hatch"]["version"]["path"]
    assert path == ROOT / "layers/chatlake/python/chatlake/__init__.py"
    assert f'__version__ = "{chatlake.__version__}"' in path.read_text().splitlines()
    assert metadata.version("chatlake") == chatlake.__version__, "run `make setup`"


def test_the_changelog_begins_with_the_version_that_is_worked_on() -> None:
    entry = newest_entry((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))
    assert entry is not None
    assert entry.version == chatlake.__version__
    assert re.search(r"^Formats: documents \d+, rows \d+$", entry.text, re.MULTILINE)


def test_make_tags_only_what_has_passed_the_gate() -> None:
    makefile = (ROOT / "Makefile").read_text()
    [needs] = re.findall(r"^release: (.*?) ##", makefile, re.MULTILINE)
    assert "test" in needs.split()
    assert makefile.count("tools.release") == makefile.count("tools.release --check") + 1
