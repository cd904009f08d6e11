"""A deployed stack as the command line finds it: by its name, through its outputs."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import chatlake
from chatlake.aws.settings import Settings
from chatlake.documents.content_policy import ContentPolicy
from chatlake.exceptions import FunctionFailed, PackagesMissing, StackUnusable
from chatlake.json_codec import loads

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from chatlake.aws.archive import DeployedArchive
    from chatlake.aws.stack_address import StackAddress

# A function may run for 15 minutes.
_LONGEST_RUN_S = 930
_NEEDED = ("boto3",)
_NOT_MADE = {
    "CREATE_FAILED", "DELETE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED",
}  # fmt: skip
_HALF_UPDATED = {
    "UPDATE_FAILED": "deploy it again, or roll it back: aws cloudformation rollback-stack",
    "UPDATE_ROLLBACK_FAILED": "finish its rollback: aws cloudformation continue-update-rollback",
}
_UNDER_WAY = {
    "CREATE_IN_PROGRESS", "DELETE_IN_PROGRESS", "REVIEW_IN_PROGRESS", "ROLLBACK_IN_PROGRESS",
}  # fmt: skip


@dataclass
class DeployedStack:
    """A stack that can be worked on: what CloudFormation says of it, and its archive.

    Attributes
    ----------
    address
        How the user named it.
    account, region
        Where it is.
    status
        CloudFormation's word for its state.
    outputs, parameters
        What the template tells, and what it was deployed with.
    """

    address: StackAddress
    account: str
    region: str
    status: str
    outputs: Mapping[str, str]
    parameters: Mapping[str, str]
    _clients: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The stack's name, which is that of its workgroup and of its metrics, too."""
        return self.address.name

    @property
    def version(self) -> str:
        """The version of chatlake that it runs."""
        return self.outputs.get("Version", "")

    def output(self, name: str) -> str:
        """Return an output.

        Raises
        ------
        StackUnusable
            The stack does not have it.
        """
        if value := self.outputs.get(name):
            return value
        raise StackUnusable(
            f"stack {self.name} has no output {name}: deploy chatlake {chatlake.__version__} to it"
        )

    def parameter(self, name: str, default: str) -> str:
        """Return what the stack was deployed with; a default if it has no such parameter."""
        return self.parameters.get(name, default)

    def client(self, service: str, **config: Any) -> Any:
        """Return a client in the stack's Region, with the user's credentials."""
        import boto3
        from botocore.config import Config

        from chatlake.aws_clients.clients import PATIENT

        if config:
            return boto3.client(service, config=PATIENT.merge(Config(**config)))
        if service not in self._clients:
            self._clients[service] = boto3.client(service, config=PATIENT)
        return self._clients[service]

    def resource(self, logical_id: str) -> str:
        """Return the physical id of a resource of the template.

        Raises
        ------
        StackUnusable
            The stack does not have it.
        """
        found = self.client("cloudformation").describe_stack_resources(
            StackName=self.name, LogicalResourceId=logical_id
        )["StackResources"]
        for resource in found:
            if resource["LogicalResourceId"] == logical_id:
                return str(resource["PhysicalResourceId"])
        raise StackUnusable(f"stack {self.name} has no resource {logical_id}: deploy it again")

    def invoke(self, function: str, payload: bytes) -> Any:
        """Invoke a function once, wait as long as it may run, and return its answer.

        Raises
        ------
        FunctionFailed
            It has failed; the reason is in words that are chatlake's own.
        """
        # An answer that is lost must not make it run twice.
        waiting = self.client(
            "lambda", read_timeout=_LONGEST_RUN_S, retries={"total_max_attempts": 1}
        )
        answer = waiting.invoke(FunctionName=function, Payload=payload)
        said: Any = loads(answer["Payload"].read() or b"null")
        if "FunctionError" in answer:
            raise FunctionFailed(function, said)
        return said

    def check_bucket(self, output: str) -> None:
        """Check that the bucket of an output is there, of this account, and may be read.

        Raises
        ------
        StackUnusable
            It is not.
        """
        from chatlake.aws.own_bucket import why_not_ours

        bucket, region = self.output(output), self.region
        if why := why_not_ours(self.client("s3"), bucket, account=self.account, region=region):
            raise StackUnusable(f"the bucket {bucket} of stack {self.name} {why}")

    @cached_property
    def archive(self) -> DeployedArchive:
        """Its archive: documents, state of chats, tables."""
        from chatlake.aws.archive import DeployedArchive

        return DeployedArchive(self.settings)

    @property
    def settings(self) -> Settings:
        """What its functions are told, as far as outputs and parameters say."""
        return Settings(
            instance_arn=self.parameter("ConnectInstanceArn", ""),
            chats_table=self.output("ChatsTable"),
            schedule_table=self.output("ScheduleTable"),
            document_bucket=self.output("Documents"),
            lake_bucket=self.output("Lake"),
            database=self.output("GlueDatabase"),
            key_arn=self.output("KeyArn"),
            export_bucket=self.parameter("ExportBucketName", ""),
            export_prefix=self.parameter("ExportPrefix", ""),
            publish_queue_url=self.output("PublishQueueUrl"),
            workgroup=self.output("AthenaWorkgroup"),
            contact_flow_id="",
            allowed_flows=(),
            allowed_attributes=(),
            allowed_origins=(),
            capture_rate=0,
            last_read_reserve=0,
            shortest_interval_ms=0,
            message_waiting_ms=0,
            live_source="websocket",
            connection_rate=0,
            capture_shards=int(self.parameter("CaptureShards", "1")),
            content_policy=ContentPolicy(self.parameter("ContentPolicy", "full")),
            document_retention_days=int(self.parameter("DocumentRetentionDays", "0")),
            row_retention_days=int(self.parameter("RowRetentionDays", "0")),
        )


