"""The verbs on a stack that is deployed: what its outputs name is there, its functions run here."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from chatlake.operations import erased_bytes
from chatlake.tables import schema
from tests.command import run_command
from tests.functions import ROOT
from tests.lake_folder import CANARY, Ran, message, page
from tests.small_stack import HISTORY_DAYS, SmallStack, forget_session

if TYPE_CHECKING:
    from pathlib import Path

    from tests.aws import Aws

pytestmark = pytest.mark.filterwarnings("ignore:No application metrics:UserWarning")

type Run = Callable[..., Ran]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command on the stack that the environment names."""

    def run(*arguments: str | Path) -> Ran:
        forget_session()
        ran = run_command(monkeypatch, capsys, *arguments)
        assert CANARY not in ran.err
        assert CANARY not in ran.out or "document" in arguments
        return ran

    return run


# --- status ---------------------------------------------------------------------------------------


def test_status_tells_of_chats_queues_and_tables(aws: Aws, stack: SmallStack, run: Run) -> None:
    new = run("status")
    assert (new.code, new.err) == (0, "")
    assert "no chat has ended" in new.out
    assert "last published: never" in new.out
    stack.take(page("c1", message(), message("m2")))
    at = datetime.now(UTC) - timedelta(hours=1)
    counts = {"ChatsEnded": 8, "ChatsEndedRead": 6, "ChatsEndedWithReceipts": 4}
    aws.client("cloudwatch").put_metric_data(
        Namespace="chatlake",
        MetricData=[
            {
                "MetricName": name,
                "Dimensions": [{"Name": "service", "Value": stack.name}],
                "Timestamp": at,
                "Value": float(value),
            }
            for name, value in counts.items()
        ],
    )
    url = stack.outputs["TrackDeadLettersUrl"]
    aws.client("sqs").send_message(QueueUrl=url, MessageBody="{}")
    ran = run("status")
    assert (ran.code, ran.err) == (0, "")
    assert "last day:  8 chats ended, 6 opened by a token, 4 with receipts (50.0%)" in ran.out
    assert "live chats: none; 0 processes of Capture" in ran.out
    assert "events could not be tracked: 1" in ran.out
    assert "chats could not be published: 0" in ran.out
    assert "messages                2 rows" in ran.out
    assert "last published: 20" in ran.out
    assert "alarms that are on: none" in ran.out
    set_alarms(aws, stack.name)
    assert "alarms that are on: DeadLetters\n" in run("status").out


def set_alarms(aws: Aws, stack: str) -> None:
    """One that is on, one that is not, and one of a stack whose name begins alike."""
    cloudwatch = aws.client("cloudwatch")
    for what in ("DeadLetters-1A2B", "dev-DeadLetters-3C4D", "Errors-5E6F"):
        name = f"{stack}-{what}"
        cloudwatch.put_metric_alarm(
            AlarmName=name,
            Namespace="chatlake",
            MetricName="x",
            Statistic="Sum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=1,
            ComparisonOperator="GreaterThanThreshold",
        )
        state = "OK" if "Errors" in name else "ALARM"
        cloudwatch.set_alarm_state(AlarmName=name, StateValue=state, StateReason="")


# --- document -------------------------------------------------------------------------------------


def test_document_prints_all_that_is_stored_of_a_chat(stack: SmallStack, run: Run) -> None:
    stack.take(page("c1", message(Content=f"{CANARY} \x9b31m \ud83d")))
    stack.archive.chats.legs.add({"leg": "c1"}, provisional=False)
    ran = run("document", "leg")
    assert (ran.code, ran.err) == (0, "")
    assert "\x9b" not in ran.out
    document = json.loads(ran.out)
    stored = stack.archive.store.read("c1")
    assert stored is not None
    assert document == json.loads(stored.document.to_bytes())
    stack.archive.chats.tombstones.add(["gone"])
    assert "contact gone: its chat was erased" in run("document", "gone").err
    ran = run("document", "nobody")
    assert ran.code == 1
    assert "contact nobody: nothing is archived of it" in ran.err


# --- verify ---------------------------------------------------------------------------------------


@pytest.fixture
def filled(stack: SmallStack) -> SmallStack:
    stack.take(*(page(f"c{number}", message(), message("m2")) for number in range(5)))
    return stack


