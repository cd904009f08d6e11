"""Writes JSON values as files: one each, or many lines in one; always with the same bytes."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import BinaryIO, Protocol, Self, cast

import orjson

from local.scripted.items import JsonObject

_GZIP_LEVEL = 6


class Writer(Protocol):
    """Takes values one by one; a context, because a file may stay open between them."""

    def write(self, name: str, value: JsonObject) -> None:
        """Write a value under a name, which not every layout needs."""

    def __enter__(self) -> Self:
        """Begin."""

    def __exit__(self, *exception: object) -> None:
        """Finish what is open."""


class Folders:
    """One ``.json`` file per value, in numbered folders of at most ``files_per`` files."""

    def __init__(self, output: Path, files_per: int, *, zipped: bool) -> None:
        self._output = output
        self._files_per = files_per
        self._zipped = zipped
        self._count = 0
        self._folder = output

    def __enter__(self) -> Self:
        """Begin; folders are made as they are needed."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Finish; no file is open."""

    def write(self, name: str, value: JsonObject) -> None:
        """Write a value as the file of that name."""
        if self._count % self._files_per == 0:
            self._folder = self._output / f"{self._count // self._files_per:05}"
            self._folder.mkdir(parents=True, exist_ok=True)
        self._count += 1
        data = orjson.dumps(value)
        if self._zipped:
            # A time in the header would make every run's bytes differ.
            data = gzip.compress(data, _GZIP_LEVEL, mtime=0)
        suffix = ".json.gz" if self._zipped else ".json"
        (self._folder / f"{name}{suffix}").write_bytes(data)


class JsonLines:
    """Numbered ``.jsonl`` files of at most ``lines_per`` values."""

    def __init__(self, output: Path, stem: str, lines_per: int, *, zipped: bool) -> None:
        output.mkdir(parents=True, exist_ok=True)
        self._output = output
        self._stem = stem
        self._lines_per = lines_per
        self._zipped = zipped
        self._count = 0
        self._open: list[BinaryIO] = []

    def __enter__(self) -> Self:
        """Begin; files are opened as they are needed."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Close the last file."""
        self._close()

    def write(self, _name: str, value: JsonObject) -> None:
        """Write a value as the next line."""
        if self._count % self._lines_per == 0:
            self._close()
            self._open = self._opened(self._count // self._lines_per)
        self._count += 1
        self._open[0].write(orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE))

    def _opened(self, number: int) -> list[BinaryIO]:
        """Open a file; where two streams are stacked, the one to write to is the first."""
        path = self._output / f"{self._stem}-{number:05}.jsonl"
        if not self._zipped:
            return [path.open("wb")]
        file = path.with_suffix(".jsonl.gz").open("wb")
        zipped = gzip.GzipFile("", "wb", _GZIP_LEVEL, file, mtime=0)
        return [cast("BinaryIO", zipped), file]

    def _close(self) -> None:
        for stream in self._open:
            stream.close()
        self._open = []
