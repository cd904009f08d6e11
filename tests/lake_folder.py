"""A lake in a temporary folder: filled from JSON values or files, read back as rows."""

from __future__ import annotations

import gzip
import json
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyiceberg.table import StaticTable

from chatlake.documents.upsert import upsert
from chatlake.embedded.archive import EmbeddedArchive
from chatlake.embedded.import_files import ImportSummary, import_files, to_document
from chatlake.embedded.transcript_files import find_files
from chatlake.operations.publish_waiting import DEFAULT_LIMITS, BatchLimits
from chatlake.operations.verify import CHATS_IN_DETAIL, Verification
from chatlake.progress import NoProgress
from chatlake.tables import schema
from chatlake.tables.lake.local_catalog import check_locations
from tests import oracle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from chatlake.operations.erase import Erasure
    from tests.oracle import Object, Row

type Rows = dict[str, list[Row]]

TABLES = tuple(table.name for table in schema.TABLES)
CANARY = "canary-7f3a"
"""In every content and display name, where no one but a query may show it."""

_PUBLISHED_AT = datetime(2026, 9, 1, tzinfo=UTC)


def message(item_id: str | None = "m1", **members: Any) -> Object:
    """An item as the service sends it; a member given as None is left out."""
    item = {
        "Id": item_id,
        "Type": "MESSAGE",
        "AbsoluteTime": "2026-09-01T10:00:00.000Z",
        "ContentType": "text/plain",
        "Content": f"{CANARY} says hello",
        "DisplayName": f"{CANARY} Jane",
        "ParticipantId": "customer",
        "ParticipantRole": "CUSTOMER",
        **members,
    }
    return {name: value for name, value in item.items() if value is not None}


def page(chat: str | None, *items: Object, **members: Any) -> Object:
    """A GetTranscript response."""
    named = {} if chat is None else {"InitialContactId": chat}
    return {**named, "Transcript": list(items), **members}


def export(contact: str, *items: Object, chat: str | None = None, **members: Any) -> Object:
    """An export of one contact as Connect writes it to S3."""
    named = {} if chat is None else {"InitialContactId": chat}
    return {
        "Version": "2019-08-26",
        "AWSAccountId": "111122223333",
        "InstanceId": "instance-1",
        "ContactId": contact,
        **named,
        "Participants": [{"ParticipantId": "customer"}],
        "Transcript": list(items),
        **members,
    }


def dumped(value: object) -> bytes:
    """JSON with any string as escapes, so that lone surrogates can be written, too."""
    return json.dumps(value).encode()


def expected_rows(*values: Object) -> Rows:
    """What docs/row-rules.md makes of some values, by the tests' own reading of it."""
    parsed = [json.loads(dumped(value)) for value in values]
    inputs = [
        oracle.Input("export" if "ContactId" in value else "response", value) for value in parsed
    ]
    return comparable(oracle.rows(inputs, published_at=_PUBLISHED_AT))


def comparable(rows: Rows) -> Rows:
    """Rows without what the oracle does not say: when they were written, and of which revision."""
    left_out = {"published_at", "document_revision"}
    return {
        table: oracle.in_table_order(
            table,
            [{n: v for n, v in row.items() if n not in left_out} for row in rows[table]],
        )
        for table in TABLES
    }


