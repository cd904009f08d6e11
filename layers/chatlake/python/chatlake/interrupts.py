"""Ctrl-C ends a command at once, wherever it falls.

Nothing is raised: what a lake holds outlives a process that is killed, while an exception between
any two instructions gets lost in a callback, comes out of a library as an error of its own, or
leaves a thread behind that Python waits for at the end for ever.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import tempfile
import threading
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_EXIT_CODE = 128 + signal.SIGINT
_SHOW_CURSOR = "\x1b[?25h"
_LAST_ACT_S = 5
_temporary: set[Path] = set()
_last_acts: list[Callable[[], object]] = []


def end_on_ctrl_c(last_words: str) -> None:
    """From now on let Ctrl-C end the process with a line on standard error.

    Where interrupts are ignored, as in the background of a shell, they still are.
    """

    def end(*_: object) -> NoReturn:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        for act in _last_acts:
            # In a thread: what was interrupted may hold a lock that the act needs, too.
            acting = threading.Thread(target=_do_or_not, args=(act,), daemon=True)
            acting.start()
            acting.join(_LAST_ACT_S)
        for path in _temporary:
            with suppress(OSError):
                if path.is_dir():
                    shutil.rmtree(path)
                else:
                    path.unlink()
        cursor = _SHOW_CURSOR if os.isatty(2) else ""
        with suppress(OSError):
            # Not through sys.stderr, which the interrupted instruction may be in the midst of.
            os.write(2, f"{cursor}\n{last_words}\n".encode())
        os._exit(_EXIT_CODE)

    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, end)


def _do_or_not(act: Callable[[], object]) -> None:
    # Whoever pressed Ctrl-C waits for the end, and not for a reason why something was not done.
    with suppress(Exception):
        act()


@contextmanager
def done_on_ctrl_c(act: Callable[[], object]) -> Iterator[None]:
    """Let Ctrl-C do something before the process ends, as long as the block lasts.

    It has five seconds, and a thread of its own.
    """
    _last_acts.append(act)
    try:
        yield
    finally:
        _last_acts.remove(act)


@contextmanager
def gone_on_ctrl_c(path: Path) -> Iterator[None]:
    """Let Ctrl-C remove a file or folder as long as the block lasts."""
    _temporary.add(path)
    try:
        yield
    finally:
        _temporary.discard(path)


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Make a folder that is gone afterwards, and after Ctrl-C, too."""
    folder = Path(tempfile.gettempdir(), f"chatlake-{secrets.token_hex(8)}")
    with gone_on_ctrl_c(folder):
        try:
            folder.mkdir(mode=0o700)
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
