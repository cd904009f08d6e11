"""A live chat as the process has it that reads it: all that is known, written or not.

A chat is read far more often than it is written. What a read brings is kept here and written at the
end, when the process hands over, and now and then between; a process that dies takes with it the
receipts of its last minutes, of chats that end before the next process reads them.
"""

from __future__ import annotations

from dataclasses import replace
from functools import reduce
from typing import TYPE_CHECKING

from chatlake.aws_clients.metric_names import Metric
from chatlake.capture.capture_state import SOCKET_REFUSED
from chatlake.capture.fetch import Fetched, own_documents
from chatlake.capture.token_reading import read_transcript
from chatlake.documents.document import Document, ParticipantReads, merge
from chatlake.documents.item_ids import METADATA_ITEMS
from chatlake.documents.lifecycle import saw_end
from chatlake.documents.observation import chat_end
from chatlake.documents.receipt_events import RECEIPT_EVENTS
from chatlake.documents.revision import content_revision
from chatlake.documents.upsert import upsert
from chatlake.timestamps import now_ms

if TYPE_CHECKING:
    from collections.abc import Iterable

    from chatlake.capture.capture_services import CaptureServices
    from chatlake.capture.capture_state import CaptureState, Token
    from chatlake.capture.pagination import Sweep

WRITTEN_EVERY_MS = 5 * 60_000
"""A live chat's document is written that often at most, if what is known has changed."""

ATTEMPTED_EVERY_MS = 60 * 60_000
"""A live chat is looked at as a whole that often: it may be idle, or given up."""

# The service says a hundred seconds from when it was asked.
_URL_GOOD_MS = 80_000
_RECEIPTS = frozenset({*METADATA_ITEMS, *RECEIPT_EVENTS})


