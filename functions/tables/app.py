"""Custom resources: make and evolve tables, views and named queries; protect those of DynamoDB."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.data_classes import (
    CloudFormationCustomResourceEvent,
    event_source,
)

from chatlake.analytics.athena_maintenance import keep_history
from chatlake.analytics.athena_named_queries import save_named_queries
from chatlake.analytics.athena_statements import Statements
from chatlake.analytics.athena_views import make_views
from chatlake.analytics.sql_files import load_named, load_views
from chatlake.aws.archive import DeployedArchive
from chatlake.aws.custom_resource import answer
from chatlake.aws.lake_formation import refusal, refused_by_it
from chatlake.aws.observability import describe, guarded, logger
from chatlake.aws.settings import Settings
from chatlake.aws.table_protection import is_protected, protect
from chatlake.aws.unused_lake import NewLake
from chatlake.aws.young_roles import patiently
from chatlake.aws_clients import clients
from chatlake.exceptions import ChatlakeError
from chatlake.tables.schema import TABLES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aws_lambda_powertools.utilities.typing import LambdaContext

PROTECTION = "Custom::Protection"
ANSWERS_BEFORE_S = 40
"""Seconds before the function is cut off: the answer itself may take thirty."""

settings = Settings.from_environment()
archive = DeployedArchive(settings)


def make(request: str, remaining_s: Callable[[], float]) -> dict[str, str]:
    """Make what is missing; return the database, which what follows waits for.

    Tables as version 0.1 made them give way. Where rows or values are missing then, every chat is
    published again.

    Raises
    ------
    ReserveTooLarge
        The parameters leave capture no calls: that is told here, because it fails the deployment.
    """
    settings.check_rates()
    has_older_tables = archive.lake.has_older_tables()
    if has_older_tables or archive.lake.lacks_rows():
        # First: whatever happens to this run, nothing is made that nobody will fill.
        archive.republication.begin()
        logger.info("every chat that was published before is published again, within hours")
    if has_older_tables:
        archive.lake.drop_older_tables()
    archive.lake.create_tables()
    athena = clients.athena()
    database, workgroup = settings.database, settings.workgroup
    statements = Statements(athena, database, workgroup, remaining_s)
    if settings.vacuum_days:
        keep_history((table.name for table in TABLES), settings.vacuum_days, statements)
    make_views(load_views(), statements)
    save_named_queries(
        load_named(), athena, database=database, workgroup=workgroup, request=request
    )
    return {"Database": settings.database}


def protect_tables() -> dict[str, str]:
    """Protect chat state and capture schedule, which nothing could bring back."""
    protect(clients.dynamodb(), (settings.chats_table, settings.schedule_table))
    return {}


def unmake(properties: Mapping[str, Any]) -> None:
    """Leave a bucket that can be deleted if the stack was never used; all else stays."""
    if properties.get("Adopted") != "no":
        return
    # The last thing of a deployment: from then on the stack was in use.
    if is_protected(clients.dynamodb(), settings.chats_table):
        return
    kept = NewLake(
        clients.s3(),
        clients.glue(),
        settings.lake_bucket,
        settings.database,
        [table.name for table in TABLES],
    ).remove_unused()
    logger.info("tables are left as they are" if kept else "empty tables were removed", why=kept)


def explain(error: Exception) -> str:
    """Say what went wrong, for the person who deploys; no data of chats is near here."""
    logger.error("the tables were not made, or not removed", extra=describe(error))
    # Athena says in a query's reason what Glue says in an error.
    if refused := refused_by_it(error) or refusal(str(error), "a statement of Athena"):
        return str(refused)
    said = str(error)
    return said if isinstance(error, ChatlakeError) else f"{type(error).__name__}: {said}"


def deny(error: BaseException) -> None:
    """Note that something was denied which is tried again."""
    logger.warning("denied, and tried again", extra=describe(error))


@logger.inject_lambda_context
@guarded
@event_source(data_class=CloudFormationCustomResourceEvent)
def handler(event: CloudFormationCustomResourceEvent, context: LambdaContext) -> dict[str, Any]:
    """Answer CloudFormation; invoked by hand, with ``{}``, only make what is missing."""

    def remaining_s() -> float:
        return context.get_remaining_time_in_millis() / 1000

    if "ResponseURL" not in event.raw_event:
        return make(context.aws_request_id, remaining_s)
    protects = event.raw_event.get("ResourceType") == PROTECTION
    act = protect_tables if protects else partial(make, event.request_id, remaining_s)
    # In a new stack the function's role is seconds old.
    response = answer(
        event.raw_event,
        lambda: patiently(act, told=deny),
        unmake=partial(unmake, event.raw_event.get("ResourceProperties", {})),
        explain=explain,
        within_s=remaining_s() - ANSWERS_BEFORE_S,
    )
    return {"Status": response["Status"]}
