"""AWS for tests of the deployed modules: a moto server, what is on it, and a clock."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from samtranslator.yaml_helper import yaml_parse  # type: ignore[import-untyped, unused-ignore]

from local.clock import Clock
from local.cloud.lifeline import Spawner
from local.cloud.moto_server import MotoServer

ACCOUNT_ID = "111122223333"
REGION = "eu-central-1"
_TEMPLATE = Path(__file__).parents[1] / "template.yaml"
_CONNECTIONS = 32


@dataclass(frozen=True)
class Aws:
    """A running server, and things on it that no other test uses."""

    endpoint_url: str
    _numbers: Iterator[int] = field(default_factory=count)
    _clients: dict[str, Any] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = boto3.Session("local", "local", region_name=REGION).client(
                service,
                endpoint_url=self.endpoint_url,
                config=Config(max_pool_connections=_CONNECTIONS, retries={"total_max_attempts": 1}),
            )
        return self._clients[service]

    def table(self) -> str:
        """A table as the template makes it."""
        name = f"chats-{next(self._numbers)}"
        self.client("dynamodb").create_table(TableName=name, **_chats_table())
        return name

    def bucket(self) -> str:
        """A bucket that keeps versions, as that of documents does."""
        name = f"bucket-{next(self._numbers)}"
        s3 = self.client("s3")
        s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        return name

    def queue(self) -> str:
        name = f"queue-{next(self._numbers)}"
        url: str = self.client("sqs").create_queue(QueueName=name)["QueueUrl"]
        return url

    def key(self) -> str:
        arn: str = self.client("kms").create_key()["KeyMetadata"]["Arn"]
        return arn


@cache
def _chats_table() -> dict[str, Any]:
    properties = yaml_parse(_TEMPLATE.read_text())["Resources"]["Chats"]["Properties"]
    parts = ("BillingMode", "KeySchema", "AttributeDefinitions", "GlobalSecondaryIndexes")
    return {part: properties[part] for part in parts}


@contextmanager
def serving() -> Iterator[Aws]:
    """AWS in a process of its own for as long as the block lasts."""
    with tempfile.TemporaryDirectory() as folder:
        spawner = Spawner()
        server = MotoServer(spawner, Path(folder, "moto.log"), ACCOUNT_ID)
        aws = Aws(server.endpoint_url)
        try:
            yield aws
        finally:
            for client in aws._clients.values():
                client.close()
            server.close()
            spawner.close()


@dataclass(frozen=True)
class HandClock(Clock):
    """A clock that stands still until it is set, or until somebody sleeps."""

    start: float = 0.0
    shown_ms: list[float] = field(default_factory=lambda: [0.0])

    def set(self, time_ms: float) -> None:
        self.shown_ms[0] = time_ms

    def advance(self, seconds: float) -> None:
        self.shown_ms[0] += seconds * 1000

    def now_ms(self) -> int:
        return int(self.shown_ms[0])

    def time(self) -> float:
        return self.shown_ms[0] / 1000


def rule_time(clock: HandClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let everything in this process go by a clock; a sleep is over at once, and moves it."""
    monkeypatch.setattr(time, "time", clock.time)
    monkeypatch.setattr(time, "time_ns", lambda: clock.now_ms() * 1_000_000)
    monkeypatch.setattr(time, "sleep", clock.advance)
