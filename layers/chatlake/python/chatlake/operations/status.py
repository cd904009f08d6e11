"""The state of a lake in figures, and of a stack: whether receipts still come, now and of late."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol

from chatlake.analytics.duckdb_engine import connect, run
from chatlake.aws_clients.metric_names import Metric
from chatlake.capture.shard_table import Coverage, ShardTable
from chatlake.tables import schema

if TYPE_CHECKING:
    from datetime import date, datetime

    import duckdb
    from types_boto3_dynamodb import DynamoDBClient

    from chatlake.operations.archive import FolderArchive

_DAY = timedelta(days=1)
_HOUR_S = 3600
_MOST_SHARDS = 5
_NEWEST = {table.name: table.partition_by for table in schema.TABLES}


@dataclass(frozen=True, slots=True)
class TableStatus:
    """Rows of a table, and its first and last moment; None for an empty one."""

    name: str
    rows: int
    first: datetime | None
    last: datetime | None


@dataclass(frozen=True, slots=True)
class Status:
    """What a lake holds and what it lacks.

    Attributes
    ----------
    documents, contacts, erased, waiting
        Counts of chats with a document, known contacts, contacts of erased chats, and chats that
        wait to be published.
    published_at
        When the newest rows were written; None before the first.
    incomplete, without_receipts
        Contacts whose end was not read, and contacts whose receipts nobody could read.
    empty_days
        Days between the first and the last message that have none.
    """

    documents: int
    contacts: int
    erased: int
    waiting: int
    published_at: datetime | None
    incomplete: int
    without_receipts: int
    tables: list[TableStatus] = field(default_factory=list)
    empty_days: list[date] = field(default_factory=list)


def lake_status(archive: FolderArchive) -> Status:
    """Count what a lake holds, and what it lacks."""
    counts = archive.chats.counts()
    with connect(archive.folder) as connection:
        tables = [
            TableStatus(
                name,
                *_row(connection, f"SELECT count(*), min({time}), max({time}) FROM {name}"),  # nosec B608 # our names
            )
            for name, time in _NEWEST.items()
        ]
        published_at, incomplete, without_receipts = _row(
            connection,
            "SELECT max(published_at), count(*) FILTER (NOT complete), "
            "count(*) FILTER (receipts_available IS NOT true) FROM contacts",
        )
        days = _column(
            connection,
            "SELECT DISTINCT CAST(sent_at AS DATE) FROM messages "
            "WHERE sent_at IS NOT NULL AND related_contact_id IS NULL",
        )
    return Status(
        documents=archive.store.count(),
        contacts=counts["legs"],
        erased=counts["erased"],
        waiting=counts["queued"],
        published_at=published_at,
        incomplete=incomplete,
        without_receipts=without_receipts,
        tables=tables,
        empty_days=_missing(sorted(days)),
    )


def _row(connection: duckdb.DuckDBPyConnection, sql: str) -> tuple[Any, ...]:
    # By way of Arrow, which brings times with their zone without a further library.
    (row,) = run(connection, sql).to_arrow_table().to_pylist()
    return tuple(row.values())


def _column(connection: duckdb.DuckDBPyConnection, sql: str) -> list[Any]:
    values: list[Any] = run(connection, sql).to_arrow_table().column(0).to_pylist()
    return values


def _missing(days: list[date]) -> list[date]:
    present = {day.toordinal() for day in days}
    return [
        day.fromordinal(ordinal)
        for day in days[:1]
        for ordinal in range(min(present), max(present))
        if ordinal not in present
    ]


class CloudWatch(Protocol):
    """What is needed of a client of CloudWatch."""

    def get_metric_data(self, **request: Any) -> Any:
        """Return values of metrics."""


@dataclass(frozen=True, slots=True)
class EndedChats:
    """How many chats of a stack ended in a period.

    Attributes
    ----------
    ended, read, with_receipts
        All of them, those that a participant's token has opened, and those that have receipts.
    """

    ended: int
    read: int
    with_receipts: int

    @property
    def receipt_share(self) -> float | None:
        """The share of chats with receipts, from 0 to 1; None if no chat ended."""
        return self.with_receipts / self.ended if self.ended else None


def ended_chats(
    cloudwatch: CloudWatch, stack: str, *, until: datetime, period: timedelta = _DAY
) -> EndedChats:
    """Ask CloudWatch how many chats of a stack ended, and whether receipts came with them.

    Parameters
    ----------
    until
        The end of the period, with a time zone. Metrics are there some minutes after they are sent.
    period
        How long it is; two weeks at most, after which CloudWatch no longer has each minute.
    """
    metrics = (Metric.CHATS_ENDED, Metric.CHATS_ENDED_READ, Metric.CHATS_ENDED_WITH_RECEIPTS)
    counts = dict.fromkeys(metrics, 0.0)
    request: dict[str, Any] = {
        "StartTime": until - period,
        "EndTime": until,
        "MetricDataQueries": [
            {
                "Id": f"m{number}",
                "MetricStat": {
                    "Metric": {
                        "Namespace": "chatlake",
                        "MetricName": metric.value,
                        "Dimensions": [{"Name": "service", "Value": stack}],
                    },
                    "Period": _HOUR_S,
                    "Stat": "Sum",
                },
            }
            for number, metric in enumerate(metrics)
        ],
    }
    while True:
        answer = cloudwatch.get_metric_data(**request)
        for result in answer["MetricDataResults"]:
            counts[metrics[int(result["Id"][1:])]] += sum(result["Values"])
        if not (token := answer.get("NextToken")):
            return EndedChats(*(round(counts[metric]) for metric in metrics))
        request["NextToken"] = token


@dataclass(frozen=True, slots=True)
class LiveCoverage:
    """How the live chats of a stack are followed at a moment.

    Attributes
    ----------
    by_socket, by_reads, uncovered
        Chats that a websocket brings, that are read again and again, and that are followed by
        nothing at present. One that is being handed over may count twice.
    processes
        Of Capture, that live; three for each shard with chats.
    """

    by_socket: int = 0
    by_reads: int = 0
    uncovered: int = 0
    processes: int = 0

    @property
    def covered_share(self) -> float | None:
        """The share of live chats that are followed, from 0 to 1; None if there are none."""
        covered = self.by_socket + self.by_reads
        live = covered + self.uncovered
        return covered / live if live else None


def live_coverage(
    dynamodb: DynamoDBClient, schedule_table: str, *, at: datetime, shards: int = _MOST_SHARDS
) -> LiveCoverage:
    """Ask the processes of Capture, by what they have noted, how live chats are followed.

    Parameters
    ----------
    at
        The present, with a time zone. Whoever has noted nothing for 30 s is taken for dead.
    shards
        How many there are; of those that are not, nobody has noted anything.
    """
    at_ms = round(at.timestamp() * 1000)
    living = [
        process
        for shard in range(shards)
        for process in ShardTable(dynamodb, schedule_table, shard).survey()[1]
        if process.lives(at_ms)
    ]
    found = sum((process.coverage for process in living), Coverage())
    return LiveCoverage(found.by_socket, found.by_reads, found.uncovered, len(living))
