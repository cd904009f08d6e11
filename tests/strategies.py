"""Hostile but legal inputs, made by hypothesis: what a service that promises nothing may send.

Pools of ids are tiny, so that items collide, contradict one another and lose their messages. Most
members are ordinary; every one of them is odd now and then. What a chat is like that goes its way
is in tests.dialogue_strategies; `one_chat` and `few_chats` give both, and both in one.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from tests.dialogue_strategies import dialogues
from tests.oracle import Input, Object

ITEM_IDS = ("m1", "m2", "m3", "m4")
PARTICIPANTS = ("agent", "customer", "system")
ROLES = ("AGENT", "CUSTOMER", "SYSTEM", "CUSTOM_BOT", "SUPERVISOR")
EARLIER_CONTACTS = ("past1", "past2")
ITEM_TYPES = (
    "TYPING",
    "PARTICIPANT_JOINED",
    "PARTICIPANT_LEFT",
    "CHAT_ENDED",
    "TRANSFER_SUCCEEDED",
    "TRANSFER_FAILED",
    "MESSAGE",
    "EVENT",
    "ATTACHMENT",
    "CONNECTION_ACK",
    "MESSAGE_DELIVERED",
    "MESSAGE_READ",
)
METADATA_TYPES = ("MESSAGEMETADATA", "MESSAGE_METADATA")
RECEIPT_EVENTS = ("MESSAGE_DELIVERED", "MESSAGE_READ")
CONTENTS_OF_EVENTS = (
    '{"messageId":"m1"}',
    '{"messageId":"m2","new":[1]}',
    '{"messageId":"\\ud800"}',
    '{"messageId":""}',
    '{"messageId":5}',
    '{"messageId":"m1"',
    '["m1"]',
    '{"messageId":"m1","text":"\ud800"}',
)
CONTENT_TYPES = (
    "text/plain",
    "text/markdown",
    "application/json",
    "application/vnd.amazonaws.connect.message.interactive",
    "application/vnd.amazonaws.connect.event.participant.joined",
    "application/vnd.amazonaws.connect.event.participant.left",
    "application/vnd.amazonaws.connect.event.participant.autodisconnection",
    "application/vnd.amazonaws.connect.event.chat.ended",
)
EVENT_TYPES = ("INITIATED", "QUEUED", "CONNECTED_TO_AGENT", "DISCONNECTED", "COMPLETED", "NEW_TYPE")
EVENT_NAMES = (
    *("channel", "Channel", "instanceArn", "InstanceArn", "previousContactId"),
    *("PreviousContactId", "disconnectTimestamp", "DisconnectTimestamp", "agentInfo", "AgentInfo"),
)
READ_TIMES = (0, 1000, 2000, 1_767_225_605_000)

# 1_767_225_605_000 is 2026-01-01T00:00:05Z, in the midst of these.
INSTANTS = (
    "2026-01-01T00:00:00.000Z",
    "2026-01-01T00:00:01.000Z",
    "2026-01-01T00:00:02.500Z",
    "2026-01-01T00:00:05.000Z",
    "2026-01-01T00:00:09.999Z",
)
ODD_INSTANTS = (
    "2026-01-01T00:00:01Z",
    "2026-01-01T00:00:01.0Z",
    "2026-01-01T00:00:01.000001Z",
    "2026-01-01T00:00:01.0000019Z",
    "2026-01-01T00:00:01.123456789Z",
    "2026-01-01T00:00:01.123456",
    "2026-01-01T00:00:01.99999999999999999999999999Z",
    "2026-01-01T01:00:01.000+01:00",
    "2025-12-31T19:30:01-04:30",
    "2026-01-01 00:00:02Z",
    "2026-01-01t00:00:02z",
    "2026-01-01T23:59:59.999999-00:00",
    "2026-01-01T00:00:00+23:59",
    "2024-02-29T12:00:00Z",
    "1969-12-31T23:59:59.9999999Z",
    "1970-01-01T00:00:00.001Z",
    "1970-01-01T01:00:00+01:00",
    "0001-01-01T00:00:00Z",
    "0001-01-01T00:00:00.000000-00:01",
    "9999-12-31T23:59:59.999999Z",
    "9999-12-31T23:59:59.9999999+00:01",
)
UNREADABLE_INSTANTS = (
    "2026-01-01T24:00:00Z",
    "2026-12-31T23:59:60Z",
    "2026-01-01T00:60:00Z",
    "2026-02-30T00:00:00Z",
    "2025-02-29T00:00:00Z",
    "2026-00-01T00:00:00Z",
    "0000-01-01T00:00:00Z",
    "0001-01-01T00:00:00+00:01",
    "9999-12-31T23:59:59-00:01",
    "2026-01-01T00:00:00+24:00",
    "2026-01-01T00:00:00+00:60",
    "2026-01-01T00:00:00+0100",
    "2026-01-01T00:00:00+01",
    "2026-01-01T00:00:00.Z",
    "2026-01-01T00:00:00,5Z",
    "2026-01-01T00:00:00 Z",
    "2026-01-01T00:00:00Z ",
    "2026-01-01T00:00:00Z\n",
    " 2026-01-01T00:00:00Z",
    "2026-01-01T00:00Z",
    "2026-01-01",
    "20260101T000000Z",
    "+2026-01-01T00:00:00Z",
    "-001-01-01T00:00:00Z",
    "2026-1-1T0:0:0Z",
    "2026-01-01_00:00:00Z",
    "2026-01-01T00:00:00\u22120:30",
    "\u0662\u0660\u0662\u0666-01-01T00:00:00Z",
    "2026-01-01T00:00:0\u0661Z",
    "2026-01-01T00:00:00.\u0661Z",
    "2026-01-01T00:00:00\ud800Z",
    "2026-01-01T00:00:00Z\x00",
    "1970-01-01 is no time",
    "1767225600",
    "yesterday",
    "",
)
PLACEHOLDERS = ("1970-01-01T00:00:00.001Z", "1970-01-01T00:00:00Z", "1970-01-01")

ODD_TEXTS = (
    "",
    " ",
    "\x00",
    "a\x00b",
    "\ud800",
    "\ud801",
    "\udfff-after",
    "\ufffd",
    "\ufeff",
    "\U0001f600",
    "e\u0301",
    '\u2028\x7f\x1f\b\f\r\n\t"\\/',
    "null",
    "sha256:",
)
ODD_NUMBERS = (
    0,
    -1,
    -0.0,
    0.1,
    1.0,
    1e21,
    1e-7,
    123456789012345680000.0,
    5e-324,
    1.7976931348623157e308,
    2**53,
    2**53 + 1,
    -(2**63),
    2**64 + 1,
    10**21,
)
ODD_NAMES = (
    "MessageCompleted",
    "ChunkNumber",
    "content",
    "MessageMetadata.ChunkNumber",
    "",
    "\x00",
    "a.b",
    "\ufb33",
    "\U0001f600",
    "\ud800",
    "\udfff",
    "\u20ac",
    "\r",
)


def rarely[A, B](
    odd: SearchStrategy[A], ordinary: SearchStrategy[B], *, one_in: int = 10
) -> SearchStrategy[A | B]:
    """The ordinary, and once in so many the odd; shrinks towards the ordinary."""
    chosen: list[SearchStrategy[A | B]] = [ordinary] * (one_in - 1) + [odd]
    return st.integers(0, one_in - 1).flatmap(chosen.__getitem__)


_SCALARS = st.one_of(
    st.none(), st.booleans(), st.sampled_from(ODD_NUMBERS), st.sampled_from(ODD_TEXTS)
)
ANY_JSON: SearchStrategy[Any] = rarely(
    st.recursive(
        _SCALARS,
        lambda inner: st.one_of(
            st.lists(inner, max_size=2),
            st.dictionaries(st.sampled_from(ODD_NAMES), inner, max_size=2),
        ),
        max_leaves=4,
    ),
    _SCALARS,
    one_in=3,
)
ANY_OBJECT: SearchStrategy[Any] = rarely(
    ANY_JSON, st.dictionaries(st.sampled_from(ODD_NAMES), ANY_JSON, max_size=2), one_in=4
)
UNKNOWN_MEMBERS: SearchStrategy[Object] = rarely(
    st.dictionaries(st.sampled_from(ODD_NAMES), ANY_JSON, min_size=1, max_size=2), st.just({})
)


def text(ordinary: Sequence[str]) -> SearchStrategy[Any]:
    return rarely(st.sampled_from(ODD_TEXTS) | ANY_JSON, st.sampled_from(ordinary), one_in=14)


def instant(ordinary: Sequence[str] = INSTANTS) -> SearchStrategy[Any]:
    odd = st.one_of(st.sampled_from(ODD_INSTANTS), st.sampled_from(UNREADABLE_INSTANTS), ANY_JSON)
    return rarely(odd, st.sampled_from(ordinary), one_in=5)


@st.composite
def objects(
    draw: DrawFn, members: dict[str, SearchStrategy[Any]], *, absent_one_in: int = 8
) -> Object:
    """An object of these members: each absent now and then, and unknown ones besides."""
    present = {
        name: draw(value)
        for name, value in members.items()
        if draw(st.integers(0, absent_one_in - 1)) < absent_one_in - 1
    }
    return {**present, **draw(UNKNOWN_MEMBERS)}


RECEIPT = objects(
    {
        "RecipientParticipantId": text(PARTICIPANTS),
        "DeliveredTimestamp": instant(),
        "ReadTimestamp": instant(),
    },
    absent_one_in=4,
)
RECEIPTS = rarely(
    ANY_JSON,
    st.lists(rarely(ANY_JSON | st.just({}), RECEIPT, one_in=12), max_size=3),
    one_in=12,
)
SEGMENT_ATTRIBUTES = rarely(
    ANY_OBJECT,
    objects(
        {
            "connect:Subtype": rarely(
                ANY_JSON,
                objects(
                    {
                        "valueString": text(("connect:Chat", "connect:Guide")),
                        "ValueString": text(("connect:SMS",)),
                    },
                    absent_one_in=3,
                ),
            )
        }
    ),
    one_in=4,
)
STATUS = st.sampled_from(("APPROVED", "APPROVED", "REJECTED", "IN_PROGRESS"))
ATTACHMENT = objects(
    {
        "AttachmentId": text(("a1", "a2")),
        "AttachmentName": text(("form.pdf", "photo.png")),
        "ContentType": text(("application/pdf", "image/png")),
        "Status": rarely(ANY_JSON, STATUS),
    }
)
ATTACHMENTS = rarely(
    ANY_JSON, st.lists(rarely(ANY_JSON, ATTACHMENT, one_in=12), max_size=3), one_in=12
)


STREAMING: SearchStrategy[dict[str, SearchStrategy[Any]]] = st.just(
    {
        "MessageCompleted": rarely(ANY_JSON, st.booleans()),
        "ChunkNumber": rarely(ANY_JSON, st.integers(1, 3)),
    }
)


@st.composite
def metadata(draw: DrawFn, own_id: Any) -> Any:
    """A MessageMetadata, most often of its own item and with receipts."""
    return draw(
        rarely(
            ANY_JSON,
            objects(
                {
                    "MessageId": rarely(text(ITEM_IDS), st.just(own_id), one_in=4),
                    "Receipts": RECEIPTS,
                    **draw(rarely(STREAMING, st.just({}), one_in=4)),
                    "MessageProcessingStatus": rarely(
                        ANY_JSON,
                        st.sampled_from((None, None, None, "PROCESSING", "FAILED", "REJECTED")),
                    ),
                },
                absent_one_in=4,
            ),
            one_in=15,
        )
    )


_OWN_ID = text(ITEM_IDS)
_EVERYDAY_TYPES = (
    *(("MESSAGE",) * 6 + ("EVENT", "EVENT", "ATTACHMENT")),
    *METADATA_TYPES,
    *RECEIPT_EVENTS,
)
_RARE_TYPES = st.sampled_from(ITEM_TYPES) | st.just("UNHEARD_OF") | ANY_JSON


@st.composite
def items(draw: DrawFn, contacts: Sequence[str]) -> Object:
    """An element of a Transcript."""
    own_id = draw(_OWN_ID)
    item_type = draw(rarely(_RARE_TYPES, st.sampled_from(_EVERYDAY_TYPES), one_in=5))
    item = draw(
        objects(
            {
                "AbsoluteTime": instant(),
                "Content": text(("Hello", "[PII]", "Good bye")),
                "ContentType": text(CONTENT_TYPES),
                "Type": st.just(item_type),
                "ParticipantId": text(PARTICIPANTS),
                "DisplayName": text(("Ann", "Bob")),
                "ParticipantRole": text(ROLES),
                "ContactId": text(contacts),
            },
            absent_one_in=12,
        )
    )
    if draw(st.integers(0, 11)):
        item["Id"] = own_id
    if item_type in RECEIPT_EVENTS and draw(st.booleans()):
        item["Content"] = draw(st.sampled_from(CONTENTS_OF_EVENTS))
    if item_type in METADATA_TYPES or draw(st.integers(0, 2)):
        item["MessageMetadata"] = draw(metadata(own_id))
    if item_type == "ATTACHMENT" or not draw(st.integers(0, 5)):
        item["Attachments"] = draw(ATTACHMENTS)
    if not draw(st.integers(0, 7)):
        item["RelatedContactId"] = draw(text(EARLIER_CONTACTS))
    return item


def _transcript(contacts: Sequence[str]) -> SearchStrategy[list[Object]]:
    return rarely(st.just([]), st.lists(items(contacts), min_size=1, max_size=5))


def _as_parsed(value: Object) -> Object:
    """What the parser gives: no halves of a surrogate pair side by side, integers of 64 bits."""
    parsed: Object = json.loads(json.dumps(value), parse_int=_integer)
    return parsed


def _integer(digits: str) -> int | float:
    return int(digits) if -(2**63) <= int(digits) < 2**64 else float(digits)


@st.composite
def responses(draw: DrawFn, contacts: Sequence[str]) -> Input:
    """A GetTranscript response of the chat of these contacts, the first of them its initial one."""
    value: Object = {
        "InitialContactId": contacts[0],
        "Transcript": draw(_transcript(contacts)),
        **draw(UNKNOWN_MEMBERS),
    }
    told = {item["ContactId"] for item in value["Transcript"] if _is_text(item.get("ContactId"))}
    if told == {contacts[0]}:
        _drop_now_and_then(draw, value, "InitialContactId")
    if draw(st.booleans()):
        value["NextToken"] = draw(text(("token",)))
    return Input(
        "response",
        _as_parsed(value),
        read_at=draw(st.sampled_from(READ_TIMES)),
        whole=draw(rarely(st.just(True), st.just(False), one_in=4)),
        reached=draw(rarely(st.just(False), st.just(True), one_in=4)),
    )


@st.composite
def exports(draw: DrawFn, contacts: Sequence[str]) -> Input:
    """An S3 export of one contact of a chat."""
    contact_id = draw(st.sampled_from(contacts))
    value: Object = {
        "Version": "2019-08-26",
        "AWSAccountId": "111122223333",
        "InstanceId": draw(text(("instance", "arn:aws:connect:eu-west-2:1:instance/instance"))),
        "InitialContactId": contacts[0],
        "ContactId": contact_id,
        "Participants": [{"ParticipantId": "agent"}],
        "Transcript": draw(_transcript(contacts)),
        **draw(UNKNOWN_MEMBERS),
    }
    if contact_id == contacts[0]:
        _drop_now_and_then(draw, value, "InitialContactId")
    for name in ("Version", "AWSAccountId", "InstanceId", "Participants"):
        _drop_now_and_then(draw, value, name)
    return Input("export", _as_parsed(value), read_at=draw(st.sampled_from(READ_TIMES)))


def _event_instant() -> SearchStrategy[Any]:
    return rarely(st.sampled_from(PLACEHOLDERS), instant(), one_in=6)


@st.composite
def events(draw: DrawFn, contacts: Sequence[str]) -> Input:
    """A contact event of one leg of a chat, as EventBridge delivers it."""
    leg = draw(st.integers(0, len(contacts) - 1))
    detail = draw(
        objects(
            {
                "previousContactId": text([contacts[max(leg - 1, 0)]]),
                "relatedContactId": text(EARLIER_CONTACTS),
                "channel": text(("CHAT", "CHAT", "Chat", "VOICE")),
                "instanceArn": text(("arn:aws:connect:eu-west-2:1:instance/instance", "other")),
                "initiationMethod": text(("API", "TRANSFER")),
                "disconnectReason": text(("CUSTOMER_DISCONNECT", "AGENT_DISCONNECT")),
                "initiationTimestamp": _event_instant(),
                "disconnectTimestamp": _event_instant(),
                "connectedToSystemTimestamp": _event_instant(),
                "queueInfo": rarely(
                    ANY_JSON,
                    objects(
                        {
                            "queueArn": text(("queue/1", "queue/2")),
                            "queueType": text(("X",)),
                            "enqueueTimestamp": _event_instant(),
                        }
                    ),
                ),
                "agentInfo": rarely(
                    ANY_JSON,
                    objects(
                        {
                            "agentArn": text(("agent/1", "agent/2")),
                            "connectedToAgentTimestamp": _event_instant(),
                            "hierarchyGroups": ANY_OBJECT,
                        }
                    ),
                ),
                "customerId": text(("profile/1", "profile/2")),
                "segmentAttributes": SEGMENT_ATTRIBUTES,
                "tags": ANY_OBJECT,
                "chatMetrics": ANY_OBJECT,
            },
            absent_one_in=4,
        )
    )
    detail |= {
        "contactId": contacts[leg],
        "initialContactId": contacts[0],
        "eventType": draw(rarely(st.just("\ud800"), st.sampled_from(EVENT_TYPES), one_in=30)),
    }
    if leg == 0:
        _drop_now_and_then(draw, detail, "initialContactId")
    if draw(rarely(st.just(True), st.just(False), one_in=4)):
        detail = _pascal_case(detail)
    if draw(rarely(st.just(True), st.just(False))):
        detail |= draw(st.dictionaries(st.sampled_from(EVENT_NAMES), ANY_JSON, max_size=2))
    value = {
        "version": "0",
        "id": "11111111-2222-3333-4444-555555555555",
        "detail-type": "Amazon Connect Contact Event",
        "source": "aws.connect",
        "time": draw(instant()),
        "detail": detail,
    }
    return Input("event", _as_parsed(value))


def inputs(contacts: Sequence[str]) -> SearchStrategy[Input]:
    return st.one_of(responses(contacts), responses(contacts), exports(contacts), events(contacts))


# The initial one is not the smallest of them.
CHAT_CONTACTS = ("c2", "c1", "c3")
OTHER_CONTACTS = ("d1", "\ud800d2")


def one_chat(*, max_size: int = 5) -> SearchStrategy[list[Input]]:
    """What was read of one chat."""
    odd = st.lists(inputs(CHAT_CONTACTS), min_size=1, max_size=max_size)
    return st.one_of(odd, dialogues(CHAT_CONTACTS), _both(dialogues(CHAT_CONTACTS), odd))


def few_chats() -> SearchStrategy[list[Input]]:
    """What was read of up to three chats that share item and participant ids, in any order."""
    chats = (CHAT_CONTACTS, OTHER_CONTACTS, EARLIER_CONTACTS)
    odd = st.lists(st.one_of(*map(inputs, chats)), min_size=1, max_size=5)
    return st.one_of(odd, _both(dialogues(CHAT_CONTACTS), odd))


def _both(
    dialogue: SearchStrategy[list[Input]], odd: SearchStrategy[list[Input]]
) -> SearchStrategy[list[Input]]:
    return st.builds(lambda a, b: [*a, *b], dialogue, odd)


def _pascal_case(members: Object) -> Object:
    return {
        name[:1].upper() + name[1:]: _pascal_case(value) if isinstance(value, dict) else value
        for name, value in members.items()
    }


def _drop_now_and_then(draw: DrawFn, members: Object, name: str) -> None:
    if not draw(st.integers(0, 5)):
        del members[name]


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value != ""
