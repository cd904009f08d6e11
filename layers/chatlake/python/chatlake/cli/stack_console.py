"""What commands on a stack say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from rich.console import Console

from chatlake.cli.console import console, counted
from chatlake.operations.backfill_estimate import RECORDS_A_SECOND, SEARCHES_A_SECOND, searches

if TYPE_CHECKING:
    from collections.abc import Iterable

    from chatlake.analytics.athena_engine import Cost
    from chatlake.aws.checks.finding import Finding
    from chatlake.aws.stack import DeployedStack
    from chatlake.json_codec import JsonObject
    from chatlake.operations.backfill_estimate import Estimate
    from chatlake.operations.past_exports import Listing, PastDays
    from chatlake.operations.redrive import Tracked
    from chatlake.operations.republish import Requeued
    from chatlake.operations.stack_status import StackStatus
    from chatlake.operations.status import EndedChats
    from chatlake.operations.verify_deployed import DeployedVerification

_QUERY_RESULTS_DAYS, _RECOVERY_DAYS = 7, 35
_KILO = 1000
_EXPORTS_TO_NAME = 100
_VERDICTS = {
    "fine": "fine",
    "fails": "fail",
    "look": "for you to judge",
    "unknown": "not known",
}


def print_stack_status(stack: DeployedStack, status: StackStatus) -> None:
    """Print the state of a stack to standard output."""
    out = Console(highlight=False, markup=False, soft_wrap=True)
    out.print(f"Stack {stack.name} in {stack.region}, chatlake {stack.version}, {stack.status}")
    out.print(f"  last day:  {_of_chats(status.day)}")
    out.print(f"  last week: {_of_chats(status.week)}")
    out.print(f"  live chats: {_of_live(status)}")
    for what, messages in status.queues.items():
        out.print(f"  {what}: {messages:,}")
    if status.republishing:
        out.print("  all chats are being published again; Reconcile goes on with it every hour")
    newest = status.last_published
    out.print(f"  last published: {f'{newest:%Y-%m-%d %H:%M:%S} UTC' if newest else 'never'}")
    for table in status.tables:
        out.print(f"  {table.name:<12} {table.rows:>12,} rows")
    out.print(f"  alarms that are on: {', '.join(status.alarms) or 'none'}")


def _of_chats(ended: EndedChats) -> str:
    share = ended.receipt_share
    if share is None:
        return "no chat has ended"
    return (
        f"{counted(ended.ended, 'chat')} ended, {ended.read:,} opened by a token, "
        f"{ended.with_receipts:,} with receipts ({share:.1%})"
    )


def _of_live(status: StackStatus) -> str:
    live = status.live
    share = live.covered_share
    followed = (
        "none"
        if share is None
        else f"{live.by_socket:,} by websocket, {live.by_reads:,} by reads, "
        f"{live.uncovered:,} by nothing at present ({share:.1%} followed)"
    )
    processes = f"{live.processes:,} process{'' if live.processes == 1 else 'es'} of Capture"
    return f"{followed}; {processes}"


def print_verified(verification: DeployedVerification, differences: int) -> int:
    """Say what was compared; return the exit code."""
    if verification.waiting:
        waiting = counted(verification.waiting, "chat")
        console.print(f"{waiting} not compared: the newest document waits to be published.")
    compared = counted(verification.compared, "chat")
    if differences:
        console.print(f"{counted(differences, 'difference')} in {compared}.")
        return 1
    console.print(f"{compared} compared: every row is as its document says.")
    return 0


def print_requeued(requeued: Requeued) -> int:
    """Say which chats are due again; return the exit code."""
    console.print(f"{counted(requeued.chats, 'chat')} will be published again within minutes.")
    if requeued.unknown:
        console.print(f"Not known in this stack: {', '.join(sorted(requeued.unknown))}")
        return 1
    return 0


def print_republication(chats: int) -> None:
    """Say that all chats are due again."""
    console.print(
        f"{counted(chats, 'chat')} will be published again, as fast as the stack publishes; "
        "chatlake status shows how many wait."
    )


def print_moving(what: str, queue: str, *, begun: bool) -> None:
    """Say that dead letters are moved back."""
    out = Console(highlight=False, markup=False, soft_wrap=True)
    out.print(
        f"SQS moves the {what} back to the {queue} queue."
        if begun
        else f"SQS is moving the {what} back already."
    )


def print_tracked(outcome: Tracked) -> int:
    """Say what became of dead letters of Track; return the exit code."""
    console.print(f"{counted(outcome.done, 'event')} tracked.")
    for kind, number in sorted(outcome.failed.items()):
        console.print(f"{counted(number, 'event')} failed again with {kind}: Track's log says why.")
    if outcome.unreadable:
        console.print(f"{counted(outcome.unreadable, 'message')} no event, and left there.")
    return 1 if outcome.left else 0


def print_stack_erasure(answer: Any, history_days: int) -> int:
    """Print what became of each contact, and when the last bytes are gone; return the exit code."""
    out = Console(highlight=False, markup=False, soft_wrap=True)
    out.print(f"{counted(len(answer['erased']), 'chat')} erased.")
    for chat in answer["erased"]:
        out.print(f"  {chat}")
    if answer["already_erased"]:
        out.print(f"Erased before: {', '.join(answer['already_erased'])}")
    if answer["unknown"]:
        out.print(f"Not known in this stack: {', '.join(answer['unknown'])}")
    for held in answer["still_held"]:
        kind = "tag" if "tag" in held else "branch"
        out.print(
            f"The {kind} {held[kind]} of table {held['table']} still holds rows. "
            f"Drop it: {held['drop']}"
        )
    if answer["erased"] or answer["already_erased"]:
        _print_ends(out, history_days)
    if record := answer.get("record"):
        out.print(f"Who erased what, and when all of it was gone, will be in {record}")
    return 1 if answer["unknown"] else 0


def _print_ends(out: Console, history_days: int) -> None:
    today = datetime.now(UTC).date()
    out.print("Documents and rows are gone from every query now. What is left goes by itself:")
    for what, days in (
        ("files that only older snapshots of the tables need", history_days + 1),
        ("results of queries that showed them", _QUERY_RESULTS_DAYS),
        ("their ids in DynamoDB's recovery", _RECOVERY_DAYS),
    ):
        out.print(f"  until about {today + timedelta(days=days)}: {what}")


def print_listing(days: PastDays, listing: Listing, *, searching: bool, asking: bool) -> None:
    """Say how much there is in a period, and how long its contacts are searched and asked about."""
    out = Console(highlight=False, markup=False, soft_wrap=True)
    with_any = sum(number > 0 for number in listing.exports.values())
    out.print(
        f"{days}: {counted(listing.count, 'export')} ({megabytes(listing.size_bytes)}) on "
        f"{counted(with_any, 'day')}."
    )
    if searching:
        number = searches(listing)
        hours = number / SEARCHES_A_SECOND / 3600
        out.print(
            f"About {number:,} searches of contacts, {hours:.1f} hours at {SEARCHES_A_SECOND} a "
            "second; with --exports-only none."
        )
    if asking:
        hours = listing.count / RECORDS_A_SECOND / 3600
        out.print(
            f"{counted(listing.count, 'record')} of contacts, {hours:.1f} hours at "
            f"{RECORDS_A_SECOND:g} a second: ContentPolicy is redacted, and they alone tell which "
            "exports are."
        )


def print_estimate(reckoned: Estimate) -> None:
    """Say what a backfill takes and costs."""
    console.print(
        f"{counted(reckoned.exports, 'export')}: about {reckoned.hours:.1f} hours in all, and "
        f"${reckoned.dollars:.2f} at list prices of us-east-1; the function takes in "
        f"{reckoned.a_second:,.1f} a second."
    )


def print_left_exports(bodies: Iterable[JsonObject]) -> int:
    """Name the exports that could not be taken in, and why; return the exit code."""
    count = 0
    for body in bodies:
        count += 1
        if count <= _EXPORTS_TO_NAME:
            why = body.get("why", "Backfill has failed with it; its log says why")
            console.print(f"Not taken in: {body.get('export', 'a contact')}: {why}")
    if count > _EXPORTS_TO_NAME:
        console.print(f"… and {count - _EXPORTS_TO_NAME:,} more like these")
    if count:
        console.print(
            f"{counted(count, 'message')} kept in the queue BackfillDeadLetters for 14 days: mend "
            "the cause, then chatlake redrive sends them again."
        )
    return 1 if count else 0


def print_findings(findings: Iterable[Finding]) -> int:
    """Print what checks have found, and what mends it; return the exit code."""
    out = Console(highlight=False, markup=False, soft_wrap=True)
    numbers: dict[str, int] = {}
    for finding in findings:
        numbers[finding.verdict] = numbers.get(finding.verdict, 0) + 1
        out.print(f"{finding.verdict:<8} {finding.said}")
        if finding.mend:
            out.print(f"{'':<8} → {finding.mend}")
    told = ", ".join(
        f"{numbers[verdict]} {said}" for verdict, said in _VERDICTS.items() if verdict in numbers
    )
    console.print(f"Checks: {told}.")
    # What could not be seen is not well, for whoever goes by the exit code.
    return 1 if {"fails", "unknown"} & numbers.keys() else 0


def print_cost(cost: Cost, limit: int | None, workgroup: str) -> None:
    """Say what queries have read and cost, and how much one may read."""
    limited = (
        "" if limit is None else f"; workgroup {workgroup} lets a query read {megabytes(limit)}"
    )
    queries = "" if cost.queries == 1 else f" by {cost.queries} queries"
    console.print(
        f"{megabytes(cost.bytes_read)} read{queries}, about ${cost.dollars:.5f} at 5 dollars a "
        f"terabyte and 10 MB a query at least{limited}."
    )


def megabytes(number: float) -> str:
    """Write a number of bytes in the unit that suits it."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if number < _KILO:
            return f"{number:.0f} {unit}" if unit == "bytes" else f"{number:.1f} {unit}"
        number /= _KILO
    return f"{number:.1f} TB"