@dataclass(frozen=True, slots=True)
class LakeFolder:
    """A lake folder, and beside it a folder of files to import."""

    path: Path
    inbox: Path

    def write(self, name: str, *values: object) -> Path:
        """Write JSON values as a file: one for .json, one a line for .jsonl, either with .gz."""
        assert ".jsonl" in name or len(values) == 1
        return self.write_bytes(name, b"\n".join(map(dumped, values)))

    def write_bytes(self, name: str, data: bytes) -> Path:
        """Write a file into the inbox, compressed if its name says so."""
        path = self.inbox / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(data, mtime=0) if name.endswith(".gz") else data)
        return path

    def take(self, *values: object, limits: BatchLimits = DEFAULT_LIMITS) -> ImportSummary:
        """Import some values in one go, in this order."""
        number = sum(1 for _ in self.inbox.iterdir())
        return self.import_files(self.write(f"{number:04}.jsonl", *values), limits=limits)

    def import_files(
        self, *paths: Path | str, limits: BatchLimits = DEFAULT_LIMITS
    ) -> ImportSummary:
        """Import files, folders or globs."""
        with EmbeddedArchive(self.path, create=True) as archive:
            files, rejected = find_files(map(str, paths))
            return import_files(files, archive, NoProgress(), rejected, limits)

    def upsert(self, *values: object) -> None:
        """Take values into the documents alone, as an import does that is cut off then."""
        with EmbeddedArchive(self.path) as archive, archive.shared():
            documents = [to_document(json.loads(dumped(value))) for value in values]
            result = upsert(documents, store=archive.store, chats=archive.chats)
            archive.publish_queue.send(result.to_publish)

    def erase(self, *contact_ids: str, purge: bool = False) -> Erasure:
        """Erase the chats of some contacts."""
        from chatlake.operations.erase import erase

        with EmbeddedArchive(self.path) as archive:
            with archive.shared():
                erasure = erase(contact_ids, archive)
            if purge:
                archive.purge()
        return erasure

    def rebuild(self, limits: BatchLimits = DEFAULT_LIMITS) -> dict[str, str]:
        """Rebuild the tables; gives what failed."""
        from chatlake.operations.rebuild import rebuild

        with EmbeddedArchive(self.path, rebuilding=True) as archive:
            return rebuild(archive, NoProgress(), limits).failed

    def differences(self, chats_in_detail: int = CHATS_IN_DETAIL) -> list[str]:
        """What verify finds."""
        with EmbeddedArchive(self.path) as archive:
            verification = Verification(archive, chats_in_detail)
            found = map(str, verification.run(NoProgress()))
            return sorted([*found, *verification.changes_of_others()])

    def tables(self) -> dict[str, StaticTable]:
        """The tables at their newest snapshots, read without the lake's own code."""
        locations = check_locations(self.path)
        return {name: StaticTable.from_metadata(locations[name]) for name in TABLES}

    def rows(self) -> Rows:
        """All rows of all tables, sorted, but for when they were written."""
        return {
            name: oracle.in_table_order(name, _without_published_at(table))
            for name, table in self.tables().items()
        }

    def snapshots(self) -> dict[str, int | None]:
        """The newest snapshot of each table."""
        return {name: table.metadata.current_snapshot_id for name, table in self.tables().items()}

    def documents(self) -> list[Path]:
        """The files of documents."""
        return sorted((self.path / "documents").glob("??/*.json"))


def _without_published_at(table: StaticTable) -> Iterable[Row]:
    rows: list[Row] = table.scan().to_arrow().to_pylist()
    return [{n: v for n, v in row.items() if n != "published_at"} for row in rows]


def new_lake(folder: Path) -> LakeFolder:
    """A lake that is not there yet, and an empty inbox, in a folder."""
    inbox = folder / "inbox"
    inbox.mkdir(parents=True)
    return LakeFolder(folder / "lake", inbox)


class SavedLake:
    """A lake that is filled once, and then found by each test as it was, in the same place.

    To copy the folder takes a hundredth of the time that an import takes, but tables know where
    they are: so all tests of a module have one place, one after the other.
    """

    def __init__(self, folder: Path, *values: object) -> None:
        self._place = folder / "place"
        self._saved = folder / "saved"
        new_lake(self._place).take(*values)
        shutil.move(self._place / "lake", self._saved)

    def empty(self) -> LakeFolder:
        """Return a lake that is not there yet, and an empty inbox."""
        shutil.rmtree(self._place)
        return new_lake(self._place)

    def filled(self) -> LakeFolder:
        """Return the lake as it was when it was filled, and an empty inbox."""
        lake = self.empty()
        shutil.copytree(self._saved, lake.path)
        return lake


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command ended and what it said."""

    code: int
    out: str
    err: str


type Chatlake = Callable[..., Ran]
