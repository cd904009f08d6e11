"""Amazon Connect flows, and HTTP API: the last read of a chat, before its token dies with it."""

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
from chatlake.capture.flow_event import chat_of_flow, is_flow_event
from chatlake.capture.last_read import (
    METRICS,
    LastReadServices,
    Outcome,
    find_state,
    last_read,
    participant_token,
    proves,
)
from chatlake.capture.participant_client import ParticipantClient
from chatlake.capture.rate_limiter import Unpaced
from chatlake.capture.reserve import ReservedTurns
from chatlake.chat_state.leg_cache import with_leg_cache
from chatlake.exceptions import RejectedInput
from chatlake.timestamps import now_ms

if TYPE_CHECKING:
    from aws_lambda_powertools.event_handler import Response
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from chatlake.capture.capture_state import CaptureState

FUNCTION_MS = 15_000
"""The function's own time, as the template has it."""
FLOW_MS = (6_500, 5_000)
"""Until when the first and later pages begin for a flow, which waits for 8 s.

A page may take one second, and what was read is to be written.
"""
PAGE_MS = (2_500, 1_700)
"""The same for a web page, which waits for 3 s."""

settings = Settings.from_environment()
archive = DeployedArchive(settings, clients.HASTY)
chats = with_leg_cache(archive.chats)
participant = clients.participant(hasty=True)
app = resolver(settings.allowed_origins)


def services_for(pages_ms: tuple[int, int], context: LambdaContext) -> LastReadServices:
    """Make what a last read works with that begins its first and later pages within these times.

    It is told by what is left of the function's own: where a clock is a fast one, that is longer.
    """
    began_at = now_ms() + context.get_remaining_time_in_millis() - FUNCTION_MS
    first_until_ms, until_ms = (began_at + within_ms for within_ms in pages_ms)
    turns = ReservedTurns(archive.reserve, first_until_ms=first_until_ms, until_ms=until_ms)
    return LastReadServices(
        schedule=archive.schedule,
        chats=chats,
        store=archive.store,
        token_cipher=archive.token_cipher,
        # Connections are few beside transcripts: each has a turn of those to wait for.
        service=ParticipantClient(participant, transcripts=turns, connections=Unpaced()),
        take_turn=turns.take,
        warn=lambda problem, chat, reason: logger.warning(
            problem, extra={"chat": chat, "reason": reason}
        ),
    )


def report(by: Metric, outcome: Outcome, services: LastReadServices) -> None:
    """Count a last read, and what it came across."""
    count({by: 1, METRICS[outcome]: 1, **services.counters.take()})


def read(state: CaptureState | None, services: LastReadServices) -> Outcome:
    """Make a last read; whatever goes wrong in it, neither flow nor page suffers from that."""
    try:
        return last_read(state, services)
    except Exception as error:  # noqa: BLE001 - capture comes in its turn
        logger.error("a last read failed", extra=describe(error))
        return Outcome.FAILED


def read_for_flow(event: dict[str, Any], context: LambdaContext) -> dict[str, str]:
    """Read the chat that a flow is in; whatever happens, the flow is answered and goes on."""
    services = services_for(FLOW_MS, context)
    try:
        chat = chat_of_flow(event)
        if chat is None:
            # The module was put into a flow of calls.
            return {"status": "no chat"}
        outcome = read(find_state(services, *chat), services)
    except Exception as error:  # noqa: BLE001 - a flow must not fail of this
        logger.error("a last read failed", extra=describe(error))
        outcome = Outcome.FAILED
    report(Metric.LAST_READS_BY_FLOW, outcome, services)
    return {"status": outcome.value}


@app.post("/chats/<contact>/closing")
def read_for_page(contact: str) -> Response[str]:
    """Read the chat that a customer is about to leave."""
    services = services_for(PAGE_MS, app.lambda_context)
    token = participant_token(json_body(app))
    state = find_state(services, contact)
    if not proves(state, token, services):
        # The same for a chat that nobody knows: whoever asks is told nothing.
        count({Metric.CLOSINGS_REFUSED: 1})
        return failure(HTTPStatus.FORBIDDEN, "AccessDenied")
    outcome = read(state, services)
    report(Metric.LAST_READS_BY_PAGE, outcome, services)
    return answer(HTTPStatus.OK, {"data": {"status": outcome.value}})


@app.exception_handler(RejectedInput)  # type: ignore[untyped-decorator]
def reject(error: RejectedInput) -> Response[str]:
    """Say what is wrong with a request."""
    return failure(HTTPStatus.BAD_REQUEST, str(error))


@app.exception_handler(ClientError)  # type: ignore[untyped-decorator]
def unavailable(error: ClientError) -> Response[str]:
    """Say that a service of AWS refused, which is not the page's."""
    count({Metric.LAST_READS_FAILED: 1})
    logger.warning("AWS refused", extra=describe(error))
    return failure(HTTPStatus.SERVICE_UNAVAILABLE, "ServiceUnavailable")


@logger.inject_lambda_context
@metrics.log_metrics
@guarded
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer a flow, or a request of the HTTP API."""
    return read_for_flow(event, context) if is_flow_event(event) else app.resolve(event, context)
