"""One capture attempt for a due chat: read what can be read, merge it, set when it is due again.

What an attempt found is in the document before anything leaves the capture state, and the publisher
is notified before the chat leaves the schedule; so an attempt that is cut off is simply repeated.
docs/architecture.md draws the way of the data and the states of a chat.
"""

from __future__ import annotations

from dataclasses import replace
from functools import reduce
from typing import TYPE_CHECKING

from chatlake.aws_clients.metric_names import Metric
from chatlake.capture.capture_state import CaptureState
from chatlake.capture.ended_chats import counted_once
from chatlake.capture.fetch import DAMAGED, NEWER, REFUSED, Fetched, fetch, own_documents
from chatlake.capture.live_chat import LiveChat
from chatlake.capture.owner import move_to, owner_of
from chatlake.capture.settle import LONGEST_CHAT_MS, next_attempt, stand
from chatlake.chat_state import NO_HINT
from chatlake.documents.document import Document, merge
from chatlake.documents.legs import legs_of
from chatlake.documents.lifecycle import IDLE_MS
from chatlake.documents.revision import revision
from chatlake.documents.upsert import upsert
from chatlake.exceptions import UnreadableDocument, UnsupportedDocumentFormat
from chatlake.timestamps import now_ms

if TYPE_CHECKING:
    from chatlake.capture.capture_services import CaptureServices
    from chatlake.capture.capture_state import Phase
    from chatlake.capture.settle import Standing
    from chatlake.documents.store import StoredDocument
    from chatlake.documents.upsert import UpsertResult

# Most chats are over before.
_CHECKPOINTED_AFTER_MS = 10 * 60_000
_KEPT_AFTER_MS = 7 * 24 * 3_600_000
_LONGEST_REFUSAL_MS = 30 * 24 * 3_600_000


def capture_chat(
    chat: str, services: CaptureServices, live: LiveChat | None = None
) -> LiveChat | None:
    """Make one capture attempt for a chat that is due.

    Parameters
    ----------
    live
        What this process knows of the chat, if it has read it while it lived.

    Returns
    -------
    LiveChat | None
        The chat, if it lives and can be read again at any time; it need not be written then.
    """
    state = services.schedule.read(chat)
    # The index is eventually consistent: it may name a chat whose attempt has just ended.
    if state is None or state.due_at is None or state.due_at > now_ms():
        if live is not None and (state is None or state.phase != "live"):
            # Another process was faster, and knows not what this one does; or it was erased.
            live.gone = state is None
            live.write_late(services)
            return None
        return live
    owner = owner_of(state, services)
    if owner != chat:
        if live is not None and not live.is_written:
            live.write(services)
        move_to(owner, state, services)
        return None
    try:
        stored = services.store.read(chat)
    except UnreadableDocument as error:
        services.note(Metric.UNREADABLE_DOCUMENTS, chat, str(error))
        newer = isinstance(error, UnsupportedDocumentFormat)
        _retry_later(state, services, failure=NEWER if newer else DAMAGED)
        return live
    written = services.store.policy.applied(stored.document) if stored else Document(chat)
    fetched = fetch(state, written, services, live)
    own = own_documents(fetched.documents, chat)
    known = reduce(merge, own, written)
    at = now_ms()
    changed_at = live.changed_at if live else at
    standing = stand(state, known, fetched, at, changed_at=changed_at)
    if standing.is_live and not standing.publishable and len(own) == len(fetched.documents):
        return _keep(state, known, stored, fetched, standing, services)
    return _store(state, stored, fetched, services, changed_at=changed_at)


def _keep(
    state: CaptureState,
    known: Document,
    stored: StoredDocument | None,
    fetched: Fetched,
    standing: Standing,
    services: CaptureServices,
) -> LiveChat:
    """Keep a live chat in memory: little but its legs and tokens is written down."""
    chat, at = state.initial_contact_id, now_ms()
    # An erasure finds it by any of them; by its own contact in the schedule.
    if (legs := legs_of(known)) != {chat}:
        services.chats.legs.add(dict.fromkeys(legs, chat), provisional=known.provisional)
    closed = fetched.done & state.tokens.keys()
    due = next_attempt(state, standing, at)
    was_live = due == (state.phase, state.due_at)
    lasts = at - due[1] >= _CHECKPOINTED_AFTER_MS
    if closed or lasts or not was_live or fetched.failure != state.failure:
        services.schedule.finish_attempt(
            state,
            checkpoint=standing.checkpoint,
            done=closed,
            due=due,
            failure=fetched.failure,
        )
    for token in fetched.tokens.values():
        services.schedule.keep_token(chat, token)
    live = _live_chat(state, fetched, known, due[1])
    live.changed_at = standing.checkpoint.changed_at
    live.failures = 1 if fetched.retry else 0
    live.was_written(stored.document if stored else None)
    if live.is_to_be_written(services):
        live.write(services)
    return live


def _live_chat(state: CaptureState, fetched: Fetched, known: Document, due_at: int) -> LiveChat:
    tokens = {n: t for n, t in state.tokens.items() if n not in fetched.done} | fetched.tokens
    live = LiveChat(replace(state, tokens=tokens, due_at=due_at), known, at=now_ms())
    live.keep_url(fetched.url, now_ms())
    live.reached_at = fetched.reached_at
    return live


