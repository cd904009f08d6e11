"""What a query says: the tables, the formats, and nothing else on standard output."""

from __future__ import annotations

import csv
import io
import json
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from chatlake.analytics.duckdb_engine import connect
from chatlake.analytics.sql_files import load_named, load_views, to_duckdb
from chatlake.chat_state import BatchHint
from chatlake.embedded.archive import EmbeddedArchive
from chatlake.exceptions import QueryFailed
from chatlake.tables import schema
from tests.lake_folder import LakeFolder, export, message, new_lake, page

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lake_folder import Chatlake
    from tests.oracle import Object

DUCKDB_TYPES = {
    "string": "VARCHAR",
    "timestamp": "TIMESTAMP",
    "date": "DATE",
    "int": "INTEGER",
    "long": "BIGINT",
    "boolean": "BOOLEAN",
}
NAMED_QUERIES = [query.name for query in load_named()]


def read_after(item_id: str, seconds: float | None, to: str = "agent", **members: Any) -> Object:
    """A message, of the customer if not said, that was read so many seconds later, or not."""
    receipt = {
        "RecipientParticipantId": to,
        "DeliveredTimestamp": "2026-09-01T10:00:00.250Z",
    }
    if seconds is not None:
        receipt["ReadTimestamp"] = f"2026-09-01T10:00:{seconds:06.3f}Z"
    return message(item_id, MessageMetadata={"Receipts": [receipt]}, **members)


@pytest.fixture(scope="module")
def values() -> list[Object]:
    agent = message(
        "m9", ParticipantId="agent", ParticipantRole="AGENT", AbsoluteTime="2026-09-02T08:00:00Z"
    )
    return [
        page("c1", read_after("m1", 2), read_after("m2", 4), read_after("m3", None), agent),
        page("c2", message("m1", AbsoluteTime="2026-09-02T09:00:00.000001Z")),
        export("c2", message("m1", AbsoluteTime="2026-09-02T09:00:00.000001Z")),
    ]


@pytest.fixture(scope="module")
def filled(values: list[Object], tmp_path_factory: pytest.TempPathFactory) -> LakeFolder:
    """A lake that no test of this module changes."""
    lake = new_lake(tmp_path_factory.mktemp("filled"))
    lake.take(*values)
    return lake


@pytest.fixture
def ask(filled: LakeFolder, chatlake: Chatlake) -> Chatlake:
    """Query that lake."""
    return partial(chatlake, "query", "--lake", filled.path)


def as_json(ask: Chatlake, *arguments: str) -> Any:
    ran = ask("--format", "json", *arguments)
    assert (ran.code, ran.err) == (0, "")
    return json.loads(ran.out)


# --- tables, views, ready queries


def test_the_tables_have_the_columns_and_types_of_the_schema(lake: LakeFolder) -> None:
    lake.take()
    with connect(lake.path) as connection:
        for table in schema.TABLES:
            described = connection.execute(f"DESCRIBE {table.name}").fetchall()
            assert [(name, kind) for name, kind, *_ in described] == [
                (column.name, DUCKDB_TYPES[column.type]) for column in table.columns
            ]


def test_messages_by_day_counts_what_was_sent_each_day(ask: Chatlake) -> None:
    assert as_json(ask, "--named", "messages_by_day") == [
        {"chat_day": "2026-09-01", "chats": 1, "messages": 4, "messages_with_receipt": 3},
        {"chat_day": "2026-09-02", "chats": 1, "messages": 1, "messages_with_receipt": 0},
    ]


def test_read_latency_is_told_in_seconds_by_role(ask: Chatlake) -> None:
    [row] = as_json(ask, "--named", "read_latency_by_role")
    assert (row["sender_role"], row["recipient_role"], row["messages_read"]) == (
        "CUSTOMER",
        "AGENT",
        2,
    )
    assert (row["seen_p50_s"], row["seen_p90_s"], row["reported_p50_s"]) == (2, 4, 2)


