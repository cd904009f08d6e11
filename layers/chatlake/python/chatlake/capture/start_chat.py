"""Starting chats for web pages, and taking tokens of chats that something else started.

Requests and answers are those of Connect's own start-chat example, so a page that was written for
it, and ChatJS, can use them as they are (amazon-connect-chat-ui-examples, startChatContactAPI).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chatlake.capture.capture_state import Token
from chatlake.capture.schedule import FIRST_SNAPSHOT_AFTER_MS
from chatlake.exceptions import ChatErased, RejectedInput
from chatlake.identifiers import text_id
from chatlake.timestamps import microseconds, now_ms, parse_timestamp

if TYPE_CHECKING:
    from botocore.exceptions import ParamValidationError
    from types_boto3_connect import ConnectClient

    from chatlake.capture.chat_resolver import ChatResolver
    from chatlake.capture.schedule import CaptureSchedule
    from chatlake.capture.token_cipher import TokenCipher
    from chatlake.json_codec import JsonObject

_MARKDOWN = "text/markdown"
PASSED_ON = frozenset(
    {
        "ChatDurationInMinutes",
        "ClientToken",
        "ConnectionTypes",
        "CustomerId",
        "DisconnectOnCustomerExit",
        "InitialMessage",
        "ParticipantConfiguration",
        "PersistentChat",
        "RelatedContactId",
        "SegmentAttributes",
        "SupportedMessagingContentTypes",
    }
)
"""Members of a page's request that StartChatContact gets as they are."""
CHECKED = frozenset({"Attributes", "ContactFlowId", "InstanceId", "ParticipantDetails"})
"""Members that it gets after a look at them."""
REFUSED = frozenset({"ChatStreamingConfiguration"})
"""Members of StartChatContact that are no page's to set: it would name topics of the account."""
# AWS's chat interface sends it, and Connect's start-chat example leaves it out.
_LEFT_OUT = frozenset({"Username"})
_MEMBER = re.compile(r"[A-Za-z][A-Za-z0-9]{0,63}")
# The member comes before whatever of the request the text quotes.
_REPORTED = re.compile(r"Parameter validation failed:\n[A-Z][a-z ]+ (?:for parameter|in) (\w+)")
_MOST_NAME = 256
MOST_TOKEN = 1000
_TOKEN_KINDS = {"ParticipantToken": "participant", "ConnectionToken": "connection"}


@dataclass(frozen=True, slots=True)
class StartChatServices:
    """What starting and registering work with."""

    schedule: CaptureSchedule
    chat_resolver: ChatResolver
    token_cipher: TokenCipher
    connect: ConnectClient
    instance_id: str
    contact_flow_id: str


def start_request(body: JsonObject, services: StartChatServices) -> dict[str, Any]:
    """Make the request of StartChatContact that a page asks for.

    What is null is left out, and so are a PersistentChat without its source and a duration of 0, as
    Connect's own example does.

    Raises
    ------
    RejectedInput
        Something is missing or not as it should be, or nothing that StartChatContact takes; its
        message names the member, not the value.
    """
    given = {name: value for name, value in body.items() if value is not None}
    for name in sorted(given.keys() - PASSED_ON - CHECKED - _LEFT_OUT):
        member = name if _MEMBER.fullmatch(name) else "a member whose name is none"
        reason = "not a page's to set" if name in REFUSED else "not taken by StartChatContact"
        message = f"{member}: {reason}"
        raise RejectedInput(message)
    name = _display_name(given.get("ParticipantDetails"))
    flow = text_id(given.get("ContactFlowId")) or services.contact_flow_id
    if not flow:
        message = "ContactFlowId is missing, and the stack has none of its own"
        raise RejectedInput(message)
    if text_id(given.get("InstanceId")) not in {None, services.instance_id}:
        message = "InstanceId is not that of the stack: it archives one instance"
        raise RejectedInput(message)
    attributes = given.get("Attributes", {})
    if not isinstance(attributes, dict):
        message = "Attributes must be an object of texts"
        raise RejectedInput(message)
    return {
        "InstanceId": services.instance_id,
        "ContactFlowId": flow,
        "ParticipantDetails": {"DisplayName": name},
        "Attributes": {"customerName": name, **attributes},
        **{
            option: value
            for option, value in given.items()
            if option in PASSED_ON and not _says_nothing(option, value)
        },
    }


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


