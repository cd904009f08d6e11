"""One capture attempt for a due chat: read what can be read, merge it, set when it is due again.

What an attempt found is in the document before anything leaves the capture state, and the publisher
is notified before the chat leaves the schedule; so an attempt that is cut off is simply repeated.
"""

from __future__ import annotations

from dataclasses import replace
from functools import reduce
from typing import TYPE_CHECKING

from chatlake.aws_clients.metric_names import Metric
from chatlake.capture.capture_state import CaptureState, Checkpoint, Token
from chatlake.capture.fetch import Fetched, take_events, take_exports
from chatlake.capture.token_reading import read_transcript
from chatlake.chat_state import NO_HINT
from chatlake.documents.document import Document, merge
from chatlake.documents.legs import legs_of
from chatlake.documents.lifecycle import IDLE_MS, SETTLE_MS, is_ended, saw_end
from chatlake.documents.revision import revision
from chatlake.documents.upsert import upsert
from chatlake.exceptions import UnreadableDocument, UnsupportedDocumentFormat
from chatlake.timestamps import now_ms

if TYPE_CHECKING:
    from collections.abc import Collection

    from chatlake.capture.capture_services import CaptureServices
    from chatlake.capture.schedule import Phase

_TOKEN_MAY_COME_MS = 15 * 60_000
_LONGEST_CHAT_MS = 8 * 24 * 3_600_000
_KEPT_AFTER_MS = 7 * 24 * 3_600_000
_RETRY_MS = 15_000
_LONGEST_RETRY_MS = 15 * 60_000
# Of a last read that an unreachable service keeps from ending.
_MOST_RETRIES = 60
_LONGEST_REFUSAL_MS = 30 * 24 * 3_600_000
_DAMAGED = "damaged document"
_NEWER = "document of a newer format"
_REFUSED = "refused export"
_PASSING_FAILURES = frozenset({_DAMAGED, _NEWER, _REFUSED})


def capture_chat(chat: str, services: CaptureServices) -> None:
    """Make one capture attempt for a chat that is due."""
    state = services.schedule.read(chat)
    # The index is eventually consistent: it may name a chat whose attempt has just ended.
    if state is None or state.due_at is None or state.due_at > now_ms():
        return
    owner = services.chats.legs.initial_contacts([chat]).get(chat, chat)
    if owner != chat:
        _move(state, owner, services)
        return
    fetched = Fetched(failure=None if state.failure in _PASSING_FAILURES else state.failure)
    take_events(state, fetched, services)
    take_exports(state, fetched, services)
    try:
        stored = services.store.read(chat)
    except UnreadableDocument as error:
        services.note(Metric.UNREADABLE_DOCUMENTS, chat, str(error))
        newer = isinstance(error, UnsupportedDocumentFormat)
        _retry_later(state, services, failure=_NEWER if newer else _DAMAGED, after_ms=IDLE_MS)
        return
    known = reduce(
        merge, _own(fetched.documents, chat), stored.document if stored else Document(chat)
    )
    ended = is_ended(known)
    if not (ended and state.checkpoint.last_read_done) or _may_have_gone_on(state, known):
        read_transcript(state, fetched, known, services, whole=ended, after_end=ended)
    upserted = upsert(
        fetched.documents,
        store=services.store,
        chats=services.chats,
        known={chat: stored} if stored else {},
        ask_published=False,
    )
    if chat in upserted.erased or (
        not fetched.documents and services.chats.tombstones.erased([chat])
    ):
        _notify_of_moves(chat, upserted.to_publish.keys(), services, itself=True)
        services.schedule.remove(chat)
        return
    for damaged, reason in upserted.failed.items():
        services.note(Metric.UNREADABLE_DOCUMENTS, damaged, reason)
    own = _own(fetched.documents, chat)
    after = reduce(merge, own, known)
    named_another = len(own) < len(fetched.documents)
    _notify_of_moves(chat, upserted.to_publish.keys(), services, itself=named_another)
    if upserted.to_publish.keys() - {chat} and (stored := services.store.read(chat)) is not None:
        # What was kept under a leg may have been merged into it just now.
        after = stored.document
    if named_another and services.chats.legs.initial_contacts([chat]).get(chat, chat) != chat:
        # That chat has this one as a leg: one more attempt, to hand all over.
        checkpoint = replace(
            state.checkpoint, first_seen_at=state.checkpoint.first_seen_at or now_ms()
        )
        services.schedule.finish_attempt(
            state, checkpoint=checkpoint, done=fetched.done, due=("ended", now_ms())
        )
        return
    changed = chat in upserted.new | upserted.changed
    is_stored = stored is not None or bool(own)
    _settle(state, fetched, after, services, changed=changed, is_stored=is_stored)


def _may_have_gone_on(state: CaptureState, known: Document) -> bool:
    """Return whether a chat is to be read once more before its tokens go.

    The known legs have ended, but the transcript never said that the chat has: a leg may have begun
    of which no event told, and only a token shows it.
    """
    over = now_ms() - state.checkpoint.settled_since >= SETTLE_MS
    return over and bool(state.tokens) and not saw_end(known)


def _own(documents: list[Document], chat: str) -> list[Document]:
    return [document for document in documents if document.initial_contact_id == chat]


