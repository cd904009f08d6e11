"""A stack as the command line finds it: what its outputs name, on moto, and its functions here."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import boto3
import pytest

import chatlake
from chatlake.aws.archive import DeployedArchive
from chatlake.aws.settings import Settings
from chatlake.documents.upsert import upsert
from chatlake.embedded.import_files import to_document
from chatlake.tables.lake import s3_io
from tests.aws import Aws
from tests.functions import Load, call
from tests.lake_folder import dumped
from tests.loopback import Handler, served

if TYPE_CHECKING:
    from tests.oracle import Object

HISTORY_DAYS = 7


@dataclass
class SmallStack:
    """A stack without functions, but for those that were loaded."""

    name: str
    settings: Settings
    archive: DeployedArchive
    outputs: dict[str, str]
    functions: dict[str, ModuleType]

    def take(self, *values: Object) -> list[str]:
        """Store the documents of some values, and publish them; return the chats."""
        documents = [to_document(json.loads(dumped(value))) for value in values]
        result = upsert(documents, store=self.archive.store, chats=self.archive.chats)
        self.archive.publish(result.to_publish)
        return list(result.to_publish)


@contextmanager
def small_stack(
    aws: Aws, load: Load, monkeypatch: pytest.MonkeyPatch, **outputs: str
) -> Iterator[SmallStack]:
    """Make a stack; the environment leads to it, as `load` leaves it, and to its functions."""
    settings = Settings.from_environment()
    name = settings.lake_bucket.replace("bucket", "small")
    dead = {f"{kind}DeadLettersUrl": aws.queue() for kind in ("Publish", "Track", "Backfill")}
    _redrive(aws, settings.publish_queue_url, dead["PublishDeadLettersUrl"])
    backfill_queue = aws.queue()
    archive = DeployedArchive(settings)
    archive.lake.create_tables()
    told = {
        "Version": chatlake.__version__,
        "ChatsTable": settings.chats_table,
        "ScheduleTable": settings.schedule_table,
        "Documents": settings.document_bucket,
        "Lake": settings.lake_bucket,
        "GlueDatabase": settings.database,
        "KeyArn": settings.key_arn,
        "AthenaWorkgroup": settings.workgroup,
        "PublishQueueUrl": settings.publish_queue_url,
        "BackfillQueueUrl": backfill_queue,
        "EraseFunction": "erase",
        **dead,
        **outputs,
    }
    parameters = {
        "ConnectInstanceArn": settings.instance_arn,
        "ExportBucketName": settings.export_bucket,
        "ExportPrefix": settings.export_prefix,
    }
    describe(aws, name, {key: value for key, value in told.items() if value}, **parameters)
    with _lambda({"Track": "track", "EraseFunction": "erase"}, load) as (url, functions):
        monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", url)
        monkeypatch.setenv("CHATLAKE_STACK", name)
        monkeypatch.delenv("CHATLAKE_LAKE", raising=False)
        yield SmallStack(name, settings, archive, told, functions)
    aws.client("cloudformation").delete_stack(StackName=name)
    forget_session()


def forget_session() -> None:
    """Let the next command find its own session."""
    boto3.DEFAULT_SESSION = None
    s3_io.shared_client.cache_clear()


def describe(aws: Aws, name: str, outputs: dict[str, str], **parameters: str) -> None:
    """Make a stack of CloudFormation that has these outputs, and nothing behind it but a topic."""
    template = {
        "Parameters": {
            "HistoryDays": {"Type": "Number", "Default": HISTORY_DAYS},
            **{key: {"Type": "String", "Default": value} for key, value in parameters.items()},
        },
        # The name of the function that events are sent to again.
        "Resources": {"Track": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "track"}}},
        "Outputs": {key: {"Value": value} for key, value in outputs.items()},
    }
    aws.client("cloudformation").create_stack(StackName=name, TemplateBody=json.dumps(template))


def _redrive(aws: Aws, queue: str, dead: str) -> None:
    sqs = aws.client("sqs")
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]
    policy = {"deadLetterTargetArn": arn["QueueArn"], "maxReceiveCount": "5"}
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"RedrivePolicy": json.dumps(policy)})


@contextmanager
def _lambda(names: dict[str, str], load: Load) -> Iterator[tuple[str, dict[str, ModuleType]]]:
    """Lambda's Invoke, of functions that are loaded when they are first invoked."""
    loaded: dict[str, ModuleType] = {}

    class Functions(Handler):
        def take(self) -> None:
            named = unquote(urlsplit(self.path).path).split("/")[-2]
            function = named.rpartition("/")[2]
            event: Any = json.loads(self.body())
            if function not in loaded:
                loaded[function] = load(function)
            failed = {}
            try:
                answer = call(loaded[function], event)
            except Exception as error:  # noqa: BLE001 - as Lambda tells of it
                failed = {"X-Amz-Function-Error": "Unhandled"}
                answer = {"errorType": type(error).__name__, "errorMessage": str(error)}
            self.answer(json.dumps(answer).encode(), headers=failed)

    with served(Functions) as url:
        yield url, loaded
