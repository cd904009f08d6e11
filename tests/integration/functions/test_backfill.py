"""Backfill: exports and contacts of the past become documents, each once, and a bad one is kept."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from chatlake.capture.backfill import PastContact
from chatlake.capture.contact_search import as_event
from chatlake.chat_state import add_tombstones
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


def answered(backfill: ModuleType, *contacts: PastContact | str) -> list[str]:
    """Hand messages to the function; return those that are to come again."""
    bodies = [one if isinstance(one, str) else one.to_body() for one in contacts]
    answer = call(backfill, records(*bodies))
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


@pytest.mark.parametrize("policy", ["redacted", "none"])
def test_no_content_is_stored_that_nobody_knows_to_be_redacted(
    aws: Aws, load: Load, put: Put, capfd: pytest.CaptureFixture[str], policy: str
) -> None:
    strict = load("backfill", BACKFILL_DEAD_LETTERS_URL=aws.queue(), CONTENT_POLICY=policy)
    assert answered(strict, PastContact(RUN, put("c1"))) == []
    document = strict.archive.store.read("c1").document
    assert document.items.keys() == {"m-c1"}
    assert CANARY not in document.to_bytes().decode()
    assert '"ContentLeftOut":1' in capfd.readouterr().out.replace(" ", "")


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
