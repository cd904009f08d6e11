"""What S3 answers to requests that meet an object in another state than they expect."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from botocore.exceptions import ClientError

_FORBIDDEN = 403
_NOT_FOUND = 404
_CONFLICT = 409
_PRECONDITION_FAILED = 412


def is_not_found(error: ClientError) -> bool:
    """Return whether there is no such object, or no such bucket (404)."""
    return _status(error) == _NOT_FOUND


def is_no_such_key(error: ClientError) -> bool:
    """Return whether the bucket is there, but no such object in it."""
    return error.response["Error"]["Code"] in {"NoSuchKey", "404"}


def is_forbidden(error: ClientError) -> bool:
    """Return whether the request was not allowed (403)."""
    return _status(error) == _FORBIDDEN


def is_precondition_failed(error: ClientError) -> bool:
    """Return whether the object is in another state than If-Match or If-None-Match names (412)."""
    return _status(error) == _PRECONDITION_FAILED


def is_contested(error: ClientError) -> bool:
    """Return whether a conditional request lost to another one.

    412 if a concurrent request was first, 409 if one is under way, 404 for If-Match on an object
    that was deleted meanwhile (S3, conditional writes).
    """
    return _status(error) in {_NOT_FOUND, _CONFLICT, _PRECONDITION_FAILED}


def _status(error: ClientError) -> int:
    return int(error.response["ResponseMetadata"]["HTTPStatusCode"])
