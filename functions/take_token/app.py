"""HTTP API: takes tokens of chats that others started."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from chatlake.aws.archive import DeployedArchive
from chatlake.aws.http_api import answer, failure, json_body, resolver
from chatlake.aws.observability import count, describe, guarded, logger, metrics
from chatlake.aws.settings import Settings
from chatlake.aws_clients import clients
from chatlake.aws_clients.metric_names import Metric
from chatlake.capture.chat_resolver import ChatResolver
from chatlake.capture.given_tokens import TokenKeeper, register
from chatlake.exceptions import ChatErased, RejectedInput

if TYPE_CHECKING:
    from aws_lambda_powertools.event_handler import Response
    from aws_lambda_powertools.utilities.typing import LambdaContext

settings = Settings.from_environment()
archive = DeployedArchive(settings, clients.PROMPT)
connect = clients.connect(clients.PROMPT)
chat_resolver = ChatResolver(archive.chats, connect, settings.instance_id)
keeper = TokenKeeper(archive.schedule, archive.token_cipher)
# Those who call it sign, so no page does.
app = resolver(())


@app.post("/tokens")
def take() -> Response[str]:
    """Take a token, and keep it for capture."""
    chat = register(json_body(app), chat_resolver, keeper)
    count({Metric.TOKENS_REGISTERED: 1})
    return answer(HTTPStatus.OK, {"InitialContactId": chat})


@app.exception_handler(RejectedInput)  # type: ignore[untyped-decorator]
def reject(error: RejectedInput) -> Response[str]:
    """Say what is wrong with a request."""
    gone = isinstance(error, ChatErased)
    return failure(HTTPStatus.GONE if gone else HTTPStatus.BAD_REQUEST, str(error))


@app.exception_handler(ClientError)  # type: ignore[untyped-decorator]
def unavailable(error: ClientError) -> Response[str]:
    """Say that a service of AWS refused."""
    logger.warning("AWS refused", extra=describe(error))
    return failure(HTTPStatus.SERVICE_UNAVAILABLE, "ServiceUnavailable")


@logger.inject_lambda_context
@metrics.log_metrics
@guarded
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer a request of the HTTP API."""
    return app.resolve(event, context)
