"""A deployed stack whose Athena is Trino: its views, its saved queries, and tables of one clock."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from chatlake.analytics.sql_files import ALWAYS, load_named, load_views, to_duckdb
from chatlake.tables import schema
from local.clock import Clock
from local.deployed_tables import deployed_tables
from local.participant_service import Behaviour
from local.questions import Questions
from local.world import Script, World
from tests.e2e.pipeline.casting import DAY_MS, Casting, receipts
from tests.e2e.pipeline.deployable import deployable
from tests.e2e.pipeline.running import export, finish_attempt, tell
from tests.trino.engines import differences
from tools.artifacts import HOST

if TYPE_CHECKING:
    from collections.abc import Mapping

pytestmark = [pytest.mark.trino, pytest.mark.timeout(300)]

# Slow enough for Trino to start, and make the views, within the time of the function that asks.
SPEED = 8
CHATS = 5
_HOUR_S = 3600


@dataclass(frozen=True)
class Deployed:
    """A stack that has archived some chats."""

    world: World
    questions: Questions
    connection: duckdb.DuckDBPyConnection


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory, trino: None) -> Iterator[Deployed]:
    folder = tmp_path_factory.mktemp("deployed")
    casting = Casting()
    chats = [
        casting.find(lambda chat: receipts(chat) > 2, started_s=10 * number)
        for number in range(CHATS)
    ]
    with World(
        Script(chats, Behaviour(tokens_outlive_chat=True)),
        # All of the chats are over when the stack hears of them.
        Clock(DAY_MS / 1000 + _HOUR_S, SPEED),
        template=deployable(folder / "project"),
        folder=folder,
        parameters={"PublishWindowSeconds": "1", "Architecture": HOST},
        trino=True,
    ) as world:
        for chat in chats:
            tell(world, chat)
            export(world, chat)
        finish_attempt(world, [chat.initial_contact_id for chat in chats])
        outputs = world.stack.outputs
        workgroup = world.stack.resources["Workgroup"]
        questions = Questions(world.client("athena"), outputs["GlueDatabase"], workgroup)
        with deployed_tables(world.cloud, world.stack) as connection:
            yield Deployed(world, questions, connection)


@pytest.fixture(scope="module")
def saved(deployed: Deployed) -> dict[str, str]:
    """The queries that the stack has saved in Athena, as its users find them."""
    athena = deployed.world.client("athena")
    workgroup = deployed.questions.workgroup
    ids = athena.list_named_queries(WorkGroup=workgroup)["NamedQueryIds"]
    found = athena.batch_get_named_query(NamedQueryIds=ids)["NamedQueries"]
    return {query["Name"]: query["QueryString"] for query in found}


@pytest.mark.parametrize("view", [view.name for view in load_views()])
def test_the_stacks_views_have_the_rows_that_they_have_on_duckdb(
    deployed: Deployed, view: str
) -> None:
    sql = f"SELECT * FROM {view}"
    answer = deployed.questions.ask(sql)
    assert answer.rows
    assert differences(answer, deployed.connection.execute(sql), ordered=False) == []


@pytest.mark.parametrize("query", load_named(), ids=lambda query: query.name)
def test_the_stacks_saved_queries_are_answered_as_on_duckdb(
    deployed: Deployed, saved: Mapping[str, str], query: Any
) -> None:
    answer = deployed.questions.ask(saved[query.name], ALWAYS.parameters)
    beside = deployed.connection.execute(to_duckdb(query.sql), ALWAYS.parameters)
    assert differences(answer, beside, ordered=True) == []


@pytest.mark.parametrize("table", [table.name for table in schema.TABLES])
def test_a_tables_log_is_of_the_worlds_time_alone(deployed: Deployed, table: str) -> None:
    world = deployed.world
    location = f"{deployed.questions.database}.{table}"
    sql = f'SELECT CAST(to_unixtime(timestamp) AS double) FROM "{table}$metadata_log_entries"'
    times = [row[0] for row in deployed.questions.ask(sql).rows]
    assert len(times) >= (1 if table == "attachments" else 2), location
    assert all(earlier <= later for earlier, later in pairwise(times))
    assert all(DAY_MS / 1000 < moment < world.clock.time() for moment in times)
