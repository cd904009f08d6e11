"""Lakes on the local cloud, written as the deployed functions write them, and asked twice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from typing import TYPE_CHECKING, Any, Self

import duckdb
import pytest

from chatlake.analytics.sql_files import load_views, to_duckdb
from chatlake.aws.archive import DeployedArchive
from chatlake.aws.settings import Settings
from chatlake.documents.content_policy import ContentPolicy
from chatlake.documents.document import Document
from chatlake.documents.upsert import upsert
from chatlake.operations.erase import erase
from chatlake.sources.contact_event import from_event
from chatlake.sources.get_transcript import from_response
from chatlake.tables.lake import s3_io
from local.chats import Chat, scripts
from local.cloud import LocalCloud, Stack
from local.deployed_tables import deployed_tables
from local.example_lake import archived
from local.questions import Answer, Questions
from local.scripted.items import timestamp
from tests.aws import table_of
from tests.lake_folder import message, page

if TYPE_CHECKING:
    from collections.abc import Sequence

FIRST_DAY = datetime.fromisoformat("2026-11-02T00:00:00+00:00")
DAYS, CHATS = 3, 100

_ERASED, _METERED, _REREAD = 10, 12, 30


class Lakes:
    """Makes archives on a cloud; for as long as it is open, clients of this process find it."""

    def __init__(self, cloud: LocalCloud) -> None:
        self.cloud = cloud
        self._patch = pytest.MonkeyPatch()
        self._numbers = count()

    def __enter__(self) -> Self:
        for name, value in self.cloud.environment.items():
            self._patch.setenv(name, value)
        s3_io.shared_client.cache_clear()
        return self

    def __exit__(self, *_: object) -> None:
        self._patch.undo()
        s3_io.shared_client.cache_clear()

    def archive(self) -> DeployedArchive:
        """Make an archive with empty tables."""
        name = f"lake{next(self._numbers)}"
        client = self.cloud.client
        place: Any = {"LocationConstraint": self.cloud.region}
        client("s3").create_bucket(Bucket=name, CreateBucketConfiguration=place)
        client("glue").create_database(DatabaseInput={"Name": name})
        client("dynamodb").create_table(TableName=name, **table_of("Chats"))
        settings = Settings(
            instance_arn="arn:aws:connect:eu-west-1:111122223333:instance/i-1",
            chats_table=name,
            document_bucket=name,
            lake_bucket=name,
            database=name,
            key_arn="",
            export_bucket="",
            export_prefix="",
            publish_queue_url=client("sqs").create_queue(QueueName=name)["QueueUrl"],
            workgroup="primary",
            contact_flow_id="",
            allowed_flows=(),
            allowed_attributes=(),
            allowed_origins=(),
            capture_rate=4,
            schedule_table="schedule",
            last_read_reserve=0,
            message_waiting_ms=0,
            live_source="polling",
            connection_rate=0,
            capture_shards=1,
            content_policy=ContentPolicy.FULL,
            shortest_interval_ms=5_000,
        )
        archive = DeployedArchive(settings)
        archive.lake.create_tables()
        return archive

    @contextmanager
    def asked(self, archive: DeployedArchive) -> Iterator[AskedLake]:
        """Open an archive's tables to both engines, and make the views on Trino."""
        database = archive.settings.database
        questions = Questions(
            self.cloud.client("athena"), database, output=f"s3://{database}/results"
        )
        for view in load_views():
            questions.ask(f"CREATE OR REPLACE VIEW {view.name} AS\n{view.sql}")
        stack = Stack("lake", {"GlueDatabase": database}, {}, None)
        with deployed_tables(self.cloud, stack) as connection:
            yield AskedLake(archive, questions, connection)