def test_a_period_leaves_out_chats_of_other_days(ask: Chatlake) -> None:
    first = ("--since", "2026-09-01", "--until", "2026-09-01")
    assert [row["chats"] for row in as_json(ask, "--named", "messages_by_day", *first)] == [1]
    since = ("--since", "2026-09-02")
    assert [row["chats"] for row in as_json(ask, "--named", "messages_by_day", *since)] == [1]
    until = ("--until", "2026-08-31")
    assert as_json(ask, "--named", "messages_by_day", *until) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("SELECT 1", "--since", "2026-09-01"), "go with --named"),
        (("--named", "read_states", "--since", "yesterday"), "'yesterday' does not match"),
        (
            ("--named", "read_states", "--since", "2026-09-02", "--until", "2026-09-01"),
            "--since 2026-09-02 is after --until 2026-09-01",
        ),
    ],
)
def test_a_period_that_cannot_be_meant_is_a_usage_error(
    ask: Chatlake, arguments: tuple[str, ...], words: str
) -> None:
    ran = ask(*arguments)
    assert ran.code == 2
    assert words in ran.err


@pytest.mark.parametrize("name", NAMED_QUERIES)
def test_every_ready_query_runs_on_a_lake_with_and_without_rows(
    lake: LakeFolder, chatlake: Chatlake, values: list[Object], name: str
) -> None:
    lake.take()
    assert as_json(partial(chatlake, "query"), "--named", name) == []
    bot = {"ParticipantId": "bot", "ParticipantRole": "CUSTOM_BOT"}
    customer = message("m0", AbsoluteTime="2026-09-01T09:59:00Z")
    agent = message("a0", ParticipantId="agent", ParticipantRole="AGENT")
    later = message("m2", AbsoluteTime="2026-09-01T10:01:00Z")
    lake.take(
        *values,
        page("c3", customer, read_after("m1", 3, to="customer", **bot)),
        page("c4", agent, read_after("m1", None), later),
    )
    answered = as_json(partial(chatlake, "query"), "--named", name) != []
    # Files have no contact events.
    assert answered == (name not in {"beside_connect", "queue_time"})


def test_every_ready_query_asks_a_question() -> None:
    queries = [*load_named(), *load_views()]
    assert len(queries) >= 3
    assert all("?" in query.question and "--" not in query.sql for query in queries)


def test_without_sql_all_that_can_be_asked_is_listed_even_without_a_lake(
    chatlake: Chatlake,
) -> None:
    ran = chatlake("query")
    assert (ran.code, ran.err) == (0, "")
    for name in (*NAMED_QUERIES, *(table.name for table in schema.TABLES)):
        assert name in ran.out


def test_sql_may_be_in_the_dialect_of_athena(ask: Chatlake) -> None:
    sql = (
        "SELECT count_if(item_type = 'MESSAGE') AS n, count_if(related_contact_id = '') AS none, "
        "date_diff('day', min(sent_at), max(sent_at)) AS days"
    )
    rows = as_json(ask, "--dialect", "athena", f"{sql} FROM messages WHERE item_type = 'MESSAGE'")
    # A day has not passed, though another one has begun; and no null counts.
    assert rows == [{"n": 5, "none": 0, "days": 0}]


def test_the_dialect_of_athena_divides_and_compares_as_athena_does(ask: Chatlake) -> None:
    sql = "SELECT 7 / 2 AS n, count(*) AS later FROM messages"
    later = "WHERE sent_at > TIMESTAMP '2026-09-01 00:00:00' AND item_type = 'MESSAGE'"
    assert as_json(ask, "--dialect", "athena", f"{sql} {later}") == [{"n": 3, "later": 5}]
    assert as_json(ask, "SELECT 7 / 2 AS n") == [{"n": 3.5}]


def test_what_the_engine_refuses_is_one_line_in_the_dialect_of_athena(
    ask: Chatlake, caplog: pytest.LogCaptureFixture
) -> None:
    ran = ask("--dialect", "athena", "SHOW NOTHING OF THE KIND")
    assert ran.code == 1
    assert ran.err.startswith("Error: ")
    assert "unsupported syntax" not in ran.err
    # Outside of tests a warning that nobody takes goes to standard error.
    assert caplog.records == []


