"""Backfill: exports and contacts of the past become documents, each once, and a bad one is kept."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from botocore.exceptions import ClientError

from chatlake.capture import backfill as module
from chatlake.capture import past_records
from chatlake.capture.backfill import PastContact
from chatlake.capture.contact_search import as_event
from chatlake.capture.rate_limiter import Pace, Unpaced
from chatlake.chat_state import add_tombstones
from chatlake.documents.content_policy import left_out
from chatlake.exceptions import MessageRefused
from chatlake.operations import backfill_estimate
from tests.aws import Aws
from tests.functions import INSTANCE, Load, call
from tests.lake_folder import CANARY, message
from tests.queue_worker import records

pytestmark = pytest.mark.filterwarnings("ignore:No application metrics:UserWarning")

PREFIX = "connect/ChatTranscripts/2026/08/01"
RUN = "2026-08-01..2026-08-02"

type Put = Callable[..., str]


@pytest.fixture
def backfill(aws: Aws, load: Load) -> ModuleType:
    return load("backfill", BACKFILL_DEAD_LETTERS_URL=aws.queue())


@pytest.fixture
def put(aws: Aws, backfill: ModuleType) -> Put:
    def put(contact: str, body: bytes | None = None, **members: Any) -> str:
        """Write an export, and return its key."""
        value = {
            "InstanceId": INSTANCE,
            "InitialContactId": contact,
            "ContactId": contact,
            "Transcript": [message(f"m-{contact}", ContactId=None)],
            **members,
        }
        value = {name: member for name, member in value.items() if member is not None}
        key = f"{PREFIX}/{contact}_20260801T10:00_UTC.json"
        aws.client("s3").put_object(
            Bucket=backfill.settings.export_bucket,
            Key=key,
            Body=json.dumps(value).encode() if body is None else body,
        )
        return key

    return put


def answered(
    backfill: ModuleType, *contacts: PastContact | str, left_ms: int = 300_000
) -> list[str]:
    """Hand messages to the function; return those that are to come again."""
    bodies = [one if isinstance(one, str) else one.to_body() for one in contacts]
    answer = call(backfill, records(*bodies), left_ms=left_ms)
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def announced(aws: Aws, backfill: ModuleType) -> set[str]:
    """The chats that are sent to be published; takes them from the queue."""
    bodies = _taken(aws, backfill.settings.publish_queue_url)
    return {body["initial_contact_id"] for body in bodies}


def dead(aws: Aws, backfill: ModuleType) -> list[Any]:
    return _taken(aws, backfill.settings.backfill_dead_letters_url)


def _taken(aws: Aws, url: str) -> list[Any]:
    sqs, bodies = aws.client("sqs"), []
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        bodies += [json.loads(message["Body"]) for message in messages]
        for one in messages:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=one["ReceiptHandle"])
    return bodies


def ended(contact: str, initial: str | None = None) -> dict[str, Any]:
    """What a search tells of a contact, as an event."""
    return as_event(
        {"Id": contact, "InitialContactId": initial, "Channel": "CHAT"},
        f"arn:aws:connect:eu-central-1:111122223333:instance/{INSTANCE}",
    )


def test_an_export_becomes_a_document_and_is_to_be_published(
    aws: Aws, backfill: ModuleType, put: Put
) -> None:
    contacts = [PastContact(RUN, put(f"c{n}"), ended(f"c{n}")) for n in range(25)]
    backfill.archive.backfills.move(RUN, "2026-08-01 0 ", sent=25)
    assert answered(backfill, *contacts) == []
    stored = backfill.archive.store.read("c7").document
    assert stored.items.keys() == {"m-c7"}
    assert stored.events["c7"].keys() == {"DISCONNECTED"}
    assert announced(aws, backfill) == {f"c{n}" for n in range(25)}
    state = backfill.archive.backfills.read(RUN)
    assert (state.done, state.rejected) == (25, 0)
    assert state.busy_ms > 0


type Recordings = Callable[[str], object]


@pytest.fixture
def strict(aws: Aws, load: Load, monkeypatch: pytest.MonkeyPatch) -> Callable[..., ModuleType]:
    def pace(per_second: float) -> Pace:
        assert per_second == past_records.RECORDS_PER_S
        return Unpaced()

    def strict(recordings: Recordings, policy: str = "redacted") -> ModuleType:
        """Load the function of a stack with another policy; Connect's records are as told."""
        found = load(
            "backfill",
            BACKFILL_QUEUE_URL=aws.queue(),
            BACKFILL_DEAD_LETTERS_URL=aws.queue(),
            CONTENT_POLICY=policy,
        )
        monkeypatch.setattr(found, "recordings_of", recordings)
        monkeypatch.setattr(found, "RateLimiter", pace)
        # What is put into a bucket here is old.
        monkeypatch.setattr(past_records, "COMPLETE_AFTER_MS", -60_000)
        return found

    return strict


