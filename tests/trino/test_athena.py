"""The local Athena answers as the service does, of what really was run."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from local.questions import QuestionFailed, Questions
from tests.trino.lakes import AskedLake, Lakes, odd_documents, publish

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from local.cloud import LocalCloud

pytestmark = pytest.mark.trino

ENDLESS = "SELECT count(*) FROM " + " CROSS JOIN ".join(
    f"UNNEST(sequence(1, 10000)) AS t{n}(x{n})" for n in range(3)
)


@pytest.fixture(scope="module")
def lake(lakes: Lakes) -> Iterator[AskedLake]:
    archive = lakes.archive()
    publish(archive, odd_documents())
    with lakes.asked(archive) as made:
        yield made


@pytest.fixture(scope="module")
def athena(cloud: LocalCloud) -> Any:
    place: Any = {"LocationConstraint": cloud.region}
    cloud.client("s3").create_bucket(Bucket="answers", CreateBucketConfiguration=place)
    return cloud.client("athena")


@pytest.fixture(scope="module")
def start(athena: Any) -> Callable[..., str]:
    def start(sql: str, **more: Any) -> str:
        output = {"OutputLocation": "s3://answers/of tests"}
        asked = {"QueryString": sql, "ResultConfiguration": output, **more}
        execution_id: str = athena.start_query_execution(**asked)["QueryExecutionId"]
        return execution_id

    return start


def until(athena: Any, execution_id: str, *states: str) -> dict[str, Any]:
    end = time.monotonic() + 60
    state = ""
    while time.monotonic() < end:
        execution: dict[str, Any] = athena.get_query_execution(QueryExecutionId=execution_id)[
            "QueryExecution"
        ]
        state = execution["Status"]["State"]
        if state in states:
            return execution
        time.sleep(0.02)
    raise AssertionError(f"{state}, and not {states} in time")


def test_an_answer_comes_as_rows_and_as_a_file(
    athena: Any, start: Callable[..., str], cloud: LocalCloud
) -> None:
    sql = """SELECT n AS "Number", nullif('say "' || w || '"', 'say "b"') AS w
        FROM (VALUES (1, 'a'), (2, 'b')) AS t (n, w) ORDER BY n"""
    execution = until(athena, start(sql), "SUCCEEDED")
    assert execution["StatementType"] == "DML"
    assert execution["Status"]["CompletionDateTime"] >= execution["Status"]["SubmissionDateTime"]
    execution_id = execution["QueryExecutionId"]
    rows = athena.get_query_results(QueryExecutionId=execution_id)["ResultSet"]["Rows"]
    assert rows == [
        {"Data": [{"VarCharValue": "Number"}, {"VarCharValue": "w"}]},
        {"Data": [{"VarCharValue": "1"}, {"VarCharValue": 'say "a"'}]},
        {"Data": [{"VarCharValue": "2"}, {}]},
    ]
    location = f"s3://answers/of tests/{execution_id}.csv"
    assert execution["ResultConfiguration"]["OutputLocation"] == location
    file = cloud.client("s3").get_object(Bucket="answers", Key=f"of tests/{execution_id}.csv")
    assert file["Body"].read().decode() == '"Number","w"\n"1","say ""a"""\n"2",\n'


def test_an_answer_comes_in_pages_the_first_of_which_has_the_names(
    athena: Any, start: Callable[..., str]
) -> None:
    execution_id = start("SELECT n FROM UNNEST(sequence(1, 5)) AS t (n) ORDER BY n")
    until(athena, execution_id, "SUCCEEDED")
    pages, token = [], ""
    while token is not None:
        after = {"NextToken": token} if token else {}
        page = athena.get_query_results(QueryExecutionId=execution_id, MaxResults=2, **after)
        pages.append([row["Data"][0]["VarCharValue"] for row in page["ResultSet"]["Rows"]])
        token = page.get("NextToken")
    assert pages == [["n", "1"], ["2", "3"], ["4", "5"]]


