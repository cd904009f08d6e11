"""The frames of live chats on their way: each to all sockets that are subscribed to its chat."""

from __future__ import annotations

from collections import defaultdict
from functools import partial
from heapq import heappop, heappush
from itertools import count
from typing import TYPE_CHECKING

from local.participant_service.frames import as_text, frames_of
from local.participant_service.listeners import Push, send
from local.participant_service.tokens import end_ms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from local.clock import Clock
    from local.participant_service.behaviour import Behaviour
    from local.participant_service.endings import Endings
    from local.participant_service.frames import Frame
    from local.participant_service.listeners import Listener
    from local.scripted.chat import Chat

# Seconds of the machine. A clock may be set at any time, so it is looked at even if nothing is due.
_SHORTEST_WAIT_S = 0.002
_LONGEST_WAIT_S = 0.02


class _Feed:
    """The frames of one chat from a moment on, and who gets them; made for its first socket."""

    __slots__ = ("_frames", "_next", "chat", "listeners", "turn")

    def __init__(self, chat: Chat, frames: list[Frame], as_of_ms: int) -> None:
        self.chat = chat
        self.listeners: list[Listener] = []
        self.turn = 0
        self._frames = [frame for frame in frames if frame.due_ms > as_of_ms]
        self._next = 0

    def take(self, as_of_ms: int) -> Iterator[Frame]:
        """Yield what is due and was not yielded before."""
        while self._next < len(self._frames) and self._frames[self._next].due_ms <= as_of_ms:
            self._next += 1
            yield self._frames[self._next - 1]

    def next_ms(self) -> int:
        """Return when something is to be done next; someone must be listening."""
        ends = [end_ms(listener.holder) for listener in self.listeners]
        due = [frame.due_ms for frame in self._frames[self._next : self._next + 1]]
        return min(ends + due)


class Feeds:
    """The feeds of all chats with a socket. All is done in one thread, that of the event loop.

    Attributes
    ----------
    pushed
        What was sent of each chat, whichever of its sockets it went to.
    """

    def __init__(self, clock: Clock, endings: Endings, behaviour: Behaviour) -> None:
        self.pushed = defaultdict[str, list[Push]](list)
        self._clock = clock
        self._endings = endings
        self._behaviour = behaviour
        self._feeds: dict[str, _Feed] = {}
        self._waiting: list[_Feed] = []
        self._agenda: list[tuple[int, int, Callable[[], object]]] = []
        self._number = count()

    def subscribe(self, listener: Listener) -> None:
        """Let a socket have all that comes from now on, and nothing that was before."""
        chat = listener.holder.chat
        feed = self._feeds.get(chat.initial_contact_id)
        if feed is None:
            as_of_ms = self._endings.as_of(chat, self._clock.now_ms())
            feed = _Feed(chat, frames_of(chat, self._behaviour), as_of_ms)
            self._feeds[chat.initial_contact_id] = feed
        else:
            self._advance(feed)
        if listener not in feed.listeners:
            feed.listeners.append(listener)
        self._feeds[chat.initial_contact_id] = feed
        self._advance(feed)

    def drop(self, listener: Listener) -> None:
        """Send nothing more to a socket."""
        feed = self._feeds.get(listener.contact_id)
        if feed is not None and listener in feed.listeners:
            feed.listeners.remove(listener)
            self._forget_if_unheard(feed)

    def at(self, at_ms: int, call: Callable[[], object]) -> None:
        """Let something be done at a time of the clock."""
        heappush(self._agenda, (at_ms, next(self._number), call))

    def run_due(self) -> float:
        """Do what is due; return the seconds of the machine to wait until the next time."""
        now_ms = self._clock.now_ms()
        while self._agenda and self._agenda[0][0] <= now_ms:
            heappop(self._agenda)[2]()
        waiting, self._waiting = self._waiting, []
        for feed in waiting:
            self._turn(feed, feed.turn)
        if not self._agenda:
            return _LONGEST_WAIT_S
        wait_s = (self._agenda[0][0] - self._clock.now_ms()) / 1000 / self._clock.speed
        return min(max(wait_s, _SHORTEST_WAIT_S), _LONGEST_WAIT_S)

    def _turn(self, feed: _Feed, turn: int) -> None:
        """Go on with a feed, unless that was done since it was asked for."""
        if feed.turn == turn and feed.listeners:
            self._advance(feed)

    def _advance(self, feed: _Feed) -> None:
        """Send what is due of a chat, let go who is not part of it any more, and come again."""
        now_ms = self._clock.now_ms()
        as_of_ms = self._endings.as_of(feed.chat, now_ms)
        for frame in feed.take(as_of_ms):
            self._push(frame, feed.listeners)
        for listener in list(feed.listeners):
            if end_ms(listener.holder) <= as_of_ms:
                feed.listeners.remove(listener)
                # What is slow on its way is there before the end is.
                self.at(now_ms + listener.delay_ms, listener.close)
        feed.turn += 1
        if self._forget_if_unheard(feed):
            return
        next_ms = feed.next_ms()
        if next_ms <= now_ms:
            # Its end waits: until when, only the endings know.
            self._waiting.append(feed)
        else:
            self.at(next_ms, partial(self._turn, feed, feed.turn))

    def _push(self, frame: Frame, listeners: Iterable[Listener]) -> None:
        [*prompt] = (listener for listener in listeners if not listener.delay_ms)
        self._send(frame, prompt)
        for listener in listeners:
            if listener.delay_ms:
                due_ms = self._clock.now_ms() + listener.delay_ms
                self.at(due_ms, partial(self._send, frame, [listener]))

    def _send(self, frame: Frame, listeners: Iterable[Listener]) -> None:
        hearing = [listener for listener in listeners if listener.hears]
        if not hearing:
            return
        chat = hearing[0].contact_id
        send(hearing, as_text(frame.content(chat)))
        push = Push(self._clock.now_ms(), frame)
        self.pushed[chat].append(push)
        for listener in hearing:
            listener.note(push)

    def _forget_if_unheard(self, feed: _Feed) -> bool:
        if feed.listeners:
            return False
        self._feeds.pop(feed.chat.initial_contact_id, None)
        return True
