"""Checks of a stack at work: events and exports come, receipts are on, nothing is left behind."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from chatlake.aws.checks.finding import Finding, fails, fine, look
from chatlake.aws_clients.clients import error_code
from chatlake.aws_clients.metric_names import Metric
from chatlake.identifiers import instance_id
from chatlake.operations.redrive import count
from chatlake.operations.status import ended_chats

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chatlake.aws.checks.finding import Place
    from chatlake.aws.stack import DeployedStack

_WEEK = timedelta(days=7)
_HOUR_S = 3600
_DESCRIBED = 5
_FEW = 20
_DEAD = ("Track", "Publish", "Backfill")


def events(place: Place) -> Iterator[Finding]:
    """Contact events. They come."""
    stack = _stack(place)
    rule = stack.resource("TrackContactEvents")
    found = place.client("events").describe_rule(Name=rule)
    if found.get("State", "").startswith("DISABLED"):
        yield fails(
            "the rule that takes contact events is disabled: no chat is noticed",
            f"aws events enable-rule --region {place.region} --name {rule}",
        )
        return
    hours = int(stack.parameter("NoEventsHours", "72")) or 72
    number = _sum(stack, Metric.EVENTS_TRACKED, timedelta(hours=hours))
    if number:
        yield fine(f"{number:,} contact events of chats were noted in {hours} hours")
    else:
        yield look(
            f"no contact event of a chat was noted in {hours} hours",
            f"if there was a chat: chatlake {stack.address} smoke --flow FLOW",
        )


def exported(place: Place) -> Iterator[Finding]:
    """New exports. They are noticed."""
    stack = _stack(place)
    if not place.export_bucket:
        return
    told = _sum(stack, Metric.EXPORTS_TRACKED, _WEEK)
    late = _sum(stack, Metric.EXPORTS_FOUND, _WEEK)
    ended = ended_chats(stack.client("cloudwatch"), stack.name, until=_now(), period=_WEEK).ended
    if told:
        yield fine(f"{told:,} exports were noticed in a week, {late:,} were found late")
    elif late:
        yield fails(
            f"{late:,} exports were found by Reconcile in a week, and no event told of any",
            f"chatlake doctor {stack.address} --merge-notifications",
        )
    elif ended:
        yield fails(
            f"{counted(ended)} ended in a week, and no export came",
            "see what the instance exports, and where: chatlake doctor says it above",
        )
    else:
        yield look("no chat has ended in a week, and no export came")


def receipts(place: Place) -> Iterator[Finding]:
    """Tokens and receipts. Pages give tokens, and report what was read."""
    stack = _stack(place)
    week = ended_chats(stack.client("cloudwatch"), stack.name, until=_now(), period=_WEEK)
    if not week.ended:
        yield look("no chat has ended in a week: nothing is known of tokens and receipts")
    elif not week.read:
        yield fails(
            f"{counted(week.ended)} ended in a week, and none was opened by a token: no receipts",
            "let pages start chats through the stack, or give it their tokens: docs/integration.md",
        )
    elif not week.with_receipts and week.read >= _FEW:
        yield fails(
            f"{counted(week.read)} opened by tokens in a week, and none has receipts: they are off",
            "in ChatJS: connect.ChatSession.setGlobalConfig({features: {messageReceipts: "
            "{shouldSendMessageReceipts: true}}}); in the hosted chat widget: Message receipts, on",
        )
    else:
        yield fine(
            f"{counted(week.ended)} ended in a week, {week.read:,} opened by a token, "
            f"{week.with_receipts:,} with receipts"
        )


def redacted(place: Place) -> Iterator[Finding]:
    """Redaction. Whether the instance keeps copies from before it."""
    found = _recent_contacts(place)
    if not found:
        yield look("whether the instance redacts exports is not known: no chat has ended in a week")
        return
    connect, name = place.client("connect"), instance_id(place.instance_arn)
    copies = with_export = 0
    for contact in found:
        described = connect.describe_contact(InstanceId=name, ContactId=contact)["Contact"]
        recordings = described.get("Recordings") or []
        with_export += any(recording.get("Location") for recording in recordings)
        copies += any(recording.get("UnprocessedTranscriptLocation") for recording in recordings)
    if copies:
        yield fine(
            f"the instance redacts: {copies} of the {len(found)} newest chats have a copy from "
            "before it, which the stack never reads; what tokens bring is not redacted"
        )
    elif with_export:
        yield fine(
            f"the instance does not redact: of the {len(found)} newest chats none has a copy from "
            "before it"
        )
    else:
        yield look("whether the instance redacts exports is not known: the newest chats have none")


def dead_letters(place: Place) -> Iterator[Finding]:
    """Dead letters. There are none."""
    stack = _stack(place)
    waiting = {
        kind: number
        for kind in _DEAD
        if (number := count(place.client("sqs"), stack.output(f"{kind}DeadLettersUrl")))
    }
    if waiting:
        told = ", ".join(f"{number:,} of {kind}" for kind, number in waiting.items())
        yield fails(f"there are dead letters: {told}", f"chatlake {stack.address} redrive")
    else:
        yield fine("there are no dead letters")


def counted(chats: int) -> str:
    """Write a number of chats."""
    return f"{chats:,} chat{'' if chats == 1 else 's'}"


def _stack(place: Place) -> DeployedStack:
    assert place.stack is not None
    return place.stack


def _now() -> datetime:
    return datetime.now(UTC)


def _sum(stack: DeployedStack, metric: Metric, period: timedelta) -> int:
    until = _now()
    answer: Any = stack.client("cloudwatch").get_metric_statistics(
        Namespace="chatlake",
        MetricName=metric.value,
        Dimensions=[{"Name": "service", "Value": stack.name}],
        StartTime=until - period,
        EndTime=until,
        Period=_HOUR_S,
        Statistics=["Sum"],
    )
    total: float = sum(point["Sum"] for point in answer["Datapoints"])
    return round(total)


def _recent_contacts(place: Place) -> list[str]:
    until = _now()
    request: dict[str, Any] = {
        "InstanceId": instance_id(place.instance_arn),
        "TimeRange": {
            "Type": "DISCONNECT_TIMESTAMP",
            "StartTime": until - _WEEK,
            "EndTime": until - timedelta(minutes=5),
        },
        "SearchCriteria": {"Channels": ["CHAT"]},
        "MaxResults": _DESCRIBED,
    }
    try:
        found = place.client("connect").search_contacts(**request)
    except ClientError as error:
        if error_code(error) != "ResourceNotFoundException":
            raise
        return []
    return [contact["Id"] for contact in found["Contacts"] if contact.get("Id")]


CHECKS = (events, exported, receipts, redacted, dead_letters)