def _store(
    state: CaptureState,
    stored: StoredDocument | None,
    fetched: Fetched,
    services: CaptureServices,
    *,
    changed_at: int,
) -> LiveChat | None:
    """Write what was found, notify the publisher of it, and note when the chat is due again."""
    chat = state.initial_contact_id
    upserted = upsert(
        fetched.documents,
        store=services.store,
        chats=services.chats,
        known={chat: stored} if stored else {},
        ask_published=False,
    )
    if upserted.left_out:
        services.counters.add(Metric.CONTENT_LEFT_OUT, upserted.left_out)
    if chat in upserted.erased or (
        not fetched.documents and services.chats.tombstones.erased([chat])
    ):
        _notify_of_moves(chat, upserted, services)
        services.schedule.remove(chat)
        return None
    if chat in upserted.expired:
        services.counters.add(Metric.CHATS_EXPIRED)
        services.schedule.remove(chat)
        return None
    for damaged, reason in upserted.failed.items():
        services.note(Metric.UNREADABLE_DOCUMENTS, damaged, reason)
    _notify_of_moves(chat, upserted, services)
    if chat in upserted.failed:
        # Damaged since it was read: nothing of what was found may leave the schedule.
        _retry_later(state, services, failure=DAMAGED)
        return None
    if chat in upserted.moved or (
        upserted.stored.keys() - {chat}
        and services.chats.legs.initial_contacts([chat]).get(chat, chat) != chat
    ):
        # That chat has this one as a leg: one more attempt, to hand all over.
        checkpoint = replace(
            state.checkpoint, first_seen_at=state.checkpoint.first_seen_at or now_ms()
        )
        services.schedule.finish_attempt(
            state, checkpoint=checkpoint, done=fetched.done, due=("ended", now_ms())
        )
        return None
    after = upserted.stored.get(chat, stored)
    document = after.document if after else Document(chat)
    standing = stand(state, document, fetched, now_ms(), changed_at=changed_at)
    due = _finish(state, fetched, standing, document, services, is_stored=after is not None)
    if due is None or due[0] != "live":
        return None
    live = _live_chat(state, fetched, document, due[1])
    live.changed_at = standing.checkpoint.changed_at
    return live


def _notify_of_moves(chat: str, upserted: UpsertResult, services: CaptureServices) -> None:
    """Notify of other chats that this attempt has changed.

    Legs that were chats of their own lose their rows; another that is a chat is made due.
    """
    gone = upserted.moved | (upserted.erased & upserted.to_publish.keys())
    if gone:
        services.publish_queue.send(dict.fromkeys(gone, NO_HINT))
    for other in upserted.stored.keys() - gone - {chat}:
        services.schedule.make_due(other, phase="ended", due_at=now_ms())


def _finish(
    state: CaptureState,
    fetched: Fetched,
    standing: Standing,
    document: Document,
    services: CaptureServices,
    *,
    is_stored: bool,
) -> tuple[Phase, int] | None:
    """Notify the publisher if the chat is publishable, and note when it is due again.

    A token alone, which opened nothing yet, makes no document, and so nothing to publish.
    """
    at = now_ms()
    checkpoint = standing.checkpoint
    newest = revision(document)
    if is_stored and standing.publishable and newest != checkpoint.announced:
        services.publish_queue.send({state.initial_contact_id: NO_HINT})
        services.counters.add(Metric.CHATS_ANNOUNCED)
        checkpoint = replace(checkpoint, announced=newest)
        checkpoint = counted_once(checkpoint, document, services.counters)
    if not standing.over:
        due = next_attempt(state, standing, at)
        services.schedule.finish_attempt(
            state,
            checkpoint=checkpoint,
            done=fetched.done,
            tokens=fetched.tokens.values(),
            due=due,
            failure=fetched.failure,
        )
        return due
    # An export that S3 has refused so long is requested once a day, until access is granted.
    refused = state.exports.keys() - fetched.done
    retried_daily = bool(refused) and at - checkpoint.first_seen_at < _LONGEST_REFUSAL_MS
    if document.participant is None and not document.exports and not retried_daily:
        services.note(
            Metric.CHATS_WITHOUT_SOURCE, state.initial_contact_id, "no token and no export"
        )
    # What is noted of one that has not ended keeps no attempt from forgetting it: once more, then.
    last = state.phase == "ended" or retried_daily
    services.schedule.finish_attempt(
        state,
        checkpoint=checkpoint,
        done=fetched.done | state.tokens.keys() | state.told,
        due=("waiting", at + IDLE_MS) if retried_daily else None if last else ("ended", at),
        expires_at=at + _KEPT_AFTER_MS if last and not retried_daily else None,
        failure=REFUSED if refused else fetched.failure,
    )
    return None


def _retry_later(state: CaptureState, services: CaptureServices, *, failure: str) -> None:
    at = now_ms()
    checkpoint = replace(state.checkpoint, first_seen_at=state.checkpoint.first_seen_at or at)
    over = at - checkpoint.first_seen_at >= LONGEST_CHAT_MS
    services.schedule.finish_attempt(
        state,
        checkpoint=checkpoint,
        # If it is still unreadable by then, at least its tokens go.
        done=state.tokens.keys() if over else (),
        due=None if over else ("waiting", at + IDLE_MS),
        expires_at=at + _KEPT_AFTER_MS if over else None,
        failure=failure,
    )
