"""All that a look at a chat works with, on one clock: AWS, the simulated service, and an agenda."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import boto3

from chatlake.aws_clients import clients
from chatlake.capture.capture_chat import capture_chat
from chatlake.capture.capture_state import Token
from chatlake.capture.chat_resolver import ContactDirectory
from chatlake.capture.fetch import Tools
from chatlake.capture.participant_client import ParticipantService
from chatlake.capture.rate_limiter import Pace
from chatlake.capture.schedule import Agenda
from chatlake.capture.token_cipher import Vault
from chatlake.capture.track import Tracker, track
from chatlake.chat_state.dynamodb import DynamoDBChats
from chatlake.documents.document import Document
from chatlake.documents.store.s3 import S3Store
from local.participant_service import Behaviour
from local.participant_service import ParticipantService as Simulator
from local.scripted.chat import Chat
from tests.aws import Aws, HandClock

BUCKET = "exports"
PREFIX = "connect/ChatTranscripts"
_MOST_LOOKS = 400


@dataclass
class Archive:
    """A stack without its functions: what came is tracked, and looks are taken one by one."""

    aws: Aws
    clock: HandClock
    simulator: Simulator
    tools: Tools
    tracker: Tracker
    exports: dict[str, Any] = field(default_factory=dict)
    announced: list[tuple[str, str]] = field(default_factory=list)
    notes: list[tuple[str, str, str]] = field(default_factory=list)

    @property
    def agenda(self) -> Agenda:
        return self.tools.agenda

    def add_token(self, chat: str, kind: str = "participant", secret: str | None = None) -> None:
        secret = secret or self.simulator.participant_token(chat)
        sealed = self.tools.vault.seal(secret, chat)
        token = Token("participant" if kind == "participant" else "connection", sealed)
        self.agenda.add_token(chat, token, due_at=self.clock.now_ms())

    def deliver(self, event: dict[str, Any]) -> str:
        return track(event, self.tracker)

    def look(self, chat: str) -> None:
        capture_chat(chat, self.tools)

    def look_until(self, time_ms: float, *chats: str) -> None:
        """Let the time pass, and look at chats whenever they are due."""
        for _ in range(_MOST_LOOKS):
            watches = [self.agenda.read(chat) for chat in chats]
            due = [w for w in watches if w is not None and w.due_at is not None]
            if not due or min(w.due_at or 0 for w in due) > time_ms:
                self.clock.set(max(time_ms, self.clock.now_ms()))
                return
            first = min(due, key=lambda watch: watch.due_at or 0)
            self.clock.set(max(self.clock.now_ms(), first.due_at or 0))
            self.look(first.initial_contact_id)
        message = f"chats are due again and again: {chats}"
        raise AssertionError(message)

    def document(self, chat: str) -> Document:
        stored = self.tools.store.read(chat)
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
    agenda, state = Agenda(dynamodb, table), DynamoDBChats(dynamodb, table)
    with Simulator(chats, clock, behaviour) as simulator:
        session = boto3.Session("local", "local", region_name="eu-central-1")
        participant = session.client(
            "connectparticipant", endpoint_url=simulator.url, config=clients._PARTICIPANT
        )
        connect = session.client("connect", endpoint_url=simulator.url)
        made: list[Archive] = []

        def read_export(key: str) -> bytes | None:
            found = made[0].exports.get(key)
            if isinstance(found, Exception):
                raise found
            assert found is None or isinstance(found, bytes)
            return found

        tools = Tools(
            agenda=agenda,
            chats=state,
            store=S3Store(aws.client("s3"), bucket),
            vault=Vault(aws.client("kms"), aws.key()),
            service=ParticipantService(participant, transcripts=Pace(1000), connections=Pace(1000)),
            read_export=read_export,
            announce=lambda revisions: made[0].announced.extend(revisions.items()),
            interval_ms=lambda: 120_000,
            warn=lambda *note: made[0].notes.append(note),
        )
        instance = chats[0].instance_id if chats else "i"
        directory = ContactDirectory(state, connect, instance)
        tracker = Tracker(agenda, state, directory, BUCKET, PREFIX, instance)
        made.append(Archive(aws, clock, simulator, tools, tracker))
        try:
            yield made[0]
        finally:
            participant.close()
            connect.close()


def object_created(key: str, bucket: str = BUCKET) -> dict[str, Any]:
    return {"source": "aws.s3", "detail": {"bucket": {"name": bucket}, "object": {"key": key}}}