@dataclass(frozen=True)
class AskedLake:
    """Tables and views that both engines know."""

    archive: DeployedArchive
    questions: Questions
    connection: duckdb.DuckDBPyConnection

    def trino(self, sql: str, parameters: Sequence[str] = ()) -> Answer:
        return self.questions.ask(sql, parameters)

    def duckdb(self, sql: str, parameters: Sequence[str] = ()) -> duckdb.DuckDBPyConnection:
        """Run the translation of a statement, as the embedded home does."""
        return self.connection.execute(to_duckdb(sql), parameters)


def publish(archive: DeployedArchive, documents: Iterable[Document]) -> None:
    """Take documents in, and sync the rows of their chats."""
    result = upsert(list(documents), store=archive.store, chats=archive.chats)
    assert not result.failed
    outcome = archive.publish(result.to_publish)
    assert not outcome.failed
    assert not outcome.moved


@contextmanager
def small_lake(lakes: Lakes) -> Iterator[AskedLake]:
    """Make a lake whose files were rewritten, with all that is rare in it."""
    archive = lakes.archive()
    chats = list(scripts(seed=3, count=CHATS, start=FIRST_DAY, days=DAYS))
    # Read while they went on, or not yet told of by all; then whole, which rewrites files.
    publish(archive, map(_first_read, chats[:_REREAD]))
    publish(archive, map(archived, chats[_REREAD:]))
    publish(archive, odd_documents())
    publish(archive, map(archived, chats[:_REREAD]))
    publish(archive, map(metered, chats[1:_METERED]))
    gone = {chat.initial_contact_id for chat in chats[:: CHATS // _ERASED]}
    assert erase(gone, archive).erased == gone
    with lakes.asked(archive) as lake:
        yield lake


def _first_read(chat: Chat) -> Document:
    value = next(iter(chat.pages()))
    items = value["Transcript"]
    return from_response({**value, "Transcript": items[: len(items) // 2 + 1]})


def metered(chat: Chat) -> Document:
    """Return what Connect tells of a chat's last leg when it is over, with its own figures."""
    leg = chat.legs[-1]
    _, at_ms = list(leg.events())[-1]
    figures: dict[str, dict[str, Any]] = {
        "ChatContactMetrics": {
            "AgentFirstResponseTimeInMillis": 1000 * chat.index if chat.index % 3 else None,
            "TotalMessages": 20,
            "TotalBotMessages": 1,
        },
        "CustomerMetrics": {"MessagesSent": 10},
        "AgentMetrics": {"MessagesSent": 9},
    }
    if chat.index % 2:
        figures = {
            _small(name): {_small(of): value for of, value in part.items()}
            for name, part in figures.items()
        }
    detail = leg.detail("CONTACT_DATA_UPDATED", at_ms, chat.initial_contact_id)
    return from_event({"time": timestamp(at_ms), "detail": {**detail, "chatMetrics": figures}})


def _small(name: str) -> str:
    return name[0].lower() + name[1:]


def odd_documents() -> Iterator[Document]:
    """Chats of what Connect may send and scripts do not."""
    # No time at all: of no day, in no partition.
    yield from_response(page("timeless", message("m1", AbsoluteTime=None), message("m2", Id=None)))
    # Of an earlier chat, and nothing else.
    yield from_response(page("rehydrated", message("m1", RelatedContactId="earlier")))
    # Texts that quote, break lines, and are of all planes; no text; no role; times cut short.
    texts = ("\"quoted\", \\ and 'so'", "two\nlines", "ü😀\x00", "", "null", "%_%")
    yield from_response(
        page(
            "texts",
            *(message(f"m{n}", Content=text) for n, text in enumerate(texts)),
            message("m10", Content=None, ParticipantRole=None, ParticipantId=None),
            message("m11", AbsoluteTime="2026-09-01T10:00:00.123456789Z"),
        )
    )
    # Before the epoch, and after 2038.
    for year in ("1969", "2040"):
        yield from_response(page(year, message("m1", AbsoluteTime=f"{year}-12-31T23:59:59.999Z")))
    yield from_response(page("empty"))
