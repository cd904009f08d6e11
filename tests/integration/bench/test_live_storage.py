"""The storage of the bench of live chats answers capture's requests as DynamoDB and S3 do."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from io import BytesIO
from itertools import zip_longest
from pathlib import Path
from threading import Lock
from typing import Any

import pytest
from botocore.exceptions import ClientError

from bench.live_sockets import storage_server
from bench.live_sockets.storage import BUCKET, CHATS, SCHEDULE
from bench.live_sockets.storage_client import StorageClient
from chatlake.capture.capture_state import Checkpoint, Token
from chatlake.capture.noted import Noted
from chatlake.capture.reserve import Reserve
from chatlake.capture.schedule import CaptureSchedule
from chatlake.chat_state.dynamodb import DynamoDBChatState
from chatlake.documents.document import Document, merge
from chatlake.documents.store.s3 import S3Store
from chatlake.sources.contact_event import from_event
from tests.aws import Aws
from tests.clock import HandClock, rule_time

START_MS = 1_795_000_000_000


class Both:
    """Makes each request of moto and of the storage, which must answer alike."""

    def __init__(self, service: Any, storage: StorageClient, names: dict[str, str]) -> None:
        self._service = service
        self._storage = storage
        self._names = names
        self._lock = Lock()
        self.asked: list[str] = []

    def __getattr__(self, operation: str) -> Any:
        def ask(**request: Any) -> Any:
            with self._lock:
                return answered(**request)

        def answered(**request: Any) -> Any:
            self.asked.append(operation)
            expected = answer_of(getattr(self._service, operation), self.named(request))
            found = answer_of(getattr(self._storage, operation), request)
            if request.get("ReturnValues") == "UPDATED_NEW":
                only_the_same_attributes(found, expected)
            assert comparable(found) == comparable(self.named(expected, back=True)), request
            if isinstance(found, ClientError):
                raise found
            return found

        return ask

    def get_paginator(self, operation: str) -> Any:
        service, storage = (one.get_paginator(operation) for one in (self._service, self._storage))
        return Pages(service, storage, self)

    def named(self, request: Any, *, back: bool = False) -> Any:
        """Return a request, or an answer, with the tables and buckets of the other one."""
        if not isinstance(request, dict):
            return request
        names = {v: k for k, v in self._names.items()} if back else self._names
        named: dict[str, Any] = {
            name: names.get(value, value) if isinstance(value, str) else value
            for name, value in request.items()
        }
        for name in ("RequestItems", "Responses"):
            if name in named:
                named[name] = {names[table]: asked for table, asked in named[name].items()}
        return named


@dataclass
class Pages:
    """All pages of both, one by one."""

    service: Any
    storage: Any
    both: Both

    def paginate(self, **request: Any) -> Iterator[Any]:
        self.both.asked.append("query")
        expected = self.service.paginate(**self.both.named(request))
        found = self.storage.paginate(**request)
        # The service's last page may be one of nothing.
        for one, other in zip_longest(found, expected, fillvalue={"Items": [], "Count": 0}):
            assert comparable(one) == comparable(other), request
            yield one


def answer_of(ask: Any, request: Any) -> Any:
    try:
        answer = ask(**request)
    except ClientError as error:
        return error
    if "Body" in answer:
        answer["Data"] = answer["Body"].read()
        answer["Body"] = BytesIO(answer["Data"])
    return answer


def only_the_same_attributes(found: Any, expected: Any) -> None:
    """Leave out of an update's answer what moto names wrongly: keys, and not what is as before."""
    if not isinstance(found, ClientError) and not isinstance(expected, ClientError):
        names = found["Attributes"].keys() & expected["Attributes"].keys()
        for answer in (found, expected):
            answer["Attributes"] = {name: answer["Attributes"][name] for name in names}
        assert names


def comparable(answer: Any) -> Any:
    if isinstance(answer, ClientError):
        status = answer.response["ResponseMetadata"]["HTTPStatusCode"]
        return answer.response["Error"]["Code"], status, answer.response.get("Item")
    parts = ("Item", "Items", "Count", "Attributes", "Responses", "ETag", "Data")
    return {part: sets_as_sets(answer[part]) for part in parts if part in answer}


