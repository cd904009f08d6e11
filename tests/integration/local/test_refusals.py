"""Credentials that the local cloud refuses, and what doctor asks that moto does not answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from local.cloud import LocalCloud
from local.cloud.refusals import EXPIRED, without
from tests.integration.local.stack import a_cloud, make_bucket

BUCKET = "told"
NOW = datetime(2026, 9, 1, tzinfo=UTC)
SUM = {
    "Namespace": "chatlake",
    "MetricName": "ChatsEnded",
    "StartTime": NOW - timedelta(hours=1),
    "EndTime": NOW,
    "Period": 60,
    "Statistics": ["Sum"],
}
# One of each protocol that there is.
CALLS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "s3:GetBucketNotification": (
        "s3",
        lambda s3: s3.get_bucket_notification_configuration(Bucket=BUCKET),
    ),
    "s3:ListBucket": ("s3", lambda s3: s3.list_objects_v2(Bucket=BUCKET)),
    "sqs:ListQueues": ("sqs", lambda sqs: sqs.list_queues()),
    "sts:GetCallerIdentity": ("sts", lambda sts: sts.get_caller_identity()),
    "cloudwatch:GetMetricStatistics": (
        "cloudwatch",
        lambda cloudwatch: cloudwatch.get_metric_statistics(**SUM),
    ),
    "cloudformation:DescribeStacks": (
        "cloudformation",
        lambda cloudformation: cloudformation.describe_stacks(),
    ),
    "events:DescribeRule": ("events", lambda events: events.describe_rule(Name="x")),
}


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    with a_cloud(tmp_path_factory.mktemp("cloud")) as running:
        make_bucket(running, BUCKET)
        yield running


def refused(cloud: LocalCloud, key_id: str, service: str, call: Callable[[Any], Any]) -> str:
    """The code that a call is refused with, and the message behind it; "" if it is not."""
    url = cloud.endpoints.get(f"AWS_ENDPOINT_URL_{service.upper()}", cloud.endpoint_url)
    session = boto3.Session(key_id, "secret", region_name=cloud.region)
    config = Config(retries={"total_max_attempts": 1})
    client = session.client(service, endpoint_url=url, config=config)
    try:
        call(client)
    except ClientError as error:
        return "{Code}: {Message}".format(**error.response["Error"])
    finally:
        client.close()
    return ""


@pytest.mark.parametrize("action", CALLS)
def test_credentials_are_refused_what_they_may_not(cloud: LocalCloud, action: str) -> None:
    service, call = CALLS[action]
    assert refused(cloud, EXPIRED, service, call).startswith("ExpiredToken")
    denied = refused(cloud, without(*action.split(":")), service, call)
    assert denied.startswith("AccessDenied")
    assert denied.endswith(f"is not authorized to perform: {action}")
    others = refused(cloud, without("kms", "Decrypt"), service, call)
    assert others == refused(cloud, "local", service, call)
    assert "AccessDenied" not in others


def test_an_answer_without_a_body_tells_nothing_but_its_status(cloud: LocalCloud) -> None:
    def head(s3: Any) -> None:
        s3.head_bucket(Bucket=BUCKET)

    assert refused(cloud, without("s3", "ListBucket"), "s3", head) == "403: Forbidden"
    assert refused(cloud, "local", "s3", head) == ""


def test_a_bucket_says_that_it_tells_eventbridge(cloud: LocalCloud) -> None:
    s3: Any = cloud.client("s3")
    url = cloud.client("sqs").create_queue(QueueName="others")["QueueUrl"]
    arn = f"arn:aws:sqs:{cloud.region}:{cloud.account_id}:{url.rpartition('/')[2]}"
    queue = {"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}
    every: list[dict[str, Any]] = [
        {"EventBridgeConfiguration": {}},
        {"EventBridgeConfiguration": {}, "QueueConfigurations": [queue]},
        {"QueueConfigurations": [queue]},
        {},
    ]
    for said in every:
        s3.put_bucket_notification_configuration(Bucket=BUCKET, NotificationConfiguration=said)
        told = s3.get_bucket_notification_configuration(Bucket=BUCKET)
        assert told.keys() - {"ResponseMetadata"} == said.keys()


def test_an_account_has_executions_and_the_default_quotas(cloud: LocalCloud) -> None:
    session = boto3.Session("local", "local", region_name=cloud.region)
    functions = session.client("lambda", endpoint_url=cloud.endpoints["AWS_ENDPOINT_URL_LAMBDA"])
    assert functions.get_account_settings()["AccountLimit"]["ConcurrentExecutions"] == 1000
    quotas = session.client("service-quotas", endpoint_url=cloud.endpoint_url)
    assert quotas.list_service_quotas(ServiceCode="connect")["Quotas"] == []
