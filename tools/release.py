"""Checks that the version is ready to be released, and tags it: `make release`. Never pushes.

The version stands in `chatlake.__version__` alone. What cannot take it from there (the changelog,
the template) must say the same before there is a tag.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, date, datetime
from importlib import metadata
from typing import TYPE_CHECKING

from samtranslator.yaml_helper import yaml_parse  # type: ignore[import-untyped, unused-ignore]

from chatlake import __version__
from chatlake.documents.formats import FORMAT
from chatlake.documents.revision import ROW_FORMAT
from tools.artifacts import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_BRANCH = "main"
_ENTRY = re.compile(r"^## (\S+) - (\S+)\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Formats:
    """Versions of what is stored: the documents' JSON, and the rules that make rows of them."""

    documents: int
    rows: int

    @property
    def line(self) -> str:
        """The line of the changelog that names them."""
        return f"Formats: documents {self.documents}, rows {self.rows}"


@dataclass(frozen=True, slots=True)
class Release:
    """What is to be released: a version in a checkout, and what the code says of itself.

    Attributes
    ----------
    installed
        The version that `chatlake --version` prints.
    """

    folder: Path
    version: str
    installed: str
    formats: Formats
    today: date

    @property
    def tag(self) -> str:
        """The name of its tag."""
        return f"v{self.version}"


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of the changelog."""

    version: str
    dated: str
    text: str


def formats() -> Formats:
    """Return the formats that the code writes."""
    return Formats(documents=FORMAT, rows=ROW_FORMAT)


def this_release() -> Release:
    """Return what is to be released from this checkout, today."""
    return Release(
        folder=ROOT,
        version=__version__,
        installed=metadata.version("chatlake"),
        formats=formats(),
        today=datetime.now(UTC).date(),
    )


def newest_entry(changelog: str) -> Entry | None:
    """Return the first entry of a changelog; None if it has none."""
    found = _ENTRY.search(changelog)
    return None if found is None else Entry(found[1], found[2], found[3].strip())


def problems(release: Release) -> list[str]:
    """Return why a version cannot be released, each with what to do; empty if it can."""
    return [
        *_of_the_installation(release),
        *_of_the_changelog(release),
        *_of_the_template(release),
        *_of_the_checkout(release),
    ]


def _of_the_installation(release: Release) -> Iterator[str]:
    if release.installed != release.version:
        yield f"chatlake {release.installed} is installed, not {release.version}: run make setup"


def _of_the_changelog(release: Release) -> Iterator[str]:
    entry = newest_entry((release.folder / "CHANGELOG.md").read_text(encoding="utf-8"))
    wanted = f"## {release.version} - {release.today}"
    if entry is None:
        yield f"CHANGELOG.md has no entry: begin one with {wanted!r}"
        return
    if entry.version != release.version:
        yield f"the newest entry of CHANGELOG.md is of {entry.version}: begin one with {wanted!r}"
        return
    if entry.dated != str(release.today):
        yield f"CHANGELOG.md says {entry.dated!r} of {entry.version}: write {wanted!r}"
    if release.formats.line not in entry.text.splitlines():
        yield f"CHANGELOG.md does not name the formats of {entry.version}: {release.formats.line!r}"


def _of_the_template(release: Release) -> Iterator[str]:
    template = yaml_parse((release.folder / "template.yaml").read_text(encoding="utf-8"))
    output = template.get("Outputs", {}).get("Version")
    if output is None:
        yield f"template.yaml has no output Version: add one with the Value {release.version!r}"
    elif output["Value"] != release.version:
        yield (
            f"the output Version of template.yaml is {output['Value']!r}: "
            f"make it {release.version!r}"
        )


def _of_the_checkout(release: Release) -> Iterator[str]:
    if changed := _git(release, "status", "--porcelain"):
        yield f"the work tree is not clean: commit or remove\n{changed}"
    if (branch := _git(release, "branch", "--show-current")) != _BRANCH:
        yield f"this is branch {branch or '(none)'}: switch to {_BRANCH}"
    if _git(release, "tag", "--list", release.tag):
        yield f"there is a tag {release.tag} already: raise __version__"


def make_tag(release: Release) -> None:
    """Tag the present commit with the version; the tag's message is the changelog's entry."""
    entry = newest_entry((release.folder / "CHANGELOG.md").read_text(encoding="utf-8"))
    text = "" if entry is None else entry.text
    # Verbatim, or titles were taken for comments.
    message = f"chatlake {release.version}\n\n{text}\n"
    _git(release, "tag", "--annotate", "--cleanup=verbatim", "-m", message, release.tag)


def _git(release: Release, *arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=release.folder, check=True, text=True, capture_output=True
    )
    return done.stdout.rstrip()


def main(arguments: Sequence[str] | None = None) -> int:
    """Check, and unless only that is asked for, tag; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.release", description=__doc__)
    parser.add_argument("--check", action="store_true", help="check only, make no tag")
    options = parser.parse_args(arguments)
    release = this_release()
    if found := problems(release):
        print(f"chatlake {release.version} cannot be released:", file=sys.stderr)
        print(*(f"- {problem}" for problem in found), sep="\n", file=sys.stderr)
        return 1
    if options.check:
        print(f"chatlake {release.version} can be released.")
        return 0
    make_tag(release)
    print(
        f"Tagged {release.tag}. Nothing was pushed; to publish it:\n"
        f"  git push origin {_BRANCH} {release.tag}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
