"""Counts of chats that ended, by what was read of them: whether receipts still come."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from chatlake.aws_clients.metric_names import Metric
from chatlake.capture.waiting_messages import is_rehydrated
from chatlake.documents.contact_events import disconnected_at
from chatlake.documents.items import newest_time, resolve
from chatlake.documents.receipt_events import receipts_of
from chatlake.timestamps import now_ms

if TYPE_CHECKING:
    from chatlake.aws_clients.counters import Counters
    from chatlake.capture.capture_state import Checkpoint
    from chatlake.documents.document import Document

_OF_TODAY_MS = 24 * 3_600_000


def counted_once(checkpoint: Checkpoint, document: Document, counters: Counters) -> Checkpoint:
    """Count a chat that is to be published, if it has ended and was not counted before.

    One that ended more than a day ago is not: an archived past says nothing of today.

    Returns
    -------
    Checkpoint
        It notes that the chat was counted.
    """
    if not checkpoint.ended or checkpoint.end_counted:
        return checkpoint
    ended_us = _last_us(document)
    if ended_us is None or now_ms() - ended_us // 1000 <= _OF_TODAY_MS:
        counters.add(Metric.CHATS_ENDED)
        # Zeros, too: where a metric has no number at all, no share can be made of it.
        counters.add(Metric.CHATS_ENDED_READ, int(document.participant is not None))
        counters.add(Metric.CHATS_ENDED_WITH_RECEIPTS, int(_has_receipts(document)))
    return replace(checkpoint, end_counted=True)


def _has_receipts(document: Document) -> bool:
    return any(
        receipts_of(item_id, stored, item)
        for item_id, stored in document.items.items()
        if not is_rehydrated(item := resolve(stored))
    )


def _last_us(document: Document) -> int | None:
    """Return when something last happened in a chat, in µs since 1970; None if nothing says so."""
    times = [newest_time(document.items.values()), *map(disconnected_at, document.events.values())]
    return max((at for at in times if at is not None), default=None)
