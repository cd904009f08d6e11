"""Views on Athena: each made after those that it reads, within the time that a function has."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from chatlake.analytics.athena_statements import Statements
from chatlake.analytics.athena_views import make_views
from chatlake.analytics.sql_files import Query, in_dependency_order, load_views
from chatlake.aws_clients import clients
from chatlake.exceptions import QueryFailed, TablesNotMade
from chatlake.tables import schema
from tests.loopback import Handler, served

REFUSED = {"State": "FAILED", "StateChangeReason": "COLUMN_NOT_FOUND: line 3", "AthenaError": {}}
BUSY = {
    "State": "FAILED",
    "StateChangeReason": "GENERIC_INTERNAL_ERROR",
    "AthenaError": {"ErrorCategory": 1, "Retryable": True},
}
CANCELLED = {"State": "CANCELLED"}


def view(name: str, reads: str) -> Query:
    return Query(name, "Why?", f"SELECT * FROM {reads}")


CHAIN = [view("first", "messages"), view("second", "first"), view("third", "second")]


@dataclass
class Athena:
    """Athena as far as views need it: a query takes some looks, and reads what was made before.

    `ends` says of views how their queries end, one after the other, where they do not succeed.
    """

    ends: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    looks: int = 2
    views: dict[str, str] = field(default_factory=dict)
    started: list[str] = field(default_factory=list)
    _running: dict[str, int] = field(default_factory=dict)

    def start_query_execution(self, **request: Any) -> dict[str, str]:
        assert request["QueryExecutionContext"] == {"Database": "lake"}
        assert request["WorkGroup"] == "stack"
        assert not self._running, "another view is not yet made"
        name, sql = self._parsed(request["QueryString"])
        unknown = (
            set(re.findall(r"(?:(?<!DISTINCT )FROM|JOIN) (\w+)", sql))
            - self.known(sql)
            - set(self.views)
        )
        if unknown:
            self.ends[name] = [{**REFUSED, "StateChangeReason": f"TABLE_NOT_FOUND: {unknown}"}]
        self.started.append(request["QueryString"])
        execution = f"{name}/{len(self.started)}"
        self._running[execution] = self.looks
        return {"QueryExecutionId": execution}

    def get_query_execution(self, **request: Any) -> dict[str, Any]:
        return {"QueryExecution": {"Status": self._status(request["QueryExecutionId"])}}

    @staticmethod
    def known(sql: str) -> set[str]:
        """Tables, and what a statement names itself."""
        named = set(re.findall(r"(\w+) AS \(", sql))
        return {table.name for table in schema.TABLES} | named

    @staticmethod
    def _parsed(statement: str) -> tuple[str, str]:
        found = re.fullmatch(r"CREATE OR REPLACE VIEW (\w+) AS\n(.*)", statement, re.DOTALL)
        assert found is not None, "what is there would be lost, or in the way"
        return found[1], found[2]

    def _status(self, execution: str) -> dict[str, Any]:
        self._running[execution] -= 1
        left = self._running[execution]
        if left > 0:
            return {"State": "QUEUED" if left > 1 else "RUNNING"}
        del self._running[execution]
        name, number = execution.split("/")
        if self.ends.get(name):
            return self.ends[name].pop(0)
        self.views[name] = self._parsed(self.started[int(number) - 1])[1]
        return {"State": "SUCCEEDED"}


@dataclass
class Lambda:
    """The time that a function has; only waiting takes any."""

    remaining: float = 600

    def remaining_s(self) -> float:
        return self.remaining

    def sleep(self, seconds: float) -> None:
        self.remaining -= seconds


def make(views: list[Query], athena: Any, function: Lambda | None = None) -> None:
    function = function or Lambda()
    make_views(views, Statements(athena, "lake", "stack", function.remaining_s, function.sleep))


def test_each_view_is_made_when_those_that_it_reads_are_there() -> None:
    athena = Athena()
    views = load_views()
    make(views, athena)
    assert athena.views == {query.name: query.sql for query in views}


def test_another_order_would_not_do() -> None:
    """What the stand-in refuses, Athena does, too: the order of the test above counts."""
    with pytest.raises(TablesNotMade, match="TABLE_NOT_FOUND"):
        make(list(reversed(load_views())), Athena())


def test_each_view_is_waited_for_before_the_next_however_long_it_takes() -> None:
    athena, function = Athena(looks=100), Lambda()
    make(CHAIN, athena, function)
    assert list(athena.views) == ["first", "second", "third"]
    assert 100 < 600 - function.remaining < 200


def test_a_view_is_replaced_and_never_dropped() -> None:
    athena = Athena()
    make(CHAIN, athena)
    make([view("first", "receipts"), *CHAIN[1:]], athena)
    assert athena.views["first"] == "SELECT * FROM receipts"
    assert len(athena.views) == 3
    assert not [statement for statement in athena.started if "DROP" in statement]


@pytest.mark.parametrize(
    ("end", "reason"),
    [(REFUSED, "view second: COLUMN_NOT_FOUND: line 3"), (CANCELLED, "view second: CANCELLED")],
)
def test_a_view_that_athena_refuses_is_named_with_the_reason(
    end: dict[str, Any], reason: str
) -> None:
    athena = Athena({"second": [end]})
    with pytest.raises(TablesNotMade, match=f"^{reason}$"):
        make(CHAIN, athena)
    assert list(athena.views) == ["first"]
    assert len(athena.started) == 2


def test_a_view_that_failed_for_athenas_own_reasons_is_tried_once_more() -> None:
    athena = Athena({"second": [BUSY]})
    make(CHAIN, athena)
    assert list(athena.views) == ["first", "second", "third"]
    assert len(athena.started) == 4


def test_a_view_that_fails_twice_is_given_up() -> None:
    athena = Athena({"second": [BUSY, BUSY]})
    with pytest.raises(TablesNotMade, match="view second: GENERIC_INTERNAL_ERROR"):
        make(CHAIN, athena)
    assert len(athena.started) == 3


def test_when_the_time_runs_out_the_view_is_named_while_there_is_time_to_answer() -> None:
    athena, function = Athena(looks=10_000), Lambda(600)
    with pytest.raises(TablesNotMade, match=r"^view first: .*first/1.*deploy again$"):
        make(CHAIN, athena, function)
    assert 59 <= function.remaining <= 60


def test_the_time_is_that_of_all_views_together() -> None:
    athena, function = Athena(looks=600), Lambda(600)
    with pytest.raises(TablesNotMade, match="view second"):
        make(CHAIN, athena, function)
    assert list(athena.views) == ["first"]


def test_views_that_read_each_other_are_named() -> None:
    circle = [view("one", "two"), view("two", "three"), view("three", "one"), *CHAIN]
    with pytest.raises(QueryFailed, match=r"^views read each other: one, three, two$"):
        in_dependency_order(circle)


def test_views_come_after_those_that_they_read_whatever_their_names() -> None:
    views = [view("a", "b"), view("b", "c"), view("c", "messages")]
    assert [ordered.name for ordered in in_dependency_order(views)] == ["c", "b", "a"]


THROTTLED = (400, {"__type": "TooManyRequestsException", "Reason": "CONCURRENT_QUERY_LIMIT"})
FAILED = (500, {"__type": "InternalServerException"})


@contextmanager
def answering(answers: list[tuple[int, dict[str, Any]]]) -> Iterator[tuple[str, list[Any]]]:
    """An address that gives some answers, one after the other; gives what it was asked."""
    asked: list[Any] = []

    class Service(Handler):
        def take(self) -> None:
            asked.append(json.loads(self.body()))
            status, said = answers.pop(0)
            self.answer(json.dumps(said).encode(), status)

    with served(Service) as url:
        yield url, asked


def test_an_athena_that_is_busy_is_asked_again_and_makes_the_view_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waits: list[float] = []
    monkeypatch.setattr("botocore.endpoint.time", SimpleNamespace(sleep=waits.append))
    done = (200, {"QueryExecution": {"Status": {"State": "SUCCEEDED"}}})
    started = (200, {"QueryExecutionId": "execution"})
    with answering([THROTTLED, FAILED, THROTTLED, started, FAILED, done]) as (url, asked):
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.setenv(name, "local")
        monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        athena = clients.athena()
        make(CHAIN[:1], athena)
        athena.close()
    assert len(waits) == 4
    # By the token Athena knows a request that comes again.
    assert len({request["ClientRequestToken"] for request in asked[:4]}) == 1
    assert asked[4:] == [{"QueryExecutionId": "execution"}] * 2
