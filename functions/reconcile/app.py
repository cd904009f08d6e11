"""Every hour: finds chats that no event told of, and those that are stuck."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chatlake.aws.archive import DeployedArchive
from chatlake.aws.observability import count, guarded, logger, metrics
from chatlake.aws.settings import Settings
from chatlake.aws_clients import clients
from chatlake.aws_clients.metric_names import Metric
from chatlake.capture.contact_search import SEARCHES_PER_S
from chatlake.capture.rate_limiter import RateLimiter
from chatlake.capture.reconcile import ReconcileServices, reconcile
from chatlake.exceptions import RejectedInput
from chatlake.operations.republish import republish
from chatlake.operations.republish_all import republish_all
from chatlake.progress import NoProgress

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

ENDS_BEFORE_MS = 60_000
REPUBLISHES_BEFORE_MS = 500_000
# Half of the time is for the searches.
LISTS_BEFORE_MS = 450_000

settings = Settings.from_environment()
archive = DeployedArchive(settings)
connect, s3 = clients.connect(), clients.s3()


def _republish(contact_ids: list[str]) -> dict[str, Any]:
    requeued = republish(archive, NoProgress(), contact_ids)
    count({Metric.CHATS_REPUBLISHED: requeued.chats})
    return {Metric.CHATS_REPUBLISHED: requeued.chats, "unknown": sorted(requeued.unknown)}


@logger.inject_lambda_context
@metrics.log_metrics
@guarded
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Compare what is stored with what Connect and S3 have; return the counts of what was found.

    Invoked by hand with ``{"republish": true}`` it has all chats published again besides, with
    ``{"republish": ["a contact id", …]}`` the chats of these contacts, and does nothing else.
    """
    match event.get("republish"):
        case None | False:
            pass
        case True:
            archive.republication.begin()
        case [*contact_ids] if all(isinstance(one, str) and one for one in contact_ids):
            return _republish(contact_ids)
        case _:
            message = '"republish" must be true, or a list of contact ids'
            raise RejectedInput(message)
    services = ReconcileServices(
        schedule=archive.schedule,
        older_schedule=archive.older_schedule,
        chats=archive.chats,
        connect=connect,
        s3=s3,
        instance_arn=settings.instance_arn,
        export_bucket=settings.export_bucket,
        export_prefix=settings.export_prefix,
        searches=RateLimiter(SEARCHES_PER_S),
        publish_queue=archive.publish_queue,
        may_go_on=lambda: context.get_remaining_time_in_millis() > ENDS_BEFORE_MS,
        may_list=lambda: context.get_remaining_time_in_millis() > LISTS_BEFORE_MS,
        warn=lambda code: logger.warning("contacts could not be searched", extra={"code": code}),
    )
    try:
        # First, and for a time of its own: on a busy instance the rest takes all that is left.
        republished = republish_all(
            archive.republication,
            store=archive.store,
            chats=archive.chats,
            publish_queue=archive.publish_queue,
            may_go_on=lambda: context.get_remaining_time_in_millis() > REPUBLISHES_BEFORE_MS,
        )
        if republished:
            services.counters.add(Metric.CHATS_REPUBLISHED, republished)
    finally:
        reconcile(services)
    found = services.counters.take()
    count(found)
    return {str(metric): n for metric, n in found.items()}
