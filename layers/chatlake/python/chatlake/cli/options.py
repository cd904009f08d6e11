"""Options that several commands have."""

from __future__ import annotations

import os
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from chatlake.atomic_write import is_replaced

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime


def _remember_lake(context: click.Context, option: click.Parameter, folder: Path | None) -> None:
    # Asked again after the command, the environment must not win over what was said before it.
    said = context.get_parameter_source(str(option.name)) is not ParameterSource.ENVIRONMENT
    if context.obj is None or (folder and said):
        context.obj = folder or Path("lake")


# Before the command or after it, as one happens to think of it.
lake_option = click.option(
    "--lake",
    type=click.Path(path_type=Path, file_okay=False),
    envvar="CHATLAKE_LAKE",
    show_default="./lake, or $CHATLAKE_LAKE",
    help="Folder of the lake.",
    callback=_remember_lake,
    expose_value=False,
    is_eager=True,
)


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
