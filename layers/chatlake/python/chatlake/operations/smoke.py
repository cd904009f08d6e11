"""Smoke: one chat through a deployed stack, from its start to its rows."""

from __future__ import annotations

import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from chatlake.capture.rate_limiter import Unpaced
from chatlake.documents.revision import revision
from chatlake.exceptions import SmokeFailed
from chatlake.identifiers import text_id
from chatlake.json_codec import dumps
from chatlake.tables import schema
from chatlake.tables.lake.chat_rows import opened, rows_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from types_boto3_connect import ConnectClient
    from types_boto3_connectparticipant import ConnectParticipantClient

    from chatlake.capture.participant_client import ParticipantClient
    from chatlake.documents.document import Document
    from chatlake.json_codec import JsonObject
    from chatlake.operations.archive import Archive

MESSAGES = ("chatlake smoke test, first message", "chatlake smoke test, second message")
"""What the customer says; nothing of it is secret, and an agent may read it."""

NAME = "chatlake smoke test"

_SUBSCRIPTION = '{"topic":"aws/subscribe","content":{"topics":["aws/chat"]}}'
_READ = "application/vnd.amazonaws.connect.event.message.read"
_EVERY_S = 3.0
_OPENS_WITHIN_S = 10.0
# An instance ends a chat that nobody ends after an hour, the least that it takes.
_LASTS_MINUTES = 60


@dataclass(frozen=True, slots=True)
class SmokeServices:
    """What a smoke test works with.

    Attributes
    ----------
    participant, transcripts
        The Participant Service: what the customer says, and what there is to read.
    register
        Gives the stack a contact's ParticipantToken.
    told
        Takes what happens, a sentence each.
    live_s, timeout_s
        How long the chat lives once all is said, so that Capture can follow it; and how long its
        rows may take after its end.
    """

    connect: ConnectClient
    participant: ConnectParticipantClient
    transcripts: ParticipantClient
    archive: Archive
    instance_id: str
    flow: str
    register: Callable[[str, str], None]
    told: Callable[[str], None]
    live_s: float
    timeout_s: float


@dataclass(slots=True)
class Smoke:
    """What came of the chat.

    Attributes
    ----------
    contact_id
        Of the chat's first contact.
    sent, read
        Ids of the messages that the customer sent, and of those that it reported as read.
    rows
        How many rows each table has of it.
    by_token
        Whether Capture has read it by its token; receipts come with that alone.
    """

    contact_id: str
    sent: list[str] = field(default_factory=list)
    read: list[str] = field(default_factory=list)
    rows: dict[str, int] = field(default_factory=dict)
    by_token: bool = False


def smoke(services: SmokeServices) -> Smoke:
    """Send one chat through the stack, and wait for its rows.

    Raises
    ------
    SmokeFailed
        Something has not come in time; the message says what, and where to look.
    """
    started = services.connect.start_chat_contact(
        InstanceId=services.instance_id,
        ContactFlowId=services.flow,
        ParticipantDetails={"DisplayName": NAME},
        ChatDurationInMinutes=_LASTS_MINUTES,
    )
    chat = Smoke(started["ContactId"])
    services.told(f"chat {chat.contact_id} has begun")
    token = started["ParticipantToken"]
    services.register(chat.contact_id, token)
    services.told("the stack has its token")
    connected = services.participant.create_participant_connection(
        ParticipantToken=token, Type=["WEBSOCKET", "CONNECTION_CREDENTIALS"]
    )
    connection = connected["ConnectionCredentials"]["ConnectionToken"]
    try:
        # A chat whose client opens none is ended after five minutes.
        with _websocket(chat.contact_id, connected["Websocket"]["Url"]):
            _talk(chat, connection, services)
            time.sleep(services.live_s)
    finally:
        services.participant.disconnect_participant(ConnectionToken=connection)
    services.told("the customer has left")
    _wait_for_rows(chat, services)
    return chat


