"""README's third command turns EventBridge on, and leaves what others have put on the bucket."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import boto3
import jmespath  # type: ignore[import-untyped]
import pytest
from moto import mock_aws
from moto.s3.models import s3_backends

from tools.artifacts import ROOT

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

BUCKET = "my-connect-bucket"
ACCOUNT = "123456789012"  # moto's
QUEUE = "arn:aws:sqs:us-east-1:111122223333:others"
FUNCTION = "arn:aws:lambda:us-east-1:111122223333:function:others"
OTHERS: Any = {
    "QueueConfigurations": [
        {
            "Id": "recordings",
            "QueueArn": QUEUE,
            "Events": ["s3:ObjectCreated:*"],
            "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": "connect/"}]}},
        }
    ],
    "LambdaFunctionConfigurations": [
        {"Id": "removed", "LambdaFunctionArn": FUNCTION, "Events": ["s3:ObjectRemoved:Delete"]}
    ],
}


def command() -> tuple[list[str], list[str]]:
    """The words of the command, and of the one within it."""
    [text] = re.findall(
        r"^aws s3api put-bucket-notification-configuration .*?^```",
        (ROOT / "README.md").read_text(),
        re.DOTALL | re.MULTILINE,
    )
    text = text.removesuffix("```").replace("\\\n", " ")
    [inner] = re.findall(r'"\$\((.*)\)"\s*$', text, re.DOTALL)
    return shlex.split(text.replace(f"$({inner})", "").strip()), shlex.split(inner)


def option(words: list[str], name: str) -> str:
    return words[words.index(name) + 1]


def run(s3: S3Client) -> None:
    """Do what the AWS CLI does: the answer without its metadata, searched with JMESPath."""
    outer, inner = command()
    assert outer[:3] == ["aws", "s3api", "put-bucket-notification-configuration"]
    assert inner[:3] == ["aws", "s3api", "get-bucket-notification-configuration"]
    assert option(inner, "--output") == "json"
    assert option(outer, "--notification-configuration") == ""
    found: Any = s3.get_bucket_notification_configuration(Bucket=option(inner, "--bucket"))
    del found["ResponseMetadata"]
    merged = jmespath.search(option(inner, "--query"), found)
    s3.put_bucket_notification_configuration(
        Bucket=option(outer, "--bucket"), NotificationConfiguration=merged
    )


@pytest.fixture
def s3() -> Iterator[S3Client]:
    with mock_aws():
        session = boto3.Session("nobody", "nothing", region_name="us-east-1")
        client = session.client("s3")
        client.create_bucket(Bucket=BUCKET)
        session.client("sqs").create_queue(QueueName="others")
        yield client


def configured(s3: S3Client) -> Any:
    """What is on the bucket; moto keeps that EventBridge is told, and does not say so."""
    found: Any = s3.get_bucket_notification_configuration(Bucket=BUCKET)
    del found["ResponseMetadata"]
    kept = s3_backends[ACCOUNT]["aws"].buckets[BUCKET].notification_configuration
    is_told = kept is not None and kept.event_bridge is not None
    return {**found, **({"EventBridgeConfiguration": {}} if is_told else {})}


@pytest.mark.parametrize("others", [{}, OTHERS], ids=["none", "others"])
def test_the_third_command_adds_eventbridge_and_keeps_the_rest(s3: S3Client, others: Any) -> None:
    s3.put_bucket_notification_configuration(
        Bucket=BUCKET, NotificationConfiguration=others, SkipDestinationValidation=True
    )
    before = configured(s3)
    assert before.keys() == others.keys()
    for _ in range(2):
        run(s3)
        assert configured(s3) == {**before, "EventBridgeConfiguration": {}}
