"""What moto leaves out and the services promise: conditional writes hold under concurrency."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from botocore.exceptions import ClientError
from pyiceberg.catalog import load_catalog
from pyiceberg.exceptions import CommitFailedException

from local.cloud.moto_server import MotoOptions
from tests.integration.local.stack import a_cloud

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pyiceberg.catalog import Catalog

    from local.cloud import LocalCloud

WRITERS = 4


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    eager = MotoOptions("tests.integration.local.stack.eager_moto")
    with a_cloud(tmp_path_factory.mktemp("cloud"), moto=eager) as running:
        yield running


@pytest.fixture(scope="module")
def bucket(cloud: LocalCloud) -> str:
    cloud.client("s3").create_bucket(
        Bucket="rows", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    return "rows"


def at_once[T](work: Callable[[int], T]) -> list[T]:
    """Run in as many threads as there are writers, and begin when all are there."""
    start = threading.Barrier(WRITERS)

    def run(writer: int) -> T:
        start.wait()
        return work(writer)

    with ThreadPoolExecutor(WRITERS) as pool:
        return list(pool.map(run, range(WRITERS)))


def status(call: Callable[..., Any], **members: Any) -> int:
    """The status that a call is answered with."""
    try:
        answer = call(**members)
    except ClientError as error:
        answer = error.response
    return int(answer["ResponseMetadata"]["HTTPStatusCode"])


# --- Glue -----------------------------------------------------------------------------------------


def catalog_of(cloud: LocalCloud) -> Catalog:
    access = {"access-key-id": "local", "secret-access-key": "local", "region": cloud.region}
    return load_catalog(
        "glue",
        type="glue",
        **{"glue.endpoint": cloud.endpoint_url, "s3.endpoint": cloud.endpoint_url},
        **{
            f"{service}.{name}": value
            for service in ("glue", "s3")
            for name, value in access.items()
        },
    )


def test_every_append_that_was_acknowledged_is_in_the_table(cloud: LocalCloud, bucket: str) -> None:
    catalog = catalog_of(cloud)
    catalog.create_namespace("race")
    table = catalog.create_table(
        "race.rows",
        pa.schema([("writer", pa.int64()), ("number", pa.int64())]),
        location=f"s3://{bucket}/race",
        properties={"commit.retry.num-retries": "0"},
    )

    def append(writer: int) -> tuple[list[int], int]:
        own = catalog_of(cloud)
        done, conflicts = [], 0
        for number in range(10):
            rows = pa.table({"writer": [writer], "number": [number]})
            try:
                own.load_table("race.rows").append(rows)
            except CommitFailedException:
                conflicts += 1
            else:
                done.append(writer * 100 + number)
        return done, conflicts

    results = at_once(append)
    rows = table.refresh().scan().to_arrow().to_pylist()
    acknowledged = sorted(row for done, _ in results for row in done)
    assert sorted(row["writer"] * 100 + row["number"] for row in rows) == acknowledged
    # The race was one: else this would hold without any comparison.
    assert sum(conflicts for _, conflicts in results) > 0
    assert len(acknowledged) + sum(conflicts for _, conflicts in results) == WRITERS * 10


def test_a_stale_version_of_a_table_is_refused(cloud: LocalCloud) -> None:
    glue = cloud.client("glue")
    glue.create_database(DatabaseInput={"Name": "versions"})
    glue.create_table(DatabaseName="versions", TableInput={"Name": "t"})
    version = glue.get_table(DatabaseName="versions", Name="t")["Table"]["VersionId"]
    update = {"DatabaseName": "versions", "TableInput": {"Name": "t", "Description": "new"}}

    glue.update_table(**update, VersionId=version)  # type: ignore[arg-type]
    with pytest.raises(glue.exceptions.ConcurrentModificationException):
        glue.update_table(**update, VersionId=version)  # type: ignore[arg-type]
    glue.update_table(**update)  # type: ignore[arg-type]


# --- S3 -------------------------------------------------------------------------------------------


def test_an_object_is_replaced_only_as_it_was_read(cloud: LocalCloud, bucket: str) -> None:
    s3 = cloud.client("s3")
    tag = s3.put_object(Bucket=bucket, Key="document", Body=b"1")["ETag"]
    put = s3.put_object

    assert status(put, Bucket=bucket, Key="document", Body=b"2", IfMatch='"other"') == 412
    assert status(put, Bucket=bucket, Key="document", Body=b"2", IfNoneMatch="*") == 412
    assert status(put, Bucket=bucket, Key="missing", Body=b"2", IfMatch=tag) == 404
    assert status(put, Bucket=bucket, Key="document", Body=b"2", IfMatch=tag) == 200
    assert status(put, Bucket=bucket, Key="new", Body=b"2", IfNoneMatch="*") == 200


def test_one_of_many_creators_of_an_object_wins(cloud: LocalCloud, bucket: str) -> None:
    s3 = cloud.client("s3")
    for number in range(40):

        def create(writer: int, key: str = f"created/{number}") -> int:
            return status(
                s3.put_object, Bucket=bucket, Key=key, Body=bytes([writer]), IfNoneMatch="*"
            )

        assert sorted(at_once(create)) == [200, 412, 412, 412]


def test_read_change_write_with_tags_of_versions_loses_nothing(
    cloud: LocalCloud, bucket: str
) -> None:
    s3 = cloud.client("s3")
    s3.put_object(Bucket=bucket, Key="counter", Body=b"0")

    def count(_: int) -> None:
        done = 0
        while done < 10:
            answer = s3.get_object(Bucket=bucket, Key="counter")
            with answer["Body"] as body:
                value = int(body.read())
            more = str(value + 1).encode()
            tag = answer["ETag"]
            put = status(s3.put_object, Bucket=bucket, Key="counter", Body=more, IfMatch=tag)
            done += put == 200

    at_once(count)
    with s3.get_object(Bucket=bucket, Key="counter")["Body"] as body:
        assert body.read() == b"40"


def test_an_object_of_a_megabyte_comes_back_whole(cloud: LocalCloud, bucket: str) -> None:
    s3 = cloud.client("s3")
    content = bytes(range(256)) * 4096
    s3.put_object(Bucket=bucket, Key="large", Body=content)
    assert s3.head_object(Bucket=bucket, Key="large")["ContentLength"] == len(content)
    with s3.get_object(Bucket=bucket, Key="large")["Body"] as body:
        assert body.read() == content


# --- DynamoDB and SQS -----------------------------------------------------------------------------


def test_conditional_updates_of_an_item_lose_nothing(cloud: LocalCloud) -> None:
    dynamodb = cloud.client("dynamodb")
    dynamodb.create_table(
        TableName="counters",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "key", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "key", "AttributeType": "S"}],
    )
    item = {"TableName": "counters", "Key": {"key": {"S": "a"}}}
    dynamodb.put_item(TableName="counters", Item={"key": {"S": "a"}, "count": {"N": "0"}})

    def count(_: int) -> None:
        done = 0
        while done < 25:
            value = int(dynamodb.get_item(**item)["Item"]["count"]["N"])  # type: ignore[arg-type]
            done += (
                status(
                    dynamodb.update_item,
                    **item,
                    UpdateExpression="SET #count = :more",
                    ConditionExpression="#count = :seen",
                    ExpressionAttributeNames={"#count": "count"},
                    ExpressionAttributeValues={
                        ":more": {"N": str(value + 1)},
                        ":seen": {"N": str(value)},
                    },
                )
                == 200
            )

    at_once(count)
    assert dynamodb.get_item(**item)["Item"]["count"]["N"] == "100"  # type: ignore[arg-type]


def test_receivers_at_the_same_time_are_handed_different_messages(cloud: LocalCloud) -> None:
    sqs = cloud.client("sqs")
    url = sqs.create_queue(QueueName="shared")["QueueUrl"]
    for number in range(200):
        sqs.send_message(QueueUrl=url, MessageBody=str(number))

    def receive(_: int) -> list[str]:
        found: list[str] = []
        while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=3).get("Messages"):
            found += [message["Body"] for message in messages]
        return found

    received = [body for found in at_once(receive) for body in found]
    assert sorted(map(int, received)) == list(range(200))


def test_a_receiver_waits_for_a_message(cloud: LocalCloud) -> None:
    sqs = cloud.client("sqs")
    url = sqs.create_queue(QueueName="awaited")["QueueUrl"]
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(sqs.receive_message, QueueUrl=url, WaitTimeSeconds=20)
        sqs.send_message(QueueUrl=url, MessageBody="here")
        assert waiting.result(timeout=18)["Messages"][0]["Body"] == "here"


def test_a_key_is_deleted_by_its_arn(cloud: LocalCloud) -> None:
    kms = cloud.client("kms")
    arn = kms.create_key()["KeyMetadata"]["Arn"]
    kms.schedule_key_deletion(KeyId=arn, PendingWindowInDays=7)
    assert kms.describe_key(KeyId=arn)["KeyMetadata"]["KeyState"] == "PendingDeletion"
