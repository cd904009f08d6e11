"""All that a look at a chat works with, on one clock: AWS, the simulated service, and an agenda."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import boto3

from chatlake.capture.capture_chat import capture_chat
from chatlake.capture.capture_services import CaptureServices
from chatlake.capture.capture_state import Token
from chatlake.capture.chat_resolver import ChatResolver
from chatlake.capture.participant_client import ParticipantClient
from chatlake.capture.rate_limiter import RateLimiter
from chatlake.capture.schedule import CaptureSchedule
from chatlake.capture.token_cipher import TokenCipher
from chatlake.capture.track import TrackServices, track
from chatlake.chat_state import NO_DOCUMENT
from chatlake.chat_state.dynamodb import DynamoDBChatState
from chatlake.documents.document import Document
from chatlake.documents.revision import revision
from chatlake.documents.store.s3 import S3Store
from local.participant_service import Behaviour
from local.participant_service import ParticipantService as Simulator
from local.scripted.chat import Chat
from tests.aws import Aws
from tests.clock import HandClock
from tests.participant import participant_client

BUCKET = "exports"
PREFIX = "connect/ChatTranscripts"
_MOST_LOOKS = 400


@dataclass
class Archive:
    """A stack without its functions: what came is tracked, and looks are taken one by one."""

    aws: Aws
    clock: HandClock
    simulator: Simulator
    services: CaptureServices
    track_services: TrackServices
    exports: dict[str, Any] = field(default_factory=dict)
    announced: list[tuple[str, str]] = field(default_factory=list)
    notes: list[tuple[str, str, str]] = field(default_factory=list)

    @property
    def schedule(self) -> CaptureSchedule:
        return self.services.schedule

    def add_token(self, chat: str, kind: str = "participant", secret: str | None = None) -> None:
        secret = secret or self.simulator.participant_token(chat)
        sealed = self.services.token_cipher.seal(secret, chat)
        token = Token("participant" if kind == "participant" else "connection", sealed)
        self.schedule.add_token(chat, token, due_at=self.clock.now_ms())

    def deliver(self, event: dict[str, Any]) -> str:
        return track(event, self.track_services)

    def send(self, chats: Mapping[str, object]) -> None:
        """Take what is sent to the publish queue, and note of which document that was."""
        for chat in chats:
            stored = self.services.store.read(chat)
            self.announced.append((chat, revision(stored.document) if stored else NO_DOCUMENT))

    def attempt(self, chat: str) -> None:
        capture_chat(chat, self.services)

    def attempt_until(self, time_ms: float, *chats: str) -> None:
        """Let the time pass, and look at chats whenever they are due."""
        for _ in range(_MOST_LOOKS):
            states = [self.schedule.read(chat) for chat in chats]
            due = [w for w in states if w is not None and w.due_at is not None]
            if not due or min(w.due_at or 0 for w in due) > time_ms:
                self.clock.set(max(time_ms, self.clock.now_ms()))
                return
            first = min(due, key=lambda state: state.due_at or 0)
            self.clock.set(max(self.clock.now_ms(), first.due_at or 0))
            self.attempt(first.initial_contact_id)
        message = f"chats are due again and again: {chats}"
        raise AssertionError(message)

    def document(self, chat: str) -> Document:
        stored = self.services.store.read(chat)
        assert stored is not None
        return stored.document

    def problems(self) -> set[str]:
        return {problem for problem, _, _ in self.notes}

    def calls(self) -> Counter[str]:
        return Counter(call.operation for call in self.simulator.calls)


UNLIMITED = Behaviour(
    get_transcript_per_s=1e6,
    get_transcript_burst=1_000_000,
    create_connection_per_s=1e6,
    create_connection_burst=1_000_000,
)


@contextmanager
def archive(
    aws: Aws, clock: HandClock, chats: Sequence[Chat], behaviour: Behaviour = UNLIMITED
) -> Iterator[Archive]:
    table, bucket = aws.table(), aws.bucket()
    dynamodb = aws.client("dynamodb")
    schedule, state = CaptureSchedule(dynamodb, table), DynamoDBChatState(dynamodb, table)
    with (
        Simulator(chats, clock, behaviour) as simulator,
        participant_client(simulator.url) as participant,
    ):
        session = boto3.Session("local", "local", region_name="eu-central-1")
        connect = session.client("connect", endpoint_url=simulator.url)
        made: list[Archive] = []

        def read_export(key: str) -> bytes | None:
            found = made[0].exports.get(key)
            if isinstance(found, Exception):
                raise found
            assert found is None or isinstance(found, bytes)
            return found

        class Queue:
            def send(self, chats: Mapping[str, object]) -> None:
                made[0].send(chats)

        services = CaptureServices(
            schedule=schedule,
            chats=state,
            store=S3Store(aws.client("s3"), bucket),
            token_cipher=TokenCipher(aws.client("kms"), aws.key()),
            service=ParticipantClient(
                participant, transcripts=RateLimiter(1000), connections=RateLimiter(1000)
            ),
            read_export=read_export,
            publish_queue=Queue(),
            interval_ms=lambda: 120_000,
            warn=lambda *note: made[0].notes.append(note),
        )
        instance = chats[0].instance_id if chats else "i"
        chat_resolver = ChatResolver(state, connect, instance)
        track_services = TrackServices(schedule, chat_resolver, BUCKET, PREFIX, instance)
        made.append(Archive(aws, clock, simulator, services, track_services))
        try:
            yield made[0]
        finally:
            connect.close()


def object_created(key: str, bucket: str = BUCKET) -> dict[str, Any]:
    return {"source": "aws.s3", "detail": {"bucket": {"name": bucket}, "object": {"key": key}}}
