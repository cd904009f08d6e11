"""Custom resource: makes and evolves the tables and views when the stack is deployed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chatlake import clients
from chatlake.custom_resource import answer
from chatlake.deployed import Deployed
from chatlake.exceptions import ChatlakeError
from chatlake.observability import describe, guarded, logger
from chatlake.queries import load_views
from chatlake.settings import Settings
from chatlake.views import make_views

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

settings = Settings.from_environment()
home = Deployed(settings)


def make() -> dict[str, str]:
    """Make what is missing; give the database, which what follows waits for."""
    home.lake.create_tables()
    make_views(
        load_views(),
        clients.athena(),
        database=settings.database,
        workgroup=settings.workgroup,
    )
    return {"Database": settings.database}


def explain(error: Exception) -> str:
    """Say what went wrong, for the person who deploys; no data of chats is near here."""
    logger.error("the tables were not made", extra=describe(error))
    said = str(error)
    return said if isinstance(error, ChatlakeError) else f"{type(error).__name__}: {said}"


@logger.inject_lambda_context
@guarded
def handler(event: dict[str, Any], _: LambdaContext) -> dict[str, Any]:
    """Answer CloudFormation."""
    response = answer(event, make, explain=explain)
    return {"Status": response["Status"]}
