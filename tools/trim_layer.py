"""Takes out of a layer's folder what its functions do not use, strips and compiles what stays.

Usage: trim_layer.py [--compile] FOLDER [LIST]...

A list has a pattern per line, below FOLDER; "*" is anything but a slash, "**" any folders, and a
slash at the end means a folder with all that is in it. What matches goes; after a "!" it stays
after all; the last line that matches decides. A pattern that matches nothing is an error, so that a
list cannot fall behind the packages.

Runs with any Python from 3.9 on and without packages: `sam build` starts it. Only Lambda's own
version can compile.
"""

from __future__ import annotations

import compileall
import os
import py_compile
import shutil
import struct
import sys
from pathlib import Path

LAMBDA_PYTHON = (3, 13)
# Where Lambda unpacks layers: compiled modules name their source.
LAMBDA_FOLDER = "/opt/python"
# Zip archives know no earlier day, wherever they are packed.
MODIFIED_S = 315_619_200  # 1980-01-02
ELF64_LITTLE_ENDIAN = b"\x7fELF\x02\x01"


def left_out(folder: Path, listing: Path) -> set[Path]:
    """Read a list: the files of the folder that it takes out."""
    out: set[Path] = set()
    for raw in listing.read_text(encoding="utf-8").splitlines():
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        pattern = line.lstrip("!")
        matched = _matched(folder, pattern)
        if not matched:
            sys.exit(f"{listing}: nothing in the packages matches {pattern}")
        out = out - matched if line.startswith("!") else out | matched
    return out


def without_symbols(library: bytes) -> bytes:
    """Cut a shared library after the last byte that is ever loaded.

    Only debuggers read what comes behind: symbols and the table of sections. `strip` would do the
    same, but each handles its own processor only, and a build machine may have none.
    """
    if not library.startswith(ELF64_LITTLE_ENDIAN):
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
    """Leave of the folder what is used."""
    for cache in list(folder.rglob("__pycache__")):
        shutil.rmtree(cache)
    for file in {file for listing in listings for file in left_out(folder, listing)}:
        file.unlink()
    for file in _files(folder):
        if ".so" in file.suffixes:
            content = file.read_bytes()
            file.unlink()  # it may be a link into the installer's cache
            file.write_bytes(without_symbols(content))


def compile_modules(folder: Path) -> None:
    """Compile ahead: Lambda cannot keep what it compiles, and would do so at every cold start."""
    if sys.version_info[:2] != LAMBDA_PYTHON:
        wanted = ".".join(map(str, LAMBDA_PYTHON))
        print(f"Not compiled, for want of Python {wanted}: functions start slower", file=sys.stderr)
        return
    done = compileall.compile_dir(
        folder,
        quiet=1,
        stripdir=str(folder),
        prependdir=LAMBDA_FOLDER,
        # Not by time: Lambda and whoever packs the layer set other ones.
        invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
    )
    if not done:
        sys.exit(f"{folder}: some modules cannot be compiled")


def make_alike(folder: Path) -> None:
    """Set the same permissions and times on all files, whoever builds, and drop empty folders."""
    for path in sorted([folder, *folder.rglob("*")], reverse=True):
        if path.is_dir() and not any(path.iterdir()):
            path.rmdir()
            continue
        path.chmod(0o755 if path.is_dir() else 0o644)
        os.utime(path, (MODIFIED_S, MODIFIED_S))


def _matched(folder: Path, pattern: str) -> set[Path]:
    # Not left to glob: before Python 3.11 it matches files, too, where a slash ends the pattern.
    found = folder.glob(pattern.rstrip("/"))
    if not pattern.endswith("/"):
        return {path for path in found if path.is_file()}
    return {file for path in found if path.is_dir() for file in _files(path)}


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if not path.is_dir()]


def main(arguments: list[str]) -> None:
    names = [argument for argument in arguments if argument != "--compile"]
    if not names or not Path(names[0]).is_dir():
        sys.exit(__doc__)
    folder = Path(names[0])
    trim(folder, [Path(name) for name in names[1:]])
    if "--compile" in arguments:
        compile_modules(folder)
    make_alike(folder)


if __name__ == "__main__":
    main(sys.argv[1:])
