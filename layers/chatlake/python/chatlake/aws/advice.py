"""What to do about errors of AWS: one sentence each, without the text that AWS sent."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

from botocore import exceptions as aws

from chatlake.exceptions import AwsRefused

if TYPE_CHECKING:
    from collections.abc import Iterator

_SIGN_IN = "sign in again (aws sso login), or name another profile with --profile"
_NO_CREDENTIALS = (
    "there are no AWS credentials: sign in (aws sso login, aws configure), or name a profile with "
    "--profile"
)
_EXPIRED_TYPES = (
    aws.CredentialRetrievalError,
    aws.SSOError,
    aws.TokenRetrievalError,
)
_EXPIRED = {"ExpiredToken", "ExpiredTokenException", "RequestExpired"}
_UNKNOWN = {
    "AuthFailure", "IncompleteSignature", "InvalidAccessKeyId", "InvalidClientTokenId",
    "InvalidSignatureException", "MissingAuthenticationToken", "SignatureDoesNotMatch",
    "UnrecognizedClientException",
}  # fmt: skip
_DENIED = {
    "403", "AccessDenied", "AccessDeniedException", "AuthorizationError", "Forbidden",
    "KMS.AccessDeniedException", "UnauthorizedOperation",
}  # fmt: skip
_THROTTLED = {"Throttling", "ThrottlingException", "TooManyRequestsException", "SlowDown"}
# Ids of actions and resources; the sentences around them name who asked.
_ACTION = re.compile(r"perform: ([\w-]+:\w+)(?: on resource: (?:\")?(arn:[^\s\"]+))?")


# Where an action is not called as its operation is.
_ACTIONS = {
    "GetBucketEncryption": "s3:GetEncryptionConfiguration",
    "GetBucketNotificationConfiguration": "s3:GetBucketNotification",
    "HeadBucket": "s3:ListBucket",
    "PutBucketNotificationConfiguration": "s3:PutBucketNotification",
}


@contextmanager
def advised(region: str | None = None) -> Iterator[None]:
    """Raise `AwsRefused`, which says what to do, in the place of errors of AWS's client."""
    try:
        yield
    except (aws.BotoCoreError, aws.ClientError) as error:
        raise AwsRefused(advice(error, region)) from error


def advice(error: Exception, region: str | None = None) -> str:
    """Say what happened and what to do, in one sentence."""
    if isinstance(error, aws.ClientError):
        return _of_answer(error)
    if isinstance(error, _EXPIRED_TYPES) or "Login" in type(error).__name__:
        return f"the AWS credentials cannot be renewed: {_SIGN_IN}"
    match error:
        case aws.NoCredentialsError() | aws.PartialCredentialsError():
            what = _NO_CREDENTIALS
        case aws.ProfileNotFound():
            profile = error.kwargs["profile"]
            what = f"there is no profile {profile}: aws configure list-profiles names them"
        case aws.NoRegionError():
            what = "no Region is set: name the stack's with --region, or set AWS_REGION"
        case aws.InvalidRegionError():
            what = f"{region} is no Region of AWS: name the stack's with --region"
        case aws.EndpointConnectionError() | aws.ConnectTimeoutError() | aws.ProxyConnectionError():
            where = error.kwargs.get("endpoint_url", "AWS")
            what = f"{where} cannot be reached: check the Region (--region) and your network"
        case _:
            what = f"AWS could not be asked ({type(error).__name__}): try again"
    return what


def is_denied(error: aws.ClientError) -> bool:
    """Return whether a permission is missing."""
    return error.response["Error"]["Code"] in _DENIED


def refused_action(error: aws.ClientError) -> str:
    """Name the action that these credentials may not do, as a policy does, if that is known."""
    found = _ACTION.search(error.response["Error"].get("Message", ""))
    operation = error.operation_name
    return found[1] if found else _ACTIONS.get(operation, operation)


def _of_answer(error: aws.ClientError) -> str:
    code, said = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
    operation = error.operation_name
    if code in _EXPIRED:
        return f"the AWS credentials have expired: {_SIGN_IN}"
    if code in _UNKNOWN:
        return f"AWS does not know these credentials ({code}): {_SIGN_IN}"
    if is_denied(error):
        found = _ACTION.search(said)
        action = refused_action(error)
        where = f" on {found[2]}" if found and found[2] else ""
        return (
            f"these credentials may not {action}{where}: have it allowed, or name another profile "
            "with --profile"
        )
    if code in _THROTTLED:
        return f"AWS has too many requests just now ({operation}: {code}): try again in a minute"
    return f"AWS refused {operation} ({code}): check the stack, then try again"
