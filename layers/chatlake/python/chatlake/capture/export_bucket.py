"""The bucket of exported transcripts, where the functions may see those alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from chatlake.aws_clients.s3_errors import is_forbidden, is_no_such_key

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client


class ExportBucket:
    """Reads exports."""

    def __init__(self, s3: S3Client, bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket

    def read(self, key: str) -> bytes | None:
        """Return the bytes of an export; None if it is not there.

        Raises
        ------
        botocore.exceptions.ClientError
            It is there and cannot be read, or nobody can tell.
        """
        found = self.read_dated(key)
        return None if found is None else found[0]

    def read_dated(self, key: str) -> tuple[bytes, int] | None:
        """Return the same, and when the export was written, in epoch milliseconds."""
        try:
            found = self._s3.get_object(Bucket=self._bucket, Key=key)
            return found["Body"].read(), round(found["LastModified"].timestamp() * 1000)
        except ClientError as error:
            if is_no_such_key(error):
                return None
            # Of what is missing S3 says so only to those who may list the whole bucket; a list
            # below the prefix tells it from what is not allowed (S3, GetObject, Permissions).
            if is_forbidden(error) and not self._is_listed(key, error):
                return None
            raise

    def _is_listed(self, key: str, refusal: ClientError) -> bool:
        try:
            found = self._s3.list_objects_v2(Bucket=self._bucket, Prefix=key, MaxKeys=1)
        except ClientError:
            raise refusal from None
        # The first of those that begin so is the shortest.
        return any(one["Key"] == key for one in found.get("Contents", ()))
