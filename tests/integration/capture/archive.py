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
from chatlake.capture.capture_state import CaptureState, Token
from chatlake.capture.chat_resolver import ChatResolver
from chatlake.capture.live_chat import LiveChat
from chatlake.capture.live_work import look_at
from chatlake.capture.participant_client import ParticipantClient
from chatlake.capture.rate_limiter import RateLimiter
from chatlake.capture.schedule import CaptureSchedule
from chatlake.capture.token_cipher import TokenCipher
from chatlake.capture.track import TrackServices, track
from chatlake.chat_state import NO_DOCUMENT
from chatlake.chat_state.dynamodb import DynamoDBChatState
from chatlake.chat_state.leg_cache import with_leg_cache
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
INTERVAL_MS = 120_000
_RETRY_MS = 5_000
_MOST_LOOKS = 10_000


@dataclass
class Archive:
    """A stack without its functions: what came is tracked, and looks are taken one by one."""

    aws: Aws
    table: str
    schedule_table: str
    bucket: str
    clock: HandClock
    simulator: Simulator
    services: CaptureServices
    track_services: TrackServices
    exports: dict[str, Any] = field(default_factory=dict)
    announced: list[tuple[str, str]] = field(default_factory=list)
    live: dict[str, LiveChat] = field(default_factory=dict)
    looked_at: dict[str, int] = field(default_factory=dict)
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
        """Look at a chat as a whole, as it is done when it is due or has ended."""
        self._keep(chat, capture_chat(chat, self.services, self.live.get(chat)))

    def look(self, chat: str) -> None:
        """Look at a chat as the worker does: read it, if this process knows that it lives."""
        state = self.peek(chat)
        live = self.live.get(chat)
        if state is None or state.phase != "live" or live is None or live.due_at != state.due_at:
            self.attempt(chat)
        else:
            self._keep(chat, look_at(live, self.services))

    def hand_over(self) -> None:
        """Write what is known of live chats, and forget it."""
        for live in self.live.values():
            live.write(self.services)
        self.live.clear()

    def _keep(self, chat: str, live: LiveChat | None) -> None:
        self.looked_at[chat] = self.clock.now_ms()
        if live is None:
            self.live.pop(chat, None)
        else:
            self.live[chat] = live

    def attempt_until(self, time_ms: float, *chats: str) -> None:
        """Let the time pass, and look at chats whenever they are due; live ones every minute."""
        for _ in range(_MOST_LOOKS):
            due = [(at, chat) for chat in chats if (at := self._next_look(chat)) is not None]
            if not due or min(due)[0] > time_ms:
                self.clock.set(max(time_ms, self.clock.now_ms()))
                return
            at, first = min(due)
            self.clock.set(max(self.clock.now_ms(), at))
            self.look(first)
        message = f"chats are due again and again: {chats}"
        raise AssertionError(message)

    def peek(self, chat: str) -> CaptureState | None:
        """What the schedule has of a chat, asked by nobody but the test."""
        client, table = self.aws.client("dynamodb"), self.schedule_table
        return CaptureSchedule(getattr(client, "unmetered", client), table).read(chat)

    def _next_look(self, chat: str) -> int | None:
        state = self.peek(chat)
        if state is None or state.due_at is None:
            return None
        if state.phase != "live" or chat not in self.live:
            return state.due_at
        failures = self.live[chat].failures
        wait_ms = INTERVAL_MS if not failures else _RETRY_MS << min(failures - 1, 6)
        return max(state.due_at, self.looked_at[chat] + wait_ms)

    def document(self, chat: str) -> Document:
        """What is known of a chat: it need not be written while it lives."""
        if chat in self.live:
            return self.live[chat].known
        return self.stored(chat)

    def stored(self, chat: str) -> Document:
        """What is written of a chat."""
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
    table, schedule_table, bucket = aws.table(), aws.schedule_table(), aws.bucket()
    dynamodb = aws.client("dynamodb")
    schedule = CaptureSchedule(dynamodb, schedule_table)
    state = DynamoDBChatState(dynamodb, table)
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
            chats=with_leg_cache(state),
            store=S3Store(aws.client("s3"), bucket),
            token_cipher=TokenCipher(aws.client("kms"), aws.key()),
            service=ParticipantClient(
                participant, transcripts=RateLimiter(1000), connections=RateLimiter(1000)
            ),
            read_export=read_export,
            publish_queue=Queue(),
            warn=lambda *note: made[0].notes.append(note),
        )
        instance = chats[0].instance_id if chats else "i"
        chat_resolver = ChatResolver(with_leg_cache(state), connect, instance)
        track_services = TrackServices(schedule, chat_resolver, BUCKET, PREFIX, instance)
        made.append(
            Archive(aws, table, schedule_table, bucket, clock, simulator, services, track_services)
        )
        try:
            yield made[0]
        finally:
            connect.close()


def object_created(key: str, bucket: str = BUCKET) -> dict[str, Any]:
    return {"source": "aws.s3", "detail": {"bucket": {"name": bucket}, "object": {"key": key}}}
