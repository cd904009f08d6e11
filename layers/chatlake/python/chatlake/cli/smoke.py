"""`chatlake smoke`: one chat through a stack, from its start to its rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from chatlake.cli.options import pass_stack

if TYPE_CHECKING:
    from chatlake.aws.stack import DeployedStack
    from chatlake.aws.stack_address import StackAddress
    from chatlake.operations.smoke import Smoke, SmokeServices

_COUNT = "SELECT count(*) AS messages FROM messages WHERE initial_contact_id = ?"


@click.command()
@click.option("--flow", metavar="ID", required=True, help="The flow that the chat begins with.")
@click.option(
    "--live-for",
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    default=90,
    show_default=True,
    help="How long the chat lives once all is said; Capture comes to new ones within a minute.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=1),
    metavar="SECONDS",
    default=1200,
    show_default=True,
    help="How long its rows may take after its end; 10 to 15 minutes are usual.",
)
@click.option("--no-athena", is_flag=True, help="Read the rows, and do not ask Athena for them.")
@pass_stack
def smoke(
    address: StackAddress, flow: str, live_for: float, timeout: float, no_athena: bool
) -> int:
    r"""Send one chat through a stack, and wait until Athena has its rows.

    It starts a chat with a flow, gives the stack its token, connects as the customer, sends two
    messages, reports as read what others say, leaves, and tells what came of it. The chat is one
    that Connect counts, and an agent to whom the flow leads sees it: name a flow that only
    answers, if you have one.

    \b
      chatlake --stack prod smoke --flow 00000000-0000-0000-0000-000000000000

    Exit code: 0 its messages are in the tables, by its token; 1 something has not come.
    """
    from chatlake.aws.stack import open_stack

    with open_stack(address) as stack:
        from chatlake.operations.smoke import smoke as send_through

        stack.check_bucket("Documents")
        chat = send_through(_services(stack, flow, live_for, timeout))
        code = _print(chat)
        return code if no_athena else _ask_athena(stack, chat) or code


def _services(stack: DeployedStack, flow: str, live_for: float, timeout: float) -> SmokeServices:
    from chatlake.aws.signed_post import post
    from chatlake.aws_clients.clients import participant
    from chatlake.cli.console import console
    from chatlake.operations.smoke import SmokeServices, participant_service

    url = stack.output("TokensUrl")

    def register(contact: str, token: str) -> None:
        post(url, {"ContactId": contact, "ParticipantToken": token}, stack.region)

    return SmokeServices(
        connect=stack.client("connect"),
        participant=participant(),
        transcripts=participant_service(),
        archive=stack.archive,
        instance_id=stack.settings.instance_id,
        flow=flow,
        register=register,
        told=console.print,
        live_s=live_for,
        timeout_s=timeout,
    )


def _print(chat: Smoke) -> int:
    from chatlake.cli.console import counted

    click.echo(f"Chat {chat.contact_id} is in the tables:")
    for table, number in chat.rows.items():
        click.echo(f"  {table:<12} {counted(number, 'row')}")
    if chat.by_token:
        click.echo("  read by its token, so receipts come with chats")
        return 0
    click.echo("  by its export alone: its token was not used, see the log of Capture")
    return 1


def _ask_athena(stack: DeployedStack, chat: Smoke) -> int:
    from chatlake.analytics.athena_engine import AthenaEngine

    settings = stack.settings
    engine = AthenaEngine(
        stack.client("athena"),
        stopper=stack.client("athena", max_pool_connections=1),
        database=settings.database,
        workgroup=settings.workgroup,
    )
    answer = engine.run(_COUNT, [chat.contact_id]).read_all()
    found = answer.column("messages").to_pylist()
    if found == [chat.rows["messages"]]:
        click.echo(f"  Athena finds all {found[0]:,} of its messages")
        return 0
    click.echo(f"  Athena finds {found[0] if found else 0:,} of its messages: see its workgroup")
    return 1
