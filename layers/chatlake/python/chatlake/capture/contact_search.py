"""SearchContacts: the contacts of a time, each as the event would have told of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from botocore.exceptions import ClientError

from chatlake.aws_clients.clients import error_code
from chatlake.identifiers import instance_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from types_boto3_connect import ConnectClient

    from chatlake.capture.rate_limiter import Pace
    from chatlake.json_codec import JsonObject

type SearchedBy = Literal["DISCONNECT_TIMESTAMP", "INITIATION_TIMESTAMP"]

SEARCHES_PER_S = 0.4
"""The quota is one search in two seconds, shared by all instances of the account and Region."""

PAGE = 100
"""Contacts that one search returns at most."""

THROTTLED = frozenset({"ThrottlingException", "TooManyRequestsException"})
"""Error codes by which Connect says that a quota is used up."""


def search_contacts(
    connect: ConnectClient,
    pace: Pace,
    instance_arn: str,
    searched_by: SearchedBy,
    span: tuple[datetime, datetime],
    throttled: Callable[[], None] | None = None,
) -> Iterator[list[JsonObject]]:
    """Yield the chat contacts of a time, page by page; it may be of eight weeks at most.

    Parameters
    ----------
    pace
        Limits the rate of the calls.
    searched_by
        Which time of a contact lies in the span.
    throttled
        Waits, after which the same is asked again; None to raise what the service said.
    """
    request: dict[str, Any] = {
        "InstanceId": instance_id(instance_arn),
        "TimeRange": {"Type": searched_by, "StartTime": span[0], "EndTime": span[1]},
        "SearchCriteria": {"Channels": ["CHAT"]},
        "MaxResults": PAGE,
    }
    while True:
        try:
            with pace.call():
                found: Any = connect.search_contacts(**request)
        except ClientError as error:
            if throttled is None or error_code(error) not in THROTTLED:
                raise
            throttled()
            continue
        yield found["Contacts"]
        if not found.get("NextToken"):
            return
        request["NextToken"] = found["NextToken"]


def as_event(contact: JsonObject, instance_arn: str) -> JsonObject:
    """Say what a search found as the event would have said that was lost."""
    queue, agent = contact.get("QueueInfo") or {}, contact.get("AgentInfo") or {}
    ended = _text(contact.get("DisconnectTimestamp"))
    detail = {
        "eventType": "DISCONNECTED",
        "contactId": contact["Id"],
        "initialContactId": contact.get("InitialContactId") or contact["Id"],
        "previousContactId": contact.get("PreviousContactId"),
        "channel": contact.get("Channel"),
        "instanceArn": instance_arn,
        "initiationMethod": contact.get("InitiationMethod"),
        "initiationTimestamp": _text(contact.get("InitiationTimestamp")),
        "disconnectTimestamp": ended,
        "queueInfo": {
            "queueArn": f"{instance_arn}/queue/{queue['Id']}",
            "enqueueTimestamp": _text(queue.get("EnqueueTimestamp")),
        }
        if "Id" in queue
        else None,
        "agentInfo": {
            "agentArn": f"{instance_arn}/agent/{agent['Id']}",
            "connectedToAgentTimestamp": _text(agent.get("ConnectedToAgentTimestamp")),
        }
        if "Id" in agent
        else None,
    }
    return {
        "source": "aws.connect",
        "detail-type": "Amazon Connect Contact Event",
        "time": ended,
        "detail": {name: value for name, value in detail.items() if value is not None},
    }


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(timespec="milliseconds")
