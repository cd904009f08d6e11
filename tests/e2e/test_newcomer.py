"""From the README to a chat in the tables: its commands as they stand there, on the local cloud.

`sam build`, `sam deploy` and the AWS CLI are the real ones; AWS is found by the environment. Beside
one's own values in the place of the examples (`newcomer.OWN`) one thing differs: Athena runs
queries only where there is Trino, so `smoke` does not ask it here. `tests/trino` has it whole.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.pipeline.newcomer import (
    OWN,
    Newcomer,
    a_built_checkout,
    arrived,
    commands,
    section,
    with_own,
)
from tests.lake_folder import Ran

pytestmark = [pytest.mark.timeout(600), pytest.mark.world]

SPEED = 16
DEPLOYING = commands(section("README.md", "## Deploy in three commands"))
ASKING = commands(section("README.md", "## Ask Athena"))
BEFORE = next(
    command
    for command in commands(section("docs/deployment.md", "# Deployment"))
    if "doctor --region" in command
)
BUILD, DEPLOY, NOTIFICATIONS, *AFTER = DEPLOYING
DOCTOR = next(command for command in AFTER if command.endswith("doctor"))


@pytest.fixture(scope="module")
def newcomer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Newcomer]:
    folder = tmp_path_factory.mktemp("newcomer")
    checkout = a_built_checkout(folder / "chatlake", BUILD)
    with arrived(folder, checkout, SPEED) as newcomer:
        yield newcomer


@pytest.fixture(scope="module")
def walked(newcomer: Newcomer) -> dict[str, Ran]:
    """What came of each command; a doctor comes before the first one, and between them, too."""
    ran = {"before": newcomer.run(with_own(BEFORE)), "too soon": newcomer.run(with_own(DOCTOR))}
    ran[DEPLOY] = newcomer.run(with_own(DEPLOY))
    ran["between"] = newcomer.run(with_own(DOCTOR))
    for command in (NOTIFICATIONS, *AFTER, *ASKING):
        if " smoke " in command:
            ran[command] = newcomer.smoke(f"{with_own(command)} --no-athena")
        else:
            ran[command] = newcomer.run(with_own(command))
    return ran


def test_the_path_leads_by_all_that_it_should() -> None:
    told = "\n".join([*DEPLOYING, *ASKING])
    for what in ("make build", "sam deploy", "put-bucket-notification", "make setup", " doctor"):
        assert what in told
    for what in (" smoke --flow", "aws athena start-query-execution", " query --named"):
        assert what in told
    pages = f"{told}\n{BEFORE}"
    assert [example for example in OWN if example not in pages] == []


@pytest.mark.parametrize(
    "command",
    [DEPLOY, NOTIFICATIONS, *AFTER, *ASKING],
    ids=lambda command: " ".join(command.split()[:4]),
)
def test_each_command_of_the_readme_does_its_work(walked: dict[str, Ran], command: str) -> None:
    ran = walked[command]
    assert ran.code == 0, f"{command}\n{ran.out}\n{ran.err}"
    assert "Traceback" not in ran.err


def failing(ran: Ran) -> list[str]:
    return [line for line in ran.out.splitlines() if line.startswith(("fails ", "unknown "))]


def test_doctor_names_what_is_missing_until_the_third_command(walked: dict[str, Ran]) -> None:
    for when in ("before", "between"):
        [line] = failing(walked[when])
        assert "tells EventBridge nothing" in line
        assert walked[when].code == 1
    assert failing(walked[DOCTOR]) == []


def test_a_stack_that_is_not_there_yet_is_told_with_the_command_that_deploys_it(
    walked: dict[str, Ran],
) -> None:
    said = walked["too soon"]
    assert said.code == 1
    assert "there is no stack chatlake in " in said.err
    command = DEPLOY.removeprefix(".venv/sam/bin/").partition(" --resolve-s3")[0]
    assert f"or deploy it: {command} --region" in said.err


def test_the_chat_of_the_smoke_test_is_in_the_tables(
    walked: dict[str, Ran], newcomer: Newcomer
) -> None:
    [said] = [ran for command, ran in walked.items() if " smoke " in command]
    assert "is in the tables:" in said.out
    assert "read by its token" in said.out
    verified = newcomer.run(".venv/bin/chatlake --stack chatlake verify --all")
    assert (verified.code, verified.out) == (0, ""), verified.err
    assert "1 chat compared: every row is as its document says." in verified.err
