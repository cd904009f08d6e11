"""How many invocations of a function run at once in the local cloud."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from local.cloud.environment import Configuration
from local.cloud.functions import Function


@pytest.mark.parametrize(
    ("timeout_s", "reserved", "at_once"),
    [
        (300, None, 4),
        # Five shards of Capture, each with three that follow chats and one that asks.
        (900, None, 20),
        (900, 7, 7),
        (300, 1, 1),
        (300, 0, 0),
    ],
)
def test_what_runs_long_waits_for_others_and_not_for_the_processor(
    timeout_s: int, reserved: int | None, at_once: int
) -> None:
    configuration = Configuration(
        name="function",
        arn="arn",
        handler="app.handler",
        code=Path(),
        layers=(),
        variables={},
        memory_mb=512,
        timeout_s=timeout_s,
        reserved_concurrency=reserved,
        version="1",
    )
    nobody: Any = cast("Any", None)
    assert Function(configuration, nobody, nobody, nobody).concurrency == at_once