def _notify_of_moves(
    chat: str, changed: Collection[str], services: CaptureServices, *, itself: bool
) -> None:
    """Notify of other chats that this attempt has changed: legs that were chats of their own.

    Those lose their rows, be it the chat of the attempt itself; another that is a chat is made due.
    """
    others = set(changed) - {chat}
    suspects = changed if itself else others
    moved = {suspect for suspect in suspects if services.store.read(suspect) is None}
    if moved:
        services.publish_queue.send(dict.fromkeys(moved, NO_HINT))
    for other in others - moved:
        services.schedule.make_due(other, phase="ended", due_at=now_ms())


def _settle(
    state: CaptureState,
    fetched: Fetched,
    document: Document,
    services: CaptureServices,
    *,
    changed: bool,
    is_stored: bool,
) -> None:
    """Notify the publisher if the chat is publishable, and note when it is due again.

    A token alone, which opened nothing yet, makes no document, and so nothing to publish.
    """
    at = now_ms()
    before = state.checkpoint
    legs, ended = len(legs_of(document)), is_ended(document)
    has_token = bool(state.tokens.keys() - fetched.done or fetched.tokens)
    goes_on = changed and has_token and not saw_end(document)
    still = (legs, ended) == (before.legs, before.ended) and not goes_on
    checkpoint = replace(
        before,
        first_seen_at=before.first_seen_at or at,
        legs=legs,
        ended=ended,
        settled_since=before.settled_since if still else at,
        changed_at=at if changed else before.changed_at or at,
        # A leg that begins after all opens the chat again.
        last_read_done=ended and (before.last_read_done or fetched.read_all),
        retries=before.retries + 1 if fetched.retry else 0,
    )
    waits_for_read = fetched.retry and checkpoint.retries <= _MOST_RETRIES
    settled = ended and at - checkpoint.settled_since >= SETTLE_MS
    idle = at - checkpoint.changed_at >= IDLE_MS
    over = settled or at - checkpoint.first_seen_at >= _LONGEST_CHAT_MS
    newest = revision(document)
    if is_stored and (settled or idle or over) and newest != before.announced:
        services.publish_queue.send({state.initial_contact_id: NO_HINT})
        services.counters.add(Metric.CHATS_ANNOUNCED)
        checkpoint = replace(checkpoint, announced=newest)
    if over and not waits_for_read:
        # An export that S3 has refused so long is requested once a day, until access is granted.
        refused = state.exports.keys() - fetched.done
        retried_daily = bool(refused) and at - checkpoint.first_seen_at < _LONGEST_REFUSAL_MS
        if document.participant is None and not document.exports and not retried_daily:
            services.note(
                Metric.CHATS_WITHOUT_SOURCE, state.initial_contact_id, "no token and no export"
            )
        services.schedule.finish_attempt(
            state,
            checkpoint=checkpoint,
            done=fetched.done | state.tokens.keys(),
            due=("waiting", at + IDLE_MS) if retried_daily else None,
            expires_at=None if retried_daily else at + _KEPT_AFTER_MS,
            failure=_REFUSED if refused else fetched.failure,
        )
        return
    services.schedule.finish_attempt(
        state,
        checkpoint=checkpoint,
        done=fetched.done,
        tokens=fetched.tokens.values(),
        due=_next_attempt(checkpoint, at, services, has_token=has_token, retry=waits_for_read),
        failure=fetched.failure,
    )


def _next_attempt(
    checkpoint: Checkpoint, at: int, services: CaptureServices, *, has_token: bool, retry: bool
) -> tuple[Phase, int]:
    if retry:
        wait = min(_LONGEST_RETRY_MS, _RETRY_MS * 2 ** min(checkpoint.retries - 1, 10))
        return ("ended" if checkpoint.ended else "live"), at + wait
    if checkpoint.ended:
        return "ended", max(at + 1, checkpoint.settled_since + SETTLE_MS)
    if has_token:
        return "live", at + services.interval_ms()
    # A token or an event that comes makes it due at once.
    may_come_until = checkpoint.first_seen_at + _TOKEN_MAY_COME_MS
    return "waiting", may_come_until if at < may_come_until else at + IDLE_MS


def _move(state: CaptureState, owner: str, services: CaptureServices) -> None:
    """Move a capture state to the chat that its contact turned out to be a leg of."""
    for token in state.tokens.values():
        secret = services.token_cipher.open(token.sealed, state.initial_contact_id)
        moved = Token(token.kind, services.token_cipher.seal(secret, owner), token.expires_at)
        services.schedule.add_token(owner, moved, due_at=now_ms())
    services.schedule.move(state, owner, due_at=now_ms())


def _retry_later(
    state: CaptureState, services: CaptureServices, *, failure: str, after_ms: int
) -> None:
    at = now_ms()
    checkpoint = replace(state.checkpoint, first_seen_at=state.checkpoint.first_seen_at or at)
    over = at - checkpoint.first_seen_at >= _LONGEST_CHAT_MS
    services.schedule.finish_attempt(
        state,
        checkpoint=checkpoint,
        # If it is still unreadable by then, at least its tokens go.
        done=state.tokens.keys() if over else (),
        due=None if over else ("waiting", at + after_ms),
        expires_at=at + _KEPT_AFTER_MS if over else None,
        failure=failure,
    )
