"""What nobody sees called: what AWS does in a role's name, and what worlds meet by chance alone."""

from __future__ import annotations

from collections.abc import Iterator

from local.scripted.contact_center import REGION
from local.world import EXPORT_BUCKET, EXPORT_PREFIX
from tests.policies.actions import requests
from tests.policies.evaluator import Request
from tests.policies.granted import arn
from tools.template_parts.lake_statements import TABLE_NAMES
from tools.template_parts.roles import ROLES

type Reasons = list[tuple[Request, str]]

_POLLS = (
    "Lambda's poller of queues: docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html"
)
_OPTIMIZES = "docs.aws.amazon.com/glue/latest/dg/optimization-prerequisites.html"


def _logs() -> Reasons:
    group = arn("logs", "log-group:Logs:*")
    why = (
        "Lambda writes the log: docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs.html"
    )
    return [(Request(f"logs:{a}", group), why) for a in ("CreateLogStream", "PutLogEvents")]


def _network() -> Reasons:
    why = (
        "Lambda puts functions into subnets: "
        "docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html"
    )
    joins = (
        "AssignPrivateIpAddresses",
        "CreateNetworkInterface",
        "DeleteNetworkInterface",
        "UnassignPrivateIpAddresses",
    )
    parts = ("network-interface", "security-group", "subnet")
    return [
        *((Request(f"ec2:{a}", arn("ec2", f"{part}/0")), why) for a in joins for part in parts),
        *((Request(f"ec2:Describe{of}", "*"), why) for of in ("NetworkInterfaces", "Subnets")),
    ]


def _polled(queue: str) -> Reasons:
    actions = ("DeleteMessage", "GetQueueAttributes", "ReceiveMessage")
    return [(Request(f"sqs:{action}", arn("sqs", queue)), _POLLS) for action in actions]


def _optimized() -> Iterator[tuple[Request, str]]:
    bucket = "arn:aws:s3:::LakeBucket"
    for action in ("DeleteObject", "GetObject", "PutObject"):
        yield Request(f"s3:{action}", f"{bucket}/tables/messages/data/0.parquet"), _OPTIMIZES
    yield Request("s3:ListBucket", bucket), _OPTIMIZES
    for table in TABLE_NAMES:
        for operation in ("GetTable", "UpdateTable"):
            for request in requests("glue", operation, {"database": "Database", "table": table}):
                yield request, _OPTIMIZES
    through = {"kms:ViaService": (f"s3.{REGION}.amazonaws.com",)}
    for action in ("Decrypt", "GenerateDataKey"):
        yield Request(f"kms:{action}", arn("kms", "key/Key"), through), "the files are encrypted"
    for action in ("CreateLogGroup", "CreateLogStream", "PutLogEvents"):
        group = arn("logs", "log-group:/aws-glue/iceberg-compaction/logs:log-stream:0")
        yield Request(f"logs:{action}", group), _OPTIMIZES


def _rare(service: str, operation: str, why: str, **on: str) -> Reasons:
    return [(request, why) for request in requests(service, operation, on)]


def _items(operation: str, kinds: str, why: str) -> Reasons:
    return [
        reason
        for kind in kinds.split()
        for reason in _rare("dynamodb", operation, why, table="Chats", leading=f"{kind}#0")
    ]


_BY_AWS: dict[str, Reasons] = {
    "Track": [
        (
            Request("sqs:SendMessage", arn("sqs", "TrackDeadLetters")),
            "where Lambda sends events that failed: "
            "docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html",
        )
    ],
    "Publish": _polled("PublishQueue"),
    "Backfill": _polled("BackfillQueue"),
    "Optimizer": list(_optimized()),
}

_ERASED = "a leg turns out to be of a chat that was erased: `documents.upsert`, `ChatState.forget`"
_LEFT = "a publisher finds a chat erased whose rows it has just taken away: `tables.publish`"
_LOST = "files of a commit that lost against another are deleted: `tables.lake`"
_TOLD = "rows that an earlier version has made are due again: `tables.look_through`"
_WAITING = "a chat that nothing but the schedule knows yet: `functions/erase`"
_BROUGHT_TOGETHER = (
    "a leg that had a document of its own is merged into its chat's: `documents.upsert`"
)
_LATER = "a last read that had no turn or no time is left to Capture: `capture.last_read`"
_NO_TIME = "contacts that there was no time to ask Connect about: `functions/backfill`"
_RENEWED = "a ConnectionToken that was made for a last read is kept: `capture.last_read`"
_FORGET = (
    *_items("GetItem", "chat", _ERASED),
    *_items("UpdateItem", "tombstone", _ERASED),
    *_items("DeleteItem", "chat leg", _ERASED),
)

