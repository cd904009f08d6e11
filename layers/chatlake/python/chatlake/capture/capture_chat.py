"""Capture: a look at a chat that is due. Read what can be read, merge it, say when to come again.

What a look found is in the document before anything is taken off the agenda, and the publisher is
told before the chat leaves it; so a look that is cut off is simply repeated.
"""

from __future__ import annotations

from dataclasses import replace
from functools import reduce
from typing import TYPE_CHECKING

from chatlake.capture.capture_state import Memory, Token, Watch
from chatlake.capture.fetch import Look, Tools, read_transcript, take_events, take_exports
from chatlake.chat_state import NO_DOCUMENT
from chatlake.documents.document import Document, merge
from chatlake.documents.lifecycle import IDLE_MS, SETTLE_MS, is_ended
from chatlake.documents.revision import revision
from chatlake.documents.upsert import legs_of, take_in
from chatlake.exceptions import DamagedDocument
from chatlake.timestamps import now_ms

if TYPE_CHECKING:
    from collections.abc import Collection

    from chatlake.capture.schedule import Phase

FIRST_LOOK_MS = 30_000
"""From the first word of a chat to its first snapshot."""

_TOKEN_MAY_COME_MS = 15 * 60_000
_LONGEST_CHAT_MS = 8 * 24 * 3_600_000
_KEPT_AFTER_MS = 7 * 24 * 3_600_000
_RETRY_MS = 15_000
_LONGEST_RETRY_MS = 15 * 60_000
# Of a last read that an unreachable service keeps from ending.
_MOST_RETRIES = 60
_LONGEST_REFUSAL_MS = 30 * 24 * 3_600_000
_DAMAGED = "damaged document"
_REFUSED = "refused export"


def capture_chat(chat: str, tools: Tools) -> None:
    """Look at a chat that is due."""
    watch = tools.agenda.read(chat)
    # The index lags behind: it may name a chat that was just looked at.
    if watch is None or watch.due_at is None or watch.due_at > now_ms():
        return
    home = tools.chats.initial_contacts([chat]).get(chat, chat)
    if home != chat:
        _move(watch, home, tools)
        return
    look = Look(failure=None if watch.failure in {_DAMAGED, _REFUSED} else watch.failure)
    take_events(watch, look, tools)
    take_exports(watch, look, tools)
    try:
        stored = tools.store.read(chat)
    except DamagedDocument as error:
        tools.note("DamagedDocuments", chat, str(error))
        _come_again(watch, tools, failure=_DAMAGED, after_ms=IDLE_MS)
        return
    known = reduce(merge, _own(look.documents, chat), stored.document if stored else Document(chat))
    ended = is_ended(known)
    if not (ended and watch.memory.last_read_done) or _may_have_gone_on(watch, known):
        read_transcript(watch, look, known, tools, whole=ended)
    intake_announced: dict[str, object] = {}
    intake = take_in(
        look.documents,
        store=tools.store,
        chats=tools.chats,
        announce=intake_announced.update,
        known={chat: stored} if stored else {},
        ask_published=False,
    )
    if chat in intake.erased or (not look.documents and tools.chats.erased([chat])):
        _tell_of_moves(chat, intake_announced.keys(), tools, itself=True)
        tools.agenda.remove(chat)
        return
    for damaged, reason in intake.failed.items():
        tools.note("DamagedDocuments", damaged, reason)
    own = _own(look.documents, chat)
    after = reduce(merge, own, known)
    named_another = len(own) < len(look.documents)
    _tell_of_moves(chat, intake_announced.keys(), tools, itself=named_another)
    if intake_announced.keys() - {chat} and (stored := tools.store.read(chat)) is not None:
        # What was kept under a leg may have been merged into it just now.
        after = stored.document
    if named_another and tools.chats.initial_contacts([chat]).get(chat, chat) != chat:
        # That chat has this one as a leg: look again, to hand all over.
        memory = replace(watch.memory, first_seen_at=watch.memory.first_seen_at or now_ms())
        tools.agenda.settle(watch, memory=memory, done=look.done, due=("ended", now_ms()))
        return
    changed = chat in intake.new | intake.changed
    is_stored = stored is not None or bool(own)
    _settle(watch, look, after, tools, changed=changed, is_stored=is_stored)


def _may_have_gone_on(watch: Watch, known: Document) -> bool:
    """Tell whether a chat is to be read once more before its tokens go.

    The known legs have ended, but the transcript never said that the chat has: a leg may have begun
    of which no event told, and only a token shows it.
    """
    over = now_ms() - watch.memory.settled_since >= SETTLE_MS
    return over and bool(watch.tokens) and not _saw_end(known)


def _saw_end(document: Document) -> bool:
    return document.participant is not None and bool(document.participant["saw_end"])


def _own(documents: list[Document], chat: str) -> list[Document]:
    return [document for document in documents if document.initial_contact_id == chat]


