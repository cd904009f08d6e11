"""Options that several commands have."""

from __future__ import annotations

import os
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from chatlake.atomic_write import is_replaced
from chatlake.aws.stack_address import StackAddress

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    type _Command = Callable[..., Any]


class Target:
    """What a command works on, as the options before and after it say.

    Attributes
    ----------
    said
        The options that were given on the command line: what the environment says gives way to
        them, whichever place it names.
    """

    # No dataclass: what makes those takes longer to load than help takes.
    def __init__(self) -> None:
        self.lake: Path | None = None
        self.stack: str | None = None
        self.region: str | None = None
        self.profile: str | None = None
        self.said: set[str] = set()

    def remember(self, name: str, value: Any, *, said: bool) -> None:
        """Take the value of an option; what the environment says never wins over a given one."""
        if value is None or (name in self.said and not said):
            return
        setattr(self, name, value)
        if said:
            self.said.add(name)

    def place(self) -> Path | StackAddress:
        """Return the folder of a lake, or the stack, that is meant.

        Raises
        ------
        click.UsageError
            The options contradict each other.
        """
        lake, stack = self.lake, self.stack
        if lake and stack and len(self.said & {"lake", "stack"}) == 1:
            lake, stack = (lake, None) if "lake" in self.said else (None, stack)
        if lake and stack:
            message = f"--lake {lake} and --stack {stack} name two places: name one of them"
            raise click.UsageError(message)
        if stack:
            return StackAddress(stack, self.region, self.profile)
        if wrong := sorted(self.said & {"region", "profile"}):
            message = f"--{wrong[0]} goes with --stack NAME"
            raise click.UsageError(message)
        return lake or Path("lake")


def _remember(context: click.Context, option: click.Parameter, value: Any) -> None:
    target = context.ensure_object(Target)
    said = context.get_parameter_source(str(option.name)) is ParameterSource.COMMANDLINE
    target.remember(str(option.name), value, said=said)


def _option(name: str, **attributes: Any) -> Callable[[_Command], _Command]:
    # Before the command or after it, as one happens to think of it.
    return click.option(name, callback=_remember, expose_value=False, is_eager=True, **attributes)


lake_option = _option(
    "--lake",
    type=click.Path(path_type=Path, file_okay=False),
    envvar="CHATLAKE_LAKE",
    show_default="./lake, or $CHATLAKE_LAKE",
    help="Folder of the lake.",
)
_region_option = _option(
    "--region", metavar="REGION", help="Region of AWS; else that of the profile."
)
_STACK_OPTIONS = (
    _option(
        "--stack",
        metavar="NAME",
        envvar="CHATLAKE_STACK",
        show_default="$CHATLAKE_STACK",
        help="A stack that is deployed, in place of a folder.",
    ),
    _region_option,
    _option("--profile", metavar="PROFILE", help="AWS profile whose credentials are used."),
)


def stack_options[R](command: Callable[..., R]) -> Callable[..., R]:
    """Add the options that name a stack."""
    for option in reversed(_STACK_OPTIONS):
        command = option(command)
    return command


def place_options[R](command: Callable[..., R]) -> Callable[..., R]:
    """Add the options that name a folder or a stack."""
    return lake_option(stack_options(command))


def pass_place[R](command: Callable[..., R]) -> Callable[..., R]:
    """Let a command have the folder or the stack that is meant, as its first argument."""

    @wraps(command)
    def with_place(*args: Any, **kwargs: Any) -> R:
        return command(_target().place(), *args, **kwargs)

    return place_options(with_place)


def pass_lake[R](command: Callable[..., R]) -> Callable[..., R]:
    """Let a command that knows no stacks have the folder that is meant."""

    @wraps(command)
    def with_lake(*args: Any, **kwargs: Any) -> R:
        place = _target().place()
        if isinstance(place, StackAddress):
            message = f"{_name()} works on the folder of a lake, and not on a stack: --lake FOLDER"
            raise click.UsageError(message)
        return command(place, *args, **kwargs)

    return lake_option(with_lake)


