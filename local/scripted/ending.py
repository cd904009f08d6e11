"""How scripted chats end."""

from __future__ import annotations

from enum import Enum

_BY_REASON = {
    "AGENT_DISCONNECT": "AGENT",
    "CONTACT_FLOW_DISCONNECT": "FLOW",
    "CUSTOMER_DISCONNECT": "CUSTOMER",
}


class EndedBy(Enum):
    """Who ended a chat."""

    AGENT = "by the agent"
    """Then a disconnect flow runs, while the customer is still there."""
    CUSTOMER = "by the customer"
    FLOW = "by the flow, after a bot"
    NOBODY = "automatically"
    """The customer was idle for too long, or never came."""


def ended_by(disconnect_reason: str, initiation_method: str) -> EndedBy:
    """Tell who ended a chat from its last contact.

    Parameters
    ----------
    disconnect_reason, initiation_method
        Of that contact. One of a disconnect flow, which asks how it was, follows an agent's end.
    """
    if initiation_method == "DISCONNECT":
        return EndedBy.AGENT
    return EndedBy[_BY_REASON.get(disconnect_reason, "NOBODY")]