@contextmanager
def _websocket(contact_id: str, url: str) -> Iterator[None]:
    from websockets.exceptions import WebSocketException
    from websockets.sync.client import connect

    with ExitStack() as stack:
        try:
            socket = stack.enter_context(connect(url, open_timeout=_OPENS_WITHIN_S, proxy=None))
            socket.send(_SUBSCRIPTION)
            socket.recv(timeout=_OPENS_WITHIN_S)
        except (OSError, WebSocketException) as error:
            why = f"its websocket could not be opened ({type(error).__name__})"
            raise SmokeFailed(contact_id, why) from error
        yield


def _talk(chat: Smoke, connection: str, services: SmokeServices) -> None:
    """Say both messages, wait until they are in the transcript, and report what others said."""
    for content in MESSAGES:
        answer = services.participant.send_message(
            ConnectionToken=connection, ContentType="text/plain", Content=content
        )
        chat.sent.append(answer["Id"])
    services.told(f"the customer has sent {len(chat.sent)} messages")
    ends_at = time.monotonic() + services.timeout_s
    while True:
        items = services.transcripts.get_transcript(
            connection, scan_direction="BACKWARD", sort_order="ASCENDING"
        ).items
        for item in items:
            _report(item, chat, connection, services)
        if set(chat.sent) <= {item.get("Id") for item in items}:
            services.told(
                f"both are in its transcript; {len(chat.read)} of others are reported as read"
            )
            return
        if time.monotonic() > ends_at:
            raise SmokeFailed(chat.contact_id, "its messages did not come into its transcript")
        time.sleep(_EVERY_S)


def _report(item: JsonObject, chat: Smoke, connection: str, services: SmokeServices) -> None:
    """Report a message as read, if it is another's."""
    message = text_id(item.get("Id"))
    is_others = item.get("Type") == "MESSAGE" and item.get("ParticipantRole") != "CUSTOMER"
    if message is None or not is_others or message in chat.read:
        return
    services.participant.send_event(
        ConnectionToken=connection,
        ContentType=_READ,
        Content=dumps({"messageId": message}).decode(),
    )
    chat.read.append(message)


def _wait_for_rows(chat: Smoke, services: SmokeServices) -> None:
    ends_at = time.monotonic() + services.timeout_s
    while True:
        document = _published(chat, services)
        if document is not None and set(chat.sent) <= document.items.keys():
            break
        if time.monotonic() > ends_at:
            raise SmokeFailed(chat.contact_id, _missing(chat, services))
        time.sleep(_EVERY_S)
    chat.by_token = document.participant is not None
    record = services.archive.chats.publish_attempts.read([chat.contact_id])[chat.contact_id]
    for table in schema.TABLES:
        days = {chat.contact_id: record.days}
        found = rows_of(table, opened(services.archive.lake, table), days)
        chat.rows[table.name] = found.num_rows


def _published(chat: Smoke, services: SmokeServices) -> Document | None:
    """Return the chat's document if its rows are those of it."""
    archive = services.archive
    stored = archive.store.read(chat.contact_id)
    if stored is None:
        return None
    record = archive.chats.publish_attempts.read([chat.contact_id]).get(chat.contact_id)
    is_shown = record is not None and record.published_revision == revision(stored.document)
    return stored.document if is_shown else None


def _missing(chat: Smoke, services: SmokeServices) -> str:
    stored: Any = services.archive.store.read(chat.contact_id)
    if stored is None:
        return "Capture has stored nothing of it: see the logs of Track and Capture"
    if not set(chat.sent) <= stored.document.items.keys():
        return "its messages were not read: see the log of Capture"
    return "it was not published: see the log of Publish"


def participant_service() -> ParticipantClient:
    """Return what reads transcripts, at no pace of its own: a smoke test reads now and then."""
    from chatlake.aws_clients import clients
    from chatlake.capture.participant_client import ParticipantClient

    return ParticipantClient(clients.participant(), transcripts=Unpaced(), connections=Unpaced())