# --- formats


def test_times_are_written_as_they_are_without_a_zone_in_every_format(ask: Chatlake) -> None:
    sql = "SELECT sent_at FROM messages WHERE initial_contact_id = 'c2'"
    time = "2026-09-02T09:00:00.000001"
    assert as_json(ask, sql) == [{"sent_at": time}]
    assert ask(sql, "--format", "csv").out == f"sent_at\n{time}\n"
    assert time in ask(sql).out


AWKWARD = "a,b;\"c\"\r\nd\ttab 'e' \u2028 \U0001f600 caf\u00e9 \\n"


def test_csv_gives_back_any_text(lake: LakeFolder, chatlake: Chatlake) -> None:
    lake.take(page("c1", message(Content=AWKWARD, DisplayName="", ParticipantId=None)))
    out = lake.inbox / "rows.csv"
    sql = "SELECT content, display_name, participant_id, sent_at, receipt_count FROM messages"
    ran = chatlake("query", sql, "--format", "csv", "--output", out)
    assert (ran.code, ran.out, ran.err) == (0, "", "")
    with out.open(encoding="utf-8", newline="") as file:
        assert list(csv.reader(file)) == [
            ["content", "display_name", "participant_id", "sent_at", "receipt_count"],
            [AWKWARD, "", "", "2026-09-01T10:00:00", "0"],
        ]


def test_json_gives_back_any_text_and_knows_null(lake: LakeFolder, chatlake: Chatlake) -> None:
    lake.take(page("c1", message(Content=AWKWARD + "\x00", DisplayName="", ParticipantId=None)))
    rows = as_json(
        partial(chatlake, "query"), "SELECT content, display_name, participant_id FROM messages"
    )
    assert rows == [{"content": AWKWARD + "\x00", "display_name": "", "participant_id": None}]


def test_sums_are_numbers_in_json(ask: Chatlake) -> None:
    sql = """
        SELECT sum(read_latency_ms) AS total, 1.5::DECIMAL(9, 2) AS d, 2::HUGEINT ** 100 AS large,
            170141183460469231731687303715884105727::HUGEINT AS larger,
            list(read_at ORDER BY read_at) AS times
        FROM receipts
    """
    [row] = as_json(ask, sql)
    assert (row["total"], row["d"], row["large"], row["larger"]) == (6000, 1.5, 2.0**100, 2.0**127)
    assert row["times"] == ["2026-09-01T10:00:02", "2026-09-01T10:00:04", None]


def test_json_without_rows_is_an_empty_list(ask: Chatlake) -> None:
    assert as_json(ask, "SELECT * FROM messages WHERE false") == []


def test_numbers_keep_all_their_digits_outside_of_tables(ask: Chatlake) -> None:
    sql = "SELECT 1/3 AS third, 123456.789012::DOUBLE AS f, 0.1::DECIMAL(5,3) AS d, true AS yes"
    ran = ask(sql, "--format", "csv")
    assert list(csv.reader(io.StringIO(ran.out)))[1] == [
        repr(1 / 3),
        "123456.789012",
        "0.100",
        "true",
    ]
    [row] = as_json(ask, sql)
    assert (row["third"], row["f"]) == (1 / 3, 123456.789012)


def test_parquet_has_the_types_of_the_table(filled: LakeFolder, ask: Chatlake) -> None:
    out = filled.inbox / "receipts.parquet"
    ran = ask("SELECT * FROM receipts", "--format", "parquet", "--output", out)
    assert (ran.code, ran.out, ran.err) == (0, "", "")
    table = pq.ParquetFile(out).read()
    assert table.num_rows == 3
    assert pa.types.is_int64(table.schema.field("read_latency_ms").type)
    assert sorted(row["read_latency_ms"] or 0 for row in table.to_pylist()) == [0, 2000, 4000]
    assert table.column("sent_at")[0].as_py() == datetime(2026, 9, 1, 10)  # noqa: DTZ001


