"""`chatlake backfill`: chats from before the stack was there, by their exports."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from chatlake.cli.options import pass_stack

if TYPE_CHECKING:
    from chatlake.aws.stack import DeployedStack
    from chatlake.aws.stack_address import StackAddress
    from chatlake.chat_state.backfills import BackfillState
    from chatlake.operations.backfill import Backfill
    from chatlake.operations.past_exports import ExportFolder, Listing, PastDays

_DAY = click.DateTime(["%Y-%m-%d"])
# Of the template.
_MEMORY_GB = 1.0


@click.command()
@click.option(
    "--since", type=_DAY, required=True, metavar="DAY", help="First day (UTC): 2026-01-31"
)
@click.option("--until", type=_DAY, metavar="DAY", help="Last day (UTC); today if not said.")
@click.option("--dry-run", is_flag=True, help="Only list and count.")
@click.option(
    "--exports-only",
    is_flag=True,
    help="Search no contacts: it is faster, and of the chats nobody knows queue, agent and times.",
)
@pass_stack
def backfill(
    address: StackAddress,
    since: datetime,
    until: datetime | None,
    dry_run: bool,
    exports_only: bool,
) -> int:
    """Take chats of the past into a stack: what Connect has exported of them, and their contacts.

    The exports of a period are listed, and its contacts searched, at 0.4 searches a second of the
    0.5 that the account may make. Both go through a queue of their own to the function Backfill,
    of which as many run as the parameter BackfillConcurrency says; live chats go on as before.
    Such chats have no receipts: only tokens bring those.

    With ContentPolicy redacted Connect is asked for the record of each contact that has an export,
    one in a second, which takes the longest by far. Contents of exports that Connect has not
    redacted are left out, and so are those of contacts that it has forgotten, after two years.

    \b
      chatlake --stack prod backfill --since 2026-01-01 --until 2026-06-30

    After its first 500 it tells what all of it takes and costs. Interrupted, or killed, the same
    command goes on where it was; given once more after its end it changes nothing.

    Exit code: 0 all is in, 1 some exports could not be read (they are named).
    """
    from chatlake.aws.stack import open_stack
    from chatlake.operations.past_exports import PastDays

    days = PastDays(since.date(), (until or datetime.now(UTC)).date())
    if days.since > days.until:
        message = f"--since {days.since} is after --until {days.until}"
        raise click.UsageError(message)
    with open_stack(address) as stack:
        return _run(stack, days, dry_run=dry_run, searching=not exports_only)


def _run(stack: DeployedStack, days: PastDays, *, dry_run: bool, searching: bool) -> int:
    from chatlake.cli.console import TerminalProgress, console, counted
    from chatlake.cli.stack_console import print_left_exports, print_listing
    from chatlake.operations.past_exports import list_exports
    from chatlake.operations.redrive import letters

    folder = _folder(stack)
    listing = list_exports(folder, days, TerminalProgress())
    print_listing(days, listing, searching=searching, asking=_asks_for_records(stack))
    if dry_run:
        return 0
    work = _backfill(stack, folder, days, searching=searching)
    if work.state().place:
        console.print("It goes on where it was.")
    ended = _watched(stack, work, listing, searching=searching)
    work.end()
    console.print(
        f"{counted(ended.done, 'contact')} taken in; their chats are published within minutes, "
        "and chatlake status shows how many wait."
    )
    dead = stack.output("BackfillDeadLettersUrl")
    return print_left_exports(letters(stack.client("sqs"), dead))


def _watched(
    stack: DeployedStack, work: Backfill, listing: Listing, *, searching: bool
) -> BackfillState:
    from chatlake.cli.console import TerminalProgress
    from chatlake.cli.stack_console import print_estimate
    from chatlake.operations.backfill_estimate import estimate

    def measured(state: BackfillState) -> None:
        print_estimate(
            estimate(
                listing,
                state,
                processes=int(stack.parameter("BackfillConcurrency", "2")),
                memory_gb=_MEMORY_GB,
                architecture=stack.parameter("Architecture", "arm64"),
                searching=searching,
                asking=_asks_for_records(stack),
            )
        )

    with TerminalProgress().stage("Backfill", listing.count or None) as advance:
        return work.run(listing, advance, measured)


def _folder(stack: DeployedStack) -> ExportFolder:
    from chatlake.aws.own_bucket import why_not_ours
    from chatlake.exceptions import StackUnusable
    from chatlake.operations.past_exports import ExportFolder

    bucket = stack.parameter("ExportBucketName", "")
    if not bucket:
        raise StackUnusable(
            f"stack {stack.name} reads no exports: name their bucket and prefix in its parameters "
            "ExportBucketName and ExportPrefix, and deploy it again"
        )
    s3 = stack.client("s3")
    if why := why_not_ours(s3, bucket, account=stack.account, region=stack.region):
        raise StackUnusable(f"the bucket of exports {bucket} {why}")
    return ExportFolder(s3, bucket, stack.parameter("ExportPrefix", ""))


def _backfill(
    stack: DeployedStack, folder: ExportFolder, days: PastDays, *, searching: bool
) -> Backfill:
    from chatlake.operations.backfill import Backfill, BackfillSources, searching_pace

    return Backfill(
        BackfillSources(
            folder=folder,
            instance_arn=stack.settings.instance_arn,
            # Each repetition of its own would be one beyond the quota.
            connect=stack.client("connect", retries={"total_max_attempts": 1})
            if searching
            else None,
            searches=searching_pace(),
            sqs=stack.client("sqs"),
            queue_url=stack.output("BackfillQueueUrl"),
            publish_queue_url=stack.settings.publish_queue_url,
            backfills=stack.archive.backfills,
            asks_for_records=_asks_for_records(stack),
        ),
        days,
    )


def _asks_for_records(stack: DeployedStack) -> bool:
    """Return whether the function asks for the records of contacts."""
    from chatlake.documents.content_policy import ContentPolicy

    return stack.settings.content_policy is ContentPolicy.REDACTED
