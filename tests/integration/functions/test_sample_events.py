"""The sample events are understood by the code that gets such events once it is deployed.

The functions themselves answer them, in the memory of this process: what they keep is in a
stand-in for AWS, and what they ask of Connect is scripted.
"""

from __future__ import annotations

import json
import re
import time
from copy import deepcopy
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.stub import Stubber
from moto import mock_aws

from chatlake.aws.custom_resource import PHYSICAL_ID, answer
from chatlake.capture.capture_state import Token
from chatlake.capture.contact_search import SEARCHES_PER_S
from chatlake.documents.document import Document
from chatlake.documents.store.s3 import S3Store
from chatlake.timestamps import now, now_ms
from local.cloud.event_pattern import matches
from local.template_source import read_source
from tests.aws import table_of
from tests.clock import HandClock, rule_time
from tests.functions import STACK, Context, load_function

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[3]
TEMPLATE: dict[str, Any] = read_source(ROOT / "template.yaml")
FUNCTIONS = sorted(path.parent.name for path in ROOT.glob("functions/*/app.py"))
EVENTS: dict[str, Any] = {
    path.stem: json.loads(path.read_text()) for path in sorted((ROOT / "events").iterdir())
}
ORIGIN = "https://www.example.com"
EXPORT_BUCKET, EXPORT_PREFIX = "example-connect-exports", "connect/example/ChatTranscripts"
INSTANCE_ARN = EVENTS["track.initiated"]["detail"]["instanceArn"]
FIRST = EVENTS["track.initiated"]["detail"]["contactId"]
SECOND = EVENTS["track.disconnected"]["detail"]["contactId"]
PUBLISHED = [
    json.loads(record["body"])["initial_contact_id"]
    for record in EVENTS["publish.two_chats"]["Records"]
]
# What a public sample may name: invented ids, and AWS's own account and addresses for examples.
INVENTED_ID = re.compile(r"[0-9a-f]{8}-0000-4000-8000-0{7}\d{5}")
ANY_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
CONTEXT = Context()


class Functions:
    """The functions, each imported when it is asked for, with the variables that it needs."""

    def __getitem__(self, name: str) -> ModuleType:
        return load_function(name)


@pytest.fixture
def functions(monkeypatch: pytest.MonkeyPatch) -> Iterator[Functions]:
    region = INSTANCE_ARN.split(":")[3]
    for variable, value in {
        "AWS_DEFAULT_REGION": region,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "POWERTOOLS_METRICS_NAMESPACE": "chatlake",
        # Whoever of a process makes them first names logs and metrics for all.
        "POWERTOOLS_SERVICE_NAME": STACK,
        "CONNECT_INSTANCE_ARN": INSTANCE_ARN,
        "CHATS_TABLE": "chats",
        "SCHEDULE_TABLE": "schedule",
        "DOCUMENT_BUCKET": "documents",
        "LAKE_BUCKET": "lake",
        "DATABASE": "chatlake",
        "EXPORT_BUCKET": EXPORT_BUCKET,
        "EXPORT_PREFIX": EXPORT_PREFIX,
        "ALLOWED_ORIGINS": ORIGIN,
        "CONTACT_FLOW_ID": json.loads(EVENTS["start_chat.start"]["body"])["ContactFlowId"],
        "CAPTURE_RATE": "4",
        "LAST_READ_RESERVE": "1",
        "SHORTEST_INTERVAL_S": "5",
    }.items():
        monkeypatch.setenv(variable, value)
    with mock_aws():
        key = boto3.client("kms").create_key()["KeyMetadata"]["Arn"]
        monkeypatch.setenv("KEY_ARN", key)
        queue = boto3.client("sqs").create_queue(QueueName="publish")["QueueUrl"]
        monkeypatch.setenv("PUBLISH_QUEUE_URL", queue)
        monkeypatch.setenv("BACKFILL_DEAD_LETTERS_URL", queue)
        for table, resource in (("chats", "Chats"), ("schedule", "Schedule")):
            boto3.client("dynamodb").create_table(TableName=table, **table_of(resource))
        for bucket in ("documents", "lake", EXPORT_BUCKET):
            boto3.client("s3").create_bucket(
                Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": region}
            )
        boto3.client("glue").create_database(DatabaseInput={"Name": "chatlake"})
        yield Functions()