def pass_lake_and_region[R](command: Callable[..., R]) -> Callable[..., R]:
    """Let a command have the folder that is meant and the Region; no stack matters to it."""

    @wraps(command)
    def with_region(*args: Any, **kwargs: Any) -> R:
        target = _target()
        return command(target.lake or Path("lake"), target.region, *args, **kwargs)

    return lake_option(_region_option(with_region))


def pass_stack[R](command: Callable[..., R]) -> Callable[..., R]:
    """Let a command that only stacks have, have the one that is meant."""

    @wraps(command)
    def with_stack(*args: Any, **kwargs: Any) -> R:
        place = _target().place()
        if isinstance(place, Path):
            message = f"{_name()} works on a stack: name it with --stack NAME"
            raise click.UsageError(message)
        return command(place, *args, **kwargs)

    return stack_options(with_stack)


def pass_account[R](command: Callable[..., R]) -> Callable[..., R]:
    """Let a command have the stack that is meant, or an account and Region without one: no name."""

    @wraps(command)
    def with_account(*args: Any, **kwargs: Any) -> R:
        target = _target()
        if "lake" in target.said:
            message = f"{_name()} looks at AWS, and not at the folder of a lake: leave out --lake"
            raise click.UsageError(message)
        address = StackAddress(target.stack or "", target.region, target.profile)
        return command(address, *args, **kwargs)

    return stack_options(with_account)


def only_of(place: str, option: str, value: object) -> None:
    """Refuse an option that only the other kind of place knows.

    Raises
    ------
    click.UsageError
        It was given.
    """
    if value:
        message = f"{option} is for {place}"
        raise click.UsageError(message)


def _target() -> Target:
    return click.get_current_context().ensure_object(Target)


def _name() -> str:
    return click.get_current_context().info_name or ""


def check_folder(_: click.Context, __: click.Parameter, output: Path | None) -> Path | None:
    """Refuse a file that cannot be written, before the work and not after it."""
    if output is not None and not output.parent.is_dir():
        message = f"there is no folder {output.parent}"
        raise click.BadParameter(message)
    if output is not None and is_replaced(output):
        folder = output.resolve().parent
        if not os.access(folder, os.W_OK):
            message = f"the folder {folder} cannot be written to"
            raise click.BadParameter(message)
    return output


content_policy_option = click.option(
    "--content-policy",
    # Those of ContentPolicy, which help need not load.
    type=click.Choice(["full", "redacted", "none"]),
    default="full",
    envvar="CHATLAKE_CONTENT_POLICY",
    show_default="full, or $CHATLAKE_CONTENT_POLICY",
    help="What is stored of contents and names. Files do not tell that Connect redacted them, so "
    "redacted stores none of these either; receipts and times stay.",
)
"""For commands that store documents in a lake."""


_DAY = click.DateTime(["%Y-%m-%d"])


def with_period[R](command: Callable[..., R]) -> Callable[..., R]:
    """Add the options of a period to a command, which receives `period`; None without them."""

    @click.option(
        "--since", type=_DAY, metavar="DAY", help="First day (UTC) on which chats began: 2026-11-01"
    )
    @click.option("--until", type=_DAY, metavar="DAY", help="Last day (UTC) on which chats began.")
    @wraps(command)
    def command_with_period(
        *args: Any, since: datetime | None, until: datetime | None, **kwargs: Any
    ) -> R:
        from chatlake.analytics.sql_files import ALWAYS, Period

        if since is None and until is None:
            kwargs["period"] = None
        else:
            first = since.date() if since else ALWAYS.since
            last = until.date() if until else ALWAYS.until
            if first > last:
                message = f"--since {first} is after --until {last}"
                raise click.UsageError(message)
            kwargs["period"] = Period(first, last)
        return command(*args, **kwargs)

    return command_with_period
