"""When an archive may open a websocket of a chat: never before the customer's page."""

from __future__ import annotations

from typing import Any

import pytest

from chatlake.capture.attended import is_attended
from chatlake.sources.get_transcript import from_response

EVENT = "application/vnd.amazonaws.connect.event."


def said(item_id: str, role: str, kind: str = "MESSAGE", **members: Any) -> dict[str, Any]:
    return {"Id": item_id, "Type": kind, "ParticipantRole": role, "ParticipantId": role, **members}


def attended(*items: dict[str, Any]) -> bool:
    return is_attended(from_response({"InitialContactId": "chat", "Transcript": list(items)}))


INITIAL = said("initial", "CUSTOMER")
READ = {"MessageId": "greeting", "Receipts": [{"RecipientParticipantId": "CUSTOMER"}]}


@pytest.mark.parametrize(
    "items",
    [
        [said("joined", "CUSTOMER", "EVENT", ContentType=f"{EVENT}participant.joined")],
        [said("joined", "CUSTOMER", "PARTICIPANT_JOINED")],
        [INITIAL, said("second", "CUSTOMER")],
        [INITIAL, said("greeting", "SYSTEM", MessageMetadata=READ)],
    ],
)
def test_the_page_is_there(items: list[dict[str, Any]]) -> None:
    assert attended(*items)


@pytest.mark.parametrize(
    "items",
    [
        [],
        [said("greeting", "SYSTEM")],
        # A back end may have sent it with StartChatContact.
        [INITIAL, said("greeting", "SYSTEM")],
        [said("joined", "AGENT", "EVENT", ContentType=f"{EVENT}participant.joined")],
        [said("invited", "CUSTOMER", "EVENT", ContentType=f"{EVENT}participant.invited")],
        # Of an earlier chat, which a persistent one brings back.
        [
            said(
                "joined",
                "CUSTOMER",
                "EVENT",
                ContentType=f"{EVENT}participant.joined",
                RelatedContactId="earlier",
            )
        ],
    ],
)
def test_nobody_knows_whether_the_page_is_there(items: list[dict[str, Any]]) -> None:
    assert not attended(*items)
