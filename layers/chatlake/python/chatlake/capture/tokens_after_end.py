"""Whether tokens are worth a call when their chat has ended, as those before have shown.

AWS's staff say that tokens die with their chat, and its documentation hints that a ConnectionToken
may live for a day. Where they die, a call for each chat that ended would be taken from those that
live, who share the rate.
"""

from __future__ import annotations

from threading import Lock

_ENOUGH = 20
_PROBED = 10


class TokensAfterEnd:
    """What was learned from chats that ended, of tokens of one kind.

    After 20 of them in a row whose token was denied, only one in ten is tried, until one opens.
    Safe beside other threads.
    """

    def __init__(self) -> None:
        self._denied = 0
        self._passed_over = 0
        self._lock = Lock()

    def is_worth_a_call(self) -> bool:
        """Return whether the token of one more such chat is to be tried."""
        with self._lock:
            if self._denied < _ENOUGH:
                return True
            self._passed_over = (self._passed_over + 1) % _PROBED
            return self._passed_over == 0

    def note(self, *, opened: bool) -> None:
        """Note whether one that was tried opened its chat."""
        with self._lock:
            self._denied = 0 if opened else self._denied + 1