def sets_as_sets(value: Any) -> Any:
    """Sets, and answers to a batch, have no order."""
    match value:
        case {"SS": members}:
            return set(members)
        case dict() if value.keys() & {CHATS, SCHEDULE}:
            return {name: sorted(map(repr, map(sets_as_sets, v))) for name, v in value.items()}
        case dict():
            return {name: sets_as_sets(member) for name, member in value.items()}
        case list():
            return [sets_as_sets(member) for member in value]
    return value


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[StorageClient]:
    with storage_server.running(tmp_path) as address:
        client = StorageClient(address)
        yield client
        client.close()


@pytest.fixture
def both(aws: Aws, storage: StorageClient) -> Any:
    names = {CHATS: aws.table(), SCHEDULE: aws.schedule_table()}
    return Both(aws.client("dynamodb"), storage, names)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> HandClock:
    clock = HandClock()
    clock.set(START_MS)
    rule_time(clock, monkeypatch)
    return clock


def event(kind: str, contact: str) -> Document:
    detail = {"eventType": kind, "contactId": contact, "channel": "CHAT"}
    return from_event({"detail-type": "Amazon Connect Contact Event", "detail": detail})


def test_the_schedule_of_captures(both: Any) -> None:
    schedule = CaptureSchedule(both, SCHEDULE)
    token = Token("participant", b"sealed", 9)
    for number, chat in enumerate(("a", "b", "c")):
        told = event("INITIATED", chat)
        schedule.add_event(chat, told, Noted("waiting", 100 - number))
        schedule.add_token(chat, token, due_at=50 + number)
    schedule.add_event("a", event("DISCONNECTED", "a"), Noted("ended", 10, ended=frozenset("a")))
    schedule.add_export("b", "b", "key", due_at=30)
    pages = both.get_paginator("query").paginate(
        **schedule._query("live", 99), PaginationConfig={"PageSize": 1}
    )
    assert [item["chat"]["S"] for page in pages for item in page["Items"]] == ["b", "c"]
    assert schedule.live() == {"b": 51, "c": 52}
    assert schedule.due("ended", 20, most=5) == ["a"]
    assert (schedule.count("live"), schedule.any("waiting")) == (2, False)
    state = schedule.read("a")
    assert state is not None
    schedule.note("a", Noted("ended", 5, ended=frozenset({"x"})))
    finish: dict[str, Any] = {"checkpoint": Checkpoint(first_seen_at=1), "done": [token.name]}
    assert not schedule.finish_attempt(state, due=None, failure="it failed", **finish)
    again = schedule.read("a")
    assert again is not None
    assert schedule.finish_attempt(again, due=("waiting", 90), expires_at=5_000, **finish)
    schedule.postpone("a", due_at=95)
    assert schedule.read_many(["a", "b", "none"]).keys() == {"a", "b"}
    schedule.remove("b")
    assert schedule.read("b") is None
    assert {"put_item", "update_item", "query", "batch_get_item"} <= set(both.asked)


def test_the_state_of_chats(both: Any) -> None:
    chats = DynamoDBChatState(both, CHATS)
    chats.legs.add({"leg": "b", "b": "b"}, provisional=True)
    chats.legs.add({"leg": "a"}, provisional=False)
    chats.legs.add({"leg": "c"}, provisional=False)
    assert chats.legs.initial_contacts(["leg", "b", "other"]) == {"leg": "a", "b": "b"}
    assert chats.legs.of_chat("a") == {"leg"}
    for _ in range(2):
        assert chats.publish_attempts.record({"a": [1, None]})["a"]
    assert chats.publish_attempts.mark_published({"a": "r"}, {"a": 2}) == {"a"}
    assert chats.publish_attempts.mark_published({"a": "r"}, {"a": 1}) == set()
    chats.tombstones.add(["leg"])
    assert chats.tombstones.erased(["leg", "b"]) == {"leg"}
    chats.forget("b")


def test_the_reserve_of_last_reads(both: Any, clock: HandClock) -> None:
    reserve = Reserve(both, SCHEDULE, 2)
    taken = [reserve.take(START_MS + 500) for _ in range(8)]
    clock.advance(60)
    assert taken.count(None) == 2
    assert reserve.take(START_MS + 70_000) is not None


