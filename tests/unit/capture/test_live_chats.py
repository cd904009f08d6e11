"""The live chats that a process has in memory, without a worker."""

from __future__ import annotations

from typing import Any, cast

from chatlake.capture.agenda import Alone
from chatlake.capture.live_chats import LiveChats
from chatlake.capture.shard_table import Coverage


def test_a_chat_that_is_to_be_opened_waits_for_a_call() -> None:
    live = LiveChats(
        cast("Any", None),
        Alone(Coverage()),
        None,
        lambda _: None,
        shortest_ms=5_000,
        ends_at=None,
    )
    assert live.waiting() == 0
    live.to_open.extend(["a", "b"])
    assert live.waiting() == 2
