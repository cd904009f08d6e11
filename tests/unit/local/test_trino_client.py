"""Trino's protocol of statements, against a server that answers as it is told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from local.trino import client as trino_client
from local.trino.client import StatementFailed, TrinoClient
from tests.loopback import Handler, served

NO_NODES = {"errorName": "NO_NODES_AVAILABLE", "message": "No nodes available to run query"}
SYNTAX = {"errorName": "SYNTAX_ERROR", "errorType": "USER_ERROR", "message": "line 1:1"}
ONE_ROW = {"columns": [{"name": "n", "type": "bigint"}], "data": [[1]]}


@contextmanager
def serving(*answers: dict[str, Any]) -> Iterator[tuple[TrinoClient, list[str]]]:
    """Serve an answer to each statement; the last one again and again."""
    asked: list[str] = []

    class Coordinator(Handler):
        def take(self) -> None:
            asked.append(self.body().decode())
            answer = answers[min(len(asked), len(answers)) - 1]
            self.answer(json.dumps({"id": f"q{len(asked)}", **answer}).encode())

    with served(Coordinator) as url:
        yield TrinoClient(url, "lake"), asked


def test_a_statement_waits_for_a_node_of_a_server_that_starts() -> None:
    told: list[str] = []
    with serving({"error": NO_NODES}, {"error": NO_NODES}, ONE_ROW) as (client, asked):
        answer = client.run("SELECT 1 AS n", told=told.append)
    assert answer.rows == [[1]]
    assert asked == ["SELECT 1 AS n"] * 3
    # What is to be stopped is the one that runs.
    assert told == ["q1", "q2", "q3"]


def test_it_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trino_client, "_NODES_WITHIN_S", 0.0)
    no_nodes = pytest.raises(StatementFailed, match="NO_NODES_AVAILABLE: No nodes")
    with serving({"error": NO_NODES}) as (client, asked), no_nodes:
        client.run("SELECT 1")
    assert 1 <= len(asked) <= 2


def test_a_statement_that_is_refused_is_not_run_again() -> None:
    refused = pytest.raises(StatementFailed, match="SYNTAX_ERROR")
    with serving({"error": SYNTAX}) as (client, asked), refused:
        client.run("SELEC 1")
    assert len(asked) == 1
