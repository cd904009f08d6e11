"""HTTP API: starts chats for web pages."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from chatlake.aws.archive import DeployedArchive
from chatlake.aws.http_api import answer, failure, json_body, knows_customer, resolver
from chatlake.aws.observability import count, describe, guarded, logger, metrics
from chatlake.aws.settings import Settings
from chatlake.aws_clients import clients
from chatlake.aws_clients.metric_names import Metric
from chatlake.capture.given_tokens import TokenKeeper
from chatlake.capture.start_chat import PageRules, rejected_member, start_chat, start_request
from chatlake.exceptions import NotAllowed, RejectedInput

if TYPE_CHECKING:
    from aws_lambda_powertools.event_handler import Response
    from aws_lambda_powertools.utilities.typing import LambdaContext

settings = Settings.from_environment()
archive = DeployedArchive(settings, clients.PROMPT)
connect = clients.connect(clients.PROMPT)
keeper = TokenKeeper(archive.schedule, archive.token_cipher)
rules = PageRules(
    instance_id=settings.instance_id,
    contact_flow_id=settings.contact_flow_id,
    allowed_flows=frozenset(settings.allowed_flows),
    allowed_attributes=frozenset(settings.allowed_attributes),
)
app = resolver(settings.allowed_origins)


@app.post("/chats")
def start() -> Response[str]:
    """Start a chat, and keep its token for capture."""
    request = start_request(json_body(app), rules, is_known=knows_customer(app))
    result, page = start_chat(request, connect)
    try:
        keeper.keep(result["ContactId"], "participant", result["ParticipantToken"])
    except (ClientError, BotoCoreError) as error:
        # The customer's chat has begun, and must not suffer from this.
        count({Metric.TOKENS_LOST: 1})
        logger.error("a token was not kept", extra=describe(error))
    count({Metric.CHATS_STARTED: 1})
    return answer(HTTPStatus.OK, page)


@app.exception_handler(RejectedInput)  # type: ignore[untyped-decorator]
def reject(error: RejectedInput) -> Response[str]:
    """Say what is wrong with a request, or that no page may ask for it."""
    forbidden = isinstance(error, NotAllowed)
    return failure(HTTPStatus.FORBIDDEN if forbidden else HTTPStatus.BAD_REQUEST, str(error))


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
