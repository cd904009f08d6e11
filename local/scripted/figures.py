"""Connect's own figures of a contact, which its last contact events have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.scripted.items import timestamp

if TYPE_CHECKING:
    from collections.abc import Sequence

    from local.scripted.chat import Leg
    from local.scripted.items import Item, JsonObject

_AUTOMATIC = frozenset({"CUSTOM_BOT", "SYSTEM"})


def chat_metrics(leg: Leg, items: Sequence[Item]) -> JsonObject:
    """Count what was said in a leg, as the service's guide defines its ChatMetrics."""
    said = [item for item in items if item.type == "MESSAGE" and item.contact_id == leg.contact_id]
    automatic = [item for item in said if _role(item) in _AUTOMATIC]
    by_customer = [item for item in said if _role(item) == "CUSTOMER"]
    by_agent = [item for item in said if _role(item) == "AGENT"]
    whole: JsonObject = {
        "multiParty": len({item.sender for item in said if _role(item) not in _AUTOMATIC}) > 2,
        "totalMessages": len(said),
        "totalBotMessages": len(automatic),
        "totalBotMessageLengthInChars": _characters(automatic),
    }
    if by_customer:
        last_ms = by_customer[-1].sent_ms
        whole["conversationCloseTimeInMillis"] = max(leg.disconnected_ms - last_ms, 0)
    answers = [item.sent_ms for item in by_agent if item.sent_ms >= (leg.connected_ms or 0)]
    if leg.connected_ms is not None and answers:
        whole["agentFirstResponseTimestamp"] = timestamp(answers[0])
        whole["agentFirstResponseTimeInMillis"] = answers[0] - leg.connected_ms
    metrics: JsonObject = {"chatContactMetrics": whole}
    for name, kind, messages in (
        ("agentMetrics", "Agent", by_agent),
        ("customerMetrics", "Customer", by_customer),
    ):
        if messages:
            metrics[name] = _of_participant(kind, messages)
    return metrics


def _of_participant(kind: str, messages: Sequence[Item]) -> JsonObject:
    sender = messages[0].sender
    return {
        "participantId": None if sender is None else sender.participant_id,
        "participantType": kind,
        "messagesSent": len(messages),
        "messageLengthInChars": _characters(messages),
        "lastMessageTimestamp": timestamp(messages[-1].sent_ms),
    }


def _characters(messages: Sequence[Item]) -> int:
    return sum(len(item.content or "") for item in messages)


def _role(item: Item) -> str | None:
    return None if item.sender is None else item.sender.role
