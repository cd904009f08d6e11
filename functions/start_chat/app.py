"""HTTP API: starts chats for web pages, and takes tokens of chats that others started."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from chatlake.aws.archive import DeployedArchive
from chatlake.aws.http_api import answer, failure, json_body, resolver
from chatlake.aws.observability import count, describe, guarded, logger, metrics
from chatlake.aws.settings import Settings
from chatlake.aws_clients import clients
from chatlake.aws_clients.metric_names import Metric
from chatlake.capture.chat_resolver import ChatResolver
from chatlake.capture.start_chat import (
    StartChatServices,
    keep_token,
    register,
    rejected_member,
    start_chat,
    start_request,
)
from chatlake.exceptions import ChatErased, RejectedInput

if TYPE_CHECKING:
    from aws_lambda_powertools.event_handler import Response
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
app = resolver(settings.allowed_origins)


@app.post("/chats")
def start() -> Response[str]:
    """Start a chat, and keep its token for capture."""
    result, page = start_chat(start_request(json_body(app), services), services)
    try:
        keep_token(result["ContactId"], "participant", result["ParticipantToken"], services)
    except (ClientError, BotoCoreError) as error:
        # The customer's chat has begun, and must not suffer from this.
        count({Metric.TOKENS_LOST: 1})
        logger.error("a token was not kept", extra=describe(error))
    count({Metric.CHATS_STARTED: 1})
    return answer(HTTPStatus.OK, page)


@app.post("/tokens")
def take_token() -> Response[str]:
    """Take a token of a chat that something else started."""
    chat = register(json_body(app), services)
    count({Metric.TOKENS_REGISTERED: 1})
    return answer(HTTPStatus.OK, {"InitialContactId": chat})


@app.exception_handler(RejectedInput)  # type: ignore[untyped-decorator]
def reject(error: RejectedInput) -> Response[str]:
    """Say what is wrong with a request."""
    gone = isinstance(error, ChatErased)
    return failure(HTTPStatus.GONE if gone else HTTPStatus.BAD_REQUEST, str(error))


@app.exception_handler(ParamValidationError)  # type: ignore[untyped-decorator]
def reject_parameters(error: ParamValidationError) -> Response[str]:
    """Say that Connect would not take a request."""
    return failure(HTTPStatus.BAD_REQUEST, rejected_member(error))


@app.exception_handler(ClientError)  # type: ignore[untyped-decorator]
def pass_on(error: ClientError) -> Response[str]:
    """Answer with the status and the word that Connect gave; other services are not the page's."""
    logger.warning("AWS refused", extra=describe(error))
    if error.operation_name != "StartChatContact":
        return failure(HTTPStatus.SERVICE_UNAVAILABLE, "ServiceUnavailable")
    status = error.response["ResponseMetadata"]["HTTPStatusCode"]
    return failure(status, error.response["Error"]["Code"])


@logger.inject_lambda_context
@metrics.log_metrics
@guarded
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer a request of the HTTP API."""
    return app.resolve(event, context)
