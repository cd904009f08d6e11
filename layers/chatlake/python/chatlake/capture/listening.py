"""The websockets of live chats: which are opened, what is heard of each, and what follows.

An archive's socket is never the first of its chat: a chat that nobody attends ends after five
minutes, and a socket would keep it alive. So one is opened once the customer's page is known to be
there. What was before comes by one read after the socket is open, which it then need not do again:
a chat is *covered* from then on, until the socket breaks.
"""

from __future__ import annotations

import time
from enum import Enum, auto
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from chatlake.aws_clients.metric_names import Metric
from chatlake.capture.attended import is_attended
from chatlake.capture.ear import Ear
from chatlake.documents.item_ids import METADATA, METADATA_ITEMS
from chatlake.documents.legs import legs_of
from chatlake.documents.lifecycle import saw_end
from chatlake.identifiers import text_id
from chatlake.participant_exceptions import ParticipantDenied, ParticipantError, ParticipantRejected
from chatlake.sources.frame import from_frames, is_of, need_legs
from chatlake.timestamps import now_ms

if TYPE_CHECKING:
    from collections.abc import Iterable

    from chatlake.capture.capture_services import CaptureServices
    from chatlake.capture.live_chat import LiveChat
    from chatlake.capture.socket_pool import SocketPool
    from chatlake.capture.sockets import SocketEvent
    from chatlake.documents.document import Document
    from chatlake.json_codec import JsonObject

_LONGEST_WAIT_S = 0.25
CLOSES_WITHIN_MS = 2_000
"""After the item that says that the chat has ended; until then, more may come."""


class Reaction(Enum):
    """What follows for a chat of something that happened to its socket."""

    NOTHING = auto()
    HEARD = auto()
    OPENED = auto()
    """What was before is to be read, unless another process has heard it."""
    READ = auto()
    """It is to be read: something may have been missed."""
    OPEN = auto()
    """It is to be opened again, in the place of the one that is open."""
    REFUSED = auto()
    """It is read from now on."""
    END = auto()
    """It has ended, and nothing more comes."""


_NONE = Ear()