def _tell_of_moves(chat: str, announced: Collection[str], tools: Tools, *, itself: bool) -> None:
    """See to chats that this look has changed: legs that were taken for chats of their own.

    Those lose their rows, be it the chat of the look itself; another that is a chat gets a look
    of its own.
    """
    others = set(announced) - {chat}
    suspects = announced if itself else others
    moved = {suspect for suspect in suspects if tools.store.read(suspect) is None}
    if moved:
        tools.announce(dict.fromkeys(moved, NO_DOCUMENT))
    for other in others - moved:
        tools.agenda.make_due(other, phase="ended", due_at=now_ms())


def _settle(
    watch: Watch, look: Look, document: Document, tools: Tools, *, changed: bool, is_stored: bool
) -> None:
    """Announce the chat if its time has come, and note when it is due again.

    A token alone, which opened nothing yet, makes no document, and so nothing to announce.
    """
    at = now_ms()
    before = watch.memory
    legs, ended = len(legs_of(document)), is_ended(document)
    has_token = bool(watch.tokens.keys() - look.done or look.tokens)
    goes_on = changed and has_token and not _saw_end(document)
    still = (legs, ended) == (before.legs, before.ended) and not goes_on
    memory = replace(
        before,
        first_seen_at=before.first_seen_at or at,
        legs=legs,
        ended=ended,
        settled_since=before.settled_since if still else at,
        changed_at=at if changed else before.changed_at or at,
        # A leg that begins after all opens the chat again.
        last_read_done=ended and (before.last_read_done or look.read_all),
        retries=before.retries + 1 if look.retry else 0,
    )
    waits_for_read = look.retry and memory.retries <= _MOST_RETRIES
    settled = ended and at - memory.settled_since >= SETTLE_MS
    idle = at - memory.changed_at >= IDLE_MS
    over = settled or at - memory.first_seen_at >= _LONGEST_CHAT_MS
    newest = revision(document)
    if is_stored and (settled or idle or over) and newest != before.announced:
        tools.announce({watch.initial_contact_id: newest})
        tools.tally.add("ChatsAnnounced")
        memory = replace(memory, announced=newest)
    if over and not waits_for_read:
        # An export that S3 has refused so long is asked for once a day, until somebody gives leave.
        refused = watch.exports.keys() - look.done
        asked_again = bool(refused) and at - memory.first_seen_at < _LONGEST_REFUSAL_MS
        if document.participant is None and not document.exports and not asked_again:
            tools.note("ChatsWithoutSource", watch.initial_contact_id, "no token and no export")
        tools.agenda.settle(
            watch,
            memory=memory,
            done=look.done | watch.tokens.keys(),
            due=("waiting", at + IDLE_MS) if asked_again else None,
            expires_at=None if asked_again else at + _KEPT_AFTER_MS,
            failure=_REFUSED if refused else look.failure,
        )
        return
    tools.agenda.settle(
        watch,
        memory=memory,
        done=look.done,
        tokens=look.tokens.values(),
        due=_next_look(memory, at, tools, has_token=has_token, retry=waits_for_read),
        failure=look.failure,
    )


def _next_look(
    memory: Memory, at: int, tools: Tools, *, has_token: bool, retry: bool
) -> tuple[Phase, int]:
    if retry:
        wait = min(_LONGEST_RETRY_MS, _RETRY_MS * 2 ** min(memory.retries - 1, 10))
        return ("ended" if memory.ended else "live"), at + wait
    if memory.ended:
        return "ended", max(at + 1, memory.settled_since + SETTLE_MS)
    if has_token:
        return "live", at + tools.interval_ms()
    # A token or an event that comes makes it due at once.
    may_come_until = memory.first_seen_at + _TOKEN_MAY_COME_MS
    return "waiting", may_come_until if at < may_come_until else at + IDLE_MS


def _move(watch: Watch, home: str, tools: Tools) -> None:
    """Give a watch to the chat that its contact turned out to be a leg of."""
    for token in watch.tokens.values():
        secret = tools.vault.open(token.sealed, watch.initial_contact_id)
        moved = Token(token.kind, tools.vault.seal(secret, home), token.expires_at)
        tools.agenda.add_token(home, moved, due_at=now_ms())
    tools.agenda.move(watch, home, due_at=now_ms())


def _come_again(watch: Watch, tools: Tools, *, failure: str, after_ms: int) -> None:
    at = now_ms()
    memory = replace(watch.memory, first_seen_at=watch.memory.first_seen_at or at)
    over = at - memory.first_seen_at >= _LONGEST_CHAT_MS
    tools.agenda.settle(
        watch,
        memory=memory,
        # When nobody has mended it by then, at least its tokens go.
        done=watch.tokens.keys() if over else (),
        due=None if over else ("waiting", at + after_ms),
        expires_at=at + _KEPT_AFTER_MS if over else None,
        failure=failure,
    )
