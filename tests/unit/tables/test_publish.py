"""What became of a batch, joined with what became of the same chats later."""

from __future__ import annotations

from chatlake.tables.publish import PublishOutcome


def test_what_moved_and_was_then_published_is_published() -> None:
    outcome = PublishOutcome(published={"a"}, moved={"b", "c"})
    outcome.add(PublishOutcome(published={"b"}, unchanged={"c"}))
    assert outcome == PublishOutcome(published={"a", "b"}, unchanged={"c"})


def test_what_moved_once_more_is_moved() -> None:
    outcome = PublishOutcome(moved={"b", "c"})
    outcome.add(PublishOutcome(published={"b"}, moved={"c"}))
    assert (outcome.published, outcome.moved) == ({"b"}, {"c"})


def test_what_moved_and_then_failed_has_failed() -> None:
    outcome = PublishOutcome(moved={"b"})
    outcome.add(PublishOutcome(failed={"b": "why"}))
    assert (outcome.moved, outcome.failed) == (set(), {"b": "why"})
