"""What live chats ask of Connect, with websockets and without, and what that costs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tools.cost_model import costs
from tools.live_chats import pace, section
from tools.stack_defaults import read_stack
from tools.workload import Chat, shards_for

STACK = read_stack()
CHAT = Chat(minutes=10, connections=2, transcript_calls=3)


def rows(*sizes: int, chat: Chat = CHAT) -> dict[str, list[str]]:
    """The cells of the tables by the first of them."""
    lines = "\n".join(section(sizes or (1_000,), chat, STACK)).splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {row[0]: row[1:] for row in cells if len(row) > 1}


def test_a_chat_by_its_websocket_takes_what_was_measured_whatever_there_is_beside_it() -> None:
    found = rows()
    assert found["CreateParticipantConnection"][0] == "2"
    # 600 s: among 40 live chats every 13 s, among 1,000 every 333 s, and every 5 s.
    assert found["GetTranscript"] == ["3", "45", "1.8", "120"]


def test_a_thousand_live_chats_would_need_two_hundred_calls_a_second() -> None:
    connections, transcripts, alone, shards = rows()["1,000"]
    assert (connections, transcripts) == ("3.3", "5")
    assert (alone, shards) == ("200", "1")


@pytest.mark.parametrize(
    ("live", "shards"), [(0, 1), (24, 1), (1_000, 1), (1_001, 2), (5_000, 5), (90_000, 5)]
)
def test_so_many_live_chats_need_so_many_shards(live: int, shards: int) -> None:
    assert shards_for(live) == shards


def test_a_small_stack_is_told_that_the_defaults_are_enough_and_a_large_one_what_it_needs() -> None:
    assert "The defaults are enough" in pace(1_000, CHAT, STACK)
    told = pace(200_000, CHAT, STACK)
    # 6.7 chats begin a second, 4,000 are live; one call more is kept for last reads.
    assert "`CaptureShards` 4" in told
    assert "`ConnectionRate` 13 at least" in told
    assert "`CaptureRate` 21 at least" in told


def test_without_websockets_it_is_told_how_often_a_chat_is_read() -> None:
    alone = replace(STACK, live_source="polling")
    assert "read about every 333 s" in pace(50_000, CHAT, alone)


@pytest.mark.parametrize("size", [1_000, 100_000])
def test_websockets_cost_processes_and_what_these_note_and_nothing_else(size: int) -> None:
    by_socket = {line.service: line.dollars for line in costs(size, CHAT, STACK)}
    polling = replace(STACK, live_source="polling")
    alone = {line.service: line.dollars for line in costs(size, CHAT, polling)}
    dearer = {name for name in alone if by_socket[name] > alone[name] * 1.001}
    assert {"Lambda", "DynamoDB"} <= dearer
    # Chats that are read too seldom are written less often, too.
    assert dearer <= {"Lambda", "DynamoDB", "CloudWatch", "S3"}
    assert by_socket.keys() == alone.keys()
