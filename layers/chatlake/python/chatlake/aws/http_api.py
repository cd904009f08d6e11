"""What the functions of the HTTP API share: their style of answers, and who may ask."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.event_handler import (
    APIGatewayHttpResolver,
    CORSConfig,
    Response,
    content_types,
)
from botocore.exceptions import BotoCoreError

from chatlake.aws.observability import describe, logger
from chatlake.exceptions import RejectedInput
from chatlake.json_codec import dumps, loads

if TYPE_CHECKING:
    from collections.abc import Sequence


def resolver(origins: Sequence[str]) -> APIGatewayHttpResolver:
    """Make what routes requests; pages of other origins than these may not read its answers."""
    app = APIGatewayHttpResolver(
        # POWERTOOLS_DEV would have requests logged, and traces of errors in answers.
        debug=False,
        cors=CORSConfig(allow_origin=origins[0], extra_origins=list(origins[1:]))
        if origins
        else None,
    )

    @app.exception_handler(BotoCoreError)  # type: ignore[untyped-decorator]
    def unreachable(error: BotoCoreError) -> Response[str]:
        """Say that a service could not be reached."""
        logger.warning("AWS could not be reached", extra=describe(error))
        return failure(HTTPStatus.SERVICE_UNAVAILABLE, "ServiceUnavailable")

    return app


def json_body(app: APIGatewayHttpResolver) -> dict[str, Any]:
    """Return the body of the request, whatever it says that its type is.

    Raises
    ------
    RejectedInput
        It is no JSON object.
    """
    try:
        body = loads((app.current_event.decoded_body or "").encode())
    except ValueError:
        body = None
    if not isinstance(body, dict):
        message = "the body must be a JSON object"
        raise RejectedInput(message)
    return body


def knows_customer(app: APIGatewayHttpResolver) -> bool:
    """Return whether an authorizer of the API has seen to who asks.

    One of JWTs has; one that is a function says so, with ``"customer": "known"`` in its context:
    it may as well look at nothing but the way by which a request came.
    """
    authorizer = app.current_event["requestContext"].get("authorizer") or {}
    said = authorizer.get("lambda") or {}
    return "jwt" in authorizer or said.get("customer") == "known"


def answer(status: int, body: dict[str, Any]) -> Response[str]:
    """Make an answer."""
    return Response(int(status), content_types.APPLICATION_JSON, dumps(body).decode())


def failure(status: int, reason: str) -> Response[str]:
    """Make an answer as Connect's own start-chat example does for what went wrong."""
    return answer(status, {"data": {"Error": reason}})
