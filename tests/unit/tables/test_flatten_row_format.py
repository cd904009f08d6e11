"""The row format is raised whenever other rows come of the same documents."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from chatlake.documents import revision as revisions
from chatlake.documents.document import Document, merge
from chatlake.documents.revision import ROW_FORMAT, content_revision, revision, row_format_of
from chatlake.sources.contact_event import from_event
from chatlake.sources.get_transcript import from_response
from chatlake.sources.s3_export import from_export
from chatlake.tables import schema
from chatlake.tables.flatten import flatten

if TYPE_CHECKING:
    from collections.abc import Iterator

INPUTS = Path(__file__).parents[2] / "data" / "row_format_inputs.json"
# By row format: a digest of all columns and of the rows of the inputs. A new row is added with a
# new format; those of before stay as they are.
DIGESTS = {
    1: "fb7e419c691d4c9e3a3131d3d27c3125977cfe9ffba2fe7e5ba5732e5d3983e2",
    2: "7ff08d3b333b18b5cc4426fb526d950d93928100fb6086fd580740ecf4a0edf5",
    3: "6545a29920a45afd4667ca2c8505462bed8766c906a11085d4ccb4546ff0781b",
}


def documents() -> Iterator[Document]:
    for chat in json.loads(INPUTS.read_text(encoding="utf-8")):
        read_at = chat.get("read_at", 1)
        inputs = [
            *(from_response(value, read_at=read_at, whole=True) for value in chat["responses"]),
            *(from_export(value) for value in chat["exports"]),
            *(from_event(value) for value in chat["events"]),
        ]
        document = inputs[0]
        for more in inputs[1:]:
            document = merge(document, more)
        yield document


def digest_of_rows() -> str:
    """What determines rows: the columns of all tables, and what is in them."""
    made = flatten(list(documents()), published_at=datetime(2026, 1, 1, tzinfo=UTC))
    told: dict[str, Any] = {
        table.name: {
            "columns": [[column.name, column.type] for column in table.columns],
            "rows": made[table.name]
            .drop_columns(
                [
                    n
                    for n in ("published_at", "document_revision", "row_format")
                    if n in made[table.name].column_names
                ]
            )
            .to_pylist(),
        }
        for table in schema.TABLES
    }
    return hashlib.sha256(json.dumps(told, default=str, sort_keys=True).encode()).hexdigest()


def test_the_rows_are_those_of_todays_row_format() -> None:
    """Otherwise chats that are published already would keep their old rows."""
    advice = (
        "rows changed: raise ROW_FORMAT in documents/revision.py, and add the new digest here, "
        "so that published chats count as changed"
    )
    assert DIGESTS.get(ROW_FORMAT) == digest_of_rows(), advice
    assert max(DIGESTS) == ROW_FORMAT


def test_the_inputs_have_rows_in_every_table_and_a_value_in_nearly_every_column() -> None:
    made = flatten(list(documents()), published_at=datetime(2026, 1, 1, tzinfo=UTC))
    empty = {
        f"{name}.{column}"
        for name, rows in made.items()
        for column in rows.column_names
        if rows.column(column).null_count == rows.num_rows
    }
    assert empty <= {"attachments.extra", "contacts.disconnect_reason", "contacts.extra"}


def test_the_inputs_have_every_state_of_a_reading() -> None:
    made = flatten(list(documents()), published_at=datetime(2026, 1, 1, tzinfo=UTC))
    states = made["read_latency"].column("read_state").unique().to_pylist()
    assert {*states} == {"read", "read_implied", "replied", "unknown", "not_seen"}


def test_a_revision_is_another_in_another_row_format(monkeypatch: pytest.MonkeyPatch) -> None:
    chats = list(documents())
    before = [revision(chat) for chat in chats]
    monkeypatch.setattr(revisions, "ROW_FORMAT", ROW_FORMAT + 1)
    after = [revision(chat) for chat in chats]
    assert not {*before} & {*after}
    assert [revision(chat) for chat in chats] == after
    assert {row_format_of(found) for found in after} == {ROW_FORMAT + 1}


def test_what_changed_is_told_alike_in_every_row_format(monkeypatch: pytest.MonkeyPatch) -> None:
    chats = list(documents())
    before = [content_revision(chat) for chat in chats]
    monkeypatch.setattr(revisions, "ROW_FORMAT", ROW_FORMAT + 1)
    assert [content_revision(chat) for chat in chats] == before


def test_a_revision_of_version_0_1_names_no_format() -> None:
    assert row_format_of(hashlib.sha256(b"").hexdigest()) == 1
