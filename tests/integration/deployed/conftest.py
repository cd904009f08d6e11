"""One AWS for all tests of a process, and on it whatever each of them needs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from chatlake.capture.schedule import Agenda
from chatlake.chat_state.dynamodb import DynamoDBChats
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
def agenda(aws: Aws, table: str) -> Agenda:
    return Agenda(aws.client("dynamodb"), table)


@pytest.fixture
def chats(aws: Aws, table: str) -> DynamoDBChats:
    return DynamoDBChats(aws.client("dynamodb"), table)


@pytest.fixture
def load(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Load a function as it is when its environment is new."""
    return loader(aws, monkeypatch)
