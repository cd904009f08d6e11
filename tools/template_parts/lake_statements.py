"""What a role may do with documents, exports and tables."""

from __future__ import annotations

from chatlake.analytics.sql_files import load_views
from chatlake.tables.schema import TABLES
from tools.template_parts.statement import (
    DATABASE,
    DOCUMENTS,
    LAKE,
    WORKGROUP,
    Statement,
    arn,
    bucket,
    service,
    words,
)
from tools.template_parts.yaml_text import ref, sub

TABLE_NAMES = tuple(table.name for table in TABLES)
VIEW_NAMES = tuple(view.name for view in load_views())


# --- documents and exports ------------------------------------------------------------------------


def documents(name: str, actions: str) -> Statement:
    """Return what is done to documents."""
    return Statement(
        name,
        "`documents/*`",
        words("s3", actions),
        (bucket(DOCUMENTS, "/documents/*"),),
    )


def miss_documents() -> Statement:
    """Return what lets a role know that there is no document yet."""
    return Statement(
        "KnowWhichAreMissing",
        "the bucket of documents",
        ("s3:ListBucket",),
        (bucket(DOCUMENTS),),
        why="Without it S3 answers 403, not 404; and a prefix is no part of such a request.",
    )


def list_documents(action: str) -> Statement:
    """Return what lists documents, or their versions."""
    return Statement(
        "ListDocuments",
        "`documents/*`",
        (f"s3:{action}",),
        (bucket(DOCUMENTS),),
        {"StringLike": {"s3:prefix": "documents/*"}},
    )


def erasures() -> Statement:
    """Return what is done to records of erasures."""
    return Statement(
        "KeepErasures",
        "`erasures/*`",
        words("s3", "DeleteObject GetObject PutObject"),
        (bucket(DOCUMENTS, "/erasures/*"),),
    )


def read_exports() -> Statement:
    """Return what reads exported transcripts."""
    return Statement(
        "ReadExports",
        "exports below the prefix",
        ("s3:GetObject",),
        (sub("arn:${AWS::Partition}:s3:::${ExportBucketName}/${ExportPrefix}/*"),),
        when="HasExports",
    )


def list_exports() -> Statement:
    """Return what lists exported transcripts; recordings lie beside them."""
    return Statement(
        "ListExports",
        "exports below the prefix",
        ("s3:ListBucket",),
        (sub("arn:${AWS::Partition}:s3:::${ExportBucketName}"),),
        {"StringLike": {"s3:prefix": sub("${ExportPrefix}/*")}},
        when="HasExports",
    )


def export_key() -> Statement:
    """Return what decrypts exported transcripts."""
    through = service("s3")
    return Statement(
        "DecryptExports",
        "the key of exports, through s3",
        ("kms:Decrypt",),
        (ref("ExportKeyArn"),),
        {"StringEquals": {"kms:ViaService": through}},
        when="HasExportKey",
    )


# --- tables ---------------------------------------------------------------------------------------


def table_files() -> tuple[Statement, ...]:
    """Return what is done to files of the tables."""
    actions = ("s3:DeleteObject", "s3:GetObject", "s3:PutObject")
    return (
        Statement("KeepTableFiles", "`tables/*`", actions, (bucket(LAKE, "/tables/*"),)),
        Statement(
            "KnowWhichFilesAreMissing",
            "the bucket of tables",
            ("s3:ListBucket",),
            (bucket(LAKE),),
            why="Without it S3 answers 403, not 404, for a file that has expired.",
        ),
        Statement(
            "GetDataAccess",
            "everything, if Lake Formation governs the catalog",
            ("lakeformation:GetDataAccess",),
            ("*",),
            when="GrantsByLakeFormation",
            why="It is of no resource: grants decide.",
        ),
    )


def query_results() -> tuple[Statement, ...]:
    """Return what Athena does for whoever runs a query."""
    actions = ("s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject")
    objects = bucket(LAKE, "/query-results/*")
    where = ("s3:GetBucketLocation",)
    return (
        Statement("WriteResults", "`query-results/*`", actions, (objects,)),
        Statement("FindResults", "the bucket of tables", where, (bucket(LAKE),)),
    )


def forget_results() -> Statement:
    """Return what empties the bucket of a stack that could not be created."""
    objects = bucket(LAKE, "/query-results/*")
    return Statement("ForgetResults", "`query-results/*`", ("s3:DeleteObject",), (objects,))


def catalog(name: str, actions: str, on: str, *tables: str) -> Statement:
    """Return what is done to some tables and views of the database, each by its name."""
    named = (arn("glue", f"table/${{Name}}/{table}", Name=DATABASE) for table in tables)
    return Statement(
        name,
        on,
        words("glue", actions),
        (
            arn("glue", "catalog"),
            arn("glue", "database/${Name}", Name=DATABASE),
            *named,
        ),
    )


def databases(actions: str, *others: str) -> Statement:
    """Return what finds the database, and others by their names."""
    return Statement(
        "FindDatabase",
        " and ".join(["the database", *(f"`{other}`" for other in others)]),
        words("glue", actions),
        (
            arn("glue", "catalog"),
            arn("glue", "database/${Name}", Name=DATABASE),
            *(arn("glue", f"database/{other}") for other in others),
        ),
    )


def optimizer_logs() -> Statement:
    """Return what Glue needs to log the runs of optimizers."""
    actions = ("logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents")
    group = arn("logs", "log-group:/aws-glue/iceberg-*")
    return Statement("WriteLogs", "Glue's own log groups", actions, (group,))


def workgroup(actions: str) -> Statement:
    """Return what is done in the stack's workgroup."""
    return Statement(
        "MakeViewsAndQueries",
        "the workgroup",
        words("athena", actions),
        (arn("athena", "workgroup/${Name}", Name=WORKGROUP),),
    )


def maintain() -> Statement:
    """Return what begins the statements of Athena that keep the tables."""
    return Statement(
        "BeginMaintenance",
        "the workgroup of maintenance",
        ("athena:StartQueryExecution",),
        (arn("athena", "workgroup/${MaintenanceWorkgroup}"),),
    )
