"""Capture states that another version has written are read all the same."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chatlake.capture.capture_state import (
    Checkpoint,
    checkpoint_attribute,
    parse_capture_state,
)

MEMBERS = {
    "first_seen_at": 1,
    "legs": 2,
    "ended": True,
    "settled_since": 3,
    "changed_at": 4,
    "last_read_done": True,
    "retries": 5,
    "announced": "revision",
}
CHECKPOINT = Checkpoint(
    first_seen_at=1,
    legs=2,
    ended=True,
    settled_since=3,
    changed_at=4,
    last_read_done=True,
    retries=5,
    announced="revision",
)


def checkpoint_in(members: dict[str, Any]) -> Checkpoint:
    """The checkpoint of an item as DynamoDB has it since 0.1."""
    item: Any = {"version": {"N": "7"}, "memory": {"S": json.dumps(members)}}
    return parse_capture_state("chat", item).checkpoint


def test_what_the_first_version_wrote_is_read() -> None:
    assert checkpoint_in(MEMBERS) == CHECKPOINT


def test_the_first_versions_word_for_no_revision_is_none() -> None:
    assert checkpoint_in({**MEMBERS, "announced": ""}).announced is None


def test_what_is_written_is_what_the_first_version_reads() -> None:
    """While a stack is updated, an invocation of the version before may still be at work."""
    attribute: Any = checkpoint_attribute(CHECKPOINT)
    assert json.loads(attribute["S"]) == MEMBERS


def test_members_of_a_newer_version_are_passed_over() -> None:
    assert checkpoint_in({**MEMBERS, "unheard_of": 1}) == CHECKPOINT


@pytest.mark.parametrize("name", sorted(MEMBERS))
def test_a_member_that_is_missing_is_as_at_the_beginning(name: str) -> None:
    left = {member: value for member, value in MEMBERS.items() if member != name}
    assert getattr(checkpoint_in(left), name) == getattr(Checkpoint(), name)
