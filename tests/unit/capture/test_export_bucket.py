"""An export that is missing is told from one that may not be read."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.response import StreamingBody
from botocore.stub import Stubber

from chatlake.capture.export_bucket import ExportBucket

KEY = "connect/instance/ChatTranscripts/2026/11/27/contact_20261127T10:00_UTC.json"
WANTED = {"Bucket": "exports", "Key": KEY}
LISTED = {"Bucket": "exports", "Prefix": KEY, "MaxKeys": 1}


@pytest.fixture
def s3() -> Iterator[Stubber]:
    client = boto3.client(
        "s3", region_name="eu-west-1", aws_access_key_id="x", aws_secret_access_key="x"
    )
    with Stubber(client) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def bucket(s3: Stubber) -> ExportBucket:
    client: Any = s3.client
    return ExportBucket(client, "exports")


def refuse(
    s3: Stubber, operation: str, code: str, status: int, wanted: Mapping[str, object]
) -> None:
    s3.add_client_error(
        operation, service_error_code=code, http_status_code=status, expected_params=wanted
    )


def test_an_export_is_read(s3: Stubber) -> None:
    written = datetime(2026, 11, 27, 10, tzinfo=UTC)
    for _ in range(2):
        body = StreamingBody(io.BytesIO(b"{}"), 2)
        s3.add_response("get_object", {"Body": body, "LastModified": written}, WANTED)
    assert bucket(s3).read(KEY) == b"{}"
    assert bucket(s3).read_dated(KEY) == (b"{}", written.timestamp() * 1000)


def test_an_export_that_is_gone_is_none(s3: Stubber) -> None:
    refuse(s3, "get_object", "NoSuchKey", 404, WANTED)
    assert bucket(s3).read(KEY) is None


@pytest.mark.parametrize("others", [[], [{"Key": f"{KEY}.gz"}]])
def test_an_export_that_is_gone_is_none_where_s3_does_not_say_so(
    s3: Stubber, others: list[dict[str, str]]
) -> None:
    refuse(s3, "get_object", "AccessDenied", 403, WANTED)
    s3.add_response("list_objects_v2", {"Contents": others}, LISTED)
    assert bucket(s3).read(KEY) is None


def test_an_export_that_may_not_be_read_is_an_error(s3: Stubber) -> None:
    refuse(s3, "get_object", "AccessDenied", 403, WANTED)
    s3.add_response("list_objects_v2", {"Contents": [{"Key": KEY}]}, LISTED)
    with pytest.raises(ClientError, match="GetObject"):
        bucket(s3).read(KEY)


def test_a_bucket_that_may_not_be_listed_either_is_an_error_of_the_read(s3: Stubber) -> None:
    refuse(s3, "get_object", "AccessDenied", 403, WANTED)
    refuse(s3, "list_objects_v2", "AccessDenied", 403, LISTED)
    with pytest.raises(ClientError, match="GetObject"):
        bucket(s3).read(KEY)


def test_a_bucket_that_is_not_there_is_an_error(s3: Stubber) -> None:
    refuse(s3, "get_object", "NoSuchBucket", 404, WANTED)
    with pytest.raises(ClientError, match="NoSuchBucket"):
        bucket(s3).read(KEY)