def pattern(name: str) -> Any:
    """The pattern by which the template's rule picks events for track."""
    if name == "track.export_created":
        found = deepcopy(TEMPLATE["Resources"]["ExportRule"]["Properties"]["EventPattern"])
        found["detail"]["bucket"]["name"] = [EXPORT_BUCKET]
        found["detail"]["object"]["key"] = [{"prefix": f"{EXPORT_PREFIX}/"}]
        return found
    events = TEMPLATE["Resources"]["Track"]["Properties"]["Events"]
    return events["ContactEvents"]["Properties"]["Pattern"]


def of(function: str) -> list[str]:
    return [name for name in EVENTS if name.split(".")[0] == function]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_function_has_a_sample_event(function: str) -> None:
    assert of(function)


def test_every_sample_event_is_a_functions() -> None:
    assert {name.split(".")[0] for name in EVENTS} == set(FUNCTIONS)
    assert all(path.suffix == ".json" for path in (ROOT / "events").iterdir())


def test_every_sample_event_is_answered_here() -> None:
    tests = Path(__file__).read_text()
    assert [name for name in EVENTS if tests.count(f'"{name}"') == 0] == []


@pytest.mark.parametrize("name", EVENTS)
def test_a_sample_event_names_nobody(name: str) -> None:
    text = json.dumps(EVENTS[name])
    assert [found for found in ANY_ID.findall(text) if not INVENTED_ID.fullmatch(found)] == []
    assert set(re.findall(r"\b\d{12}\b", ANY_ID.sub("", text))) <= {"111122223333"}


@pytest.mark.parametrize(
    "name", [name for name in EVENTS if name.startswith("track.") and name != "track.voice"]
)
def test_a_rule_of_the_template_picks_the_event(name: str) -> None:
    assert matches(pattern(name), EVENTS[name])


def test_no_rule_of_the_template_picks_a_voice_contact() -> None:
    assert not matches(pattern("track.voice"), EVENTS["track.voice"])


@pytest.mark.parametrize(
    ("name", "became", "phase", "ended"),
    [
        ("track.initiated", "EventsTracked", "waiting", set()),
        ("track.connect_customer", "EventsTracked", "waiting", set()),
        ("track.connected_to_agent", "EventsTracked", "waiting", set()),
        ("track.disconnected", "EventsTracked", "ended", {SECOND}),
        ("track.completed", "EventsTracked", "ended", {SECOND}),
        ("track.pascal_case", "EventsTracked", "ended", {FIRST}),
        ("track.export_created", "ExportsTracked", "ended", set()),
    ],
)
def test_track_notes_it_for_its_chat(
    functions: Functions, name: str, became: str, phase: str, ended: set[str]
) -> None:
    app = functions["track"]
    app.archive.chats.legs.add({FIRST: FIRST}, provisional=False)
    assert app.handler(EVENTS[name], CONTEXT) == became
    state = app.archive.schedule.read(FIRST)
    assert state.ended == ended
    assert len(state.events) + len(state.exports) == 1
    assert app.archive.schedule.count(phase) == 1


def test_track_finds_the_chat_of_an_event_that_does_not_say(functions: Functions) -> None:
    app = functions["track"]
    assert app.handler(EVENTS["track.initiated"], CONTEXT) == "EventsTracked"
    # As the first look at the chat notes it.
    app.archive.chats.legs.add({FIRST: FIRST}, provisional=False)
    name = "track.without_initial_contact"
    assert "initialContactId" not in EVENTS[name]["detail"]
    assert app.handler(EVENTS[name], CONTEXT) == "EventsTracked"
    assert len(app.archive.schedule.read(FIRST).events) == 2
    assert app.archive.schedule.read(SECOND) is None


