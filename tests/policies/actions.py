"""Which permissions a call needs: operations of AWS, and the actions of IAM that they ask for.

The facts are those of the Service Authorization Reference,
https://docs.aws.amazon.com/service-authorization/latest/reference/list_SERVICE.html, with SERVICE
in amazondynamodb, awskeymanagementservice, amazons3, awsglue, amazonathena, amazonsqs,
amazoneventbridge, amazonconnect; what is not from there has its own address here. An operation that
is not here needs a line before a function may call it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from local.scripted.contact_center import INSTANCE_ARN, REGION
from local.world import EXPORT_BUCKET
from tests.policies.evaluator import Request
from tests.policies.granted import EXPORT_KEY, arn
from tools.template_parts.lake_statements import TABLE_NAMES, VIEW_NAMES

type On = Mapping[str, Any]

_KEY = arn("kms", "key/Key")
_VIA = "kms:ViaService"
# By Athena, which puts a view in the place of an older one.
_LOOKED_AT = "GetPartitions GetTable GetTables "
_MADE = "CreateTable DeleteTable UpdateTable"


def requests(service: str, operation: str, on: On) -> list[Request]:
    """Return what IAM is asked when an operation is called; all of it must be allowed.

    Raises
    ------
    KeyError
        Nobody has written down what that operation needs.
    """
    return list(_ASKED[service, operation](operation, on))


def _dynamodb(operation: str, on: On) -> Iterator[Request]:
    index = f"/index/{on['index']}" if "index" in on else ""
    resource = arn("dynamodb", f"table/{on['table']}{index}")
    leading = {"dynamodb:LeadingKeys": (on["leading"],)} if on.get("leading") else {}
    yield Request(f"dynamodb:{operation}", resource, leading)
    # The key of the table is decrypted in the name of whoever asks:
    # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.usagenotes.html
    yield _key("Decrypt", "dynamodb")


def _table_itself(operation: str, on: On) -> Iterator[Request]:
    yield Request(f"dynamodb:{operation}", arn("dynamodb", f"table/{on['table']}"))


def _key(operation: str, through: str, key: str = _KEY) -> Request:
    return Request(f"kms:{operation}", key, {_VIA: (f"{through}.{REGION}.amazonaws.com",)})


def _object(action: str, *of_key: str, misses: bool = False) -> Callable[[str, On], Any]:
    def asked(_: str, on: On) -> Iterator[Request]:
        bucket = f"arn:aws:s3:::{on['bucket']}"
        yield Request(f"s3:{action}", f"{bucket}/{on['key']}")
        is_export = on["bucket"] == EXPORT_BUCKET
        # https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html
        for operation in of_key:
            yield _key(operation, "s3", EXPORT_KEY if is_export else _KEY)
        # https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html, Permissions: without
        # it 403, not 404. Of exports, Capture asks by a list of its own.
        if misses and not is_export:
            yield Request("s3:ListBucket", bucket)

    return asked


def _list(action: str) -> Callable[[str, On], Any]:
    def asked(_: str, on: On) -> Iterator[Request]:
        prefix = {"s3:prefix": (on["prefix"],)} if "prefix" in on else {}
        yield Request(f"s3:{action}", f"arn:aws:s3:::{on['bucket']}", prefix)

    return asked


def _kms(operation: str, on: On) -> Iterator[Request]:
    context = {f"kms:EncryptionContext:{name}": ("a value",) for name in on["context"]}
    yield Request(f"kms:{operation}", arn("kms", f"key/{on['key']}"), context)


def _table(operation: str, on: On) -> Iterator[Request]:
    # A permission on a table is one on its database and the catalog, too:
    # https://docs.aws.amazon.com/glue/latest/dg/glue-specifying-resource-arns.html
    yield from _database(operation, on)
    resource = arn("glue", f"table/{on['database']}/{on['table']}")
    yield Request(f"glue:{operation}", resource)


def _database(operation: str, on: On) -> Iterator[Request]:
    yield Request(f"glue:{operation}", arn("glue", "catalog"))
    yield Request(f"glue:{operation}", arn("glue", f"database/{on['database']}"))


def _athena(operation: str, _: On) -> Iterator[Request]:
    # There is one workgroup; not every request names it.
    yield Request(f"athena:{operation}", arn("athena", "workgroup/Workgroup"))


def _query(operation: str, on: On) -> Iterator[Request]:
    """Yield what Athena asks in the name of whoever has a view made, beside what it is asked."""
    yield from _athena(operation, on)
    # https://docs.aws.amazon.com/athena/latest/ug/fine-grained-access-to-glue-resources.html
    for database in ("default", "Database"):
        for looked_for in ("GetDatabase", "GetDatabases"):
            yield from _database(looked_for, {"database": database})
    for name in (*TABLE_NAMES, *VIEW_NAMES):
        is_made = name in VIEW_NAMES
        for done in (_LOOKED_AT + _MADE if is_made else _LOOKED_AT).split():
            yield from _table(done, {"database": "Database", "table": name})
    # https://docs.aws.amazon.com/athena/latest/ug/s3-permissions.html
    bucket = "arn:aws:s3:::LakeBucket"
    for action in ("AbortMultipartUpload", "GetObject", "PutObject"):
        yield Request(f"s3:{action}", f"{bucket}/query-results/0.txt")
    for action in ("GetBucketLocation", "ListBucket"):
        yield Request(f"s3:{action}", bucket)
    for service in ("athena", "s3"):
        yield _key("Decrypt", service)
        yield _key("GenerateDataKey", service)


def _send(_: str, on: On) -> Iterator[Request]:
    yield Request("sqs:SendMessage", arn("sqs", on["queue"]))


def _put_events(_: str, on: On) -> Iterator[Request]:
    said = {f"events:{name}": (on[name],) for name in ("source", "detail-type")}
    yield Request("events:PutEvents", arn("events", f"event-bus/{on['bus']}"), said)


def _connect(part: str) -> Callable[[str, On], Any]:
    def asked(operation: str, _: On) -> Iterator[Request]:
        yield Request(f"connect:{operation}", f"{INSTANCE_ARN}{part}")
        if operation == "SearchContacts":
            # A dependent action of it.
            yield Request("connect:DescribeContact", f"{INSTANCE_ARN}/contact/0")

    return asked


def _nothing(_operation: str, _on: On) -> tuple[()]:
    # The token is the permission: https://docs.aws.amazon.com/connect-participant/latest/APIReference/
    return ()


_DYNAMODB = "BatchGetItem BatchWriteItem DeleteItem GetItem PutItem Query UpdateItem"
_GLUE = "CreateTable DeleteTable GetTable GetTableOptimizer UpdateTable"
_ATHENA = "BatchGetNamedQuery CreateNamedQuery GetQueryExecution ListNamedQueries UpdateNamedQuery"
_ASKED: dict[tuple[str, str], Callable[[str, On], Any]] = {
    **{("dynamodb", operation): _dynamodb for operation in _DYNAMODB.split()},
    # What is said of a table, not of what is in it.
    ("dynamodb", "DescribeTable"): _table_itself,
    ("dynamodb", "UpdateTable"): _table_itself,
    ("s3", "GetObject"): _object("GetObject", "Decrypt", misses=True),
    ("s3", "HeadObject"): _object("GetObject", "Decrypt", misses=True),
    ("s3", "PutObject"): _object("PutObject", "GenerateDataKey"),
    ("s3", "DeleteObject"): _object("DeleteObject"),
    ("s3", "DeleteObjectVersion"): _object("DeleteObjectVersion"),
    ("s3", "ListObjectsV2"): _list("ListBucket"),
    ("s3", "ListObjectVersions"): _list("ListBucketVersions"),
    ("kms", "Encrypt"): _kms,
    ("kms", "Decrypt"): _kms,
    **{("glue", operation): _table for operation in _GLUE.split()},
    ("glue", "GetDatabase"): _database,
    **{("athena", operation): _athena for operation in _ATHENA.split()},
    ("athena", "StartQueryExecution"): _query,
    ("sqs", "SendMessage"): _send,
    ("sqs", "SendMessageBatch"): _send,
    ("events", "PutEvents"): _put_events,
    ("connect", "DescribeContact"): _connect("/contact/0"),
    ("connect", "StartChatContact"): _connect("/contact-flow/0"),
    ("connect", "SearchContacts"): _connect(""),
    ("execute-api", "CreateParticipantConnection"): _nothing,
    ("execute-api", "GetTranscript"): _nothing,
}
