"""An event loop in a thread of its own, which looks at the clock again and again."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from threading import Thread
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_LOG = logging.getLogger(__name__)


class LoopThread:
    """The thread; it begins at once, and ends with the process at the latest.

    Parameters
    ----------
    name
        Of the thread.
    tick, tick_s
        What to do on the loop, and how often in the machine's time. No timer of the loop goes by
        another clock, so what is due is found by looking.
    end
        Awaited on the loop at last, once it was stopped; what is left then is cancelled.
    ended
        Called once it takes no more calls, whyever, before the tasks that are left are cancelled.
    """

    def __init__(
        self,
        name: str,
        *,
        tick: Callable[[], None],
        tick_s: float,
        end: Callable[[], Awaitable[None]],
        ended: Callable[[], None],
    ) -> None:
        self._tick = tick
        self._tick_s = tick_s
        self._end = end
        self._ended = ended
        self._stopping = asyncio.Event()
        self._loop = asyncio.new_event_loop()
        self._loop.set_exception_handler(_note)
        self._thread = Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def call[*Arguments](
        self, function: Callable[[*Arguments], None], *arguments: *Arguments
    ) -> None:
        """Have something called on the loop, by any thread."""
        self._loop.call_soon_threadsafe(function, *arguments)

    def stop(self, timeout_s: float) -> None:
        """Let it end, and wait so long for that."""
        self.call(self._stopping.set)
        self._thread.join(timeout_s)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            try:
                runner.run(self._serve())
            finally:
                self._ended()

    async def _serve(self) -> None:
        while not self._stopping.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(self._tick_s):
                    await self._stopping.wait()
            self._tick()
        await self._end()


def _note(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Log what nobody expected on the loop, by its kind: its text may hold a URL."""
    error = context.get("exception")
    _LOG.error("Something failed on an event loop unexpectedly: %s", type(error).__name__)
