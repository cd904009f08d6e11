"""`chatlake pull`: one transcript now, to a file or into a lake."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from chatlake.cli.options import check_folder, content_policy_option, pass_lake_and_region

if TYPE_CHECKING:
    from datetime import datetime

    from chatlake.json_codec import JsonObject

_TOKEN = "CHATLAKE_TOKEN"
_TIME = click.DateTime(["%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S.%f", "%Y-%m-%d"])


@click.command()
@click.argument("contact_id")
@click.option(
    "--participant-token",
    "is_participant_token",
    is_flag=True,
    help="The token is a ParticipantToken, and not a ConnectionToken.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    callback=check_folder,
    help="Write the answer to a file (.json), and not into the lake.",
)
@click.option("--of-contact", metavar="ID", help="Only items of this contact of the chat.")
@click.option(
    "--max-results", type=click.IntRange(0, 100), default=100, show_default=True, metavar="N"
)
@click.option("--next-token", metavar="TOKEN", help="Begin after the page that gave this.")
@click.option(
    "--scan-direction",
    type=click.Choice(["BACKWARD", "FORWARD"]),
    default="BACKWARD",
    show_default=True,
)
@click.option(
    "--sort-order",
    type=click.Choice(["ASCENDING", "DESCENDING"]),
    default="ASCENDING",
    show_default=True,
)
@click.option("--start-id", metavar="ID", help="Begin with this item.")
@click.option("--start-time", type=_TIME, metavar="TIME", help="Begin at this time (UTC).")
@click.option("--start-most-recent", type=click.IntRange(0, 100), metavar="N")
@click.option(
    "--pages", type=click.IntRange(min=1), metavar="N", help="Read so many pages at most."
)
@content_policy_option
@pass_lake_and_region
def pull(
    lake_folder: Path,
    region: str | None,
    contact_id: str,
    is_participant_token: bool,
    output: Path | None,
    **asked: Any,
) -> int:
    """Read one transcript now, by GetTranscript, into the lake or to a file.

    It takes the token of a participant of the chat, from standard input or $CHATLAKE_TOKEN; no
    option takes it, because others see those. AWS credentials are not needed. With --max-results
    and what follows it all parameters of GetTranscript can be said.

    \b
      chatlake pull CONTACT_ID --region eu-central-1 --output chat.json < token

    Exit code: 0 read, 1 the service refused, or the token is of another chat.
    """
    from chatlake.aws.stack import with_packages
    from chatlake.operations.pull import (
        Pull,
        participant_client,
        pull_transcript,
        with_advice,
    )

    parameters = {
        "contact_id": asked["of_contact"],
        "max_results": asked["max_results"],
        "next_token": asked["next_token"],
        "scan_direction": asked["scan_direction"],
        "sort_order": asked["sort_order"],
        "start_position": _start(
            asked["start_id"], asked["start_time"], asked["start_most_recent"]
        ),
    }
    token = _token()
    with with_packages(region), with_advice():
        client = participant_client(region)
        if is_participant_token:
            token = client.connect(token).token
        answer = pull_transcript(contact_id, token, client, Pull(parameters, asked["pages"]))
    if output is not None:
        return _write(answer, contact_id, output)
    return _take(answer, lake_folder, asked["content_policy"])


def _start(
    item_id: str | None, time: datetime | None, most_recent: int | None
) -> dict[str, Any] | None:
    given = {
        "Id": item_id,
        "AbsoluteTime": None if time is None else f"{time.isoformat(timespec='milliseconds')}Z",
        "MostRecent": most_recent,
    }
    found = {name: value for name, value in given.items() if value is not None}
    if len(found) > 1:
        message = "name one of --start-id, --start-time and --start-most-recent"
        raise click.UsageError(message)
    return found or None


def _token() -> str:
    token = os.environ.get(_TOKEN) or (
        click.prompt("Token", hide_input=True, err=True)
        if sys.stdin.isatty()
        else sys.stdin.readline()
    )
    token = token.strip()
    if not token:
        message = f"there is no token: give it on standard input, or as ${_TOKEN}"
        raise click.UsageError(message)
    return token


def _write(answer: JsonObject, contact_id: str, output: Path) -> int:
    from chatlake.atomic_write import whole_file
    from chatlake.cli.console import console
    from chatlake.json_codec import dumps

    with whole_file(output) as path:
        path.write_bytes(dumps(answer))
    console.print(f"{len(answer['Transcript']):,} items of contact {contact_id} in {output}.")
    return 0


def _take(answer: JsonObject, lake_folder: Path, policy: str) -> int:
    from chatlake.cli.console import TerminalProgress, print_import
    from chatlake.documents.content_policy import ContentPolicy
    from chatlake.embedded.archive import EmbeddedArchive
    from chatlake.embedded.import_files import import_files
    from chatlake.embedded.transcript_files import find_files
    from chatlake.interrupts import temporary_folder
    from chatlake.json_codec import dumps

    with (
        temporary_folder() as folder,
        EmbeddedArchive(lake_folder, create=True, policy=ContentPolicy(policy)) as archive,
    ):
        path = folder / "pulled.json"
        path.write_bytes(dumps(answer))
        files, rejected = find_files([str(path)])
        summary = import_files(files, archive, TerminalProgress(), rejected)
    return print_import(summary, lake_folder)