def test_verify_finds_nothing_in_an_archive_that_is_right(filled: SmallStack, run: Run) -> None:
    for which, compared in ((("--all",), 5), (("--sample", "2"), 2), ((), 5)):
        ran = run("verify", *which)
        assert (ran.code, ran.out) == (0, "")
        assert f"{compared} chats compared: every row is as its document says." in ran.err
    filled.archive.chats.publish_attempts.forget_published(["c1"])
    ran = run("verify")
    assert ran.code == 0
    assert "1 chat not compared: the newest document waits to be published." in ran.err
    assert "4 chats compared" in ran.err
    assert run("verify", "--all", "--sample", "3").code == 2


def test_verify_finds_what_others_have_removed_and_added(filled: SmallStack, run: Run) -> None:
    messages = filled.archive.lake.load_as_it_is(schema.MESSAGES)
    rows = messages.scan("initial_contact_id = 'c1'").to_arrow()
    place = rows.schema.get_field_index("initial_contact_id")
    of_id = rows.schema.field(place)
    strangers = pa.array(["a stranger"] * len(rows), of_id.type)
    messages.append(rows.set_column(place, of_id, strangers))
    messages.refresh().delete("initial_contact_id = 'c3' and item_id = 'm2'")
    ran = run("verify", "--all")
    assert ran.code == 1
    assert "messages: others have removed 1 row\n" in ran.out
    assert "messages: others have added 2 rows\n" in ran.out
    assert f"chatlake --stack {filled.name} republish c3" in ran.err
    assert "Rows of 1 id that no chat has are others' own" in ran.err


# --- republish ------------------------------------------------------------------------------------


def queued(aws: Aws, url: str) -> list[str]:
    found = aws.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10)
    return sorted(json.loads(one["Body"])["initial_contact_id"] for one in found["Messages"])


def test_republish_sends_all_chats_to_the_publish_queue(
    aws: Aws, filled: SmallStack, run: Run
) -> None:
    ran = run("republish")
    assert ran.code == 0
    assert "5 chats will be published again" in ran.err
    assert queued(aws, filled.settings.publish_queue_url) == [f"c{number}" for number in range(5)]
    # Nothing is left for Reconcile to go on with.
    assert filled.archive.republication.after() is None
    ran = run("republish", "c4", "nobody")
    assert ran.code == 1
    assert "1 chat will be published again" in ran.err
    assert "Not known in this stack: nobody" in ran.err
    assert queued(aws, filled.settings.publish_queue_url) == ["c4"]


# --- redrive --------------------------------------------------------------------------------------


def send(aws: Aws, url: str, *bodies: object) -> None:
    for body in bodies:
        text = body if isinstance(body, str) else json.dumps(body)
        aws.client("sqs").send_message(QueueUrl=url, MessageBody=text)


def waiting(aws: Aws, url: str) -> int:
    names = ["ApproximateNumberOfMessages"]
    found = aws.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)
    return int(found["Attributes"][names[0]])


EVENT = json.loads((ROOT / "events/track.initiated.json").read_text())


def test_redrive_sends_chats_to_their_queue_and_events_to_track(
    aws: Aws, stack: SmallStack, run: Run
) -> None:
    of_track, of_publish = (
        stack.outputs[name] for name in ("TrackDeadLettersUrl", "PublishDeadLettersUrl")
    )
    send(aws, of_publish, {"initial_contact_id": "c1"}, {"initial_contact_id": "c2"})
    # The event itself, as EventBridge leaves it; and in Lambda's report of what has failed.
    send(aws, of_track, EVENT, {"requestPayload": EVENT, "responsePayload": {}})
    ran = run("redrive", "--dry-run")
    assert (ran.code, ran.out, ran.err) == (
        0,
        "2 chats could not be published, 2 events could not be tracked.\n",
        "",
    )
    assert (waiting(aws, of_track), waiting(aws, of_publish)) == (2, 2)
    ran = run("redrive")
    assert ran.code == 0, ran.err
    assert "2 chats could not be published, 2 events could not be tracked." in ran.out
    assert "2 events tracked." in ran.err
    assert queued(aws, stack.settings.publish_queue_url) == ["c1", "c2"]
    assert (waiting(aws, of_track), waiting(aws, of_publish)) == (0, 0)
    [chat] = stack.archive.schedule.read_many([EVENT["detail"]["contactId"]])
    assert chat == EVENT["detail"]["contactId"]


