"""The contacts of the instance: found by id, described and searched as of a moment."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from local.participant_service.operations import Operation
from local.scripted.chat import Chat, Leg
from local.scripted.contact_center import EXPORT_BUCKET, INSTANCE_ID
from local.scripted.items import JsonObject, Participant

_SEARCHED: dict[str, Callable[[Leg], int | None]] = {
    "INITIATION_TIMESTAMP": lambda leg: leg.initiated_ms,
    "DISCONNECT_TIMESTAMP": lambda leg: leg.disconnected_ms,
    "CONNECTED_TO_AGENT_TIMESTAMP": lambda leg: leg.connected_ms,
    "ENQUEUE_TIMESTAMP": lambda leg: leg.queued_ms,
}
_LONGEST_SEARCH_S = 8 * 7 * 86_400
_PAGE_SIZE = 100


@dataclass(frozen=True, slots=True)
class Contact:
    """One leg with the chat that it belongs to."""

    chat: Chat
    leg: Leg

    @property
    def agent(self) -> Participant | None:
        """The agent who joined the leg; a third agent may be on it, too."""
        leg = self.leg
        if leg.agent is None or leg.connected_ms is None:
            return None
        joined = (
            person
            for person in self.chat.participants
            if person.role == "AGENT"
            and person.name == leg.agent.name
            and leg.connected_ms <= person.joined_ms <= leg.disconnected_ms
        )
        return next(joined, None)


class Contacts:
    """The chats of one instance by the ids of all their legs."""

    def __init__(self, chats: Iterable[Chat], *, redacts: bool = False) -> None:
        self._redacts = redacts
        self.chats = sorted(chats, key=lambda chat: (chat.started_ms, chat.initial_contact_id))
        self._contacts: dict[str, Contact] = {}
        self._instances = {INSTANCE_ID}
        for chat in self.chats:
            self.add(chat)

    def add(self, chat: Chat) -> None:
        """Take one more chat, of any time."""
        self._contacts |= {leg.contact_id: Contact(chat, leg) for leg in chat.legs}
        self._instances.add(chat.instance_id)

    def get(self, contact_id: str) -> Contact | None:
        """Return a contact, be it initiated by now or not."""
        return self._contacts.get(contact_id)

    def check_instance(self, operation: Operation, parameters: JsonObject) -> None:
        """Refuse an instance that is neither the scripted one nor that of a chat."""
        if parameters["InstanceId"] not in self._instances:
            raise operation.refused("ResourceNotFoundException", "there is no such instance")

    def describe(self, operation: Operation, parameters: JsonObject, now_ms: int) -> JsonObject:
        """Answer DescribeContact."""
        self.check_instance(operation, parameters)
        contact = self._contacts.get(parameters["ContactId"])
        if contact is None or contact.leg.initiated_ms > now_ms:
            raise operation.refused("ResourceNotFoundException", "there is no such contact")
        described = _described(contact, now_ms)
        if self._redacts and contact.leg.disconnected_ms <= now_ms:
            described["Recordings"] = [_transcript(contact.leg)]
        return {"Contact": described}

    def search(self, operation: Operation, parameters: JsonObject, now_ms: int) -> JsonObject:
        """Answer SearchContacts; without a sort the newest contact comes first."""
        self.check_instance(operation, parameters)
        span = parameters["TimeRange"]
        start_s, end_s = span["StartTime"], span["EndTime"]
        if not all(isinstance(time_s, int | float) for time_s in (start_s, end_s)):
            raise operation.bad_request("a time of TimeRange is not in epoch seconds")
        if not 0 <= end_s - start_s <= _LONGEST_SEARCH_S:
            raise operation.bad_request("TimeRange is not of 0 to 8 weeks")
        sort = parameters.get("Sort", {"FieldName": "INITIATION_TIMESTAMP", "Order": "DESCENDING"})
        criteria = parameters.get("SearchCriteria", {})
        if span["Type"] not in _SEARCHED or sort["FieldName"] not in _SEARCHED:
            raise operation.bad_request("the simulator does not search by that time")
        if criteria.keys() - {"Channels"}:
            raise operation.bad_request("the simulator searches by Channels only")

        sort_time = _SEARCHED[sort["FieldName"]]
        found = [
            contact
            for contact in self._contacts.values()
            if contact.leg.initiated_ms <= now_ms
            and _within(_SEARCHED[span["Type"]](contact.leg), start_s * 1000, end_s * 1000, now_ms)
            and "CHAT" in (criteria.get("Channels") or ["CHAT"])
        ]
        found.sort(
            key=lambda contact: (sort_time(contact.leg) or 0, contact.leg.contact_id),
            reverse=sort["Order"] == "DESCENDING",
        )
        begin = _begin(operation, parameters)
        end = begin + parameters.get("MaxResults", _PAGE_SIZE)
        answer: JsonObject = {
            "Contacts": [_summary(contact, now_ms) for contact in found[begin:end]],
            "TotalCount": len(found),
        }
        if end < len(found):
            answer["NextToken"] = urlsafe_b64encode(f"contacts/{end}".encode()).decode()
        return answer


def _begin(operation: Operation, parameters: JsonObject) -> int:
    if "NextToken" not in parameters:
        return 0
    try:
        name, begin = urlsafe_b64decode(parameters["NextToken"]).decode().split("/")
    except ValueError:
        name = begin = ""
    if name != "contacts" or not begin.isdecimal():
        raise operation.bad_request("NextToken is not one of this search")
    return int(begin)


def _within(time_ms: int | None, start_ms: float, end_ms: float, now_ms: int) -> bool:
    return time_ms is not None and time_ms <= now_ms and start_ms <= time_ms <= end_ms


def _described(contact: Contact, now_ms: int) -> JsonObject:
    described = _summary(contact, now_ms)
    if contact.leg.related_contact_id is not None:
        described["RelatedContactId"] = contact.leg.related_contact_id
    if contact.leg.disconnected_ms <= now_ms:
        described["DisconnectReason"] = contact.leg.disconnect_reason
    times = (time_ms for _, time_ms in contact.leg.events() if time_ms <= now_ms)
    described["LastUpdateTimestamp"] = max(times) / 1000
    return described


def _transcript(leg: Leg) -> JsonObject:
    """Return what a record says of a transcript that was redacted."""
    location = f"{EXPORT_BUCKET}/{leg.export_key}"
    return {
        "StorageType": "S3",
        "Location": location,
        "UnprocessedTranscriptLocation": location.replace("ChatTranscripts", "Unprocessed"),
    }


def _summary(contact: Contact, now_ms: int) -> JsonObject:
    """Return what a search shows of a contact: what is known of it by now."""
    chat, leg = contact.chat, contact.leg
    summary: JsonObject = {
        "Arn": f"{chat.instance_arn}/contact/{leg.contact_id}",
        "Id": leg.contact_id,
        "InitialContactId": chat.initial_contact_id,
        "InitiationMethod": leg.initiation_method,
        "Channel": "CHAT",
        "InitiationTimestamp": leg.initiated_ms / 1000,
    }
    if leg.previous_contact_id is not None:
        summary["PreviousContactId"] = leg.previous_contact_id
    if leg.queue is not None and leg.queued_ms is not None and leg.queued_ms <= now_ms:
        summary["QueueInfo"] = {
            "Id": leg.queue.arn.rpartition("/")[2],
            "EnqueueTimestamp": leg.queued_ms / 1000,
        }
    if leg.agent is not None and leg.connected_ms is not None and leg.connected_ms <= now_ms:
        summary["AgentInfo"] = {
            "Id": leg.agent.arn.rpartition("/")[2],
            "ConnectedToAgentTimestamp": leg.connected_ms / 1000,
        }
    if leg.disconnected_ms <= now_ms:
        summary["DisconnectTimestamp"] = leg.disconnected_ms / 1000
    return summary
