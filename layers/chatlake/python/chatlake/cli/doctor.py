"""`chatlake doctor`: what Connect and the account must have, before a deployment and after it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from chatlake.cli.options import pass_account

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chatlake.aws.checks.finding import Finding, Place
    from chatlake.aws.stack_address import StackAddress


@click.command()
@click.option(
    "--instance", metavar="ARN", default="", help="The Connect instance, without a stack."
)
@click.option(
    "--export-bucket", metavar="NAME", default="", help="Where it exports transcripts to."
)
@click.option(
    "--export-prefix", metavar="PREFIX", default="", help="Below which; as it says itself."
)
@click.option(
    "--merge-notifications",
    is_flag=True,
    help="Let the bucket of exports tell EventBridge of new objects, beside whatever it tells "
    "others already.",
)
@pass_account
def doctor(address: StackAddress, merge_notifications: bool, **named: str) -> int:
    """Look whether chats can be archived, and say what mends it where they cannot.

    Before a deployment it looks at the account and at what you name; of a stack, also at what it
    was deployed with and whether events, exports, tokens and receipts come. It changes nothing but
    for --merge-notifications. What these credentials may not see is unknown, and the rest goes on.

    \b
      chatlake doctor --region eu-central-1 --instance ARN --export-bucket NAME
      chatlake --stack prod doctor
      chatlake --stack prod doctor --merge-notifications

    Exit code: 0 nothing fails, 1 something does, or could not be seen.
    """
    if address.name and any(named.values()):
        message = "--instance, --export-bucket and --export-prefix are for the time before a stack"
        raise click.UsageError(message)
    from chatlake.aws.stack import open_stack, with_packages

    # Loading what follows needs boto3, which that has looked for.
    if address.name:
        with open_stack(address, any_version=True) as stack:
            from chatlake.aws.checks.places import of_stack

            return _examined(of_stack(stack), merging=merge_notifications)
    with with_packages(address.region):
        from chatlake.aws.checks.places import open_account
    with open_account(address, **named) as place:
        return _examined(place, merging=merge_notifications)


def _examined(place: Place, *, merging: bool) -> int:
    from chatlake.cli.stack_console import print_findings

    if merging:
        _merge(place)
    return print_findings(_findings(place))


def _findings(place: Place) -> Iterator[Finding]:
    from chatlake.aws.checks import account, exports, pipeline
    from chatlake.aws.checks.finding import examine

    yield from examine(place, (*account.CHECKS, *exports.CHECKS))
    if place.stack is not None:
        yield from examine(place, pipeline.CHECKS)


def _merge(place: Place) -> None:
    from chatlake.aws.checks.exports import merge_notifications
    from chatlake.cli.console import console, counted

    bucket = place.export_bucket
    if not bucket:
        message = "--merge-notifications needs a bucket: name it with --export-bucket"
        raise click.UsageError(message)
    client: Any = place.client("s3")
    kept = merge_notifications(client, bucket, place.account)
    if kept is None:
        console.print(f"The bucket {bucket} tells EventBridge already; nothing was changed.")
        return
    console.print(
        f"The bucket {bucket} tells EventBridge of new objects from now on; "
        f"{counted(kept, 'other notification')} left as they were."
    )