@pytest.mark.parametrize("output_format", ["table", "csv", "json"])
def test_a_file_gets_what_the_terminal_would(
    filled: LakeFolder, ask: Chatlake, output_format: str
) -> None:
    query = ("SELECT item_id FROM messages ORDER BY ALL", "--format", output_format)
    shown = ask(*query)
    out = filled.inbox / "out"
    assert ask(*query, "--output", out).out == ""
    assert out.read_text() == shown.out
    assert shown.err == ""


def test_a_table_shows_the_first_rows_and_says_where_the_others_are(ask: Chatlake) -> None:
    ran = ask("SELECT 'row ' || range AS r FROM range(300)")
    assert "row 199 " in ran.out
    assert "row 200 " not in ran.out
    assert ran.err == "The first 200 rows; --format csv, json or parquet writes all.\n"


def test_a_table_cuts_nothing_when_it_is_not_on_a_terminal(ask: Chatlake) -> None:
    long = "x" * 3000
    assert long in ask(f"SELECT '{long}' AS a, '{long}' AS b").out


def test_a_table_shows_what_would_command_the_terminal(
    lake: LakeFolder, chatlake: Chatlake
) -> None:
    lake.take(page("c1", message(Content="\x1b]0;title\x07\x1b[2J\x9b\x7f\r[bold]text[/bold]")))
    ran = chatlake("query", "SELECT content FROM messages")
    assert "␛]0;title␇␛[2J\ufffd␡␍[bold]text[/bold]" in ran.out


def test_columns_of_one_name_are_all_there(ask: Chatlake) -> None:
    sql = "SELECT 1 AS a, 2 AS a, 3 AS b, 4 AS a"
    assert as_json(ask, sql) == [{"a": 1, "a_1": 2, "b": 3, "a_2": 4}]
    assert ask(sql, "--format", "csv").out == "a,a,b,a\n1,2,3,4\n"
    [cells] = [line for line in ask(sql).out.splitlines() if "1" in line]
    assert cells.replace(" ", "").strip("│").split("│") == ["1", "2", "3", "4"]


# --- what goes wrong


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("SELEC 1", "syntax error"),
        ("SELECT nothing FROM messages", "nothing"),
        ("SELECT * FROM nowhere", "nowhere"),
        ("SELECT CAST(item_id AS INT) FROM messages", "Could not convert"),
        ("SELECT CAST(range || 'x' AS INT) FROM range(1000000) WHERE range > 900000", "convert"),
        ("INSERT INTO messages SELECT * FROM messages", "messages"),
        ("DELETE FROM messages", "delete"),
        ("", "there is no statement"),
        (" ; ", "there is no statement"),
        ("/* nothing */", "there is no statement"),
    ],
)
def test_sql_that_fails_is_an_error_and_nothing_else(ask: Chatlake, sql: str, said: str) -> None:
    ran = ask(sql, "--format", "csv")
    assert ran.code == 1
    assert ran.err.startswith("Error: ")
    assert said in ran.err
    assert "Traceback" not in ran.err
    assert ran.out in {"", "CAST((range || 'x') AS INTEGER)\n", "item_id\n"}


@pytest.mark.parametrize(
    "sql", ["SELEC 1 FROM", "SELECT 1; SELECT 2", "", "/* nothing */", "SELECT '"]
)
def test_sql_that_is_not_athenas_is_an_error(ask: Chatlake, sql: str) -> None:
    ran = ask("--dialect", "athena", sql)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("Error: ")
    assert "\x1b" not in ran.err
    with pytest.raises(QueryFailed):
        to_duckdb(sql)


def test_a_file_that_cannot_be_written_is_one_line(filled: LakeFolder, ask: Chatlake) -> None:
    out = filled.inbox / ("long" * 100)
    for output_format in ("table", "csv", "json", "parquet"):
        ran = ask("SELECT 1", "--format", output_format, "--output", out)
        assert (ran.code, ran.out) == (1, "")
        assert ran.err.startswith("Error: ")
        assert "File name too long" in ran.err
        assert ran.err.count("\n") == 1