class Listening:
    """What one process listens to; one thread uses it, but for `open`."""

    def __init__(self, sockets: SocketPool | None, services: CaptureServices) -> None:
        self._sockets = sockets
        self._services = services
        self._ears: dict[str, Ear] = {}

    def take(self) -> list[SocketEvent]:
        """Return what has happened to sockets since the last time."""
        return [] if self._sockets is None else self._sockets.take()

    def sleep(self, seconds: float) -> None:
        """Sleep, but not while something happens to sockets."""
        if self._sockets is None:
            time.sleep(seconds)
        else:
            self._sockets.wait(min(seconds, _LONGEST_WAIT_S))

    def covers(self, chat: str) -> bool:
        """Return whether a chat need not be read."""
        return self._ears.get(chat, _NONE).covered

    def has(self, chat: str) -> bool:
        """Return whether a chat's socket is open, or about to be."""
        ear = self._ears.get(chat, _NONE)
        return ear.opening or ear.opened_at is not None

    def wants(self, live: LiveChat, at: int) -> bool:
        """Return whether a chat's socket is to be opened now."""
        if self._sockets is None or live.participant_token is None or live.is_refused:
            return False
        ear = self._ears.setdefault(live.chat, Ear())
        if self.has(live.chat) or ear.refused or ear.ended_at is not None or at < ear.try_at:
            return False
        return self._sockets.has_room and is_attended(live.known)

    def begin(self, chat: str) -> None:
        """Note that a chat's socket is about to be opened."""
        self._ears.setdefault(chat, Ear()).opening = True

    def open_by(self, live: LiveChat) -> bool:
        """Have a chat's socket opened by a URL that it has; False if it has none that is good."""
        url = live.take_url()
        if url is None or self._sockets is None or not self._sockets.open(live.chat, url):
            return False
        self.begin(live.chat)
        return True

    def open(self, live: LiveChat) -> None:
        """Get the URL of a chat's socket, and have it opened; any thread may do so.

        Raises
        ------
        ParticipantError, botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError
            There is none.
        """
        assert self._sockets is not None
        url = self._new_url(live)
        if url is None or not self._sockets.open(live.chat, url):
            self._ears[live.chat].opening = False

    def not_opened(self, chat: str, error: BaseException) -> bool:
        """Note that a URL was not to be had; return False if nobody foresaw that error."""
        ear = self._ears[chat]
        ear.opening = False
        if isinstance(error, ParticipantDenied | ParticipantRejected):
            # Whether the token has died, a read finds out.
            ear.refused = True
        elif isinstance(error, ParticipantError | ClientError | BotoCoreError):
            ear.back_off(now_ms())
        else:
            return False
        return True

    def hear(self, event: SocketEvent, live: LiveChat) -> Reaction:
        """Merge what has come of a chat, and return what follows."""
        ear = self._ears.setdefault(live.chat, Ear())
        match event.kind:
            case "opened":
                self._services.counters.add(Metric.SOCKETS_OPENED)
                ear.opened(event.at_ms, live.known)
                return Reaction.NOTHING if ear.covered else Reaction.OPENED
            case "items":
                return self._merge(event, live, ear)
            case "refused":
                self._services.counters.add(Metric.SOCKETS_REFUSED)
                ear.opening, ear.refused = False, True
                return Reaction.NOTHING if ear.opened_at is not None else Reaction.REFUSED
            case "renew":
                # It is told only while none is being opened: one that was has failed.
                ear.opening = False
                wanted = not ear.refused and live.participant_token is not None
                return Reaction.OPEN if wanted else Reaction.NOTHING
            case "lost":
                return self._lost(event, live, ear)

    def was_read(self, live: LiveChat) -> None:
        """Note how far a chat has been read: no matter by whom, or what for."""
        ear = self._ears.get(live.chat)
        if ear is None or ear.opened_at is None or ear.covered or live.reached_at is None:
            return
        if live.reached_at >= max(ear.opened_at, ear.missed_at):
            ear.covered = True
            self._services.counters.add(Metric.GAPS_READ)
            self.observe(live)

    def observe(self, live: LiveChat) -> None:
        """Note in a chat's document until when its socket has been open without a break."""
        until = self._observed_until(live.chat)
        live.is_heard = until is not None
        if until is not None:
            live.observe(until)

    def ended(self, at: int) -> list[str]:
        """Return chats that said that they ended, and whose sockets did not close in time."""
        return [
            chat
            for chat, ear in self._ears.items()
            if ear.ended_at is not None and at - ear.ended_at >= CLOSES_WITHIN_MS
        ]

    def forget(self, chat: str) -> None:
        """Close a chat's socket, if it has one."""
        if self._ears.pop(chat, None) is not None and self._sockets is not None:
            self._sockets.close(chat)

    def listened(self) -> set[str]:
        """Return the chats whose sockets are open, or about to be."""
        return {chat for chat in self._ears if self.has(chat)}

    def waiting(self) -> tuple[int, int]:
        """Return how many chats' sockets are open whose gap is to be read, and whose is short."""
        gaps = [ear for ear in self._ears.values() if ear.opened_at is not None and not ear.covered]
        short = sum(ear.gap_is_short for ear in gaps)
        return len(gaps) - short, short

    def short_gap_ms(self, chat: str) -> int | None:
        """Return how long the moment is of which alone nothing is known of a chat; None if longer.

        It was read just then: by the URL that came with that read's connection it is opened.
        """
        ear = self._ears.get(chat, _NONE)
        return ear.gap_ms if ear.gap_is_short else None

    def covered(self) -> set[str]:
        """Return the chats of which all is heard."""
        return {chat for chat, ear in self._ears.items() if ear.covered}

    def opened_at(self, chat: str) -> int | None:
        """Return since when a chat's socket has been open, in epoch ms; None if it is not."""
        return self._ears.get(chat, _NONE).opened_at

    def cover(self, chat: str) -> None:
        """Note that all of a chat is known that was before its socket."""
        if (ear := self._ears.get(chat)) is not None and ear.opened_at is not None:
            ear.covered = True

    def missed(self, chat: str) -> None:
        """Note that something of a chat is not known that was taken for known."""
        if (ear := self._ears.get(chat)) is not None:
            ear.missed(now_ms())

    def _observed_until(self, chat: str) -> int | None:
        if self._sockets is None or not self.covers(chat):
            return None
        return self._sockets.observed_until(chat)

    def _new_url(self, live: LiveChat) -> str | None:
        if (token := live.participant_token) is None:
            return None
        secret = self._services.token_cipher.open(token.sealed, live.chat)
        return self._services.service.connect(secret, websocket=True).url

    def _merge(self, event: SocketEvent, live: LiveChat, ear: Ear) -> Reaction:
        legs = legs_of(live.known) if need_legs(event.items) else set[str]()
        own = [item for item in event.items if is_of(item, live.chat, legs)]
        if rejected := len(event.items) - len(own):
            self._services.counters.add(Metric.FRAMES_REJECTED, rejected)
        unread = ear.gap_is_short and not ear.covered
        missed = bool(rejected or event.reason or (unread and _tell_of_others(own, live.known)))
        # What it was is not known: a read brings it, if it is this chat's.
        if missed:
            ear.missed(event.at_ms)
        if own:
            heard = from_frames(
                live.chat,
                own,
                legs=legs,
                read_at=event.at_ms,
                observed_until_ms=self._observed_until(live.chat),
                whole=False,
            )
            live.hear(self._services.store.policy.applied(heard))
        if saw_end(live.known) and ear.ended_at is None:
            ear.ended_at = event.at_ms
            if ear.covered:
                live.observe(event.at_ms, whole=True)
                live.read_all = True
        return Reaction.READ if missed else Reaction.HEARD

    def _lost(self, event: SocketEvent, live: LiveChat, ear: Ear) -> Reaction:
        if ear.covered and ear.ended_at is None:
            live.observe(event.at_ms)
        ear.lost(event.at_ms)
        if ear.ended_at is not None:
            return Reaction.END
        self._services.counters.add(Metric.SOCKETS_LOST)
        ear.back_off(now_ms())
        return Reaction.READ


def _tell_of_others(items: Iterable[JsonObject], known: Document) -> bool:
    """Return whether items are receipts of a message that is not known: it was missed."""
    for item in items:
        if item.get("Type") in METADATA_ITEMS:
            metadata = item.get(METADATA)
            named = text_id(metadata.get("MessageId")) if isinstance(metadata, dict) else None
            if (named or text_id(item.get("Id"))) not in known.items:
                return True
    return False
