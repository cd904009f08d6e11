"""Checks of the instance's exports: it writes them, their bucket tells of them, and we may read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from chatlake.aws.checks.finding import Finding, fails, fine, look
from chatlake.aws.own_bucket import why_not_ours
from chatlake.aws_clients.clients import error_code
from chatlake.identifiers import instance_id

if TYPE_CHECKING:
    from collections.abc import Iterator

    from types_boto3_s3 import S3Client

    from chatlake.aws.checks.finding import Place

_CONFIGURATIONS = ("TopicConfigurations", "QueueConfigurations", "LambdaFunctionConfigurations")
_EVENTBRIDGE = "EventBridgeConfiguration"
_DECRYPTING = {"kms:*", "kms:Decrypt", "*"}


def instance(place: Place) -> Iterator[Finding]:
    """The instance. It is there, and active."""
    name = instance_id(place.instance_arn)
    if not name:
        yield look("no instance was named", "name it with --instance ARN")
        return
    try:
        found = place.client("connect").describe_instance(InstanceId=name)["Instance"]
    except ClientError as error:
        if error_code(error) != "ResourceNotFoundException":
            raise
        yield fails(
            f"there is no instance {name} in {place.region} of this account",
            f"aws connect list-instances --region {place.region}",
        )
        return
    status = found.get("InstanceStatus")
    if status == "ACTIVE":
        yield fine(f"the instance {found.get('InstanceAlias', name)} is active")
    else:
        yield fails(f"the instance {name} is {status}", "wait, or make another one")


def exports(place: Place) -> Iterator[Finding]:
    """Exports of transcripts. The instance writes them where the stack reads them."""
    name = instance_id(place.instance_arn)
    if not name:
        return
    answer = place.client("connect").list_instance_storage_configs(
        InstanceId=name, ResourceType="CHAT_TRANSCRIPTS"
    )
    stores = [found["S3Config"] for found in answer["StorageConfigs"] if "S3Config" in found]
    if not stores:
        yield fails(
            "the instance exports no chat transcripts: chats without a token have no messages",
            f"aws connect associate-instance-storage-config --region {place.region} --instance-id "
            f"{name} --resource-type CHAT_TRANSCRIPTS --storage-config "
            "'StorageType=S3,S3Config={BucketName=BUCKET,BucketPrefix=connect/NAME/ChatTranscripts}'",
        )
        return
    store = stores[0]
    bucket, prefix = store["BucketName"], store["BucketPrefix"].strip("/")
    said = f"the instance exports chat transcripts to {bucket}/{prefix}"
    wanted = {"ExportBucketName": bucket, "ExportPrefix": prefix}
    read = {"ExportBucketName": place.export_bucket, "ExportPrefix": place.export_prefix}
    if place.stack is None:
        read = {key: value or wanted[key] for key, value in read.items()}
    if read != wanted:
        yield fails(
            f"{said}, and the stack reads {place.export_bucket or 'none'}/{place.export_prefix}",
            _deploy(place, **wanted),
        )
    else:
        yield fine(said)
    key = store.get("EncryptionConfig", {}).get("KeyId", "")
    if key and place.stack is not None and place.export_key != key:
        yield fails(
            f"exports are encrypted with {key}, which the stack does not know of",
            _deploy(place, ExportKeyArn=key),
        )


def bucket(place: Place) -> Iterator[Finding]:
    """The bucket of exports. It is here, and tells EventBridge of new objects."""
    if not place.export_bucket:
        if place.stack is not None:
            yield look(
                "the stack reads no exports: chats without a token have no messages",
                _deploy(place, ExportBucketName="BUCKET", ExportPrefix="PREFIX"),
            )
        return
    s3, name = place.client("s3"), place.export_bucket
    if why := why_not_ours(s3, name, account=place.account, region=place.region):
        what, _, mend = why.partition(": ")
        yield fails(f"the bucket of exports {name} {what}", mend or "name another bucket")
        return
    said = s3.get_bucket_notification_configuration(Bucket=name)
    others = sum(len(said.get(kind, [])) for kind in _CONFIGURATIONS)
    beside = f", beside {others} other notification{'' if others == 1 else 's'}" if others else ""
    if _EVENTBRIDGE in said:
        yield fine(f"the bucket {name} tells EventBridge of new objects{beside}")
    else:
        yield fails(
            f"the bucket {name} tells EventBridge nothing{beside}: only Reconcile finds exports, "
            "up to a day later",
            f"chatlake doctor {_again(place)} --merge-notifications",
        )


def key(place: Place) -> Iterator[Finding]:
    """The key of exports. Its policy lets IAM decide who decrypts."""
    if not place.export_bucket:
        return
    try:
        found = place.client("s3").get_bucket_encryption(Bucket=place.export_bucket)
    except ClientError as error:
        if error_code(error) != "ServerSideEncryptionConfigurationNotFoundError":
            raise
        return
    rules = found["ServerSideEncryptionConfiguration"]["Rules"]
    used = rules[0].get("ApplyServerSideEncryptionByDefault", {}).get("KMSMasterKeyID")
    used = place.export_key or used
    if not used:
        yield fine("exports are encrypted with S3's own key, or with none")
        return
    kms = place.client("kms")
    metadata = kms.describe_key(KeyId=used)["KeyMetadata"]
    if metadata.get("KeyManager") == "AWS":
        yield fine("exports are encrypted with the key that AWS manages for S3")
        return
    arn = metadata["Arn"]
    if not metadata.get("Enabled", True):
        yield fails(f"the key of exports {arn} is disabled", f"aws kms enable-key --key-id {arn}")
        return
    policy = json.loads(kms.get_key_policy(KeyId=used, PolicyName="default")["Policy"])
    if _leaves_it_to_iam(policy, place.account):
        yield fine(f"the policy of the key of exports {arn} leaves it to IAM who decrypts")
    else:
        yield fails(
            f"the policy of the key of exports {arn} does not leave it to IAM who decrypts",
            f"aws kms put-key-policy --key-id {arn} --policy-name default --policy "
            f"'{json.dumps(_with_iam(policy, place.account))}'",
        )
    if place.stack is not None and not place.export_key:
        yield fails(f"the stack does not know of it: {arn}", _deploy(place, ExportKeyArn=arn))


def _leaves_it_to_iam(policy: dict[str, Any], account: str) -> bool:
    return any(
        statement.get("Effect") == "Allow"
        and not statement.get("Condition")
        and account in _principals(statement)
        and _DECRYPTING & set(_listed(statement.get("Action")))
        for statement in _listed(policy.get("Statement"))
    )


def _principals(statement: dict[str, Any]) -> set[str]:
    """Name the accounts whose IAM a statement lets decide."""
    said = statement.get("Principal", {})
    named = _listed(said.get("AWS")) if isinstance(said, dict) else []
    return {arn.split(":")[4] if arn.endswith(":root") else arn for arn in named}


def _with_iam(policy: dict[str, Any], account: str) -> dict[str, Any]:
    allowed = {
        "Sid": "ChatlakeByIam",
        "Effect": "Allow",
        "Principal": {"AWS": account},
        "Action": ["kms:Decrypt", "kms:DescribeKey"],
        "Resource": "*",
    }
    return {**policy, "Statement": [*_listed(policy.get("Statement")), allowed]}


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def merge_notifications(s3: S3Client, name: str, account: str) -> int | None:
    """Let a bucket tell EventBridge of new objects, and keep the notifications that it has.

    Returns
    -------
    int | None
        How many others there are; None if it tells EventBridge already.
    """
    said: Any = s3.get_bucket_notification_configuration(Bucket=name, ExpectedBucketOwner=account)
    if _EVENTBRIDGE in said:
        return None
    kept = {kind: said[kind] for kind in _CONFIGURATIONS if kind in said}
    merged: Any = {**kept, _EVENTBRIDGE: {}}
    s3.put_bucket_notification_configuration(
        Bucket=name,
        ExpectedBucketOwner=account,
        # Where the others lead to is not ours to judge.
        SkipDestinationValidation=True,
        NotificationConfiguration=merged,
    )
    return sum(map(len, kept.values()))


def _again(place: Place) -> str:
    if place.stack is not None:
        return str(place.stack.address)
    profile = f" --profile {place.profile}" if place.profile else ""
    return f"--region {place.region}{profile} --export-bucket {place.export_bucket}"


def _deploy(place: Place, **parameters: str) -> str:
    name = place.stack.name if place.stack else "chatlake"
    said = " ".join(f"{key}={value}" for key, value in parameters.items())
    return f"sam deploy --stack-name {name} --parameter-overrides {said}"


CHECKS = (instance, exports, bucket, key)
