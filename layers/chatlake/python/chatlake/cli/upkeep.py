"""Commands that keep a lake right: its rows, its erasures, its state."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import click

from chatlake.cli.options import lake_option

if TYPE_CHECKING:
    from pathlib import Path


@click.command()
@lake_option
@click.pass_obj
def rebuild(lake_folder: Path) -> int:
    """Make the tables anew from the documents.

    Also for a lake that was moved or copied. Waits until no import is running.
    """
    from chatlake.cli.console import TerminalProgress, print_rebuild
    from chatlake.embedded.archive import EmbeddedArchive
    from chatlake.operations.rebuild import rebuild as rebuild_tables

    gc.disable()
    with EmbeddedArchive(lake_folder, rebuilding=True) as archive:
        outcome = rebuild_tables(archive, TerminalProgress())
    return print_rebuild(outcome)


@click.command()
@click.argument("contact_ids", nargs=-1, metavar="[CONTACT_ID…]")
@lake_option
@click.pass_obj
def republish(lake_folder: Path, contact_ids: tuple[str, ...]) -> int:
    """Write the rows of chats again, even if nothing of them has changed.

    After others have changed rows in the tables, this brings back what the documents say: of the
    chats that some contacts are legs of, or of all. Nothing is emptied meanwhile, and columns that
    others have added keep their values.

    Exit code: 0 all is published, 1 a contact is not known or a chat has failed.
    """
    from chatlake.cli.console import TerminalProgress, print_republished
    from chatlake.embedded.archive import EmbeddedArchive
    from chatlake.operations.publish_waiting import publish_waiting
    from chatlake.operations.republish import republish as republish_chats
    from chatlake.tables.publish import PublishOutcome

    gc.disable()
    outcome, progress = PublishOutcome(), TerminalProgress()
    with EmbeddedArchive(lake_folder) as archive, archive.shared():
        requeued = republish_chats(archive, progress, contact_ids or None)
        publish_waiting(archive, progress, outcome)
    return print_republished(requeued, outcome)


@click.command()
@lake_option
@click.pass_obj
def verify(lake_folder: Path) -> int:
    """Check every document against its rows, as SQL sees them.

    Prints where they differ, column by column but never a value; and, table by table, what others
    have changed in rows since they were published, with the way back. Exit code: 0 they are equal,
    1 they differ.
    """
    from chatlake.cli.console import TerminalProgress, print_changes_of_others
    from chatlake.embedded.archive import EmbeddedArchive
    from chatlake.operations.verify import Verification

    gc.disable()
    count = 0
    with EmbeddedArchive(lake_folder) as archive:
        verification = Verification(archive)
        for difference in verification.run(TerminalProgress()):
            click.echo(difference)
            count += 1
    count += print_changes_of_others(verification, lake_folder)
    told = f"{count:,} difference{'' if count == 1 else 's'}"
    click.echo(told if count else "Every row is as its document says.", err=True)
    return 1 if count else 0


@click.command()
@click.argument("contact_ids", nargs=-1, required=True, metavar="CONTACT_ID…")
@click.option(
    "--purge",
    is_flag=True,
    help="Also delete what only older snapshots of the tables still need, so that no byte of the "
    "chats is left in the folder. Waits until no import is running.",
)
@lake_option
@click.pass_obj
def erase(lake_folder: Path, contact_ids: tuple[str, ...], purge: bool) -> int:
    """Erase chats, everywhere and for good.

    A chat is erased whole, whichever of its contacts is named. It does not come back when it is
    imported again. Without --purge its rows are gone from every query, but older files on the disk
    still hold them.

    Exit code: 0 all erased, 1 a contact is not known.
    """
    from chatlake.cli.console import print_erasure
    from chatlake.embedded.archive import EmbeddedArchive
    from chatlake.operations.erase import erase as erase_chats

    with EmbeddedArchive(lake_folder) as archive:
        with archive.shared():
            erasure = erase_chats(contact_ids, archive)
        if purge:
            archive.purge()
    return print_erasure(erasure, purged=purge)


@click.command()
@lake_option
@click.pass_obj
def status(lake_folder: Path) -> int:
    """Show what the lake holds, how fresh it is and what is missing."""
    from chatlake.cli.console import print_status
    from chatlake.embedded.archive import EmbeddedArchive
    from chatlake.operations.status import lake_status

    with EmbeddedArchive(lake_folder) as archive:
        print_status(lake_status(archive), lake_folder)
    return 0