class LiveChat:
    """What a process knows of one live chat; one thread at a time may use it.

    Attributes
    ----------
    chat
        Its initial contact id.
    known
        All that is known of it.
    due_at
        As the schedule has it; another value says that something was noted.
    changed_at
        When the content last changed, in epoch milliseconds.
    failures
        Reads in a row that failed.
    read_all
        Whether a read has brought the whole transcript after the end.
    calls
        How many pages the last read took.
    reached_at
        When the last read began that came to everything that may be new, in epoch ms; None if none
        has.
    attempted_at
        When it was last looked at as a whole.
    is_heard
        Whether its websocket has brought all until now; whoever listens says so.
    gone
        Whether the schedule knows nothing of it any longer.
    """

    def __init__(self, state: CaptureState, known: Document, *, at: int) -> None:
        self.chat = state.initial_contact_id
        self.known = known
        self.due_at = state.due_at
        self.changed_at = at
        self.failures = 0
        self.read_all = False
        self.closed: set[str] = set()
        self.failure: str | None = None
        self.changed = False
        self.calls = 1
        self.reached_at: int | None = None
        self.attempted_at = at
        self.is_heard = False
        self.gone = False
        self._state = state
        self._sweep: Sweep | None = None
        self._url: tuple[str, int] | None = None
        self._end_unwritten = False
        self._content: str | None = content_revision(known)
        self._written = (self._content, at)
        self._written_messages = _messages(known)

    def read(self, services: CaptureServices) -> bool:
        """Read the transcript as far as something can be new.

        Returns
        -------
        bool
            True if the chat is to be looked at as a whole: it has ended, or its tokens have.
        """
        fetched = Fetched()
        read_transcript(self._state, fetched, self.known, services, whole=False, sweep=self._sweep)
        self._sweep = fetched.sweep if fetched.calls else self._sweep
        self.calls = max(1, fetched.calls)
        self.failures = self.failures + 1 if fetched.retry else 0
        self.reached_at = fetched.reached_at or self.reached_at
        self.read_all |= fetched.read_all
        self.failure = fetched.failure
        self._take_tokens(fetched, services)
        if fetched.url is not None:
            self.keep_url(fetched.url, now_ms())
        own = own_documents(fetched.documents, self.chat)
        self.learn(own)
        return (
            saw_end(self.known)
            or not self._state.tokens
            or len(own) < len(fetched.documents)
            or fetched.failure is not None
            or now_ms() - self.attempted_at >= ATTEMPTED_EVERY_MS
        )

    def learn(self, documents: Iterable[Document]) -> None:
        """Merge what was read."""
        before = self.content
        self.known = reduce(merge, documents, self.known)
        self._content = None
        self.changed = self.content != before
        if self.changed:
            self.changed_at = now_ms()

    def hear(self, heard: Document) -> None:
        """Merge what its websocket brought: there is always something new in it."""
        self.known = merge(self.known, heard)
        self._content = None
        self.changed = True
        self.changed_at = now_ms()

    def observe(self, until_ms: int, *, whole: bool = False) -> None:
        """Note until when all was heard, in epoch ms, which is no content.

        `whole` if that was the chat's end. Connect's clock may be ahead of this one: who heard the
        end was there when it came.
        """
        before = self.known.participant
        end_us = chat_end(self.known) if whole else None
        until_ms = until_ms if end_us is None else max(until_ms, -(-end_us // 1000))
        back = before is not None and before["whole_read_at"] is not None
        reads: ParticipantReads = {
            "read_at": until_ms,
            "whole_read_at": until_ms if whole and back else None,
            "observed_until": until_ms * 1000,
            "saw_end": False,
        }
        self.known = merge(self.known, Document(self.chat, participant=reads))
        # Rows say so, though it is no content.
        self._end_unwritten |= whole

    @property
    def content(self) -> str:
        """The content revision of what is known."""
        if self._content is None:
            self._content = content_revision(self.known)
        return self._content

    def is_to_be_written(self, services: CaptureServices) -> bool:
        """Return whether what is known is to be written now."""
        content, at = self._written
        # Where no export brings the messages again, none is left to memory alone.
        if now_ms() - at >= WRITTEN_EVERY_MS or (
            not services.exports_come and _messages(self.known) != self._written_messages
        ):
            return content != self.content
        return False

    @property
    def is_written(self) -> bool:
        """Whether all that is known is in the stored document."""
        return self._written[0] == self.content and not self._end_unwritten

    def write(self, services: CaptureServices) -> bool:
        """Merge what is known into the stored document; False if that is no longer wanted.

        A chat that cannot be written, or was erased, is left to an attempt.
        """
        upserted = upsert(
            [self.known], store=services.store, chats=services.chats, ask_published=False
        )
        if upserted.left_out:
            services.counters.add(Metric.CONTENT_LEFT_OUT, upserted.left_out)
        for damaged, reason in upserted.failed.items():
            services.note(Metric.UNREADABLE_DOCUMENTS, damaged, reason)
        stored = upserted.stored.get(self.chat)
        if stored is None:
            return False
        self.known = stored.document
        self._content = None
        self._written_messages = _messages(self.known)
        self._written = (self.content, now_ms())
        self._end_unwritten = False
        return True

    def write_late(self, services: CaptureServices) -> None:
        """Write what is not yet written of a chat that others serve; it is due again then."""
        if not self.is_written and self.write(services) and saw_end(self.known):
            services.schedule.make_due(self.chat, phase="ended", due_at=now_ms())

    def was_written(self, stored: Document | None) -> None:
        """Note what the stored document has, if there is one."""
        content = None if stored is None else content_revision(stored)
        self._written = (content or "", self._written[1])
        self._written_messages = frozenset() if stored is None else _messages(stored)

    @property
    def participant_token(self) -> Token | None:
        """A token that gives connections; None if none is left."""
        tokens = self._state.tokens.values()
        return next((token for token in tokens if token.kind == "participant"), None)

    @property
    def is_refused(self) -> bool:
        """Whether a websocket of it was refused, by this process or by one before."""
        return SOCKET_REFUSED in self._state.told

    def note_refusal(self, services: CaptureServices) -> None:
        """Remember that it gets no websocket: what was tried once is not tried again."""
        services.schedule.keep_told(self.chat, SOCKET_REFUSED)
        self._state = replace(self._state, told=self._state.told | {SOCKET_REFUSED})

    def keep_url(self, url: str | None, at: int) -> None:
        """Keep the URL of a websocket, which is good for little more than a minute."""
        self._url = None if url is None else (url, at)

    def take_url(self) -> str | None:
        """Return a URL that can still be opened, once; None if there is none."""
        url, self._url = self._url, None
        return url[0] if url and now_ms() - url[1] < _URL_GOOD_MS else None

    def _take_tokens(self, fetched: Fetched, services: CaptureServices) -> None:
        self.closed |= fetched.done & self._state.tokens.keys()
        tokens = {n: t for n, t in self._state.tokens.items() if n not in fetched.done}
        for name, token in fetched.tokens.items():
            services.schedule.keep_token(self.chat, token)
            tokens[name] = token
        self._state = replace(self._state, tokens=tokens)


def _messages(document: Document) -> frozenset[str]:
    """Return the items that say more than what was received and read."""
    return frozenset(
        item_id
        for item_id, stored in document.items.items()
        if stored["versions"][0]["item"].get("Type") not in _RECEIPTS
    )