def test_track_asks_nobody_which_chat_a_first_contact_is_of(
    functions: Functions, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = functions["track"]
    monkeypatch.setattr(app.services.chat_resolver, "describe", lambda _: pytest.fail("asked"))
    assert "initialContactId" not in EVENTS["track.first_contact"]["detail"]
    assert app.handler(EVENTS["track.first_contact"], CONTEXT) == "EventsTracked"
    assert len(app.archive.schedule.read(FIRST).events) == 1


def test_track_leaves_a_voice_contact(functions: Functions) -> None:
    app = functions["track"]
    event = EVENTS["track.voice"]
    assert app.handler(event, CONTEXT) == "EventsIgnored"
    assert app.archive.schedule.read(event["detail"]["contactId"]) is None


def test_completed_tells_nothing_new_after_disconnected(functions: Functions) -> None:
    app = functions["track"]
    assert app.handler(EVENTS["track.disconnected"], CONTEXT) == "EventsTracked"
    assert app.handler(EVENTS["track.completed"], CONTEXT) == "EventsIgnored"


def test_capture_reads_what_track_has_noted(functions: Functions) -> None:
    track, capture = functions["track"], functions["capture"]
    track.handler(EVENTS["track.export_created"], CONTEXT)
    key = EVENTS["track.export_created"]["detail"]["object"]["key"]
    export = {"ContactId": FIRST, "InitialContactId": FIRST, "Transcript": []}
    boto3.client("s3").put_object(Bucket=EXPORT_BUCKET, Key=key, Body=json.dumps(export).encode())
    # Exports wait for the look that follows a chat's end.
    capture.archive.schedule.make_due(FIRST, phase="ended", due_at=now_ms())
    # Time for one look only: the chat is ended, and stays due until nothing follows any more.
    remaining = iter([900_000, 900_000])
    context = SimpleNamespace(
        **{**vars(CONTEXT), "get_remaining_time_in_millis": lambda: next(remaining, 0)}
    )
    assert capture.handler(EVENTS["capture.every_minute"], context) == 1
    assert capture.archive.store.read(FIRST).document.exports.keys() == {FIRST}


def test_reconcile_finds_an_export_that_no_event_told_of(
    functions: Functions, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = functions["reconcile"]
    clock = HandClock()
    # Objects are of the machine's time, whatever the clock shows.
    clock.set((time.time() + 60) * 1000)
    begun_s = clock.time()
    rule_time(clock, monkeypatch)
    key = f"{EXPORT_PREFIX}/{now():%Y/%m/%d}/{FIRST}_UTC.json"
    boto3.client("s3").put_object(Bucket=EXPORT_BUCKET, Key=key, Body=b"{}")
    with Stubber(app.connect) as connect:
        connect.add_response("search_contacts", {"Contacts": []})
        connect.add_response("search_contacts", {"Contacts": []})
        found = app.handler(EVENTS["reconcile.every_hour"], CONTEXT)
    assert found == {"ChatsOverdue": 0, "ExportsFound": 1}
    # Of a quota that others share.
    assert clock.time() - begun_s >= 2 / SEARCHES_PER_S


def test_backfill_stores_both_contacts(functions: Functions) -> None:
    app = functions["backfill"]
    event = EVENTS["backfill.two_contacts"]
    key = json.loads(event["Records"][0]["body"])["export"]
    export = {"ContactId": FIRST, "InitialContactId": FIRST, "Transcript": []}
    boto3.client("s3").put_object(Bucket=EXPORT_BUCKET, Key=key, Body=json.dumps(export).encode())
    assert app.handler(event, CONTEXT) == {"batchItemFailures": []}
    assert app.archive.store.read(FIRST).document.exports.keys() == {FIRST}
    third = json.loads(event["Records"][1]["body"])["event"]["detail"]["contactId"]
    assert app.archive.store.read(third).document.events.keys() == {third}


def test_publish_finds_the_chats_of_both_messages(functions: Functions) -> None:
    app = functions["publish"]
    app.archive.lake.create_tables()
    store = S3Store(boto3.client("s3"), "documents")
    store.update(PUBLISHED[0], lambda _: Document(PUBLISHED[0]))
    # The other has no document: its message alone comes back.
    second = EVENTS["publish.two_chats"]["Records"][1]["messageId"]
    answered = app.handler(EVENTS["publish.two_chats"], CONTEXT)
    assert answered == {"batchItemFailures": [{"itemIdentifier": second}]}
    assert app.archive.chats.publish_attempts.read(PUBLISHED).keys() == {PUBLISHED[0]}


def test_erase_tells_what_became_of_each_contact(functions: Functions) -> None:
    app = functions["erase"]
    app.archive.lake.create_tables()
    known, unknown = EVENTS["erase.two_contacts"]["contact_ids"]
    app.archive.chats.legs.add({known: known}, provisional=False)
    answered = app.handler(EVENTS["erase.two_contacts"], CONTEXT)
    assert answered.pop("record").startswith("s3://documents/erasures/done/")
    assert answered == {
        "erased": [known],
        "already_erased": [],
        "unknown": [unknown],
        "still_held": [],
    }
    assert app.archive.chats.tombstones.erased([known]) == {known}


def test_erase_does_its_daily_work(functions: Functions) -> None:
    app: Any = functions["erase"]
    app.archive.lake.create_tables()
    # moto has none.
    app.failed_optimizers = lambda *_, **__: []
    assert app.handler(EVENTS["erase.every_day"], CONTEXT) == {}


@pytest.mark.parametrize(
    ("name", "made"), [("tables.create", 1), ("tables.update", 1), ("tables.delete", 0)]
)
def test_cloudformation_is_answered_and_tables_are_made_but_never_deleted(
    name: str, made: int
) -> None:
    makings: list[str] = []
    sent: dict[str, Any] = {}

    def make() -> dict[str, str]:
        makings.append(name)
        return {"Database": "chatlake"}

    answer(EVENTS[name], make, send=lambda url, body: sent.update({url: json.loads(body)}))
    said = sent[EVENTS[name]["ResponseURL"]]
    assert (said["Status"], said["PhysicalResourceId"]) == ("SUCCESS", PHYSICAL_ID)
    assert said["RequestId"] == EVENTS[name]["RequestId"]
    assert len(makings) == made


def test_a_page_gets_the_chat_that_it_starts(functions: Functions) -> None:
    app = functions["start_chat"]
    started = {"ContactId": FIRST, "ParticipantId": "participant", "ParticipantToken": "secret"}
    event = EVENTS["start_chat.start"]
    with Stubber(app.connect) as connect:
        body = json.loads(event["body"])
        name = body["ParticipantDetails"]["DisplayName"]
        request = {
            **body,
            "InstanceId": INSTANCE_ARN.rsplit("/", 1)[-1],
            "Attributes": {"customerName": name},
        }
        connect.add_response("start_chat_contact", started, request)
        answered = app.handler(event, CONTEXT)
    assert answered["statusCode"] == 200
    assert answered["headers"]["Access-Control-Allow-Origin"] == ORIGIN
    assert json.loads(answered["body"])["data"]["startChatResult"] == started
    assert [token.kind for token in app.archive.schedule.read(FIRST).tokens.values()] == [
        "participant"
    ]


# A question of the browser's has no metrics, which Powertools finds odd.
@pytest.mark.filterwarnings("ignore:No application metrics to publish")
@pytest.mark.parametrize("name", ["start_chat.preflight", "last_read.preflight"])
def test_a_browser_is_told_that_the_page_may_ask(functions: Functions, name: str) -> None:
    answered = functions[name.partition(".")[0]].handler(EVENTS[name], CONTEXT)
    assert answered["statusCode"] == 204
    assert answered["headers"]["Access-Control-Allow-Origin"] == ORIGIN
    assert "POST" in answered["headers"]["Access-Control-Allow-Methods"]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("take_token.participant_token", "participant"),
        ("take_token.connection_token", "connection"),
    ],
)
def test_a_token_is_kept_for_its_chat(functions: Functions, name: str, kind: str) -> None:
    app = functions["take_token"]
    app.archive.chats.legs.add({FIRST: FIRST}, provisional=False)
    answered = app.handler(EVENTS[name], CONTEXT)
    assert json.loads(answered["body"]) == {"InitialContactId": FIRST}
    [token] = app.archive.schedule.read(FIRST).tokens.values()
    assert (token.kind, token.expires_at is None) == (kind, kind == "participant")
    secret = json.loads(EVENTS[name]["body"])[f"{kind.title()}Token"]
    assert app.archive.token_cipher.open(token.sealed, FIRST) == secret


