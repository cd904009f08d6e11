"""A lake that others write to, too: what they do by SQL, and what both engines see then."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

from chatlake.json_codec import loads
from chatlake.sources.get_transcript import from_response
from chatlake.tables import schema
from local.cloud import Stack
from local.deployed_tables import deployed_tables
from local.questions import Questions
from tests.lake_folder import message, page
from tests.trino.engines import differences
from tests.trino.lakes import publish

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import duckdb

    from chatlake.aws.archive import DeployedArchive
    from chatlake.documents.document import Document
    from chatlake.exceptions import TableDiffers
    from local.cloud import LocalCloud
    from local.questions import Answer
    from tests.trino.lakes import Lakes

CHATS = ("a", "b", "c")
"""Chats of one day, whose rows are in one file of each table."""

DAY = "2026-09-01"
ALL = ["m0", "m1", "m2"]
FULL = dict.fromkeys(CHATS, ALL)
"""The messages of each chat."""

WITHIN_THE_DAY = f"sent_at BETWEEN TIMESTAMP '{DAY} 00:00:00' AND TIMESTAMP '{DAY} 23:59:59'"
INSERT = "INSERT INTO messages (initial_contact_id, contact_id, item_id, sent_at) VALUES "
OPTIMIZE = "ALTER TABLE messages EXECUTE optimize"
EXPIRE = [
    f"ALTER TABLE messages EXECUTE {step}(retention_threshold => '0s')"
    for step in ("expire_snapshots", "remove_orphan_files")
]


# Athena's words for what Trino says otherwise.
_AS_TRINO = {
    r"ALTER TABLE (\w+) CHANGE COLUMN (\w+) (\w+) \w+": r"ALTER TABLE \1 RENAME COLUMN \2 TO \3",
    r"ALTER TABLE (\w+) ADD COLUMNS \((\w+) string\)": r"ALTER TABLE \1 ADD COLUMN \2 varchar",
    r"ALTER TABLE (\w+) ADD COLUMNS \((\w+ \w+)\)": r"ALTER TABLE \1 ADD COLUMN \2",
    r"ALTER TABLE (\w+) SET TBLPROPERTIES \('format' = 'parquet'.*\)": (
        r"ALTER TABLE \1 SET PROPERTIES format = 'PARQUET'"
    ),
    r"OPTIMIZE (\w+) REWRITE DATA USING BIN_PACK": r"ALTER TABLE \1 EXECUTE optimize",
    r"(ALTER TABLE \w+ DROP COLUMN \w+|UPDATE .*)": r"\1",
}


def chat(name: str, *numbers: int, day: str = DAY) -> Document:
    """Return what was read of a chat: some messages by number, each with a receipt."""
    receipt = {
        "RecipientParticipantId": "agent",
        "DeliveredTimestamp": f"{day}T11:00:30.000Z",
        "ReadTimestamp": f"{day}T11:00:40.000Z",
    }
    items = (
        message(
            f"m{number}",
            AbsoluteTime=f"{day}T10:{number:02}:00.000Z",
            Content=f"{name}{number}",
            MessageMetadata={"MessageId": f"m{number}", "Receipts": [receipt]},
        )
        for number in numbers
    )
    return from_response(page(name, *items))


@dataclass(frozen=True)
class SharedLake:
    """The tables of an archive, as its owner and as others see them."""

    cloud: LocalCloud
    archive: DeployedArchive
    questions: Questions
    connection: duckdb.DuckDBPyConnection

    def others(self, *statements: str) -> None:
        """Run statements of others."""
        for statement in statements:
            self.questions.ask(statement)

    def trino(self, sql: str) -> Answer:
        return self.questions.ask(sql)

    def duckdb(self, sql: str) -> duckdb.DuckDBPyConnection:
        """Ask DuckDB about the newest snapshots of the tables that are named."""
        glue, database = self.cloud.client("glue"), self.archive.settings.database
        for table in schema.TABLES:
            if table.name in sql:
                found = glue.get_table(DatabaseName=database, Name=table.name)["Table"]
                location = found["Parameters"]["metadata_location"]
                self.connection.execute(
                    f"CREATE OR REPLACE VIEW {table.name} AS "
                    f"SELECT * FROM iceberg_scan('{location}')"
                )
        return self.connection.execute(sql)

    def seen(self, sql: str) -> list[tuple[Any, ...]]:
        """Ask both engines, which agree."""
        answer = self.trino(sql)
        assert differences(answer, self.duckdb(sql), ordered=False) == []
        return sorted(answer.rows, key=str)

    def items(self, table: str = "messages", where: str = "true") -> dict[str, list[str]]:
        """Return which messages of each chat both engines see in a table, one text a row."""
        return _by_chat(self.seen(_items_of(table, where)))

    def items_in_trino(self) -> dict[str, list[str]]:
        """Return which messages of each chat Trino sees, where DuckDB cannot read them."""
        return _by_chat(sorted(self.trino(_items_of("messages")).rows))

    def publish(self, *documents: Document) -> None:
        """Take what was read of some chats in, and publish them."""
        publish(self.archive, documents)

    def publish_again(self, *chats: str) -> None:
        """Publish chats as `republish` does: even if nothing of them changed."""
        self.archive.chats.publish_attempts.forget_published(chats)
        assert not self.archive.publish(chats).failed

    def waiting(self) -> set[str]:
        """Take from the publish queue what is in it."""
        sqs, url = self.cloud.client("sqs"), self.archive.settings.publish_queue_url
        found: set[str] = set()
        while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            for one in messages:
                value: Any = loads(one["Body"].encode())
                found.add(value["initial_contact_id"])
                sqs.delete_message(QueueUrl=url, ReceiptHandle=one["ReceiptHandle"])
        return found

    def mend(self, error: TableDiffers) -> None:
        """Carry out the statements that an error gives."""
        statements, _, _ = error.remedy.partition(", then publish all chats again")
        for statement in statements.split("; "):
            self.others(as_trino(statement))

    def raw_chats(self, table: str) -> list[str]:
        """Return the chats of all rows of the data files, deleted ones included."""
        s3 = self.cloud.client("s3")
        found: list[str] = []
        files = self.trino(f'SELECT file_path FROM "{table}$files" WHERE content = 0')
        for (path,) in files.rows:
            bucket, key = path.removeprefix("s3://").split("/", 1)
            data = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
            found += (
                pq.ParquetFile(io.BytesIO(data)).read(["initial_contact_id"]).column(0).to_pylist()
            )
        return found


@contextmanager
def shared_lakes(lakes: Lakes) -> Iterator[Callable[..., SharedLake]]:
    """Open DuckDB once for all lakes that are made: that takes longer than what it is asked."""
    stack = Stack("lake", {"GlueDatabase": lakes.archive().settings.database}, {}, None)
    with deployed_tables(lakes.cloud, stack) as connection:

        def make(*chats: str) -> SharedLake:
            archive = lakes.archive()
            database = archive.settings.database
            athena = lakes.cloud.client("athena")
            questions = Questions(athena, database, output=f"s3://{database}/results")
            lake = SharedLake(lakes.cloud, archive, questions, connection)
            lake.publish(*(chat(name, *range(len(ALL))) for name in chats))
            return lake

        yield make


def _items_of(table: str, where: str = "true") -> str:
    column = "item_id" if table == "messages" else "message_id"
    return f"SELECT initial_contact_id, {column} FROM {table} WHERE {where}"


def _by_chat(rows: Iterable[tuple[Any, ...]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, item in rows:
        found.setdefault(name, []).append(item)
    return found


def columns_of(table: str) -> str:
    """Return the columns of a table that tell its rows, as a list for SELECT."""
    [found] = [one for one in schema.TABLES if one.name == table]
    return ", ".join(column.name for column in found.columns if column.name != "published_at")


def as_trino(statement: str) -> str:
    """Return Athena's statement in Trino's words."""
    for pattern, translation in _AS_TRINO.items():
        if re.fullmatch(pattern, statement):
            return re.sub(pattern, translation, statement)
    raise AssertionError(statement)
