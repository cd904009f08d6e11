"""SQL and the report of a deployed stack by the command line, whose Athena is Trino."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chatlake.analytics.report.figures import gather
from chatlake.analytics.sql_files import ALWAYS
from chatlake.progress import NoProgress
from local.clock import Clock
from local.deployed_tables import deployed_tables
from local.participant_service import Behaviour
from local.world import Script, World
from tests.command import outside, run_program
from tests.e2e.pipeline.casting import DAY_MS, Casting, receipts
from tests.e2e.pipeline.deployable import deployable
from tests.e2e.pipeline.running import archive
from tests.lake_folder import Ran
from tests.trino.test_athena import ENDLESS, until
from tools.artifacts import HOST

pytestmark = [pytest.mark.trino, pytest.mark.timeout(400)]

COMMAND = Path(sys.executable).with_name("chatlake")
SPEED = 8
CHATS = 3

type Run = Callable[..., Ran]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, trino: None) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("asked")
    casting = Casting()
    chats = [
        casting.find(lambda chat: receipts(chat) > 2, started_s=10 * number)
        for number in range(CHATS)
    ]
    with World(
        Script(chats, Behaviour(tokens_outlive_chat=True)),
        Clock(DAY_MS / 1000 + 3600, SPEED),
        template=deployable(folder / "project"),
        folder=folder,
        parameters={
            "PublishWindowSeconds": "1",
            "Architecture": HOST,
            "QueryLimitGigabytes": "2",
        },
        trino=True,
    ) as world:
        archive(world, *chats)
        yield world


@pytest.fixture(autouse=True)
def hears_ctrl_c() -> Iterator[None]:
    """A gate that runs in the background ignores Ctrl-C, and so would the commands it starts."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def environment(world: World) -> dict[str, str]:
    return {**outside(), **world.cloud.environment, "CHATLAKE_STACK": world.stack.name}


@pytest.fixture
def run(environment: dict[str, str]) -> Run:
    def run(*arguments: str | Path) -> Ran:
        return run_program(COMMAND, *arguments, environment=environment)

    return run


def test_sql_is_answered_with_what_it_read_and_the_limit(run: Run, world: World) -> None:
    ran = run("query", "SELECT count(*) AS n, min(sent_at) AS at FROM messages", "--format", "json")
    assert ran.code == 0, ran.err
    with deployed_tables(world.cloud, world.stack) as connection:
        rows = connection.execute("SELECT count(*), min(sent_at) FROM messages").fetchall()
    [(n, at)] = rows
    assert json.loads(ran.out) == [{"n": n, "at": at.isoformat()}]
    assert f"workgroup {world.stack.name} lets a query read 2.0 GB." in ran.err


def test_a_named_query_is_asked_of_its_period(run: Run) -> None:
    ran = run(
        "query", "--named", "read_latency_by_role", "--since", "1999-01-01", "--format", "csv"
    )
    assert ran.code == 0, ran.err
    assert ran.out.startswith("sender_role,recipient_role,messages")
    assert len(ran.out.splitlines()) > 2
    ran = run(
        "query", "--named", "read_latency_by_role", "--until", "1999-01-01", "--format", "csv"
    )
    assert (ran.code, len(ran.out.splitlines())) == (0, 1), ran.err


def test_sql_that_athena_refuses_is_told_in_its_words(run: Run) -> None:
    ran = run("query", "SELECT nothing FROM messages")
    assert (ran.code, ran.out) == (1, "")
    assert "Column 'nothing' cannot be resolved" in ran.err


def test_ctrl_c_stops_the_query(world: World, environment: dict[str, str]) -> None:
    athena = world.client("athena")

    def ids() -> set[str]:
        found = athena.list_query_executions(WorkGroup=world.stack.name)["QueryExecutionIds"]
        return set(found)

    before = ids()
    with subprocess.Popen(
        [COMMAND, "query", ENDLESS],
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    ) as asking:
        end = time.monotonic() + 60
        while not (begun := ids() - before) and time.monotonic() < end:
            time.sleep(0.1)
        [execution] = begun
        until(athena, execution, "RUNNING")
        # The answer to its start is on the way to the command.
        time.sleep(2)
        asking.send_signal(signal.SIGINT)
        _, said = asking.communicate(timeout=30)
    assert asking.returncode == 130
    assert "Interrupted" in said
    until(athena, execution, "CANCELLED")


def test_the_report_has_the_figures_that_duckdb_has(run: Run, world: World, tmp_path: Path) -> None:
    from chatlake.analytics.athena_engine import AthenaEngine
    from chatlake.analytics.report.athena_figures import gather_from_athena

    athena = world.client("athena")
    engine = AthenaEngine(
        athena,
        stopper=athena,
        database=world.stack.outputs["GlueDatabase"],
        workgroup=world.stack.name,
    )
    asked = gather_from_athena(engine, ALWAYS, NoProgress())
    with deployed_tables(world.cloud, world.stack) as connection:
        beside = gather(connection, tmp_path, ALWAYS, NoProgress())
    assert asked.messages > 0
    assert asked.rows.keys() == beside.rows.keys()
    for name, rows in beside.rows.items():
        assert asked.rows[name] == [pytest.approx(row) for row in rows], name
    output = tmp_path / "report.html"
    ran = run("report", "--output", output)
    assert ran.code == 0, ran.err
    assert f"{output}: {asked.messages:,} messages. Open it in a browser." in ran.err
    assert "read by 4 queries, about $0.00020" in ran.err
    assert output.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
