"""Whether receipts come, as metrics say, and how live chats are followed, as Capture says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from chatlake.capture.shard_table import Coverage, LeaseItem, Process, ShardTable
from chatlake.operations.status import EndedChats, LiveCoverage, ended_chats, live_coverage
from tests.aws import Aws

STACK = "a-stack"


def send(aws: Aws, stack: str, at: datetime, **counts: int) -> None:
    aws.client("cloudwatch").put_metric_data(
        Namespace="chatlake",
        MetricData=[
            {
                "MetricName": name,
                "Dimensions": [{"Name": "service", "Value": stack}],
                "Timestamp": at,
                "Value": float(value),
                "Unit": "Count",
            }
            for name, value in counts.items()
        ],
    )


def test_ended_chats_of_a_day_are_those_of_the_stack(aws: Aws) -> None:
    until = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    for hours, ended, read, receipts in ((1, 10, 8, 6), (5, 7, 3, 0), (23, 3, 3, 3)):
        at = until - timedelta(hours=hours, minutes=-10)
        counts = {"ChatsEnded": ended, "ChatsEndedRead": read, "ChatsEndedWithReceipts": receipts}
        send(aws, STACK, at, **counts)
    send(aws, STACK, until - timedelta(hours=30), ChatsEnded=100, ChatsEndedWithReceipts=100)
    send(aws, "another", until - timedelta(hours=2), ChatsEnded=100, ChatsEndedWithReceipts=100)
    found = ended_chats(aws.client("cloudwatch"), STACK, until=until)
    assert found == EndedChats(ended=20, read=14, with_receipts=9)
    assert found.receipt_share == 0.45
    week = ended_chats(aws.client("cloudwatch"), STACK, until=until, period=timedelta(days=7))
    assert (week.ended, week.with_receipts) == (120, 109)


def test_without_an_ended_chat_there_is_no_share(aws: Aws) -> None:
    found = ended_chats(aws.client("cloudwatch"), "a-new-stack", until=datetime.now(UTC))
    assert found == EndedChats(0, 0, 0)
    assert found.receipt_share is None


def test_all_pages_of_an_answer_count() -> None:
    class InPages:
        """CloudWatch, which may give a part of the values of a metric on each page."""

        def get_metric_data(self, **request: Any) -> dict[str, Any]:
            page = int(request.get("NextToken", "0"))
            values = {"m0": [3.0, 1.0], "m2": [1.0]} if page else {"m0": [2.0], "m1": [4.0]}
            results = [{"Id": name, "Values": found} for name, found in values.items()]
            return {"MetricDataResults": results, **({} if page else {"NextToken": "1"})}

    found = ended_chats(InPages(), STACK, until=datetime.now(UTC))
    assert found == EndedChats(ended=6, read=4, with_receipts=1)


NOW = datetime(2026, 11, 2, 10, tzinfo=UTC)


def note(aws: Aws, table: str, shard: int, process_id: str, at: int, *counts: int) -> None:
    """Note that a process of Capture lives, and how its chats are covered."""
    shard_table = ShardTable(aws.client("dynamodb"), table, shard)
    shard_table.note(Process(process_id, 1, 1, at, coverage=Coverage(*counts)))


def ms_ago(seconds: float) -> int:
    return round((NOW - timedelta(seconds=seconds)).timestamp() * 1000)


def test_live_chats_are_those_of_all_processes_of_all_shards(aws: Aws) -> None:
    table = aws.schedule_table()
    ShardTable(aws.client("dynamodb"), table, 0).take_lease(
        None, LeaseItem(generation=2, holder="b", began_at=ms_ago(60), older_share=0.15)
    )
    note(aws, table, 0, "a", ms_ago(29), 500, 0, 1)
    note(aws, table, 0, "b", ms_ago(1), 100, 40, 2)
    note(aws, table, 4, "c", ms_ago(0), 7, 0, 0)
    found = live_coverage(aws.client("dynamodb"), table, at=NOW)
    assert found == LiveCoverage(by_socket=607, by_reads=40, uncovered=3, processes=3)
    assert found.covered_share == 647 / 650
    one = live_coverage(aws.client("dynamodb"), table, at=NOW, shards=1)
    assert (one.by_socket, one.processes) == (600, 2)


def test_who_has_died_follows_nothing_and_who_has_just_begun_says_nothing_yet(aws: Aws) -> None:
    table = aws.schedule_table()
    note(aws, table, 0, "dead", ms_ago(30), 300)
    note(aws, table, 0, "new", ms_ago(2))
    found = live_coverage(aws.client("dynamodb"), table, at=NOW)
    assert found == LiveCoverage(processes=1)
    assert found.covered_share is None


def test_where_no_chat_is_live_nobody_follows_any(aws: Aws) -> None:
    found = live_coverage(aws.client("dynamodb"), aws.schedule_table(), at=NOW)
    assert found == LiveCoverage()
