"""When a token of a chat that ended is tried, and when it is not worth a call."""

from __future__ import annotations

from chatlake.capture.tokens_after_end import TokensAfterEnd


def test_each_is_tried_until_twenty_in_a_row_were_denied() -> None:
    learned = TokensAfterEnd()
    for _ in range(20):
        assert learned.is_worth_a_call()
        learned.note(opened=False)
    assert [learned.is_worth_a_call() for _ in range(20)] == [*[False] * 9, True] * 2


def test_one_that_opens_makes_each_worth_it_again() -> None:
    learned = TokensAfterEnd()
    for _ in range(25):
        learned.note(opened=False)
    assert not learned.is_worth_a_call()
    learned.note(opened=True)
    assert all(learned.is_worth_a_call() for _ in range(30))
