"""AWS for tests of the deployed modules: a moto server, and what is on it."""

from __future__ import annotations

import tempfile
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

from chatlake.tables.lake import s3_io
from local.cloud.lifeline import Spawner
from local.cloud.moto_server import MotoServer
from local.template_source import read_source

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

    def close(self) -> None:
        for client in self._clients.values():
            client.close()

    def table(self) -> str:
        """A table of chats as the template makes it."""
        return self._table("Chats")

    def schedule_table(self) -> str:
        """A table of the capture schedule as the template makes it."""
        return self._table("Schedule")

    def _table(self, resource: str) -> str:
        name = f"{resource.lower()}-{next(self._numbers)}"
        self.client("dynamodb").create_table(TableName=name, **table_of(resource))
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
def table_of(resource: str) -> dict[str, Any]:
    """Return what the template says of a table that DynamoDB wants to know."""
    properties = read_source(_TEMPLATE)["Resources"][resource]["Properties"]
    parts = ("BillingMode", "KeySchema", "AttributeDefinitions", "GlobalSecondaryIndexes")
    return {part: properties[part] for part in parts}


@contextmanager
def in_environment(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """AWS as functions find it: through the variables of their environment."""
    for name, value in {
        "AWS_ENDPOINT_URL": aws.endpoint_url,
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_DEFAULT_REGION": REGION,
    }.items():
        monkeypatch.setenv(name, value)
    # Made once for each environment, which here is new for every test.
    s3_io.shared_client.cache_clear()
    yield
    s3_io.shared_client.cache_clear()


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
            aws.close()
            server.close()
            spawner.close()