def test_an_event_that_fails_again_stays_and_keeps_no_other_from_being_tracked(
    aws: Aws, stack: SmallStack, run: Run
) -> None:
    url = stack.outputs["TrackDeadLettersUrl"]
    broken = {"detail": 1, "detail-type": "Amazon Connect Contact Event", "source": "aws.connect"}
    bodies = [{"requestPayload": {**EVENT, "detail": {"contactId": 5}}}, "no JSON", EVENT, broken]
    send(aws, url, *bodies)
    ran = run("redrive")
    assert ran.code == 1
    assert "no event, and left there" in ran.err
    assert waiting(aws, url) >= 1
    assert stack.archive.schedule.read_many([EVENT["detail"]["contactId"]])


# --- erase ----------------------------------------------------------------------------------------


def test_erase_prints_the_record_and_when_the_last_bytes_are_gone(
    filled: SmallStack, run: Run
) -> None:
    ran = run("erase", "c1", "nobody")
    assert ran.code == 1
    assert "1 chat erased.\n  c1\n" in ran.out
    assert "Not known in this stack: nobody" in ran.out
    gone = datetime.now(UTC).date() + timedelta(days=HISTORY_DAYS + 1)
    assert f"until about {gone}: files that only older snapshots" in ran.out
    assert f"s3://{filled.settings.document_bucket}/erasures/done/" in ran.out
    assert filled.archive.store.read("c1") is None
    assert "Erased before: c1" in run("erase", "c1").out


def test_erase_waits_until_no_table_keeps_an_older_snapshot(
    filled: SmallStack, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[str] = []

    def expire(_: float) -> None:
        """What Glue's retention does in its time: the tables one after the other."""
        table = schema.TABLES[len(waits)]
        loaded = filled.archive.lake.load_as_it_is(table)
        loaded.maintenance.expire_snapshots().older_than(datetime.now()).commit()  # noqa: DTZ005
        waits.append(table.name)

    waiting_for = partial(erased_bytes.wait_for_expiry, sleep=expire)
    monkeypatch.setattr(erased_bytes, "wait_for_expiry", waiting_for)
    ran = run("erase", "c1", "--wait")
    assert ran.code == 0, ran.err
    assert "No snapshot of the tables is older than the erasure any more." in ran.err
    assert "messages" in waits


# --- query ----------------------------------------------------------------------------------------


def answer_next(aws: Aws, columns: dict[str, str], *rows: list[str | None]) -> None:
    """Let moto's Athena, which runs nothing, answer its next query so."""
    from urllib.request import Request, urlopen

    lines: list[list[str | None]] = [[*columns], *rows]
    results: Any = {
        "rows": [
            {"Data": [{} if text is None else {"VarCharValue": text} for text in line]}
            for line in lines
        ],
        "column_info": [
            {"Name": name, "Type": kind, "Precision": 5, "Scale": 2, "Nullable": "UNKNOWN"}
            for name, kind in columns.items()
        ],
    }
    asked = {"account_id": "111122223333", "region": "eu-central-1", "results": [results]}
    url = f"{aws.endpoint_url}/moto-api/static/athena/query-results"
    headers = {"Content-Type": "application/json"}
    with urlopen(Request(url, json.dumps(asked).encode(), headers)):
        pass


def test_a_query_is_answered_by_athena_and_says_what_it_cost(
    aws: Aws, stack: SmallStack, run: Run
) -> None:
    columns = {
        "n": "bigint",
        "share": "double",
        "at": "timestamp",
        "day": "date",
        "text": "varchar",
    }
    row: list[str | None] = ["7", "0.5", "2026-11-02 10:00:00.123456", "2026-11-02", None]
    answer_next(aws, columns, row)
    ran = run("query", "SELECT …", "--format", "json")
    assert ran.code == 0, ran.err
    assert json.loads(ran.out) == [
        {
            "n": 7,
            "share": 0.5,
            "at": "2026-11-02T10:00:00.123456",
            "day": "2026-11-02",
            "text": None,
        }
    ]
    assert "read, about $0.00005 at 5 dollars a terabyte and 10 MB a query at least" in ran.err


def test_duckdbs_dialect_is_refused_on_a_stack(stack: SmallStack, run: Run) -> None:
    ran = run("query", "SELECT 1", "--dialect", "duckdb")
    assert ran.code == 2
    assert "Athena has a dialect of its own" in ran.err
