"""Files that users name to write to: whole or not at all."""

from __future__ import annotations

import stat
from contextlib import contextmanager
from typing import TYPE_CHECKING

from chatlake.interrupts import gone_on_ctrl_c

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def is_replaced(output: Path) -> bool:
    """Return whether a new file takes the place of what is there; a pipe or a device stays."""
    return output.is_file() or not output.exists()


@contextmanager
def whole_file(output: Path) -> Iterator[Path]:
    """Yield the path to write to; what is there takes the file's place when all went well.

    Nobody opens half a file, and what failed leaves the one of before, whose mode stays. A pipe or
    a device is written to, never replaced.
    """
    if not is_replaced(output):
        yield output
        return
    output = output.resolve()
    unfinished = output.with_name(f".{output.name}.unfinished")
    with gone_on_ctrl_c(unfinished):
        try:
            yield unfinished
            if output.exists():
                unfinished.chmod(stat.S_IMODE(output.stat().st_mode))
            unfinished.replace(output)
        finally:
            unfinished.unlink(missing_ok=True)
