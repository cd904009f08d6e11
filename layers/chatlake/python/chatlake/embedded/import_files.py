"""Importing: transcript files into the documents, and all that waits into the tables."""

from __future__ import annotations

import gc
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from chatlake.documents.upsert import UpsertResult, upsert
from chatlake.embedded.transcript_files import Rejection, read_values
from chatlake.exceptions import RejectedInput
from chatlake.sources.get_transcript import from_response
from chatlake.sources.s3_export import from_export
from chatlake.tables.publish import PublishOutcome, publish

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from chatlake.documents.document import Document
    from chatlake.embedded.archive import EmbeddedArchive

# A batch is what is in memory at once; parsed, JSON takes about six times its size.
_TAKE_IN_BYTES = 8 * 2**20
_PUBLISH_BYTES = 24 * 2**20
_PUBLISH_CHATS = 5000


class Progress(Protocol):
    """Shows how far long work has come."""

    def stage(self, title: str, total: int) -> AbstractContextManager[Callable[[int], None]]:
        """Begin a stage of so many bytes; the function that comes with it adds to what is done."""


@dataclass(slots=True)
class ImportSummary:
    """What an import did: files gone through, transcripts in them, what became of chats and rows.

    `size` is that of all JSON values in bytes, of rejected ones too.
    """

    files: int = 0
    transcripts: int = 0
    size: int = 0
    upserted: UpsertResult = field(default_factory=UpsertResult)
    outcome: PublishOutcome = field(default_factory=PublishOutcome)
    rejected: list[Rejection] = field(default_factory=list)


def import_files(
    files: Sequence[Path],
    archive: EmbeddedArchive,
    progress: Progress,
    rejected: Iterable[Rejection] = (),
) -> ImportSummary:
    """Merge all transcripts of some files into the lake, then publish all chats that wait.

    Inputs that cannot be taken in are named in the summary, after those rejected before; the
    others go in. What an import that was interrupted has taken in stays, and the next import
    publishes it.
    """
    summary = ImportSummary(files=len(files), rejected=list(rejected))
    with archive.shared():
        _take_in_files(files, archive, progress, summary)
        publish_queue(archive, progress, summary.outcome)
    return summary


def publish_queue(archive: EmbeddedArchive, progress: Progress, outcome: PublishOutcome) -> None:
    """Publish the chats that wait, batch by batch, until none is left."""
    with archive.publishing(), progress.stage("Publishing", archive.chats.queued()[1]) as advance:
        while batch := archive.chats.peek(most_chats=_PUBLISH_CHATS, most_bytes=_PUBLISH_BYTES):
            latest = publish(
                [queued.initial_contact_id for queued in batch],
                store=archive.store,
                chats=archive.chats,
                lake=archive.lake,
            )
            archive.chats.acknowledge(
                queued for queued in batch if queued.initial_contact_id not in latest.moved
            )
            outcome.published |= latest.published
            outcome.unchanged |= latest.unchanged
            outcome.failed |= latest.failed
            advance(sum(queued.size for queued in batch))
            gc.collect()


def to_document(value: object) -> Document:
    """Make a document of a JSON value, which is a GetTranscript response or an export.

    Raises
    ------
    RejectedInput
        It is neither, or its chat cannot be told.
    """
    if not isinstance(value, dict):
        message = f"it is {_kind(value)}, not an object"
        raise RejectedInput(message)
    # Only an export says at the top which contact it is of.
    is_export = value.get("ContactId") not in (None, "")
    return from_export(value) if is_export else from_response(value)


def _take_in_files(
    files: Sequence[Path], archive: EmbeddedArchive, progress: Progress, summary: ImportSummary
) -> None:
    batch: list[Document] = []
    room = _TAKE_IN_BYTES

    def flush() -> None:
        nonlocal batch, room
        latest = upsert(
            batch, store=archive.store, chats=archive.chats, announce=archive.chats.enqueue
        )
        summary.upserted.add(latest)
        batch, room = [], _TAKE_IN_BYTES

    with progress.stage("Reading", sum(map(_size, files))) as advance:
        for value in (value for file in files for value in read_values(file, advance)):
            if isinstance(value, Rejection):
                summary.rejected.append(value)
                continue
            summary.size += value.size
            try:
                batch.append(to_document(value.json))
                summary.transcripts += 1
            except RejectedInput as error:
                summary.rejected.append(Rejection(value.file, value.line, str(error)))
            room -= value.size
            if room < 0:
                flush()
        flush()


def _kind(value: object) -> str:
    match value:
        case None | bool():
            return json.dumps(value)
        case list():
            return "a list"
        case str():
            return "a string"
        case _:
            return "a number"


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
