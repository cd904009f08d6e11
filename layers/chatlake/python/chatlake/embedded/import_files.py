"""Importing: transcript files into the documents, and all that waits into the tables."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chatlake.documents.upsert import UpsertResult, upsert
from chatlake.embedded.transcript_files import Rejection, read_values
from chatlake.exceptions import RejectedInput
from chatlake.operations.publish_waiting import DEFAULT_LIMITS, BatchLimits, publish_waiting
from chatlake.sources.get_transcript import from_response
from chatlake.sources.s3_export import from_export
from chatlake.tables.publish import PublishOutcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from chatlake.documents.document import Document
    from chatlake.embedded.archive import EmbeddedArchive
    from chatlake.progress import Progress


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
    limits: BatchLimits = DEFAULT_LIMITS,
) -> ImportSummary:
    """Merge all transcripts of some files into the lake, then publish all chats that wait.

    Rejected inputs are named in the summary, after those rejected before; the others go in. What an
    interrupted import has merged stays, and the next import publishes it.
    """
    summary = ImportSummary(files=len(files), rejected=list(rejected))
    with archive.shared():
        _upsert_files(files, archive, progress, summary, limits.import_bytes)
        publish_waiting(archive, progress, summary.outcome, limits)
    return summary


def to_document(value: object) -> Document:
    """Make a document of a JSON value, which is a GetTranscript response or an export.

    Raises
    ------
    RejectedInput
        It is neither, or its chat cannot be determined.
    """
    if not isinstance(value, dict):
        message = f"it is {_kind(value)}, not an object"
        raise RejectedInput(message)
    # Only an export says at the top which contact it is of.
    is_export = value.get("ContactId") not in (None, "")
    return from_export(value) if is_export else from_response(value)


def _upsert_files(
    files: Sequence[Path],
    archive: EmbeddedArchive,
    progress: Progress,
    summary: ImportSummary,
    most_bytes: int,
) -> None:
    batch: list[Document] = []
    room = most_bytes

    def flush() -> None:
        nonlocal batch, room
        latest = upsert(batch, store=archive.store, chats=archive.chats)
        archive.publish_queue.send(latest.to_publish)
        summary.upserted.add(latest)
        batch, room = [], most_bytes

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
