"""EventBridge: contact events, and new exports in their bucket."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chatlake.aws.archive import DeployedArchive
from chatlake.aws.observability import count, guarded, logger, metrics
from chatlake.aws.settings import Settings
from chatlake.aws_clients import clients
from chatlake.capture.chat_resolver import ChatResolver
from chatlake.capture.track import TrackServices, track
from chatlake.chat_state.leg_cache import with_leg_cache

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

settings = Settings.from_environment()
archive = DeployedArchive(settings)
chats = with_leg_cache(archive.chats)
services = TrackServices(
    schedule=archive.schedule,
    chat_resolver=ChatResolver(
        chats,
        # Throttled, it says so at once: another contact or event may tell whose leg this is.
        clients.connect(clients.PROMPT),
        settings.instance_id,
        warn=lambda code: logger.warning("a contact was not described", extra={"code": code}),
    ),
    export_bucket=settings.export_bucket,
    export_prefix=settings.export_prefix,
    instance_id=settings.instance_id,
)


@logger.inject_lambda_context
@metrics.log_metrics
@guarded
def handler(event: dict[str, Any], _: LambdaContext) -> str:
    """Note one event; return what became of it."""
    became = track(event, services)
    count({became: 1})
    return became
