"""What moto does not answer, or only in part: told as the services do."""

from __future__ import annotations

import json
import re
from functools import wraps
from typing import TYPE_CHECKING, Any

from moto.kms.models import KmsBackend
from moto.s3.responses import S3Response
from moto.servicequotas.responses import ServiceQuotasResponse

if TYPE_CHECKING:
    from collections.abc import Callable

_END = re.compile(r"/>\s*$|</NotificationConfiguration>\s*$")
_TOLD = "<EventBridgeConfiguration/>"


def apply() -> None:
    """Let S3 tell that a bucket tells EventBridge, and Service Quotas list what was raised.

    KMS deletes a key that is named by its ARN, too.
    """
    S3Response.get_bucket_notification = _with_eventbridge(  # type: ignore[method-assign, assignment]
        S3Response.get_bucket_notification
    )
    ServiceQuotasResponse.list_service_quotas = _no_quotas  # type: ignore[attr-defined]
    KmsBackend.schedule_key_deletion = _by_arn(  # type: ignore[method-assign, assignment]
        KmsBackend.schedule_key_deletion
    )


def _with_eventbridge(get: Callable[[S3Response], Any]) -> Callable[[S3Response], Any]:
    @wraps(get)
    def get_bucket_notification(self: S3Response) -> Any:
        status, headers, body = get(self)
        kept = self.backend.get_bucket_notification_configuration(self.bucket_name)
        if kept is None or kept.event_bridge is None:
            return status, headers, body
        text = body.decode() if isinstance(body, bytes) else body
        # moto keeps the empty element, and leaves it out of what it tells.
        found = _END.search(text)
        assert found is not None
        opened = text[: found.start()] + (">" if found[0].startswith("/") else "")
        return status, headers, f"{opened}{_TOLD}</NotificationConfiguration>"

    return get_bucket_notification


def _no_quotas(_response: ServiceQuotasResponse) -> str:
    """List none: all are the defaults."""
    return json.dumps({"Quotas": []})


def _by_arn(
    schedule: Callable[[KmsBackend, str, int], float],
) -> Callable[[KmsBackend, str, int], float]:
    @wraps(schedule)
    def schedule_key_deletion(self: KmsBackend, key_id: str, days: int) -> float:
        return schedule(self, self.any_id_to_key_id(key_id), days)

    return schedule_key_deletion
