"""Files of the tables on S3, by boto3: pyiceberg's own ways need s3fs or Arrow's S3, both large."""

from __future__ import annotations

import io
from functools import cache
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError
from pyiceberg.io import FileIO, InputFile, InputStream, OutputFile, OutputStream

from chatlake.aws_clients import clients
from chatlake.aws_clients.s3_errors import is_not_found, is_precondition_failed

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType
    from typing import Any

    from types_boto3_s3 import S3Client


# Every loaded table makes a FileIO, and a client takes a while to make.
shared_client = cache(clients.s3)


class S3FileIO(FileIO):
    """Reads and writes whole objects: table files are at most some tens of megabytes."""

    def __init__(self, properties: Mapping[str, str] = {}) -> None:
        super().__init__(dict(properties))
        self._s3 = shared_client()

    def new_input(self, location: str) -> S3Object:
        """Return a file to read."""
        return S3Object(self._s3, location)

    def new_output(self, location: str) -> S3Object:
        """Return a file to write."""
        return S3Object(self._s3, location)

    def delete(self, location: str | InputFile | OutputFile) -> None:
        """Delete a file; one that is not there is no error."""
        path = location if isinstance(location, str) else location.location
        bucket, key = _address(path)
        self._s3.delete_object(Bucket=bucket, Key=key)


class S3Object(InputFile, OutputFile):
    """A file on S3."""

    def __init__(self, s3: S3Client, location: str) -> None:
        super().__init__(location)
        self._s3 = s3
        self._bucket, self._key = _address(location)

    def __len__(self) -> int:
        """Return the size in bytes."""
        return self._s3.head_object(Bucket=self._bucket, Key=self._key)["ContentLength"]

    def exists(self) -> bool:
        """Return whether the file is there."""
        try:
            self._s3.head_object(Bucket=self._bucket, Key=self._key)
        except ClientError as error:
            if is_not_found(error):
                return False
            raise
        return True

    def open(self, seekable: bool = True) -> InputStream:  # noqa: ARG002
        """Read the whole file.

        Raises
        ------
        FileNotFoundError
            It is not there.
        """
        try:
            body = self._s3.get_object(Bucket=self._bucket, Key=self._key)["Body"].read()
        except ClientError as error:
            if is_not_found(error):
                raise FileNotFoundError(self.location) from error
            raise
        return io.BytesIO(body)

    def create(self, overwrite: bool = False) -> OutputStream:
        """Write the file; it is there once the stream is closed, whole.

        Closing raises FileExistsError if it is there already and is not to be overwritten.
        """
        return _Upload(self._s3, self._bucket, self._key, overwrite=overwrite)

    def to_input_file(self) -> S3Object:
        """Return the file to read."""
        return self


class _Upload(io.BytesIO):
    """Bytes that become an object when the stream is closed without an error."""

    def __init__(self, s3: S3Client, bucket: str, key: str, *, overwrite: bool) -> None:
        super().__init__()
        self._s3 = s3
        self._object: dict[str, Any] = {"Bucket": bucket, "Key": key}
        if not overwrite:
            self._object["IfNoneMatch"] = "*"

    def close(self) -> None:
        if not self.closed:
            body = self.getvalue()
            super().close()
            try:
                self._s3.put_object(**self._object, Body=body)
            except ClientError as error:
                if not is_precondition_failed(error):
                    raise
                # It may be ours: written, the answer lost, and sent again by the client.
                if self._stored() != body:
                    raise FileExistsError(self._object["Key"]) from error

    def _stored(self) -> bytes:
        bucket, key = self._object["Bucket"], self._object["Key"]
        return self._s3.get_object(Bucket=bucket, Key=key)["Body"].read()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self.close()
        else:
            super().close()


def _address(location: str) -> tuple[str, str]:
    # Not a URL: a question mark or hash belongs to the key.
    bucket, _, key = location.partition("://")[2].partition("/")
    return bucket, key