def test_documents_are_put_on_top_of_what_was_read_only(aws: Aws, storage: StorageClient) -> None:
    both: Any = Both(aws.client("s3"), storage, {BUCKET: aws.bucket()})
    store = S3Store(both, BUCKET)
    assert store.read("a") is None
    stored, _ = store.update("a", lambda _: Document("a", instance_id="i"))
    changed, differs = store.update(
        "a", lambda before: merge(before or Document("a"), Document("a", instance_id="j")), stored
    )
    assert differs
    assert store.read("a") == changed
    for tag in (stored.tag, None):
        assert store._put(store_key(both), b"x", tag) is None
    assert not store.delete("a", stored.tag)
    assert store.delete("a", changed.tag)
    assert store.tags(["a"]) == {}
    assert store.delete("a", changed.tag)


def store_key(both: Both) -> str:
    from chatlake.documents.store.s3 import _key

    return _key("a")


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("n = :one AND NOT s = :one", True),
        ("(n < :one OR n >= :one) AND attribute_exists(s)", True),
        ("begins_with(s, :te) AND contains(#set, :te)", False),
        ("begins_with(s, :te) AND contains(#set, :x)", True),
        ("n <> :te", True),
        ("lacking <> :one", True),
        ("lacking < :one", False),
        ("n BETWEEN :one AND :ten", True),
        ("attribute_not_exists(lacking) OR lacking > :one", True),
    ],
)
def test_conditions(both: Any, condition: str, *, holds: bool) -> None:
    key = {"key": {"S": "k"}}
    item = {**key, "n": {"N": "1"}, "s": {"S": "text"}, "set": {"SS": ["x", "y"]}}
    both.put_item(TableName=CHATS, Item=item)
    values = {":one": {"N": "1"}, ":ten": {"N": "10"}, ":te": {"S": "te"}, ":x": {"S": "x"}}
    used = {name: value for name, value in values.items() if name in condition.split()}
    used |= {name: values[name] for name in values if f"{name})" in condition}
    with nullcontext() if holds else pytest.raises(ClientError, match="ConditionalCheckFailed"):
        both.update_item(
            TableName=CHATS,
            Key=key,
            UpdateExpression="SET done = :done",
            ConditionExpression=condition,
            ExpressionAttributeValues={**used, ":done": {"BOOL": True}},
            **({"ExpressionAttributeNames": {"#set": "set"}} if "#set" in condition else {}),
        )


@pytest.mark.parametrize(
    ("change", "values"),
    [
        ("SET n = n + :v, further = n", {":v": {"N": "2"}}),
        ("SET n = n - :v REMOVE s", {":v": {"N": "2"}}),
        ("SET further = if_not_exists(further, :v)", {":v": {"N": "2"}}),
        ("SET further = if_not_exists(n, :v) + :v", {":v": {"N": "2"}}),
        ("ADD n :v, further :v", {":v": {"N": "2"}}),
        ("ADD #set :v REMOVE n, s", {":v": {"SS": ["z", "x"]}}),
        ("DELETE #set :v", {":v": {"SS": ["x"]}}),
        ("DELETE #set :v", {":v": {"SS": ["x", "y"]}}),
    ],
)
def test_updates(both: Any, change: str, values: dict[str, Any]) -> None:
    key = {"key": {"S": "k"}}
    item = {**key, "n": {"N": "1"}, "s": {"S": "text"}, "set": {"SS": ["x", "y"]}}
    both.put_item(TableName=CHATS, Item=item)
    names = {"ExpressionAttributeNames": {"#set": "set"}} if "#set" in change else {}
    for _ in range(2):
        both.update_item(
            TableName=CHATS,
            Key=key,
            UpdateExpression=change,
            ExpressionAttributeValues=values,
            ReturnValues="ALL_NEW",
            **names,
        )


def test_all_threads_and_processes_see_one_storage(storage: StorageClient) -> None:

    change = {"UpdateExpression": "ADD n :one", "ExpressionAttributeValues": {":one": {"N": "1"}}}
    with ThreadPoolExecutor(8) as pool:
        for done in [
            pool.submit(storage.update_item, TableName=CHATS, Key={"key": {"S": "k"}}, **change)
            for _ in range(100)
        ]:
            done.result()
    assert storage.get_item(TableName=CHATS, Key={"key": {"S": "k"}})["Item"]["n"] == {"N": "100"}
