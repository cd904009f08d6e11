"""Clients of the simulated websocket, and what they hear."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from local.chats import Chat
from local.participant_service import Behaviour
from tests.unit.local.served import UNLIMITED, Json, Served, serving

# Every frame once, and in order.
ORDERLY = replace(UNLIMITED, frames_twice=0, frames_late=0, metadata_without_id=0)
SUBSCRIBE: Json = {"topic": "aws/subscribe", "content": {"topics": ["aws/chat"]}}
HEARTBEAT: Json = {"topic": "aws/heartbeat"}
PING: Json = {"topic": "aws/ping"}
_PATIENCE_S = 30


@dataclass
class Client:
    served: Served
    connection: ClientConnection

    def send(self, message: Json) -> None:
        self.connection.send(json.dumps(message))

    def receive(self, timeout_s: float = _PATIENCE_S) -> Json:
        parsed: Json = json.loads(self.connection.recv(timeout=timeout_s))
        return parsed

    def subscribe(self) -> Json:
        self.send(SUBSCRIBE)
        return self.receive()

    def heard(self) -> list[Json]:
        """The items of all frames that were due by now, in the order of their arrival."""
        self.served.service.sockets.open_now()
        self.send(HEARTBEAT)
        items = []
        while (frame := self.receive()) != HEARTBEAT:
            items.append(item_of(frame))
        return items

    def heard_until_closed(self) -> tuple[list[Json], int]:
        """The items of all frames until the service closes, and its code."""
        items = []

        def hear_on() -> None:
            while True:
                items.append(item_of(self.receive()))

        with pytest.raises(ConnectionClosed) as closed:
            hear_on()
        received = closed.value.rcvd
        return items, 1006 if received is None else received.code

    def is_answered(self, message: Json, within_s: float = _PATIENCE_S) -> bool:
        self.send(message)
        try:
            return bool(self.receive(within_s)["topic"] == message["topic"])
        except TimeoutError:
            return False


def item_of(frame: Json) -> Json:
    assert frame.keys() == {"topic", "contentType", "content"}
    assert frame["topic"] == "aws/chat"
    assert frame["contentType"] == "application/json"
    item: Json = json.loads(frame["content"])
    return item


def url(served: Served, chat: Chat) -> str:
    answer: Any = served.participant.create_participant_connection(
        ParticipantToken=served.service.participant_token(chat.initial_contact_id),
        Type=["WEBSOCKET", "CONNECTION_CREDENTIALS"],
    )
    address: str = answer["Websocket"]["Url"]
    return address


@contextmanager
def listening(
    served: Served, chat: Chat, *, at: str | None = None, subscribed: bool = True
) -> Iterator[Client]:
    """A socket of a chat's customer, with a URL of its own unless one is given."""
    address = url(served, chat) if at is None else at
    with connect(address, compression=None, ping_interval=None, close_timeout=0.5) as connection:
        client = Client(served, connection)
        if subscribed:
            assert client.subscribe()["content"] == {"status": "success", "topics": ["aws/chat"]}
        yield client


@contextmanager
def hearing(
    chat: Chat, behaviour: Behaviour = ORDERLY, *, at_ms: int | None = None
) -> Iterator[Client]:
    """The subscribed socket of a service with one chat, whose clock stands at its start."""
    start_ms = chat.started_ms if at_ms is None else at_ms
    with (
        serving([chat], behaviour, at_ms=start_ms) as served,
        listening(served, chat) as client,
    ):
        yield client


def refused(served: Served, chat: Chat, at: str | None = None) -> int:
    """The status that a handshake is answered with."""
    try:
        with listening(served, chat, at=at, subscribed=False):
            return 101
    except InvalidStatus as refusal:
        return refusal.response.status_code