def redacted(contact: str) -> object:
    """What the record of a contact says whose export was redacted."""
    key = f"{PREFIX}/{contact}_20260801T10:00_UTC.json"
    return [{"Location": f"exports/{key}", "UnprocessedTranscriptLocation": f"before/{contact}"}]


def refused(code: str) -> Recordings:
    def recordings(_: str) -> object:
        raise ClientError({"Error": {"Code": code, "Message": CANARY}}, "DescribeContact")

    return recordings


def content(function: ModuleType, chat: str) -> bool:
    """Whether what was said is in a chat's document."""
    document = function.archive.store.read(chat).document
    assert document.items.keys() == {f"m-{chat}"}
    return CANARY in document.to_bytes().decode()


@pytest.mark.parametrize(
    ("policy", "recordings"),
    [
        ("redacted", lambda _: None),
        ("redacted", lambda contact: [{"Location": f"exports/{contact}"}]),
        ("redacted", refused("ResourceNotFoundException")),
        ("none", redacted),
    ],
    ids=["not listed", "no copy", "forgotten", "none"],
)
def test_no_content_is_stored_that_nobody_knows_to_be_redacted(
    strict: Callable[..., ModuleType],
    put: Put,
    capfd: pytest.CaptureFixture[str],
    policy: str,
    recordings: Recordings,
) -> None:
    function = strict(recordings, policy)
    assert answered(function, PastContact(RUN, put("c1"))) == []
    assert not content(function, "c1")
    said = capfd.readouterr().out
    assert '"ContentLeftOut":1' in said.replace(" ", "")
    assert CANARY not in said


def test_content_is_stored_whose_contact_names_a_copy_from_before(
    aws: Aws, strict: Callable[..., ModuleType], put: Put
) -> None:
    asked: list[str] = []

    def recordings(contact: str) -> object:
        asked.append(contact)
        return redacted(contact) if contact != "c3" else None

    function = strict(recordings)
    contacts = [PastContact(RUN, put(f"c{n}"), ended(f"c{n}")) for n in range(6)]
    assert answered(function, *contacts, PastContact(RUN, event=ended("none"))) == []
    assert [content(function, f"c{n}") for n in range(6)] == [n != 3 for n in range(6)]
    assert sorted(asked) == [f"c{n}" for n in range(6)]
    assert announced(aws, function) == {"none", *(f"c{n}" for n in range(6))}


@pytest.mark.parametrize("policy", ["full", "none"])
def test_nobody_is_asked_where_no_record_matters(
    strict: Callable[..., ModuleType], put: Put, policy: str
) -> None:
    function = strict(refused("NobodyMayAsk"), policy)
    assert answered(function, PastContact(RUN, put("c1")), left_ms=1000) == []
    assert content(function, "c1") is (policy == "full")


def test_what_was_left_out_comes_with_the_record(
    strict: Callable[..., ModuleType], put: Put
) -> None:
    """Exports that were taken in while no records were asked for, or could be had."""
    contact = PastContact(RUN, put("c1"))
    assert answered(strict(lambda _: None), contact) == []
    function = strict(redacted)
    assert answered(function, contact) == []
    assert content(function, "c1")
    document = function.archive.store.read("c1").document
    assert left_out(document) == set()
    # And stays, if there is none any more.
    assert answered(strict(lambda _: None), contact) == []
    assert function.archive.store.read("c1").document == document


def test_an_export_whose_record_cannot_be_had_now_comes_again(
    aws: Aws, strict: Callable[..., ModuleType], put: Put, capfd: pytest.CaptureFixture[str]
) -> None:
    def recordings(contact: str) -> object:
        return redacted(contact) if contact == "good" else refused("AccessDenied")(contact)

    function = strict(recordings)
    later = PastContact(RUN, put("later"), ended("later"))
    assert answered(function, PastContact(RUN, put("good")), later) == ["m1"]
    # Not even what a search told: it comes again whole.
    assert function.archive.store.read("later") is None
    assert dead(aws, function) == []
    assert announced(aws, function) == {"good"}
    said = capfd.readouterr()
    assert "RecordsUnavailable" in said.out
    assert CANARY not in said.out + said.err


