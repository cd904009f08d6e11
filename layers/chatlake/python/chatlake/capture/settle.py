"""What follows from what is known of a chat: whether it is to be published, and when it is due."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from chatlake.documents.legs import legs_of
from chatlake.documents.lifecycle import IDLE_MS, SETTLE_MS, is_ended, saw_end
from chatlake.documents.revision import content_revision

if TYPE_CHECKING:
    from chatlake.capture.capture_state import CaptureState, Checkpoint, Phase
    from chatlake.capture.fetch import Fetched
    from chatlake.documents.document import Document

LONGEST_CHAT_MS = 8 * 24 * 3_600_000
"""After its first attempt a chat is given up as live: Connect lets none last longer."""

_RETRY_MS = 15_000
_LONGEST_RETRY_MS = 15 * 60_000
# Of a last read that an unreachable service keeps from ending.
_MOST_RETRIES = 60


@dataclass(frozen=True, slots=True)
class Standing:
    """How a chat stands after an attempt.

    Attributes
    ----------
    checkpoint
        To be kept.
    has_token
        Whether one is left that may open the chat.
    saw_end
        Whether a read of the transcript saw the end.
    publishable, over
        Whether its rows are worth writing, and whether nothing of it is awaited any longer.
    """

    checkpoint: Checkpoint
    has_token: bool
    saw_end: bool
    publishable: bool
    over: bool

    @property
    def is_live(self) -> bool:
        """Whether it is to be read again and again."""
        return self.has_token and not self.checkpoint.ended and not self.over


def stand(
    state: CaptureState, document: Document, fetched: Fetched, at: int, *, changed_at: int
) -> Standing:
    """Tell how a chat stands.

    Parameters
    ----------
    document
        All that is known of it.
    at
        Now, in epoch milliseconds.
    changed_at
        When its content last changed, if not since the attempt before.
    """
    before = state.checkpoint
    legs, ended, over_by_read = len(legs_of(document)), is_ended(document), saw_end(document)
    has_token = bool(state.tokens.keys() - fetched.done or fetched.tokens)
    content = content_revision(document)
    changed = content != before.content
    goes_on = changed and has_token and not over_by_read
    still = (legs, ended) == (before.legs, before.ended) and not goes_on
    checkpoint = replace(
        before,
        first_seen_at=before.first_seen_at or at,
        legs=legs,
        ended=ended,
        settled_since=before.settled_since if still else at,
        content=content,
        changed_at=changed_at if changed else before.changed_at or at,
        # A leg that begins after all opens the chat again.
        last_read_done=ended and (before.last_read_done or fetched.read_all),
        # While it lives, the process that reads it counts.
        retries=before.retries + 1 if fetched.retry and ended else 0,
        export_retries=before.export_retries + 1 if fetched.export_retry else 0,
    )
    settled = ended and at - checkpoint.settled_since >= SETTLE_MS
    over = settled or at - checkpoint.first_seen_at >= LONGEST_CHAT_MS
    return Standing(
        checkpoint,
        has_token=has_token,
        saw_end=over_by_read,
        publishable=over or at - checkpoint.changed_at >= IDLE_MS,
        over=over and not _awaited(checkpoint),
    )


def _awaited(checkpoint: Checkpoint) -> bool:
    """Return whether a source failed just now that may answer soon."""
    return 0 < checkpoint.retries <= _MOST_RETRIES or 0 < checkpoint.export_retries <= _MOST_RETRIES


def next_attempt(state: CaptureState, standing: Standing, at: int) -> tuple[Phase, int]:
    """Return as what a chat that is not over is to be served next, and when."""
    checkpoint = standing.checkpoint
    retries = [
        at + _wait_ms(failures)
        for failures in (checkpoint.retries, checkpoint.export_retries)
        if 0 < failures <= _MOST_RETRIES
    ]
    if checkpoint.ended:
        settled_at = checkpoint.settled_since + SETTLE_MS
        if standing.has_token and not standing.saw_end and not checkpoint.retries:
            # Its token opens it though all legs that are known have ended: one may have begun of
            # which no event told. The longer that is ago, the less likely it is.
            retries.append(at + max(_RETRY_MS, at - checkpoint.settled_since))
        return "ended", max(at + 1, min([settled_at, *retries] if at < settled_at else retries))
    if standing.has_token:
        return "live", state.due_at if state.phase == "live" and state.due_at else at
    # A token that comes makes it due at once.
    return "waiting", min([at + IDLE_MS, *retries])


def _wait_ms(failures: int) -> int:
    return min(_LONGEST_RETRY_MS, _RETRY_MS << min(failures - 1, 10))
