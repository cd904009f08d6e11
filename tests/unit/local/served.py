"""A simulated service that is asked as boto3 and plain HTTP ask one, by a clock set by hand."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from local.chats import Chat, scripts
from local.clock import Clock
from local.participant_service import Behaviour, ParticipantService

if TYPE_CHECKING:
    from types_boto3_connect import ConnectClient
    from types_boto3_connectparticipant import ConnectParticipantClient

type Json = dict[str, Any]

START = datetime(2026, 9, 1, tzinfo=UTC)
CHATS = list(scripts(seed=7, count=400, start=START, days=3))
LONG = max(CHATS, key=lambda chat: len(chat.own_items))
PERSISTENT = max(CHATS, key=lambda chat: chat.past_chats * len(chat.items))
TRANSFERRED = max(CHATS, key=lambda chat: len(chat.legs))
UNLIMITED = Behaviour(
    get_transcript_per_s=1e6,
    get_transcript_burst=1_000_000,
    create_connection_per_s=1e6,
    create_connection_burst=1_000_000,
    describe_contact_per_s=1e6,
    describe_contact_burst=1_000_000,
    search_contacts_per_s=1e6,
    search_contacts_burst=1_000_000,
    start_chat_per_s=1e6,
    start_chat_burst=1_000_000,
    validate_every=1,
)
SESSION = boto3.Session("nobody", "nothing", region_name="eu-west-1")
# The service has the say, so nothing is checked or repeated before it.
CONFIG = Config(parameter_validation=False, retries={"total_max_attempts": 1}, read_timeout=30)


@dataclass(frozen=True)
class HandClock(Clock):
    """A clock that stands still until it is set."""

    start: float = 0.0
    shown_ms: list[int] = field(default_factory=lambda: [0])

    def set(self, time_ms: int) -> None:
        self.shown_ms[0] = time_ms

    def advance(self, seconds: float) -> None:
        self.shown_ms[0] += int(seconds * 1000)

    def now_ms(self) -> int:
        return self.shown_ms[0]

    def time(self) -> float:
        return self.shown_ms[0] / 1000


@dataclass
class Served:
    service: ParticipantService
    clock: HandClock
    participant: ConnectParticipantClient
    connect: ConnectClient

    def connection(self, chat: Chat) -> str:
        """A new ConnectionToken of the customer."""
        answer = self.participant.create_participant_connection(
            ParticipantToken=self.service.participant_token(chat.initial_contact_id),
            Type=["CONNECTION_CREDENTIALS"],
        )
        return answer["ConnectionCredentials"]["ConnectionToken"]

    def pages(self, token: str, **parameters: Any) -> list[list[Json]]:
        pages = []
        while True:
            answer: Any = self.participant.get_transcript(ConnectionToken=token, **parameters)
            pages.append(answer["Transcript"])
            if "NextToken" not in answer:
                return pages
            parameters["NextToken"] = answer["NextToken"]

    def raw(self, method: str, path: str, body: str, bearer: str = "") -> tuple[int, Json]:
        connection = HTTPConnection(self.service.url.removeprefix("http://"), timeout=30)
        try:
            headers = {"X-Amz-Bearer": bearer} if bearer else {}
            connection.request(method, path, body.encode(), headers)
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        finally:
            connection.close()


@contextmanager
def serving(
    chats: list[Chat],
    behaviour: Behaviour = UNLIMITED,
    *,
    at_ms: int | None = None,
    speed: float = 1.0,
) -> Iterator[Served]:
    """A service whose clock stands in the last moment of the first chat unless told otherwise."""
    clock = HandClock(speed=speed)
    clock.set(chats[0].ended_ms - 1 if at_ms is None else at_ms)
    with ParticipantService(chats, clock, behaviour) as service:
        participant = SESSION.client("connectparticipant", endpoint_url=service.url, config=CONFIG)
        connect = SESSION.client("connect", endpoint_url=service.url, config=CONFIG)
        try:
            yield Served(service, clock, participant, connect)
        finally:
            participant.close()
            connect.close()


def refusal(call: Callable[[], object]) -> tuple[int, str]:
    """The status and the code of the error that a call is answered with."""
    with pytest.raises(ClientError) as refused:
        call()
    response = refused.value.response
    assert response["Error"]["Message"]
    return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"]


def moment(time_ms: int) -> datetime:
    return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=time_ms)


DENIED = (403, "AccessDeniedException")
INVALID = (400, "ValidationException")
THROTTLED = (429, "ThrottlingException")