def test_an_export_that_is_new_waits_for_its_record(
    strict: Callable[..., ModuleType], put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    function = strict(lambda _: None)
    monkeypatch.setattr(past_records, "COMPLETE_AFTER_MS", 60_000)
    contact = PastContact(RUN, put("c1"))
    assert answered(function, contact) == ["m0"]
    assert function.archive.store.read("c1") is None


def test_what_there_was_no_time_for_goes_into_the_queue_again(
    aws: Aws, strict: Callable[..., ModuleType], put: Put
) -> None:
    """A message that fails becomes a dead letter in the end, however long Connect refuses."""
    function = strict(redacted)
    function.archive.backfills.move(RUN, "2026-08-01 0 ", sent=13)
    contacts = [PastContact(RUN, put(f"c{n}"), ended(f"c{n}")) for n in range(12)]
    short_ms = past_records.LAST_RECORD_MS
    assert answered(function, *contacts, PastContact(RUN, event=ended("e")), left_ms=short_ms) == []
    assert function.archive.store.read("c1") is None
    assert announced(aws, function) == {"e"}
    state = function.archive.backfills.read(RUN)
    assert (state.done, state.rejected) == (1, 0)
    again = _taken(aws, function.settings.backfill_queue_url)
    sent = [PastContact.from_body(json.dumps(body)) for body in again]
    assert {one.export for one in sent} == {one.export for one in contacts}
    assert [one.again for one in sent] == [1] * 12
    # With time they are done, each once.
    assert answered(function, *sent) == []
    assert all(content(function, f"c{n}") for n in range(12))
    assert function.archive.backfills.read(RUN).done == 13
    assert _taken(aws, function.settings.backfill_queue_url) == []


def test_all_of_it_comes_again_if_the_queue_takes_nothing(
    strict: Callable[..., ModuleType], put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    function = strict(redacted)
    refused = {"Failed": [{"Code": "InternalError"}]}
    monkeypatch.setattr(function.sqs, "send_message_batch", lambda **_: refused)
    with pytest.raises(MessageRefused, match="come again"):
        answered(function, PastContact(RUN, put("c1")), left_ms=1000)


def test_what_is_refused_for_hours_is_left_to_the_queue(
    aws: Aws, strict: Callable[..., ModuleType], put: Put
) -> None:
    function = strict(redacted)
    contact = PastContact(RUN, put("c1"), again=module._MOST_AGAIN)
    assert answered(function, contact, left_ms=1000) == ["m0"]
    assert _taken(aws, function.settings.backfill_queue_url) == []


def test_a_refused_call_is_made_again_within_the_execution(
    strict: Callable[..., ModuleType], put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(past_records, "_THROTTLED_S", 0.01)
    answers = [refused("ThrottlingException")] * 3

    def recordings(contact: str) -> object:
        return answers.pop()(contact) if answers else redacted(contact)

    function = strict(recordings)
    assert answered(function, *(PastContact(RUN, put(f"c{n}")) for n in range(3))) == []
    assert all(content(function, f"c{n}") for n in range(3))


def test_a_message_that_comes_again_changes_nothing(backfill: ModuleType, put: Put) -> None:
    contact = PastContact(RUN, put("c1"), ended("c1"))
    answered(backfill, contact)
    before = backfill.archive.store.read("c1")
    assert answered(backfill, contact) == []
    assert backfill.archive.store.read("c1").tag == before.tag


def test_a_broken_export_is_kept_and_the_others_go_in(
    aws: Aws, backfill: ModuleType, put: Put, capfd: pytest.CaptureFixture[str]
) -> None:
    keys = {
        put("cut", f'{{"Transcript": [{{"Content": "{CANARY}'.encode()): "unexpected",
        put("list", b"[]"): "it is no object",
        put("other", InstanceId="bbbbbbbb-0000-4000-8000-000000000009"): "of another instance",
        put("nothing", b"{}"): "Transcript",
    }
    good = put("good")
    backfill.archive.backfills.move(RUN, "2026-08-01 0 ", sent=5)
    assert answered(backfill, *(PastContact(RUN, key) for key in (*keys, good))) == []
    letters = {letter["export"]: letter for letter in dead(aws, backfill)}
    assert letters.keys() == keys.keys()
    assert all(keys[key] in letter["why"] for key, letter in letters.items())
    assert announced(aws, backfill) == {"good"}
    state = backfill.archive.backfills.read(RUN)
    assert (state.done, state.rejected) == (1, 4)
    # A dead letter can be sent again as it is.
    assert PastContact.from_body(json.dumps(letters[next(iter(keys))])).run == RUN
    said = capfd.readouterr()
    assert "BackfillRejected" in said.out
    assert CANARY not in said.out + said.err


def test_what_a_search_told_of_a_broken_export_is_kept(backfill: ModuleType, put: Put) -> None:
    assert answered(backfill, PastContact(RUN, put("c1", b"["), ended("c1"))) == []
    assert backfill.archive.store.read("c1").document.events.keys() == {"c1"}


def test_a_contact_without_an_export_is_stored(aws: Aws, backfill: ModuleType) -> None:
    gone = PastContact(RUN, f"{PREFIX}/gone_UTC.json", ended("gone"))
    assert answered(backfill, PastContact(RUN, event=ended("c1")), gone) == []
    assert announced(aws, backfill) == {"c1", "gone"}


def test_an_export_that_cannot_be_had_now_comes_again(
    aws: Aws, backfill: ModuleType, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = put("good")
    read = backfill.services.read_export

    def refused(key: str) -> Any:
        if "later" in key:
            aws.client("s3").get_object(Bucket="not-there", Key=key)
        return read(key)

    services = type(backfill.services)(
        **{
            name: getattr(backfill.services, name)
            for name in ("store", "chats", "publish_queue", "instance_id", "warn", "counters")
        },
        read_export=refused,
    )
    monkeypatch.setattr(backfill, "services", services)
    later = PastContact(RUN, f"{PREFIX}/later_UTC.json")
    assert answered(backfill, PastContact(RUN, good), later) == ["m1"]
    assert dead(aws, backfill) == []
    assert announced(aws, backfill) == {"good"}


def test_a_message_that_names_nothing_comes_again(backfill: ModuleType) -> None:
    for body in ("{", "[]", '{"run": "r"}', '{"export": "k"}', '{"run": 1, "export": "k"}'):
        assert answered(backfill, body) == ["m0"]


def test_an_export_that_names_no_chat_goes_to_that_of_its_contact(
    backfill: ModuleType, put: Put
) -> None:
    key = put("leg", InitialContactId=None)
    assert answered(backfill, PastContact(RUN, key, ended("leg", "first"))) == []
    assert backfill.archive.store.read("leg") is None
    assert backfill.archive.store.read("first").document.exports.keys() == {"leg"}


def test_legs_of_one_chat_are_one_document(aws: Aws, backfill: ModuleType, put: Put) -> None:
    legs = [PastContact(RUN, put(f"l{n}", InitialContactId="l0")) for n in range(30)]
    assert answered(backfill, *legs) == []
    assert len(backfill.archive.store.read("l0").document.exports) == 30
    assert announced(aws, backfill) == {"l0"}


def test_an_erased_chat_stays_erased(aws: Aws, backfill: ModuleType, put: Put) -> None:
    chats = backfill.archive.chats
    chats.legs.add({"c1": "c1"}, provisional=False)
    add_tombstones(chats, "c1")
    assert answered(backfill, PastContact(RUN, put("c1"), ended("c1"))) == []
    assert backfill.archive.store.read("c1") is None
    assert announced(aws, backfill) == set()


def test_nothing_is_noted_of_a_backfill_that_is_over(backfill: ModuleType, put: Put) -> None:
    assert answered(backfill, PastContact(RUN, put("c1"))) == []
    assert backfill.archive.backfills.read(RUN) is None


def test_an_export_costs_no_more_than_an_estimate_says(backfill: ModuleType, put: Put) -> None:
    number = 50
    contacts = [PastContact(RUN, put(f"c{n}"), ended(f"c{n}")) for n in range(number)]
    asked = Counter[str]()

    def count(params: dict[str, Any], model: Any, **_: Any) -> None:
        keys = 1
        if model.name == "BatchGetItem":
            [of] = json.loads(params["body"])["RequestItems"].values()
            keys = len(of["Keys"])
        asked[model.name] += keys

    for client in (
        backfill.s3,
        backfill.archive.store._s3,
        backfill.archive.chats._chats._dynamodb,
    ):
        client.meta.events.register("before-call", count)
    assert answered(backfill, *contacts) == []
    s3 = {name: asked.pop(name, 0) for name in ("GetObject", "HeadObject", "PutObject")}
    reads = sum(asked.pop(name, 0) for name in ("GetItem", "BatchGetItem", "Query"))
    each = backfill_estimate.REQUESTS
    assert 0 < s3["PutObject"] <= each["put"] * number
    assert 0 < s3["GetObject"] + s3["HeadObject"] <= each["get"] * number
    assert 0 < reads <= each["read"] * number
    # What is left of DynamoDB's are writes, of less than a kilobyte each.
    assert 0 < sum(asked.values()) <= each["write"] * number
