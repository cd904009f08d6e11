"""Which place a command works on, as options before and after it and the environment say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from chatlake.aws.stack_address import StackAddress
from chatlake.cli.options import pass_lake, pass_place, pass_stack, place_options


@click.group()
@place_options
def group() -> None:
    """Have a group's options."""


@group.command()
@pass_place
def anywhere(place: Path | StackAddress) -> None:
    click.echo(repr(place))


@group.command()
@pass_lake
def folder(place: Path) -> None:
    click.echo(repr(place))


@group.command()
@pass_stack
def deployed(place: StackAddress) -> None:
    click.echo(repr(place))


def told(command: str, **environment: str) -> str:
    variables = {"CHATLAKE_LAKE": "", "CHATLAKE_STACK": "", **environment}
    ran = CliRunner().invoke(
        group, command.split(), env={k: v or None for k, v in variables.items()}
    )
    return ran.output.strip().rpartition("Error: ")[2]


LAKE, STACK = f"{Path('l')!r}", f"{StackAddress('s')!r}"


@pytest.mark.parametrize(
    ("command", "environment", "place"),
    [
        ("anywhere", {}, repr(Path("lake"))),
        ("anywhere --lake l", {}, LAKE),
        ("--lake l anywhere", {}, LAKE),
        ("--lake k anywhere --lake l", {}, LAKE),
        ("anywhere", {"CHATLAKE_LAKE": "l"}, LAKE),
        ("--lake l anywhere", {"CHATLAKE_LAKE": "k"}, LAKE),
        ("--stack s anywhere", {}, STACK),
        ("anywhere --stack s", {"CHATLAKE_LAKE": "l"}, STACK),
        ("--lake l anywhere", {"CHATLAKE_STACK": "s"}, LAKE),
        ("anywhere", {"CHATLAKE_STACK": "s"}, STACK),
        (
            "--region r anywhere --profile p",
            {"CHATLAKE_STACK": "s"},
            repr(StackAddress("s", "r", "p")),
        ),
        ("folder --lake l", {"CHATLAKE_STACK": "s"}, LAKE),
        ("deployed --stack s", {"CHATLAKE_LAKE": "l"}, STACK),
    ],
)
def test_what_is_said_last_counts_and_the_command_line_before_the_environment(
    command: str, environment: dict[str, str], place: str
) -> None:
    assert told(command, **environment) == place


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("--lake l anywhere --stack s", "--lake l and --stack s name two places: name one of them"),
        ("--region r anywhere", "--region goes with --stack NAME"),
        ("--stack s folder", "folder works on the folder of a lake, and not on a stack"),
        ("deployed", "deployed works on a stack: name it with --stack NAME"),
    ],
)
def test_options_that_contradict_each_other_are_refused(command: str, said: str) -> None:
    assert said in told(command)


def test_both_places_in_the_environment_are_refused() -> None:
    assert "name two places" in told("anywhere", CHATLAKE_LAKE="l", CHATLAKE_STACK="s")


_HEAVY = {
    "boto3", "botocore", "duckdb", "orjson", "pyarrow", "pyiceberg", "rfc8785", "rich", "sqlglot",
}  # fmt: skip


def test_help_loads_nothing_that_only_commands_need() -> None:
    code = "import sys; from chatlake.cli import commands; print(*sys.modules, sep='\\n')"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in ran.stdout.split()}
    assert "click" in loaded
    assert not loaded & _HEAVY
