"""What version 0.2 has left of its schedule is taken over, whatever is under way meanwhile."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chatlake.capture.capture_state import Checkpoint
from chatlake.capture.older_schedule import OlderSchedule
from chatlake.capture.schedule import CaptureSchedule
from tests.aws import Aws

CHAT = "c1"
EVENT = {
    "detail-type": "Amazon Connect Contact Event",
    "detail": {"eventType": "INITIATED", "contactId": CHAT, "channel": "CHAT"},
}


@pytest.fixture
def chats_table(aws: Aws) -> str:
    return aws.table()


@pytest.fixture
def older(aws: Aws, chats_table: str) -> OlderSchedule:
    return OlderSchedule(aws.client("dynamodb"), chats_table)


def put(aws: Aws, table: str, chat: str = CHAT, **attributes: Any) -> None:
    """An item as version 0.2 writes it."""
    item = {
        "key": {"S": f"watch#{chat}"},
        "version": {"N": "3"},
        "phase": {"S": "live"},
        "due_at": {"N": "700"},
        "event:0123456789abcdef": {"B": json.dumps(EVENT).encode()},
        "export:0123456789abcdef": {"S": "key.json"},
        "token:0123456789abcdef": {
            "M": {
                "kind": {"S": "connection"},
                "sealed": {"B": b"sealed"},
                "expires_at": {"N": "9000"},
            }
        },
        "ended": {"SS": ["leg"]},
        "exported": {"SS": ["leg"]},
        "memory": {"S": json.dumps({"first_seen_at": 5, "announced": "revision"})},
        "failure": {"S": "why"},
        **attributes,
    }
    aws.client("dynamodb").put_item(
        TableName=table, Item={name: value for name, value in item.items() if value is not None}
    )


def test_all_that_was_noted_is_taken_over(
    aws: Aws, chats_table: str, older: OlderSchedule, schedule: CaptureSchedule
) -> None:
    put(aws, chats_table)
    assert older.move_to(schedule) == 1
    assert older.move_to(schedule) == 0
    state = schedule.read(CHAT)
    assert state is not None
    assert (state.phase, state.due_at, state.failure) == ("live", 700, "why")
    [event] = state.events.values()
    assert list(event.events) == [CHAT]
    assert list(state.exports.values()) == ["key.json"]
    [token] = state.tokens.values()
    assert (token.kind, token.sealed, token.expires_at) == ("connection", b"sealed", 9000)
    assert state.ended == state.exported == {"leg"}
    assert state.checkpoint == Checkpoint(first_seen_at=5, announced="revision")
    assert older.read_many([CHAT]) == {}
    assert schedule.live() == {CHAT: 700}


def test_chats_of_all_phases_are_taken_over_and_finished_ones_stay_until_they_expire(
    aws: Aws, chats_table: str, older: OlderSchedule, schedule: CaptureSchedule
) -> None:
    for number in range(130):
        phase = ("ended", "live", "waiting")[number % 3]
        put(aws, chats_table, f"chat-{number}", phase={"S": phase})
    put(aws, chats_table, "finished", phase=None, due_at=None, expires_at={"N": "1"})
    assert older.move_to(schedule) == 130
    assert sum(schedule.count(phase) for phase in ("ended", "live", "waiting")) == 130
    assert older.read_many(["finished", "chat-1"]).keys() == {"finished"}
    assert schedule.read("finished") is None


def test_what_was_noted_since_the_update_stays(
    aws: Aws, chats_table: str, older: OlderSchedule, schedule: CaptureSchedule
) -> None:
    put(aws, chats_table)
    schedule.add_export(CHAT, "other", "other.json", due_at=300)
    state = schedule.read(CHAT)
    assert state is not None
    newer = Checkpoint(first_seen_at=9)
    schedule.finish_attempt(state, checkpoint=newer, done=(), due=("ended", 400))
    older.move_to(schedule)
    after = schedule.read(CHAT)
    assert after is not None
    assert (after.phase, after.due_at, after.checkpoint) == ("ended", 400, newer)
    assert after.exported == {"leg", "other"}
    assert sorted(after.exports.values()) == ["key.json", "other.json"]


def test_what_an_older_function_adds_during_the_move_is_moved_the_next_time(
    aws: Aws, chats_table: str, schedule: CaptureSchedule
) -> None:
    put(aws, chats_table)
    client = aws.client("dynamodb")

    class Meanwhile:
        def __getattr__(self, name: str) -> Any:
            return getattr(client, name)

        def delete_item(self, **request: Any) -> Any:
            more: dict[str, Any] = {"version": {"N": "4"}, "export:1": {"S": "late.json"}}
            put(aws, chats_table, **more)
            return client.delete_item(**request)

    older: Any = Meanwhile()
    assert OlderSchedule(older, chats_table).move_to(schedule) == 0
    assert OlderSchedule(client, chats_table).move_to(schedule) == 1
    state = schedule.read(CHAT)
    assert state is not None
    assert sorted(state.exports.values()) == ["key.json", "late.json"]


def test_an_erased_chat_is_forgotten_there_too(
    aws: Aws, chats_table: str, older: OlderSchedule, schedule: CaptureSchedule
) -> None:
    put(aws, chats_table)
    older.remove(CHAT)
    assert older.move_to(schedule) == 0
    assert schedule.read(CHAT) is None
