"""Takes out of a layer's folder what its functions do not use; strips what stays.

Usage: trim_layer.py FOLDER [LIST]...

A list has a pattern per line, below FOLDER; "*" is anything but a slash, "**" any folders. What
matches goes; after a "!" it stays after all; the last line that matches decides. A pattern that
matches nothing is an error, so that a list cannot fall behind the packages.

Runs with any Python from 3.9 on and without packages: `sam build` starts it.
"""

from __future__ import annotations

import os
import shutil
import struct
import sys
from pathlib import Path

# Zip archives know no earlier day, wherever they are packed.
_MODIFIED_S = 315_619_200  # 1980-01-02
_ELF64_LITTLE_ENDIAN = b"\x7fELF\x02\x01"


def left_out(folder: Path, listing: Path) -> set[Path]:
    """Read a list: the files of the folder that it takes out."""
    out: set[Path] = set()
    for raw in listing.read_text(encoding="utf-8").splitlines():
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        pattern = line.lstrip("!")
        matched = {file for path in folder.glob(pattern.rstrip("/")) for file in _files(path)}
        if not matched:
            sys.exit(f"{listing}: nothing in the packages matches {pattern}")
        out = out - matched if line.startswith("!") else out | matched
    return out


def without_symbols(library: bytes) -> bytes:
    """Cut a shared library after the last byte that is ever loaded.

    Only debuggers read what comes behind: symbols and the table of sections. `strip` would do the
    same, but each handles its own processor only, and a build machine may have none.
    """
    if not library.startswith(_ELF64_LITTLE_ENDIAN):
        return library
    (segments,) = struct.unpack_from("<Q", library, 32)
    size, count = struct.unpack_from("<HH", library, 54)
    end = segments + size * count
    for header in range(segments, end, size):
        offset, _, _, length = struct.unpack_from("<4Q", library, header + 8)
        end = max(end, offset + length)
    cut = bytearray(library[:end])
    struct.pack_into("<Q", cut, 40, 0)  # no table of sections,
    struct.pack_into("<HHH", cut, 58, 0, 0, 0)  # with no entries and no names
    return bytes(cut)


def trim(folder: Path, listings: list[Path]) -> None:
    """Leave of the folder what is used, with nothing that differs from build to build."""
    for cache in list(folder.rglob("__pycache__")):
        shutil.rmtree(cache)
    for file in {file for listing in listings for file in left_out(folder, listing)}:
        file.unlink()
    for file in _files(folder):
        if ".so" in file.suffixes:
            content = file.read_bytes()
            file.unlink()  # it may be a link into the installer's cache
            file.write_bytes(without_symbols(content))
    _make_alike(folder)


def _files(path: Path) -> list[Path]:
    return [file for file in path.rglob("*") if not file.is_dir()] if path.is_dir() else [path]


def _make_alike(folder: Path) -> None:
    """Whoever builds, whenever: the same permissions and times, no empty folders."""
    for path in sorted([folder, *folder.rglob("*")], reverse=True):
        if path.is_dir() and not any(path.iterdir()):
            path.rmdir()
            continue
        path.chmod(0o755 if path.is_dir() else 0o644)
        os.utime(path, (_MODIFIED_S, _MODIFIED_S))


if __name__ == "__main__":
    if len(sys.argv) < 2 or not Path(sys.argv[1]).is_dir():
        sys.exit(__doc__)
    trim(Path(sys.argv[1]), [Path(name) for name in sys.argv[2:]])