def test_question_marks_stand_for_parameters(lake: AskedLake) -> None:
    sql = "SELECT count(*) FROM messages WHERE chat_day = CAST(? AS date) AND content = ?"
    assert lake.trino(sql, ["2026-11-02", "it's ?"]).rows == [(0,)]
    with pytest.raises(QuestionFailed, match="Incorrect number of parameters"):
        lake.trino(sql, ["2026-11-02"])


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("SELECT * FROM nowhere.nothing", "Schema 'nowhere' does not exist"),
        ("SELEC 1", "SYNTAX_ERROR"),
        ("SELECT 1 / 0", "DIVISION_BY_ZERO"),
    ],
)
def test_a_query_that_is_refused_has_failed_and_says_why(
    sql: str, said: str, athena: Any, start: Callable[..., str]
) -> None:
    execution_id = start(sql)
    status = until(athena, execution_id, "FAILED")["Status"]
    assert said in status["StateChangeReason"]
    assert status["AthenaError"]["ErrorCategory"] == 2
    assert not status["AthenaError"]["Retryable"]
    with pytest.raises(ClientError, match="Final query state: FAILED"):
        athena.get_query_results(QueryExecutionId=execution_id)


def test_a_query_can_be_stopped(athena: Any, start: Callable[..., str]) -> None:
    execution_id = start(ENDLESS)
    until(athena, execution_id, "RUNNING")
    with pytest.raises(ClientError, match=r"not yet finished\. Current state: RUNNING"):
        athena.get_query_results(QueryExecutionId=execution_id)
    athena.stop_query_execution(QueryExecutionId=execution_id)
    until(athena, execution_id, "CANCELLED")


def test_a_request_that_comes_again_starts_nothing_new(start: Callable[..., str]) -> None:
    token = "t" * 40
    assert start("SELECT 1", ClientRequestToken=token) == start(
        "SELECT 1", ClientRequestToken=token
    )
    with pytest.raises(ClientError, match="Idempotent parameters"):
        start("SELECT 2", ClientRequestToken=token)


def test_a_query_needs_a_place_for_its_result(athena: Any) -> None:
    with pytest.raises(ClientError, match="No output location provided"):
        athena.start_query_execution(QueryString="SELECT 1")


def test_a_workgroup_that_is_not_there_is_refused(start: Callable[..., str]) -> None:
    with pytest.raises(ClientError, match="WorkGroup nowhere is not found"):
        start("SELECT 1", WorkGroup="nowhere")


def test_a_workgroup_says_where_results_go(athena: Any, lake: AskedLake) -> None:
    place = {"OutputLocation": "s3://answers/large/"}
    athena.create_work_group(
        Name="large",
        Configuration={"EnforceWorkGroupConfiguration": True, "ResultConfiguration": place},
    )
    large = Questions(athena, lake.questions.database, "large", "s3://elsewhere")
    answer = large.ask("SELECT count(content) FROM messages")
    assert answer.rows[0][0] > 5
    assert answer.bytes_read > 100
    [execution_id] = athena.list_query_executions(WorkGroup="large")["QueryExecutionIds"]
    found = athena.get_query_execution(QueryExecutionId=execution_id)["QueryExecution"]
    assert found["ResultConfiguration"]["OutputLocation"].startswith("s3://answers/large/")


def test_views_can_be_made_anew_read_and_dropped(lake: AskedLake) -> None:
    ask = lake.questions.ask
    ask("CREATE OR REPLACE VIEW told AS SELECT item_id FROM messages WHERE item_id = 'm1'")
    ask("CREATE OR REPLACE VIEW told AS SELECT item_id, chat_day FROM messages")
    assert list(ask("SELECT * FROM told LIMIT 1").types) == ["item_id", "chat_day"]
    with pytest.raises(QuestionFailed, match="already exists"):
        ask("CREATE VIEW told AS SELECT 1 AS one")
    ask("DROP VIEW told")
    with pytest.raises(QuestionFailed, match="does not exist"):
        ask("SELECT * FROM told")


@pytest.mark.parametrize("view", ["CREATE VIEW zoned", "CREATE OR REPLACE VIEW plain"])
def test_a_view_of_times_with_a_zone_is_refused_as_athena_does(lake: AskedLake, view: str) -> None:
    ask = lake.questions.ask
    ask("CREATE OR REPLACE VIEW plain AS SELECT sent_at FROM messages")
    with pytest.raises(
        QuestionFailed, match=r"Unsupported Hive type: timestamp\(6\) with time zone"
    ):
        ask(f"{view} AS SELECT with_timezone(sent_at, 'UTC') AS sent_at FROM messages")
    assert ask("SELECT * FROM plain").types == {"sent_at": "timestamp"}
