"""HTTP API: starts chats for web pages, and takes tokens of chats that others started."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.event_handler import (
    APIGatewayHttpResolver,
    CORSConfig,
    Response,
    content_types,
)
from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from chatlake.aws.archive import DeployedArchive
from chatlake.aws.observability import count, describe, guarded, logger, metrics
from chatlake.aws.settings import Settings
from chatlake.aws_clients import clients
from chatlake.aws_clients.metric_names import Metric
from chatlake.capture.chat_resolver import ChatResolver
from chatlake.capture.start_chat import (
    StartChatServices,
    keep_token,
    register,
    start_chat,
    start_request,
)
from chatlake.exceptions import ChatErased, RejectedInput
from chatlake.json_codec import dumps, loads

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

settings = Settings.from_environment()
archive = DeployedArchive(settings, clients.PROMPT)
connect = clients.connect(clients.PROMPT)
services = StartChatServices(
    schedule=archive.schedule,
    chat_resolver=ChatResolver(archive.chats, connect, settings.instance_id),
    token_cipher=archive.token_cipher,
    connect=connect,
    instance_id=settings.instance_id,
    contact_flow_id=settings.contact_flow_id,
)
origins = settings.allowed_origins
app = APIGatewayHttpResolver(
    cors=CORSConfig(allow_origin=origins[0], extra_origins=list(origins[1:])) if origins else None
)


@app.post("/chats")
def start() -> Response[str]:
    """Start a chat, and keep its token for capture."""
    result, page = start_chat(start_request(_body(), services), services)
    try:
        keep_token(result["ContactId"], "participant", result["ParticipantToken"], services)
    except (ClientError, BotoCoreError) as error:
        # The customer's chat has begun, and must not suffer from this.
        count({Metric.TOKENS_LOST: 1})
        logger.error("a token was not kept", extra=describe(error))
    count({Metric.CHATS_STARTED: 1})
    return _answer(HTTPStatus.OK, page)


@app.post("/tokens")
def take_token() -> Response[str]:
    """Take a token of a chat that something else started."""
    chat = register(_body(), services)
    count({Metric.TOKENS_REGISTERED: 1})
    return _answer(HTTPStatus.OK, {"InitialContactId": chat})


@app.exception_handler(RejectedInput)  # type: ignore[untyped-decorator]
def reject(error: RejectedInput) -> Response[str]:
    """Say what is wrong with a request."""
    gone = isinstance(error, ChatErased)
    return _answer(HTTPStatus.GONE if gone else HTTPStatus.BAD_REQUEST, _failure(str(error)))


@app.exception_handler(ParamValidationError)  # type: ignore[untyped-decorator]
def reject_parameters(_: ParamValidationError) -> Response[str]:
    """Say that Connect would not take a request; its own words may quote the customer's."""
    message = "the request has a member that StartChatContact does not take"
    return _answer(HTTPStatus.BAD_REQUEST, _failure(message))


@app.exception_handler(ClientError)  # type: ignore[untyped-decorator]
def pass_on(error: ClientError) -> Response[str]:
    """Answer with the status and the word that Connect gave; other services are not the page's."""
    logger.warning("AWS refused", extra=describe(error))
    if error.operation_name != "StartChatContact":
        return _answer(HTTPStatus.SERVICE_UNAVAILABLE, _failure("ServiceUnavailable"))
    status = error.response["ResponseMetadata"]["HTTPStatusCode"]
    return _answer(status, _failure(error.response["Error"]["Code"]))


@app.exception_handler(BotoCoreError)  # type: ignore[untyped-decorator]
def unreachable(error: BotoCoreError) -> Response[str]:
    """Say that a service could not be reached."""
    logger.warning("AWS could not be reached", extra=describe(error))
    return _answer(HTTPStatus.SERVICE_UNAVAILABLE, _failure("ServiceUnavailable"))


def _body() -> dict[str, Any]:
    try:
        body = loads((app.current_event.decoded_body or "").encode())
    except ValueError:
        body = None
    if not isinstance(body, dict):
        message = "the body must be a JSON object"
        raise RejectedInput(message)
    return body


def _failure(reason: str) -> dict[str, Any]:
    return {"data": {"Error": reason}}


def _answer(status: int, body: dict[str, Any]) -> Response[str]:
    return Response(int(status), content_types.APPLICATION_JSON, dumps(body).decode())


@logger.inject_lambda_context
@metrics.log_metrics
@guarded
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer a request of the HTTP API."""
    return app.resolve(event, context)
