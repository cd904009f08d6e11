"""The newcomer's path with Athena: the commands of the README, and nothing of them left out."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.pipeline.newcomer import (
    Newcomer,
    a_built_checkout,
    arrived,
    commands,
    section,
    with_own,
)

pytestmark = [pytest.mark.trino, pytest.mark.timeout(600)]

# Slow enough for Trino to start, and make the views, within the time of the function that asks.
SPEED = 8
BUILD, *DEPLOYING = commands(section("README.md", "## Deploy in three commands"))
ASKING = commands(section("README.md", "## Ask Athena"))


@pytest.fixture(scope="module")
def newcomer(tmp_path_factory: pytest.TempPathFactory, trino: None) -> Iterator[Newcomer]:
    folder = tmp_path_factory.mktemp("newcomer")
    checkout = a_built_checkout(folder / "chatlake", BUILD)
    with arrived(folder, checkout, SPEED, trino=True) as newcomer:
        yield newcomer


def test_the_commands_of_the_readme_lead_to_answers_of_athena(newcomer: Newcomer) -> None:
    report = ".venv/bin/chatlake --stack chatlake report"
    said = {}
    for command in (*DEPLOYING, *ASKING, report):
        does = newcomer.smoke if " smoke " in command else newcomer.run
        ran = does(with_own(command))
        assert ran.code == 0, f"{command}\n{ran.out}\n{ran.err}"
        said[command] = ran.out
    [smoke] = [out for command, out in said.items() if " smoke " in command]
    assert "Athena finds all " in smoke
    assert "AGENT" in said[ASKING[-1]]
    assert (newcomer.checkout / "report.html").stat().st_size > 0
