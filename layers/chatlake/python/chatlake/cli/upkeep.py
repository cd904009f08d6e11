"""Commands that keep a lake right: its rows, its erasures, its state."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import click

from chatlake.aws.stack_address import StackAddress
from chatlake.cli.options import only_of, pass_lake, pass_place, pass_stack

if TYPE_CHECKING:
    from pathlib import Path

_SAMPLE = 100


@click.command()
@pass_lake
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
@pass_place
def republish(place: Path | StackAddress, contact_ids: tuple[str, ...]) -> int:
    """Write the rows of chats again, even if nothing of them has changed.

    After others have changed rows in the tables, this brings back what the documents say: of the
    chats that some contacts are legs of, or of all. Nothing is emptied meanwhile, and columns that
    others have added keep their values.

    Of a stack the chats go to its publish queue, all of them after a new row format for instance.
    Interrupted, Reconcile goes on with it within the hour.

    Exit code: 0 all is published (of a stack: queued), 1 a contact is not known or a chat has
    failed.
    """
    if isinstance(place, StackAddress):
        from chatlake.cli import on_stack

        return on_stack.republish(place, contact_ids)
    from chatlake.cli.console import TerminalProgress, print_republished
    from chatlake.embedded.archive import EmbeddedArchive
    from chatlake.operations.publish_waiting import publish_waiting
    from chatlake.operations.republish import republish as republish_chats
    from chatlake.tables.publish import PublishOutcome

    gc.disable()
    outcome, progress = PublishOutcome(), TerminalProgress()
    with EmbeddedArchive(place) as archive, archive.shared():
        requeued = republish_chats(archive, progress, contact_ids or None)
        publish_waiting(archive, progress, outcome)
    return print_republished(requeued, outcome)


@click.command()
@click.option(
    "--sample",
    type=click.IntRange(min=1),
    metavar="N",
    help=f"Of a stack: so many chats, taken at random. {_SAMPLE} if not said.",
)
@click.option("--all", "whole", is_flag=True, help="Of a stack: all chats.")
@pass_place
def verify(place: Path | StackAddress, sample: int | None, whole: bool) -> int:
    """Check documents against their rows, as SQL sees them: every one, of a stack a sample.

    Prints where they differ, column by column but never a value; and, table by table, what others
    have changed in rows since they were published, with the way back. Of a stack the files of the
    days are read on which the chats have rows, with --all each file of the tables; it goes on
    working meanwhile. Exit code: 0 they are equal, 1 they differ.
    """
    if isinstance(place, StackAddress):
        from chatlake.cli import on_stack

        if sample and whole:
            message = "--sample and --all contradict each other"
            raise click.UsageError(message)
        return on_stack.verify(place, None if whole else sample or _SAMPLE)
    only_of("a stack", "--sample", sample)
    from chatlake.cli.console import TerminalProgress, print_changes_of_others
    from chatlake.embedded.archive import EmbeddedArchive
    from chatlake.operations.verify import Verification

    gc.disable()
    count = 0
    with EmbeddedArchive(place) as archive:
        verification = Verification(archive)
        for difference in verification.run(TerminalProgress()):
            click.echo(difference)
            count += 1
    count += print_changes_of_others(verification, f"--lake {place}")
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
@click.option(
    "--wait",
    is_flag=True,
    help="Of a stack: wait until no older snapshot of the tables holds the rows. That takes days; "
    "interrupted, give the same command again.",
)
@pass_place
def erase(place: Path | StackAddress, contact_ids: tuple[str, ...], purge: bool, wait: bool) -> int:
    """Erase chats, everywhere and for good.

    A chat is erased whole, whichever of its contacts is named. It does not come back when it is
    imported again. Without --purge its rows are gone from every query, but older files on the disk
    still hold them.

    Of a stack its function Erase does that, and what became of each contact is printed, with when
    the last bytes are gone.

    Exit code: 0 all erased, 1 a contact is not known.
    """
    if isinstance(place, StackAddress):
        from chatlake.cli import on_stack

        only_of("the folder of a lake", "--purge", purge)
        return on_stack.erase(place, contact_ids, wait=wait)
    only_of("a stack", "--wait", wait)
    from chatlake.cli.console import print_erasure
    from chatlake.embedded.archive import EmbeddedArchive
    from chatlake.operations.erase import erase as erase_chats

    with EmbeddedArchive(place) as archive:
        with archive.shared():
            erasure = erase_chats(contact_ids, archive)
        if purge:
            archive.purge()
    return print_erasure(erasure, purged=purge)


@click.command()
@pass_place
def status(place: Path | StackAddress) -> int:
    """Show what the lake holds, how fresh it is and what is missing.

    Of a stack: how many chats have ended of late, and with which share receipts came; what covers
    the live ones; its queues, tables and alarms.
    """
    if isinstance(place, StackAddress):
        from chatlake.cli import on_stack

        return on_stack.status(place)
    from chatlake.cli.console import print_status
    from chatlake.embedded.archive import EmbeddedArchive
    from chatlake.operations.status import lake_status

    with EmbeddedArchive(place) as archive:
        print_status(lake_status(archive), place)
    return 0


@click.command()
@click.argument("contact_id")
@pass_place
def document(place: Path | StackAddress, contact_id: str) -> int:
    """Print the stored document of a chat as JSON: all that is archived of it.

    Any of its contacts names the chat. Exit code: 0 printed, 1 there is none.
    """
    if isinstance(place, StackAddress):
        from chatlake.cli import on_stack

        return on_stack.document(place, contact_id)
    from chatlake.embedded.archive import EmbeddedArchive
    from chatlake.operations.stored_document import stored_document

    with EmbeddedArchive(place) as archive:
        click.echo(stored_document(contact_id, archive))
    return 0


@click.command()
@click.option("--dry-run", is_flag=True, help="Only count them.")
@pass_stack
def redrive(address: StackAddress, dry_run: bool) -> int:
    """Send dead letters of a stack back to work: chats to publish, and events to track.

    They are counted first. SQS moves the chats back to their queue; each event is sent to Track
    again, and stays if it fails once more. Nothing that is sent again can do harm.

    Exit code: 0 all are on their way, 1 some events are left.
    """
    from chatlake.cli import on_stack

    return on_stack.redrive(address, dry_run=dry_run)