_MERGED = _rare("s3", "DeleteObject", _BROUGHT_TOGETHER, bucket="DocumentBucket", key="documents/0")
_GONE = _rare(
    "s3",
    "ListObjectsV2",
    "S3 answers 403 for an export that is gone: `capture.export_bucket`",
    bucket=EXPORT_BUCKET,
    prefix=f"{EXPORT_PREFIX}/0/0/0/0.json",
)

_DAILY = "once a day, when the bytes of an erasure are gone: `operations.erasure_records`"
_SETTLED = [
    *(
        reason
        for operation in ("DeleteObject", "GetObject", "PutObject")
        for reason in _rare("s3", operation, _DAILY, bucket="DocumentBucket", key="erasures/0")
    ),
    *(
        reason
        for table in TABLE_NAMES
        for reason in _rare(
            "glue",
            "GetTableOptimizer",
            "once a day: `operations.optimizer_runs`",
            database="Database",
            table=table,
        )
    ),
]

NOT_IN_THE_WORLDS: dict[str, Reasons] = {
    "LastRead": [
        *_FORGET,
        *_MERGED,
        *_rare("dynamodb", "GetItem", _LATER, table="Schedule", leading="0"),
        *_rare("dynamodb", "UpdateItem", _LATER, table="Schedule", leading="0"),
        *_rare("dynamodb", "PutItem", _RENEWED, table="Schedule", leading="0"),
        (
            Request(
                "kms:Encrypt",
                arn("kms", "key/Key"),
                {"kms:EncryptionContext:initial_contact_id": ("a chat",)},
            ),
            _RENEWED,
        ),
    ],
    "Backfill": [
        *_FORGET,
        *_MERGED,
        *_GONE,
        *_rare("sqs", "SendMessage", _NO_TIME, queue="BackfillQueue"),
    ],
    "Capture": [
        *_FORGET,
        *_GONE,
        *_rare(
            "events",
            "PutEvents",
            "MessageWaitingSeconds, which the worlds leave at 0: `capture.message_waiting`",
            **{"bus": "default", "source": "chatlake", "detail-type": "Message Waiting"},
        ),
        *_rare("connect", "DescribeContact", "ContentPolicy redacted: `sources.recordings`"),
    ],
    "Publish": [
        *_items("GetItem", "chat", _LEFT),
        *_items("UpdateItem", "tombstone", _LEFT),
        *_items("DeleteItem", "chat leg", _LEFT),
        *_rare("s3", "DeleteObject", _LOST, bucket="LakeBucket", key="tables/messages/0"),
        *_rare("sqs", "SendMessage", _TOLD, queue="PublishQueue"),
    ],
    "Reconcile": [
        *_rare(
            "s3",
            "GetObject",
            "a document whose chat has too long a name for a key: `S3Store.chats`",
            bucket="DocumentBucket",
            key="documents/0",
        ),
    ],
    "Erase": [
        *_SETTLED,
        *_items("BatchGetItem", "watch", _WAITING),
        *_rare("dynamodb", "BatchGetItem", _WAITING, table="Schedule", leading="0"),
        *_items("UpdateItem", "leg", _WAITING),
        *_rare("s3", "DeleteObject", _LOST, bucket="LakeBucket", key="tables/messages/0"),
        *_rare("sqs", "SendMessage", _TOLD, queue="PublishQueue"),
    ],
    "MakeTables": [
        *_rare(
            "s3",
            "DeleteObject",
            "a stack that could not be created leaves an empty bucket: `aws.unused_lake`",
            bucket="LakeBucket",
            key="query-results/0",
        ),
        *_rare(
            "athena",
            "UpdateNamedQuery",
            "a question that a new version asks otherwise: `analytics.athena_named_queries`",
        ),
    ],
}

IN_OUR_NAME: dict[str, Reasons] = {
    role.of: [
        *((*_logs(), *_network()) if role.service == "lambda" else ()),
        *_BY_AWS.get(role.of, ()),
        *NOT_IN_THE_WORLDS.get(role.of, ()),
    ]
    for role in ROLES
}
"""By the role, what is asked in its name, each with the reason."""
