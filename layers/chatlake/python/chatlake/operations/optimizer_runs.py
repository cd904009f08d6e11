"""Whether the last runs of Glue's optimizers went well: erasure depends on them.

Glue sends no event of a run (EventBridge's reference lists none), so somebody has to ask.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from botocore.exceptions import ClientError

from chatlake.aws_clients.clients import error_code
from chatlake.tables import schema

if TYPE_CHECKING:
    from types_boto3_glue import GlueClient

type Optimizer = Literal["compaction", "retention", "orphan_file_deletion"]

OPTIMIZERS: tuple[Optimizer, ...] = ("compaction", "retention", "orphan_file_deletion")


def failed_optimizers(glue: GlueClient, *, account: str, database: str) -> list[str]:
    """Return the table and kind of each optimizer whose last run has failed.

    An optimizer that is not there has not failed: not every Region has any.
    """
    return [
        f"{table.name} {kind}"
        for table in schema.TABLES
        for kind in OPTIMIZERS
        if _last_run(glue, account, database, table.name, kind) == "failed"
    ]


def _last_run(
    glue: GlueClient, account: str, database: str, table: str, kind: Optimizer
) -> str | None:
    try:
        found = glue.get_table_optimizer(
            CatalogId=account, DatabaseName=database, TableName=table, Type=kind
        )
    except ClientError as error:
        if error_code(error) == "EntityNotFoundException":
            return None
        raise
    return found["TableOptimizer"].get("lastRun", {}).get("eventType")