def _says_nothing(option: str, value: object) -> bool:
    """Return whether an option is one that Connect's own example leaves out."""
    if option == "PersistentChat" and isinstance(value, dict):
        return not value.get("SourceContactId")
    return option == "ChatDurationInMinutes" and value == 0 and not isinstance(value, bool)


def rejected_member(error: ParamValidationError) -> str:
    """Say what boto3 would not send to Connect; its own words may quote the customer's."""
    found = _REPORTED.match(str(error))
    member = found[1] if found and found[1] in PASSED_ON | CHECKED else "a member of the request"
    return f"{member}: not as StartChatContact takes it"


def start_chat(
    request: dict[str, Any], services: StartChatServices
) -> tuple[JsonObject, JsonObject]:
    """Start a chat; return Connect's answer, and the page's: ``{"data": {"startChatResult": …}}``.

    Raises
    ------
    botocore.exceptions.ClientError
        Connect refused.
    """
    answer = services.connect.start_chat_contact(**request)
    result: JsonObject = {
        name: value for name, value in answer.items() if name != "ResponseMetadata"
    }
    markdown = _MARKDOWN in request.get("SupportedMessagingContentTypes", ())
    features = {"MESSAGING_MARKDOWN": markdown}
    return result, {"data": {"startChatResult": result, "featurePermissions": features}}


def keep_token(
    chat: str, kind: str, secret: str, services: StartChatServices, *, expires_at: int | None = None
) -> None:
    """Seal a token and note it for capture."""
    sealed = services.token_cipher.seal(secret, chat)
    token = Token("participant" if kind == "participant" else "connection", sealed, expires_at)
    services.schedule.add_token(chat, token, due_at=now_ms() + FIRST_SNAPSHOT_AFTER_MS)


def register(body: JsonObject, services: StartChatServices) -> str:
    """Take a token of a chat that something else started; return the chat.

    Parameters
    ----------
    body
        ``ContactId`` and either ``ParticipantToken`` or ``ConnectionToken``; with the latter
        ``Expiry`` (RFC 3339), as CreateParticipantConnection gave it.

    Raises
    ------
    RejectedInput
        Something is missing or not as it should be; its message names the member, not the value.
    ChatErased
        The chat was erased.
    """
    contact_id = text_id(body.get("ContactId"))
    if contact_id is None or len(contact_id) > _MOST_NAME:
        message = "ContactId must be the id of a contact of the chat"
        raise RejectedInput(message)
    given = [name for name in _TOKEN_KINDS if body.get(name) is not None]
    if len(given) != 1:
        message = "one of ParticipantToken and ConnectionToken must be given"
        raise RejectedInput(message)
    [name] = given
    secret = body[name]
    if not isinstance(secret, str) or not 0 < len(secret) <= MOST_TOKEN:
        message = f"{name} must be a text of 1 to {MOST_TOKEN} characters"
        raise RejectedInput(message)
    expiry = parse_timestamp(body.get("Expiry"))
    if body.get("Expiry") is not None and expiry is None:
        message = "Expiry must be a time such as 2026-11-22T17:00:00Z"
        raise RejectedInput(message)
    chat = services.chat_resolver.resolve(contact_id)
    if chat is None:
        message = f"the chat of contact {contact_id} was erased"
        raise ChatErased(message)
    expires_at = None if expiry is None else microseconds(expiry) // 1000
    keep_token(chat, _TOKEN_KINDS[name], secret, services, expires_at=expires_at)
    return chat
