"""The functions as Lambda has them: loaded with the variables that the template gives them."""

from __future__ import annotations

import importlib.util
import io
import logging
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from chatlake.aws_clients import clients
from chatlake.tables.lake import s3_io
from tests.aws import ACCOUNT_ID, REGION, Aws

ROOT = Path(__file__).parents[1]
# That of the events in events/.
INSTANCE = "aaaaaaaa-0000-4000-8000-000000000001"
STACK = "stack"


@dataclass
class Context:
    function_name: str = "function"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = f"arn:aws:lambda:{REGION}:{ACCOUNT_ID}:function:function"
    aws_request_id: str = "request-1"
    remaining_ms: int = 900_000

    def get_remaining_time_in_millis(self) -> int:
        return self.remaining_ms


class _StandardOutput(io.TextIOBase):
    """Standard output as it is now: the one of an earlier test is closed."""

    def write(self, text: str) -> int:
        return sys.stdout.write(text)

    def flush(self) -> None:
        sys.stdout.flush()


type Load = Callable[..., ModuleType]


def be_patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no function give up on a stand-in that is slow because this machine is busy."""
    for hasty, patient in (("HASTY", "PATIENT"), ("_HASTY_PARTICIPANT", "_PARTICIPANT")):
        monkeypatch.setattr(clients, hasty, getattr(clients, patient))


def loader(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Return what loads a function as it is when its environment is new."""
    lake = aws.bucket()
    for name, value in {
        "AWS_ENDPOINT_URL": aws.endpoint_url,
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_DEFAULT_REGION": REGION,
        "POWERTOOLS_METRICS_NAMESPACE": "chatlake",
        "POWERTOOLS_SERVICE_NAME": STACK,
        "CONNECT_INSTANCE_ARN": f"arn:aws:connect:{REGION}:{ACCOUNT_ID}:instance/{INSTANCE}",
        "CHATS_TABLE": aws.table(),
        "SCHEDULE_TABLE": aws.schedule_table(),
        "DOCUMENT_BUCKET": aws.bucket(),
        "LAKE_BUCKET": lake,
        "DATABASE": lake.replace("-", "_"),
        "KEY_ARN": aws.key(),
        "EXPORT_BUCKET": aws.bucket(),
        "EXPORT_PREFIX": "connect/ChatTranscripts",
        "PUBLISH_QUEUE_URL": aws.queue(),
        "WORKGROUP": "primary",
        "CONTACT_FLOW_ID": "flow",
        "CAPTURE_RATE": "4",
        "LAST_READ_RESERVE": "1",
        "SHORTEST_INTERVAL_S": "5",
        "LIVE_SOURCE": "websocket",
        "CONNECTION_RATE": "3",
        "CAPTURE_SHARDS": "1",
    }.items():
        monkeypatch.setenv(name, value)
    from chatlake.aws.observability import logger

    for handler in logger.handlers:
        if isinstance(handler, logging.StreamHandler):
            handler.setStream(_StandardOutput())
    aws.client("glue").create_database(DatabaseInput={"Name": lake.replace("-", "_")})

    def load(name: str, **environment: str) -> ModuleType:
        for variable, value in environment.items():
            monkeypatch.setenv(variable, value)
        return load_function(name)

    return load


def load_function(name: str) -> ModuleType:
    """Load a function with the variables that are set, as a new environment does."""
    # Made once for each environment.
    s3_io.shared_client.cache_clear()
    path = ROOT / "functions" / name / "app.py"
    spec = importlib.util.spec_from_file_location(f"function_{name}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def call(function: ModuleType, event: dict[str, Any], *, left_ms: int = 900_000) -> Any:
    return function.handler(event, Context(remaining_ms=left_ms))
