"""Starting chats for web pages, within what the stack lets pages ask for.

Requests and answers are those of Connect's own start-chat example, so a page that was written for
it, and ChatJS, can use them as they are (amazon-connect-chat-ui-examples, startChatContactAPI).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chatlake.exceptions import NotAllowed, RejectedInput
from chatlake.identifiers import text_id

if TYPE_CHECKING:
    from botocore.exceptions import ParamValidationError
    from types_boto3_connect import ConnectClient

    from chatlake.json_codec import JsonObject

_MARKDOWN = "text/markdown"
PASSED_ON = frozenset(
    {
        "ClientToken",
        "ConnectionTypes",
        "DisconnectOnCustomerExit",
        "InitialMessage",
        "ParticipantConfiguration",
        "SupportedMessagingContentTypes",
    }
)
"""Members of a page's request that StartChatContact gets as they are."""
OF_KNOWN_CUSTOMERS = frozenset(
    {
        # Whoever knows a contact's id would read that chat, or what is kept of its customer.
        "PersistentChat",
        "RelatedContactId",
        # Who the customer is, and where the chat goes, would be for anybody to say.
        "CustomerId",
        "SegmentAttributes",
        # A chat may be open, and cost, for a week.
        "ChatDurationInMinutes",
    }
)
"""Members that it gets as they are from customers whom an authorizer of the API knows."""
CHECKED = frozenset({"Attributes", "ContactFlowId", "InstanceId", "ParticipantDetails"})
"""Members that it gets after a look at them."""
REFUSED = frozenset({"ChatStreamingConfiguration"})
"""Members of StartChatContact that are no page's to set: it would name topics of the account."""
# AWS's chat interface sends it, and Connect's start-chat example leaves it out.
_LEFT_OUT = frozenset({"Username"})
_TAKEN = PASSED_ON | OF_KNOWN_CUSTOMERS | CHECKED
_MEMBER = re.compile(r"[A-Za-z][A-Za-z0-9]{0,63}")
# The member comes before whatever of the request the text quotes.
_REPORTED = re.compile(r"Parameter validation failed:\n[A-Z][a-z ]+ (?:for parameter|in) (\w+)")
_MOST_NAME = 256
_NAME_ATTRIBUTE = "customerName"
"""The attribute that Connect's own example makes of the display name."""


@dataclass(frozen=True, slots=True)
class PageRules:
    """What the stack lets pages ask for.

    Attributes
    ----------
    instance_id
        Of the stack's Connect instance.
    contact_flow_id
        The flow of chats that name none; "" if each has to name one.
    allowed_flows
        Ids of flows that a page may name, beside that one.
    allowed_attributes
        Names of the contact attributes that a page may set.
    """

    instance_id: str
    contact_flow_id: str = ""
    allowed_flows: frozenset[str] = frozenset()
    allowed_attributes: frozenset[str] = frozenset()


def start_request(body: JsonObject, rules: PageRules, *, is_known: bool) -> dict[str, Any]:
    """Make the request of StartChatContact that a page asks for.

    `is_known` says whether an authorizer of the API has seen to who asks.

    What is null is left out, and so are a PersistentChat without its source and a duration of 0, as
    Connect's own example does.

    Raises
    ------
    RejectedInput
        Something is missing or not as it should be, or nothing that StartChatContact takes; its
        message names the member, not the value.
    NotAllowed
        The stack lets no page ask for that; its message names the member, and what would allow it.
    """
    given = {
        name: value
        for name, value in body.items()
        if value is not None and not _says_nothing(name, value)
    }
    _check_members(given, is_known=is_known)
    name = _display_name(given.get("ParticipantDetails"))
    if text_id(given.get("InstanceId")) not in {None, rules.instance_id}:
        message = "InstanceId is not that of the stack: it archives one instance"
        raise RejectedInput(message)
    return {
        "InstanceId": rules.instance_id,
        "ContactFlowId": _flow(given.get("ContactFlowId"), rules),
        "ParticipantDetails": {"DisplayName": name},
        "Attributes": {
            _NAME_ATTRIBUTE: name,
            **_attributes(given.get("Attributes", {}), name, rules),
        },
        **{
            option: value
            for option, value in given.items()
            if option in PASSED_ON | OF_KNOWN_CUSTOMERS
        },
    }