def test_without_a_lake_the_error_says_how_to_make_one(
    lake: LakeFolder, chatlake: Chatlake
) -> None:
    for command in (("query", "SELECT 1"), ("status",), ("verify",), ("erase", "c1")):
        ran = chatlake(*command)
        assert (ran.code, ran.out) == (1, "")
        assert ran.err == (
            f"Error: there is no lake at {lake.path}: import transcripts first "
            "(chatlake import PATH…), or name another folder with --lake\n"
        )
    assert not lake.path.exists()


def test_a_query_leaves_the_lake_as_it_was(filled: LakeFolder, ask: Chatlake) -> None:
    def files() -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in filled.path.rglob("*") if path.is_file()}

    before = files()
    for sql in ("SELECT * FROM messages", "DROP VIEW messages", "CREATE TABLE t AS SELECT 1"):
        assert ask(sql).code == 0
    assert files() == before
    assert len(as_json(ask, "SELECT * FROM messages")) == 5


# --- status


def test_status_counts_what_there_is(
    lake: LakeFolder, chatlake: Chatlake, values: list[Object]
) -> None:
    lake.take(*values)
    lake.erase("c2")
    ran = chatlake("status")
    assert (ran.code, ran.err) == (0, "")
    lines = [" ".join(line.split()) for line in ran.out.splitlines()]
    assert lines[1] == "1 chat, 1 contact; 0 chats waiting to be published; 1 contact erased"
    assert "messages 4 rows 2026-09-01 to 2026-09-02" in lines
    assert "receipts 3 rows 2026-09-01 to 2026-09-01" in lines
    assert "attachments 0 rows no times" in lines
    assert "contacts whose receipts nobody could read: 0" in lines


def test_status_counts_a_chat_that_waits_twice_once(lake: LakeFolder, chatlake: Chatlake) -> None:
    lake.take()
    with EmbeddedArchive(lake.path) as archive:
        for day in (None, 1, 2):
            archive.chats.queue.send({"c1": BatchHint(day, 100)})
    assert "1 chat waiting to be published" in chatlake("status").out


def test_an_answer_that_lacks_chats_says_so(ask: Chatlake, filled: LakeFolder) -> None:
    question = ("SELECT count(*) AS n FROM contacts", "--format", "csv")
    assert (ask(*question).out, ask(*question).err) == ("n\n2\n", "")
    with EmbeddedArchive(filled.path) as archive:
        queue = archive.chats.queue
        try:
            queue.send({"c1": BatchHint(None, 100)})
            assert ask(*question).err.startswith("1 chat waits to be published: ")
            queue.send({"c1": BatchHint(1, 100), "c2": BatchHint(1, 100)})
            asked = ask(*question)
            assert asked.out == "n\n2\n"
            assert asked.err == (
                "2 chats wait to be published: this tells of the others, or of how it was before. "
                "`chatlake rebuild` publishes all.\n"
            )
        finally:
            queue.acknowledge(queue.peek(most_chats=9, most_bytes=9_999))
    assert ask(*question).err == ""


def test_status_names_days_without_messages(lake: LakeFolder, chatlake: Chatlake) -> None:
    days = ("2026-09-01", "2026-09-03", "2026-09-20")
    lake.take(
        page("c1", *(message(day, AbsoluteTime=f"{day}T10:00:00Z") for day in days)),
        page("c2", message(AbsoluteTime="soon")),
    )
    ran = chatlake("status")
    assert ran.out.splitlines()[-1] == (
        "  days without any message: 2026-09-02, 2026-09-04, 2026-09-05, 2026-09-06, 2026-09-07, "
        "2026-09-08, 2026-09-09, 2026-09-10, 2026-09-11, 2026-09-12 and 7 more"
    )


def test_status_of_an_empty_lake_is_no_error(lake: LakeFolder, chatlake: Chatlake) -> None:
    lake.take()
    ran = chatlake("status")
    assert (ran.code, ran.err) == (0, "")
    assert "last published: never" in ran.out