@contextmanager
def with_packages(region: str | None) -> Iterator[None]:
    """Work with AWS, if what that needs is installed; what it refuses says what to do.

    Raises
    ------
    PackagesMissing
        What chatlake needs for AWS is not installed.
    AwsRefused
        AWS has refused a request, or could not be reached.
    """
    if missing := [name for name in _NEEDED if find_spec(name) is None]:
        raise PackagesMissing(missing)
    from chatlake.aws.advice import advised

    with advised(region):
        yield


@contextmanager
def open_stack(address: StackAddress, *, any_version: bool = False) -> Iterator[DeployedStack]:
    """Find a stack and work on it; whatever AWS refuses meanwhile is an error that says what to do.

    One process works with one Region and profile at a time.

    Parameters
    ----------
    any_version
        Also take a stack that runs another version of chatlake than this one.

    Raises
    ------
    PackagesMissing
        What chatlake needs for AWS is not installed.
    StackUnusable
        There is no such stack, or it cannot be worked on as it is.
    AwsRefused
        AWS has refused a request, or could not be reached.
    """
    with with_packages(address.region):
        from chatlake.aws_clients.clients import use_session

        region = use_session(address.region, address.profile)
        stack = _describe(address, region)
        _check(stack, any_version=any_version)
        yield stack


def _describe(address: StackAddress, region: str) -> DeployedStack:
    import boto3
    from botocore.exceptions import ClientError

    cloudformation: Any = boto3.client("cloudformation")  # type: ignore[call-overload, unused-ignore]
    try:
        [found] = cloudformation.describe_stacks(StackName=address.name)["Stacks"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "ValidationError":
            raise
        raise StackUnusable(
            f"there is no stack {address.name} in {region} of this account: check its name, name "
            "its Region with --region and its account with --profile, or deploy it: sam deploy "
            f"--stack-name {address.name} --region {region}"
        ) from error
    return DeployedStack(
        address=address,
        account=found["StackId"].split(":")[4],
        region=region,
        status=found["StackStatus"],
        outputs={one["OutputKey"]: one["OutputValue"] for one in found.get("Outputs", [])},
        parameters={
            one["ParameterKey"]: one["ParameterValue"] for one in found.get("Parameters", [])
        },
    )


def _check(stack: DeployedStack, *, any_version: bool) -> None:
    name, status = stack.name, stack.status
    if status in _NOT_MADE:
        why = f"stack {name} could not be made or deleted ({status}): delete it and deploy again"
    elif status in _HALF_UPDATED:
        why = f"the update of stack {name} has failed ({status}): {_HALF_UPDATED[status]}"
    elif status in _UNDER_WAY:
        why = f"stack {name} is being made or deleted ({status}): wait until that is done"
    elif not stack.version:
        why = f"stack {name} is none of chatlake's: it has no output Version; check its name"
    elif stack.version != chatlake.__version__ and not any_version:
        why = (
            f"stack {name} runs chatlake {stack.version}, and this is {chatlake.__version__}: "
            f"install chatlake {stack.version} here, or deploy {chatlake.__version__} to the stack"
        )
    else:
        return
    raise StackUnusable(why)