def _check_members(given: JsonObject, *, is_known: bool) -> None:
    for name in sorted(given.keys() - _TAKEN - _LEFT_OUT):
        member = name if _MEMBER.fullmatch(name) else "a member whose name is none"
        reason = "not a page's to set" if name in REFUSED else "not taken by StartChatContact"
        message = f"{member}: {reason}"
        raise RejectedInput(message)
    if not is_known:
        for name in sorted(given.keys() & OF_KNOWN_CUSTOMERS):
            message = f"{name}: only for customers whom an authorizer knows"
            raise NotAllowed(message)


def _display_name(participant: object) -> str:
    details = participant if isinstance(participant, dict) else {}
    name = details.get("DisplayName")
    if not isinstance(name, str) or not 0 < len(name) <= _MOST_NAME:
        message = f"ParticipantDetails.DisplayName must be a text of 1 to {_MOST_NAME} characters"
        raise RejectedInput(message)
    if details.keys() > {"DisplayName"}:
        message = "ParticipantDetails: StartChatContact takes nothing but its DisplayName"
        raise RejectedInput(message)
    return name


def _flow(asked: object, rules: PageRules) -> str:
    flow = rules.contact_flow_id if asked is None else text_id(asked)
    if not flow:
        message = "ContactFlowId is missing, and the stack has none of its own"
        raise RejectedInput(message)
    if flow not in rules.allowed_flows | {rules.contact_flow_id}:
        message = "ContactFlowId: none of the flows that the stack allows (AllowedFlows)"
        raise NotAllowed(message)
    return flow


def _attributes(asked: object, display_name: str, rules: PageRules) -> JsonObject:
    if not isinstance(asked, dict):
        message = "Attributes must be an object of texts"
        raise RejectedInput(message)
    # Connect's own page sends the name twice.
    same = {_NAME_ATTRIBUTE} if asked.get(_NAME_ATTRIBUTE) == display_name else set()
    for name in sorted(asked.keys() - rules.allowed_attributes - same):
        attribute = f"Attributes.{name}" if _MEMBER.fullmatch(name) else "one of Attributes"
        message = f"{attribute}: none that the stack allows (AllowedAttributes)"
        raise NotAllowed(message)
    return asked


def _says_nothing(option: str, value: object) -> bool:
    """Return whether an option is one that Connect's own example leaves out."""
    if option == "PersistentChat" and isinstance(value, dict):
        return not value.get("SourceContactId")
    return option == "ChatDurationInMinutes" and value == 0 and not isinstance(value, bool)


def rejected_member(error: ParamValidationError) -> str:
    """Say what boto3 would not send to Connect; its own words may quote the customer's."""
    found = _REPORTED.match(str(error))
    member = found[1] if found and found[1] in _TAKEN else "a member of the request"
    return f"{member}: not as StartChatContact takes it"


def start_chat(request: dict[str, Any], connect: ConnectClient) -> tuple[JsonObject, JsonObject]:
    """Start a chat; return Connect's answer, and the page's: ``{"data": {"startChatResult": …}}``.

    Raises
    ------
    botocore.exceptions.ClientError
        Connect refused.
    """
    answer = connect.start_chat_contact(**request)
    result: JsonObject = {
        name: value for name, value in answer.items() if name != "ResponseMetadata"
    }
    markdown = _MARKDOWN in request.get("SupportedMessagingContentTypes", ())
    features = {"MESSAGING_MARKDOWN": markdown}
    return result, {"data": {"startChatResult": result, "featurePermissions": features}}
