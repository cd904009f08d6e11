"""Starting chats for web pages, and taking tokens of chats that something else started.

Requests and answers are those of Connect's own start-chat example, so a page that was written for
it, and ChatJS, can use them as they are (amazon-connect-chat-ui-examples, startChatContactAPI).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chatlake.capture.capture_state import Token
from chatlake.capture.schedule import FIRST_SNAPSHOT_AFTER_MS
from chatlake.exceptions import ChatErased, RejectedInput
from chatlake.identifiers import text_id
from chatlake.timestamps import microseconds, now_ms, parse_timestamp

if TYPE_CHECKING:
    from types_boto3_connect import ConnectClient

    from chatlake.capture.chat_resolver import ChatResolver
    from chatlake.capture.schedule import CaptureSchedule
    from chatlake.capture.token_cipher import TokenCipher
    from chatlake.json_codec import JsonObject

_MARKDOWN = "text/markdown"
_OPTIONS = ("SupportedMessagingContentTypes", "ChatDurationInMinutes", "PersistentChat")
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

    Raises
    ------
    RejectedInput
        Something is missing or not as it should be; its message names the member, not the value.
    """
    participant = body.get("ParticipantDetails")
    name = participant.get("DisplayName") if isinstance(participant, dict) else None
    if not isinstance(name, str) or not 0 < len(name) <= _MOST_NAME:
        message = f"ParticipantDetails.DisplayName must be a text of 1 to {_MOST_NAME} characters"
        raise RejectedInput(message)
    flow = text_id(body.get("ContactFlowId")) or services.contact_flow_id
    if not flow:
        message = "ContactFlowId is missing, and the stack has none of its own"
        raise RejectedInput(message)
    if text_id(body.get("InstanceId")) not in {None, services.instance_id}:
        message = "InstanceId is not that of the stack: it archives one instance"
        raise RejectedInput(message)
    attributes = body.get("Attributes")
    return {
        "InstanceId": services.instance_id,
        "ContactFlowId": flow,
        "ParticipantDetails": {"DisplayName": name},
        "Attributes": {
            "customerName": name,
            **(attributes if isinstance(attributes, dict) else {}),
        },
        **{option: body[option] for option in _OPTIONS if body.get(option) is not None},
    }


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
