"""Checkpoints that another version has written are read all the same."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chatlake.capture.capture_state import Checkpoint, checkpoint_text, parse_checkpoint

MEMBERS: dict[str, Any] = {
    "first_seen_at": 1,
    "legs": 2,
    "ended": True,
    "settled_since": 3,
    "changed_at": 4,
    "last_read_done": True,
    "retries": 5,
    "announced": "revision",
}
CHECKPOINT = Checkpoint(**MEMBERS)


def checkpoint_in(members: dict[str, Any]) -> Checkpoint:
    return parse_checkpoint(json.dumps(members))


def test_what_the_first_version_wrote_is_read() -> None:
    assert checkpoint_in(MEMBERS) == CHECKPOINT


def test_the_first_versions_word_for_no_revision_is_none() -> None:
    assert checkpoint_in({**MEMBERS, "announced": ""}).announced is None


def test_what_is_written_is_read_and_what_is_usual_is_not_written() -> None:
    assert parse_checkpoint(checkpoint_text(CHECKPOINT)) == CHECKPOINT
    assert json.loads(checkpoint_text(CHECKPOINT)) == MEMBERS
    assert checkpoint_text(Checkpoint()) == "{}"


def test_members_of_a_newer_version_are_passed_over() -> None:
    assert checkpoint_in({**MEMBERS, "unheard_of": 1}) == CHECKPOINT


@pytest.mark.parametrize("name", sorted(MEMBERS))
def test_a_member_that_is_missing_is_as_at_the_beginning(name: str) -> None:
    left = {member: value for member, value in MEMBERS.items() if member != name}
    assert getattr(checkpoint_in(left), name) == getattr(Checkpoint(), name)
