"""samconfig.toml: two environments, and what is told before one is deployed."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest

from tools.deploy_settings import SETTINGS, main, wrong

ARN = "arn:aws:connect:eu-central-1:444455556666:instance/10000000-0000-0000-0000-000000000000"


def settings(*parameters: str) -> dict[str, Any]:
    return {"dev": {"deploy": {"parameters": {"parameter_overrides": list(parameters)}}}}


@pytest.fixture
def shipped() -> dict[str, Any]:
    return tomllib.loads(SETTINGS.read_text(encoding="utf-8"))


@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_what_is_shipped_lacks_nothing_but_ones_own_values(
    shipped: dict[str, Any], environment: str
) -> None:
    found = list(wrong(shipped, environment, "arm64"))
    assert found
    assert all(one.endswith("is an example; put in your own") for one in found)
    told = shipped[environment]["deploy"]["parameters"]
    assert told["capabilities"] == "CAPABILITY_IAM"


def test_stacks_of_both_environments_fit_into_one_account(shipped: dict[str, Any]) -> None:
    told = [shipped[name]["deploy"]["parameters"] for name in ("dev", "prod")]
    assert len({one["stack_name"] for one in told}) == 2
    databases = [
        [name for name in one["parameter_overrides"] if name.startswith("DatabaseName=")]
        for one in told
    ]
    assert databases == [["DatabaseName=chatlake_dev"], []]
    # A command that names no environment is not changed by the file.
    assert shipped.keys() == {"version", "dev", "prod"}


def test_ones_own_values_are_deployed() -> None:
    own = settings(f"ConnectInstanceArn={ARN}", "Architecture=arm64", "AlarmEmail=me@my.org")
    assert list(wrong(own, "dev", "arm64")) == []


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ((), "ConnectInstanceArn"),
        ((f"ConnectInstanceArn={ARN}", "Colour=red"), "Colour"),
        (
            (f"ConnectInstanceArn={ARN}", "Architecture=x86_64"),
            "Architecture: is x86_64, and the functions are built for arm64",
        ),
    ],
)
def test_what_is_wrong_is_said(parameters: tuple[str, ...], said: str) -> None:
    found = list(wrong(settings(*parameters), "dev", "arm64"))
    assert any(said in one for one in found), found


def test_an_environment_that_is_not_there_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["staging", "arm64"]) == 1
    assert "there is no environment staging; there are: dev, prod" in capsys.readouterr().err