@pytest.mark.parametrize(
    ("name", "answered"),
    [
        ("last_read.flow", {"status": "read"}),
        ("last_read.closing", {"data": {"status": "read"}}),
    ],
)
def test_a_flow_and_a_page_have_a_chat_read_before_it_ends(
    functions: Functions, name: str, answered: dict[str, Any]
) -> None:
    app = functions["last_read"]
    secret = json.loads(EVENTS["last_read.closing"]["body"])["ParticipantToken"]
    sealed = app.archive.token_cipher.seal(secret, FIRST)
    app.archive.schedule.add_token(FIRST, Token("participant", sealed), due_at=now_ms())
    page = {"InitialContactId": FIRST, "Transcript": [{"Id": "m1", "Type": "MESSAGE"}]}
    credentials = {"ConnectionCredentials": {"ConnectionToken": "connection"}}
    app.participant = SimpleNamespace(  # type: ignore[attr-defined]
        meta=app.participant.meta,
        create_participant_connection=lambda **_: credentials,
        get_transcript=lambda **_: {"RawBody": json.dumps(page).encode()},
    )
    said = app.handler(EVENTS[name], CONTEXT)
    assert (json.loads(said["body"]) if "body" in said else said) == answered
    assert app.archive.store.read(FIRST).document.items.keys() == {"m1"}
