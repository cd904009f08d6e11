"""What checks look at: a stack, or an account and Region in which there is none yet."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from chatlake.aws.checks.finding import Place
from chatlake.aws.stack import with_packages

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chatlake.aws.stack import DeployedStack
    from chatlake.aws.stack_address import StackAddress


def of_stack(stack: DeployedStack) -> Place:
    """Return the place of a stack."""
    return Place(
        account=stack.account,
        region=stack.region,
        instance_arn=stack.parameter("ConnectInstanceArn", ""),
        export_bucket=stack.parameter("ExportBucketName", ""),
        export_prefix=stack.parameter("ExportPrefix", ""),
        export_key=stack.parameter("ExportKeyArn", ""),
        client=stack.client,
        stack=stack,
        profile=stack.address.profile or "",
    )


@contextmanager
def open_account(
    address: StackAddress, *, instance: str, export_bucket: str, export_prefix: str
) -> Iterator[Place]:
    """Look at an account and Region in which there is no stack yet.

    Raises
    ------
    AwsRefused
        AWS has refused to say whose credentials these are, or could not be reached.
    """
    with with_packages(address.region):
        import boto3

        from chatlake.aws_clients.clients import PATIENT, use_session

        region = use_session(address.region, address.profile)

        def client(service: str) -> Any:
            return boto3.client(service, config=PATIENT)  # type: ignore[call-overload, unused-ignore]

        yield Place(
            account=client("sts").get_caller_identity()["Account"],
            region=region,
            instance_arn=instance,
            export_bucket=export_bucket,
            export_prefix=export_prefix.strip("/"),
            export_key="",
            client=client,
            profile=address.profile or "",
        )
