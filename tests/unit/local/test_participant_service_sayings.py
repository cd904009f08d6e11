"""The simulated service takes what a script's participants say, and nothing else."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from chatlake.operations.smoke import MESSAGES
from local.participant_service import ParticipantService
from local.scripted.items import EVENT_TYPES
from local.scripted.smoke import smoke_chat
from tests.clock import HandClock

CHAT = smoke_chat(1, 1_788_000_000_000, 60)
READ = EVENT_TYPES + "message.read"


def test_a_customer_says_what_the_script_has() -> None:
    clock = HandClock()
    clock.set(CHAT.started_ms + 30_000)
    with ParticipantService([CHAT], clock) as service:
        session = boto3.Session("x", "x", region_name="eu-central-1")
        unsigned = Config(signature_version=UNSIGNED, retries={"total_max_attempts": 1})
        client: Any = session.client(
            "connectparticipant", endpoint_url=service.url, config=unsigned
        )
        connected = client.create_participant_connection(
            ParticipantToken=service.participant_token(CHAT.initial_contact_id),
            Type=["CONNECTION_CREDENTIALS"],
        )
        token = connected["ConnectionCredentials"]["ConnectionToken"]

        def say(content: str) -> str:
            answer = client.send_message(
                ConnectionToken=token, ContentType="text/plain", Content=content
            )
            return str(answer["Id"])

        with pytest.raises(ClientError, match="another message next"):
            say("something else")
        ids = [say(content) for content in MESSAGES]
        said = {item.item_id: item.content for item in CHAT.own_items}
        assert [said[one] for one in ids] == list(MESSAGES)
        with pytest.raises(ClientError, match="another message next"):
            say(MESSAGES[0])
        greeting = next(item for item in CHAT.own_items if item.content == "How can I help?")
        event = {"ConnectionToken": token, "ContentType": READ}
        client.send_event(**event, Content=f'{{"messageId":"{greeting.item_id}"}}')
        with pytest.raises(ClientError, match="no such message"):
            client.send_event(**event, Content='{"messageId":"nobody"}')
        client.disconnect_participant(ConnectionToken=token)
        client.close()
