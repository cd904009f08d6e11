"""One AWS for all tests of a process, and on it whatever each of them needs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from chatlake.capture.schedule import CaptureSchedule
from chatlake.chat_state.dynamodb import DynamoDBChatState
from tests.aws import Aws, serving
from tests.integration.deployed.functions import Load, loader


@pytest.fixture(scope="session")
def aws() -> Iterator[Aws]:
    with serving() as running:
        yield running


@pytest.fixture
def table(aws: Aws) -> str:
    return aws.table()


@pytest.fixture
def schedule(aws: Aws, table: str) -> CaptureSchedule:
    return CaptureSchedule(aws.client("dynamodb"), table)


@pytest.fixture
def chats(aws: Aws, table: str) -> DynamoDBChatState:
    return DynamoDBChatState(aws.client("dynamodb"), table)


@pytest.fixture
def load(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Load a function as it is when its environment is new."""
    return loader(aws, monkeypatch)
