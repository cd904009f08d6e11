"""Whether a bucket is there, of an account, and may be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client


def why_not_ours(s3: S3Client, bucket: str, *, account: str, region: str) -> str | None:
    """Say what is wrong with a bucket, and what to do; None if nothing is."""
    try:
        s3.head_bucket(Bucket=bucket, ExpectedBucketOwner=account)
    except ClientError as error:
        # There is no body that tells more.
        match error.response["ResponseMetadata"]["HTTPStatusCode"]:
            case 404:
                return "is gone: restore it, or deploy the stack anew"
            case 301 | 400:
                return f"is in another Region than {region}: deploy the stack where its bucket is"
            case 403:
                return (
                    f"may not be listed: either it belongs to another account than {account}, or "
                    "these credentials lack s3:ListBucket on it"
                )
            case status:
                return f"cannot be read (HTTP {status}): try again"
    return None
