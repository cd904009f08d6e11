"""Files of transcripts: which there are, and the JSON values in them, each with its place."""

from __future__ import annotations

import glob
import gzip
import os
import zlib
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from chatlake.json_codec import loads, without_byte_order_mark
from chatlake.tables.lake.local_catalog import CATALOG, DOCUMENTS, WAREHOUSE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from contextlib import AbstractContextManager

SUFFIXES = (".json", ".json.gz", ".jsonl", ".jsonl.gz")


@dataclass(frozen=True, slots=True)
class Rejection:
    """A rejected input: where it is and why; `line` is None for a whole file."""

    file: str
    line: int | None
    reason: str

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{place}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Value:
    """A JSON value of a file: the line that it begins on, its parsed form and its size."""

    file: str
    line: int
    json: Any
    size: int


def find_files(paths: Iterable[str]) -> tuple[list[Path], list[Rejection]]:
    """List the transcript files that paths name: files, folders with all below, or globs.

    What lies in a lake is left out: its files are no transcripts.

    Returns
    -------
    tuple[list[Path], list[Rejection]]
        Each file once, sorted by path; and what could not be read or matched nothing.
    """
    found: set[Path] = set()
    rejected: list[Rejection] = []
    for name in paths:
        # What is there under this very name is meant, whatever it would match as a glob.
        is_glob = not os.path.lexists(name)
        matches = glob.glob(name, recursive=True) if is_glob else []  # noqa: PTH207 (absolute ones)
        for match in matches or [name]:
            files, faults = _files_of(match)
            found |= files
            rejected += faults
    return sorted(found), rejected


def _files_of(name: str) -> tuple[set[Path], list[Rejection]]:
    """Return the transcript files that one name stands for, and what is wrong with it."""
    path = Path(name)
    try:
        is_there, is_folder = path.exists(), path.is_dir()
    except OSError as error:
        return set(), [_unreadable(error)]
    if is_folder:
        return _files_below(path)
    if not is_there:
        return set(), [Rejection(name, None, "there is no such file or folder")]
    if not name.endswith(SUFFIXES):
        reason = f"its name does not end in {', '.join(SUFFIXES)}"
        return set(), [Rejection(name, None, reason)]
    return {path}, []


def _files_below(top: Path) -> tuple[set[Path], list[Rejection]]:
    found: set[Path] = set()
    rejected: list[Rejection] = []
    for folder, folders, files in os.walk(
        top, onerror=lambda error: rejected.append(_unreadable(error))
    ):
        if CATALOG in files and {DOCUMENTS, WAREHOUSE} <= set(folders):
            folders.clear()
            continue
        found.update(Path(folder, file) for file in files if file.endswith(SUFFIXES))
    return found, rejected


def _unreadable(error: OSError) -> Rejection:
    return Rejection(str(error.filename), None, _reason(error))


def read_values(path: Path, advance: Callable[[int], None]) -> Iterator[Value | Rejection]:
    """Read the JSON values of a file; each that is broken, and each break of the file, is named.

    Parameters
    ----------
    path
        The suffix tells JSON (one value) from JSON lines, and whether it is compressed.
    advance
        Told how many bytes of the file on disk were gone through.
    """
    name = str(path)
    line = 0
    try:
        with path.open("rb") as raw, _decompressed(raw, name) as file:
            lines = file if name.removesuffix(".gz").endswith(".jsonl") else iter([file.read()])
            before, any_value = 0, False
            for line, data in enumerate(lines, start=1):
                text = without_byte_order_mark(data) if line == 1 else data
                if text.strip():
                    any_value = True
                    yield _parse(name, line, text)
                advance(raw.tell() - before)
                before = raw.tell()
            if not any_value:
                yield Rejection(name, None, "it is empty")
    except (OSError, EOFError, zlib.error) as error:
        yield Rejection(name, line + 1 if line else None, _reason(error))


def _decompressed(raw: BinaryIO, name: str) -> AbstractContextManager[BinaryIO]:
    if name.endswith(".gz"):
        return cast("AbstractContextManager[BinaryIO]", gzip.GzipFile(fileobj=raw))
    return nullcontext(raw)


def _parse(name: str, line: int, text: bytes) -> Value | Rejection:
    try:
        value = loads(text)
    except ValueError as error:
        return _invalid(name, line, text, error)
    return Value(name, line, value, len(text))


def _invalid(name: str, line: int, text: bytes, error: ValueError) -> Rejection:
    # Both parsers say what they expected and where, never what they found.
    reason = f"invalid JSON: {error}"
    # What ends early does so on its last line, not on the one after.
    offset = min(getattr(error, "lineno", 1) - 1, text.rstrip().count(b"\n"))
    try:
        text.decode()
    except UnicodeDecodeError as undecodable:
        reason = "it is not UTF-8"
        offset = text.count(b"\n", 0, undecodable.start)
    return Rejection(name, line + offset, reason)


def _reason(error: Exception) -> str:
    match error:
        case FileNotFoundError():
            return "it vanished before it was read"
        case PermissionError():
            return "no permission to read it"
        case EOFError():
            return "the compressed file ends early: it was cut off"
        case gzip.BadGzipFile() | zlib.error():
            return "it is not a gzip file, or damaged"
        case OSError():
            return f"it cannot be read ({error.strerror or error})"
        case _:
            return str(error)
