"""What commands do on a stack that is deployed."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click

from chatlake.aws.stack import open_stack
from chatlake.cli.console import TerminalProgress, counted, print_changes_of_others
from chatlake.cli.stack_console import (
    print_moving,
    print_republication,
    print_requeued,
    print_stack_erasure,
    print_stack_status,
    print_tracked,
    print_verified,
)
from chatlake.json_codec import dumps

if TYPE_CHECKING:
    from chatlake.aws.stack import DeployedStack
    from chatlake.aws.stack_address import StackAddress
    from chatlake.operations.redrive import Invoke


def status(address: StackAddress) -> int:
    """Print how a stack is."""
    from chatlake.operations.stack_status import StackParts, stack_status

    with open_stack(address) as stack:
        settings = stack.settings
        parts = StackParts(
            stack.name,
            settings.schedule_table,
            {
                "chats wait to be published": settings.publish_queue_url,
                "chats could not be published": stack.output("PublishDeadLettersUrl"),
                "events could not be tracked": stack.output("TrackDeadLettersUrl"),
                "contacts of the past wait to be taken in": stack.output("BackfillQueueUrl"),
                "contacts of the past could not be taken in": stack.output(
                    "BackfillDeadLettersUrl"
                ),
            },
            *map(stack.client, ("cloudwatch", "dynamodb", "sqs")),
        )
        archive = stack.archive
        republishing = archive.republication.after() is not None
        print_stack_status(stack, stack_status(parts, archive.lake, republishing=republishing))
    return 0


def verify(address: StackAddress, sample: int | None) -> int:
    """Compare documents with their rows."""
    from chatlake.operations.verify_deployed import DeployedVerification

    with open_stack(address) as stack:
        stack.check_bucket("Documents")
        archive = stack.archive
        verification = DeployedVerification(archive.store, archive.chats, archive.lake)
        count = 0
        for difference in verification.run(TerminalProgress(), sample):
            click.echo(difference)
            count += 1
        count += print_changes_of_others(verification, str(address))
        return print_verified(verification, count)


def document(address: StackAddress, contact_id: str) -> int:
    """Print the stored document of a chat."""
    from chatlake.operations.stored_document import stored_document

    with open_stack(address) as stack:
        stack.check_bucket("Documents")
        click.echo(stored_document(contact_id, stack.archive))
    return 0


def republish(address: StackAddress, contact_ids: tuple[str, ...]) -> int:
    """Make chats due to be published again."""
    from chatlake.operations.forgotten_chats import readmit
    from chatlake.operations.republish import republish as republish_chats
    from chatlake.operations.republish_all import republish_all

    with open_stack(address) as stack:
        stack.check_bucket("Documents")
        archive, progress = stack.archive, TerminalProgress()
        if contact_ids:
            return print_requeued(republish_chats(archive, progress, contact_ids))
        archive.republication.begin()
        with progress.stage("Queueing", None):
            count = republish_all(
                archive.republication,
                store=archive.store,
                chats=archive.chats,
                publish_queue=archive.publish_queue,
                may_go_on=lambda: True,
                readmit=partial(
                    readmit, store=archive.store, chats=archive.chats, schedule=archive.schedule
                ),
            )
        print_republication(count)
    return 0


def redrive(address: StackAddress, *, dry_run: bool) -> int:
    """Send dead letters back to work."""
    from chatlake.operations import redrive as letters

    with open_stack(address) as stack:
        sqs = stack.client("sqs")
        of_publish, of_track, of_backfill = (
            stack.output(f"{name}DeadLettersUrl") for name in ("Publish", "Track", "Backfill")
        )
        chats, events, past = (
            letters.count(sqs, url) for url in (of_publish, of_track, of_backfill)
        )
        click.echo(
            f"{counted(chats, 'chat')} could not be published, "
            f"{counted(events, 'event')} could not be tracked."
        )
        if past:
            click.echo(f"{counted(past, 'contact')} of the past could not be taken in.")
        if dry_run:
            return 0
        if chats:
            print_moving("chats", "publish", begun=letters.move_back(sqs, of_publish))
        if past:
            # Backfill itself has put some there, of which SQS does not know where they came from.
            begun = letters.move_back(sqs, of_backfill, to=stack.output("BackfillQueueUrl"))
            print_moving("contacts", "backfill", begun=begun)
        if not events:
            return 0
        with TerminalProgress().stage("Tracking", events) as advance:
            outcome = letters.track_again(sqs, of_track, _tracker(stack), advance)
        return print_tracked(outcome)


def _tracker(stack: DeployedStack) -> Invoke:
    from chatlake.exceptions import FunctionFailed

    function = stack.resource("Track")

    def invoke(event: bytes) -> str | None:
        try:
            stack.invoke(function, event)
        except FunctionFailed as error:
            return error.kind
        return None

    return invoke


def _principal(stack: DeployedStack) -> str:
    """Return the ARN of whoever uses the command."""
    return str(stack.client("sts").get_caller_identity()["Arn"])


def erase(address: StackAddress, contact_ids: tuple[str, ...], *, wait: bool) -> int:
    """Erase chats, print what became of them, and wait for their last bytes if that is wanted."""
    from chatlake.operations.erased_bytes import newest_commits, wait_for_expiry

    with open_stack(address) as stack:
        asked = {"contact_ids": list(contact_ids), "requested_by": _principal(stack)}
        payload = dumps(asked)
        answer = stack.invoke(stack.output("EraseFunction"), payload)
        code = print_stack_erasure(answer, int(stack.parameter("HistoryDays", "0")))
        if wait and (answer["erased"] or answer["already_erased"]):
            lake = stack.archive.lake
            wait_for_expiry(lake, newest_commits(lake), TerminalProgress())
            click.echo("No snapshot of the tables is older than the erasure any more.", err=True)
    return code
