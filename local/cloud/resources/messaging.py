"""Queues and topics."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from local.cloud.resources.resource_type import (
    TAGS,
    Existing,
    Made,
    Place,
    ResourceType,
    Wanted,
    words,
)

if TYPE_CHECKING:
    from local.cloud.template import Json

# --- SQS ------------------------------------------------------------------------------------------

_QUEUE_ATTRIBUTES = (
    "DelaySeconds", "KmsMasterKeyId", "MaximumMessageSize", "MessageRetentionPeriod",
    "ReceiveMessageWaitTimeSeconds", "RedriveAllowPolicy", "RedrivePolicy",
    "SqsManagedSseEnabled", "VisibilityTimeout",
)  # fmt: skip


def _queue_attributes(wanted: Wanted) -> dict[str, str]:
    found = {}
    for name in _QUEUE_ATTRIBUTES:
        if name in wanted.properties:
            value = wanted.properties[name]
            found[name] = json.dumps(value) if isinstance(value, dict | bool) else str(value)
    return found


def _create_queue(place: Place, wanted: Wanted) -> Made:
    name = wanted.properties.get("QueueName") or wanted.name()
    url = place.client("sqs").create_queue(QueueName=name, Attributes=_queue_attributes(wanted))
    arn = place.arn("sqs", name)
    return Made(url["QueueUrl"], {"Arn": arn, "QueueName": name, "QueueUrl": url["QueueUrl"]})


def _update_queue(place: Place, wanted: Wanted, existing: Existing) -> Made | None:
    if wanted.properties.get("QueueName") != existing.wanted.properties.get("QueueName"):
        return None
    place.client("sqs").set_queue_attributes(
        QueueUrl=existing.physical_id, Attributes=_queue_attributes(wanted)
    )
    return existing.made


def _delete_queue(place: Place, existing: Existing) -> None:
    place.client("sqs").delete_queue(QueueUrl=existing.physical_id)


def _put_queue_policy(place: Place, wanted: Wanted, existing: Existing | None = None) -> Made:
    policy = json.dumps(wanted.properties["PolicyDocument"])
    for url in wanted.properties["Queues"]:
        place.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    return existing.made if existing else Made(wanted.name())


def _delete_queue_policy(place: Place, existing: Existing) -> None:
    for url in existing.wanted.properties["Queues"]:
        place.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": ""})


# --- SNS ------------------------------------------------------------------------------------------


def _create_topic(place: Place, wanted: Wanted) -> Made:
    sns = place.client("sns")
    name = wanted.properties.get("TopicName") or wanted.name()
    attributes = {
        key: str(wanted.properties[key])
        for key in ("DisplayName", "KmsMasterKeyId")
        if key in wanted.properties
    }
    arn = sns.create_topic(Name=name, Attributes=attributes)["TopicArn"]
    for subscription in wanted.properties.get("Subscription", []):
        _subscribe(place, arn, subscription)
    return Made(arn, {"TopicArn": arn, "TopicName": name})


def _delete_topic(place: Place, existing: Existing) -> None:
    place.client("sns").delete_topic(TopicArn=existing.physical_id)


def _subscribe(place: Place, topic_arn: str, subscription: Json) -> str:
    answer = place.client("sns").subscribe(
        TopicArn=topic_arn,
        Protocol=subscription["Protocol"],
        Endpoint=subscription["Endpoint"],
        ReturnSubscriptionArn=True,
    )
    return str(answer["SubscriptionArn"])


def _create_subscription(place: Place, wanted: Wanted) -> Made:
    return Made(_subscribe(place, wanted.properties["TopicArn"], wanted.properties))


def _delete_subscription(place: Place, existing: Existing) -> None:
    place.client("sns").unsubscribe(SubscriptionArn=existing.physical_id)


def _put_topic_policy(place: Place, wanted: Wanted, existing: Existing | None = None) -> Made:
    policy = json.dumps(wanted.properties["PolicyDocument"])
    for arn in wanted.properties["Topics"]:
        place.client("sns").set_topic_attributes(
            TopicArn=arn, AttributeName="Policy", AttributeValue=policy
        )
    return existing.made if existing else Made(wanted.name())


def _delete_topic_policy(_place: Place, _existing: Existing) -> None:
    """A policy allows nothing here that would not be allowed without."""


TYPES = {
    "AWS::SQS::Queue": ResourceType(
        words(f"QueueName {' '.join(_QUEUE_ATTRIBUTES)}"),
        _create_queue,
        _delete_queue,
        _update_queue,
        TAGS | {"KmsDataKeyReusePeriodSeconds": "messages are not encrypted here"},
    ),
    "AWS::SQS::QueuePolicy": ResourceType(
        words("PolicyDocument Queues"), _put_queue_policy, _delete_queue_policy, _put_queue_policy
    ),
    "AWS::SNS::Topic": ResourceType(
        words("DisplayName KmsMasterKeyId Subscription TopicName"),
        _create_topic,
        _delete_topic,
        ignored=TAGS,
    ),
    "AWS::SNS::Subscription": ResourceType(
        words("Endpoint Protocol TopicArn"), _create_subscription, _delete_subscription
    ),
    "AWS::SNS::TopicPolicy": ResourceType(
        words("PolicyDocument Topics"), _put_topic_policy, _delete_topic_policy, _put_topic_policy
    ),
}
