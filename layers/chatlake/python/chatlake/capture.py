"""Capture: a look at a chat that is due. Read what can be read, merge it, say when to come again.

What a look found is in the document before anything is taken off the agenda, and the publisher is
told before the chat leaves it; so a look that is cut off is simply repeated.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import reduce
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from chatlake.contact_events import from_event
from chatlake.document import Document, merge
from chatlake.exceptions import (
    DamagedDocument,
    ParticipantDenied,
    ParticipantError,
    ParticipantRejected,
    ParticipantThrottled,
    RejectedInput,
)
from chatlake.intake import legs_of, take_in
from chatlake.json_codec import loads
from chatlake.publishable import IDLE_MS, SETTLE_MS, is_ended
from chatlake.revision import revision
from chatlake.tally import Tally
from chatlake.timestamps import now_ms
from chatlake.transcript_export import from_export
from chatlake.transcript_response import from_response
from chatlake.transcript_scan import scan
from chatlake.watch import Memory, Token, Watch

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from chatlake.agenda import Agenda, Phase
    from chatlake.chats import Chats
    from chatlake.document_store import DocumentStore
    from chatlake.participant import Page, ParticipantService
    from chatlake.vault import Vault

FIRST_LOOK_MS = 30_000
"""From the first word of a chat to its first snapshot."""

_TOKEN_MAY_COME_MS = 15 * 60_000
_LONGEST_CHAT_MS = 8 * 24 * 3_600_000
_KEPT_AFTER_MS = 7 * 24 * 3_600_000
_RETRY_MS = 15_000
_LONGEST_RETRY_MS = 15 * 60_000
# Of a last read that an unreachable service keeps from ending.
_MOST_RETRIES = 60
_DAMAGED = "damaged document"


@dataclass(frozen=True, slots=True)
class Tools:
    """What a look at a chat works with.

    Attributes
    ----------
    read_export
        Gives the bytes of the export under a key; None if there is no such object.
    announce
        Tells the publisher of chats, each with the revision of its document ("" if unknown).
    interval_ms
        Gives the time between two snapshots of one chat as it is at present.
    tally
        Counts what happened, by metric name.
    warn
        Takes what went wrong (a metric's name), the chat, and why.
    """

    agenda: Agenda
    chats: Chats
    store: DocumentStore
    vault: Vault
    service: ParticipantService
    read_export: Callable[[str], bytes | None]
    announce: Callable[[dict[str, str]], None]
    interval_ms: Callable[[], int]
    warn: Callable[[str, str, str], None]
    may_go_on: Callable[[], bool] = lambda: True
    tally: Tally = field(default_factory=Tally)

    def note(self, problem: str, chat: str, reason: str) -> None:
        """Count a problem and say which chat has it."""
        self.tally.add(problem)
        self.warn(problem, chat, reason)


@dataclass(slots=True)
class _Look:
    """What one look brought."""

    documents: list[Document] = field(default_factory=list)
    done: set[str] = field(default_factory=set)
    tokens: dict[str, Token] = field(default_factory=dict)
    read_all: bool = False
    retry: bool = False
    failure: str | None = None


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
    look = _Look(failure=None if watch.failure == _DAMAGED else watch.failure)
    _take_events(watch, look, tools)
    _take_exports(watch, look, tools)
    try:
        stored = tools.store.read(chat)
    except DamagedDocument as error:
        tools.note("DamagedDocuments", chat, str(error))
        _come_again(watch, tools, failure=_DAMAGED, after_ms=IDLE_MS)
        return
    known = reduce(merge, _own(look.documents, chat), stored.document if stored else Document(chat))
    ended = is_ended(known)
    if not (ended and watch.memory.last_read_done):
        _read_transcript(watch, look, known, tools, whole=ended)
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
        tools.agenda.remove(chat)
        return
    for damaged, reason in intake.failed.items():
        tools.note("DamagedDocuments", damaged, reason)
    after = reduce(merge, _own(look.documents, chat), known)
    named_another = len(_own(look.documents, chat)) < len(look.documents)
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
    _settle(watch, look, after, tools, changed=changed)


def _own(documents: list[Document], chat: str) -> list[Document]:
    return [document for document in documents if document.initial_contact_id == chat]


def _take_events(watch: Watch, look: _Look, tools: Tools) -> None:
    for name, event in watch.events.items():
        look.done.add(name)
        try:
            look.documents.append(
                from_event(event, initial_contact_id=watch.initial_contact_id)
                if not _is_own(event, watch)
                else from_event(event)
            )
        except RejectedInput as error:
            tools.note("RejectedEvents", watch.initial_contact_id, str(error))


def _is_own(event: dict[str, object], watch: Watch) -> bool:
    """Tell whether an event came under its own contact, because nothing named its chat."""
    detail = event.get("detail")
    spellings = ("contactId", "ContactId")
    return isinstance(detail, dict) and watch.initial_contact_id in map(detail.get, spellings)


def _take_exports(watch: Watch, look: _Look, tools: Tools) -> None:
    for name, key in watch.exports.items():
        read_at = now_ms()
        try:
            data = tools.read_export(key)
        except ClientError as error:
            tools.note("ExportsUnavailable", key, str(error.response["Error"]["Code"]))
            look.retry = True
            continue
        look.done.add(name)
        if data is None:
            tools.note("ExportsGone", key, "there is no such object")
            continue
        try:
            look.documents.append(_export(data, read_at))
            tools.tally.add("ExportsRead")
        except (RejectedInput, ValueError) as error:
            tools.note("RejectedExports", key, str(error))
            look.failure = "rejected export"


def _export(data: bytes, read_at: int) -> Document:
    value = loads(data.removeprefix(b"\xef\xbb\xbf"))
    if not isinstance(value, dict):
        message = "it is no object"
        raise RejectedInput(message)
    return from_export(value, read_at=read_at)


def _read_transcript(
    watch: Watch, look: _Look, known: Document, tools: Tools, *, whole: bool
) -> None:
    """Read the transcript by the first token that opens it."""
    at = now_ms()
    chat = watch.initial_contact_id
    tokens = {
        name: token
        for name, token in watch.tokens.items()
        if token.expires_at is None or token.expires_at > at
    }
    look.done |= watch.tokens.keys() - tokens.keys()
    # Connections first: a ParticipantToken costs a further call.
    for name, token in sorted(tokens.items(), key=lambda named: named[1].kind):
        try:
            if _read_by(token, watch, look, known, tools, whole=whole):
                return
            tools.note("EmptyTranscripts", chat, "though it has items")
        except ParticipantDenied:
            look.done.add(name)
        except ParticipantRejected as error:
            # Asking again with this token would be rejected again.
            look.done.add(name)
            look.failure = str(error)
            tools.note("ReadsRejected", chat, str(error))
        except (ClientError, BotoCoreError) as error:
            # Not the service's, whose errors have kinds of their own: the token stays sealed.
            tools.note("ReadsFailed", chat, f"a token was not opened: {type(error).__name__}")
            look.retry = True
        except ParticipantError as error:
            throttled = isinstance(error, ParticipantThrottled)
            tools.note("ReadsThrottled" if throttled else "ReadsFailed", chat, str(error))
            look.retry = True
            return
    if watch.tokens and watch.tokens.keys() <= look.done and not look.tokens:
        tools.tally.add("ParticipantSourcesClosed")


def _read_by(
    token: Token, watch: Watch, look: _Look, known: Document, tools: Tools, *, whole: bool
) -> bool:
    """Read by one token; False if the answer was empty though the chat has items."""
    chat = watch.initial_contact_id
    connection = tools.vault.open(token.sealed, chat)
    fresh: Token | None = None
    if token.kind == "participant":
        made = tools.service.connect(connection)
        connection = made.token
        fresh = Token("connection", tools.vault.seal(connection, chat), made.expires_at)

    def read_page(next_token: str | None) -> Page:
        tools.tally.add("GetTranscriptCalls")
        return tools.service.get_transcript(connection, next_token=next_token)

    read_at = now_ms()
    found = scan(read_page, known, whole=whole, may_go_on=tools.may_go_on)
    if not found.items and known.items:
        return False
    if fresh is not None:
        look.tokens[fresh.name] = fresh
    try:
        response = found.response(chat)
        document = from_response(response, read_at=read_at, whole=found.whole)
    except RejectedInput as error:
        look.failure = f"GetTranscript: {error}"
        tools.note("ReadsRejected", chat, look.failure)
        return True
    look.documents.append(document)
    if document.initial_contact_id != chat:
        # The token was registered under a leg; its items alone may not show that.
        tools.chats.add_legs({chat: document.initial_contact_id}, provisional=False)
    tools.tally.add("TranscriptsRead")
    look.read_all = whole and found.whole
    look.retry |= found.error is not None or (whole and not found.whole)
    look.failure = None
    return True


def _tell_of_moves(chat: str, announced: Collection[str], tools: Tools, *, itself: bool) -> None:
    """See to chats that this look has changed: legs that were taken for chats of their own.

    Those lose their rows, be it the chat of the look itself; another that is a chat gets a look
    of its own.
    """
    others = set(announced) - {chat}
    suspects = announced if itself else others
    moved = {suspect for suspect in suspects if tools.store.read(suspect) is None}
    if moved:
        tools.announce(dict.fromkeys(moved, ""))
    for other in others - moved:
        tools.agenda.make_due(other, phase="ended", due_at=now_ms())


def _settle(watch: Watch, look: _Look, document: Document, tools: Tools, *, changed: bool) -> None:
    """Announce the chat if its time has come, and note when it is due again."""
    at = now_ms()
    before = watch.memory
    legs, ended = len(legs_of(document)), is_ended(document)
    memory = replace(
        before,
        first_seen_at=before.first_seen_at or at,
        legs=legs,
        ended=ended,
        settled_since=before.settled_since if (legs, ended) == (before.legs, before.ended) else at,
        changed_at=at if changed else before.changed_at or at,
        # A leg that begins after all opens the chat again.
        last_read_done=ended and (before.last_read_done or look.read_all),
        retries=before.retries + 1 if look.retry else 0,
    )
    has_token = bool(watch.tokens.keys() - look.done or look.tokens)
    waits_for_read = look.retry and memory.retries <= _MOST_RETRIES
    settled = ended and at - memory.settled_since >= SETTLE_MS
    idle = at - memory.changed_at >= IDLE_MS
    over = settled or at - memory.first_seen_at >= _LONGEST_CHAT_MS
    newest = revision(document)
    if (settled or idle or over) and newest != before.announced:
        tools.announce({watch.initial_contact_id: newest})
        tools.tally.add("ChatsAnnounced")
        memory = replace(memory, announced=newest)
    if over and not waits_for_read:
        if document.participant is None and not document.exports:
            tools.note("ChatsWithoutSource", watch.initial_contact_id, "no token and no export")
        tools.agenda.settle(
            watch,
            memory=memory,
            done=look.done | watch.tokens.keys(),
            due=None,
            expires_at=at + _KEPT_AFTER_MS,
            failure=look.failure,
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
