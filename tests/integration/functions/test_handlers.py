"""The functions' handlers, called as Lambda calls them, on AWS as it is here."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator
from types import ModuleType
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from botocore.validate import ParamValidator

from chatlake.capture.start_chat import CHECKED, OF_KNOWN_CUSTOMERS, PASSED_ON, REFUSED
from chatlake.chat_state import add_tombstones
from chatlake.documents.document import Document, merge
from chatlake.documents.store.s3 import S3Store
from chatlake.exceptions import RejectedInput
from chatlake.sources.get_transcript import from_response
from chatlake.tables import schema
from tests.aws import Aws
from tests.functions import INSTANCE, ROOT, Context, Load, call
from tests.loopback import Handler, served

CANARY = "canary-7f3a"
CHAT = "c1"
MESSAGES = next(table for table in schema.TABLES if table.name == "messages")

pytestmark = pytest.mark.filterwarnings("ignore:No application metrics:UserWarning")


def request(path: str, body: object, **headers: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((ROOT / "events/start_chat.start.json").read_text())
    event["rawPath"] = event["requestContext"]["http"]["path"] = path
    event["routeKey"] = event["requestContext"]["routeKey"] = f"POST {path}"
    event["headers"] = {"content-type": "application/json", **headers}
    event["body"] = body if isinstance(body, str) else json.dumps(body)
    return event


JWT = {"jwt": {"claims": {"sub": "customer"}, "scopes": None}}


def known(event: dict[str, Any], authorizer: object = JWT) -> dict[str, Any]:
    """A request that an authorizer let pass."""
    event["requestContext"]["authorizer"] = authorizer
    return event


def asked_by(origin: str) -> dict[str, Any]:
    event = request("/chats", "", origin=origin)
    event["requestContext"]["http"]["method"] = "OPTIONS"
    return event


STARTED = {"ContactId": CHAT, "ParticipantId": "p", "ParticipantToken": f"{CANARY}-token"}
START = {"ParticipantDetails": {"DisplayName": f"{CANARY} Jane"}}


class Connect:
    """Connect, as far as a page needs it."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.requests: list[dict[str, Any]] = []

    def start_chat_contact(self, **asked: Any) -> dict[str, Any]:
        if self.error is not None:
            raise self.error
        self.requests.append(asked)
        return {**STARTED, "ResponseMetadata": {"HTTPStatusCode": 200}}


def with_connect(function: ModuleType, connect: Connect) -> ModuleType:
    function.connect = connect  # type: ignore[attr-defined]
    return function


@pytest.fixture
def start_chat(load: Load) -> ModuleType:
    return with_connect(load("start_chat"), Connect())


@pytest.fixture
def take_token(load: Load) -> ModuleType:
    return load("take_token")


def answer(response: dict[str, Any]) -> tuple[int, Any]:
    return response["statusCode"], json.loads(response["body"])


def test_a_page_gets_what_connect_answered_and_capture_the_token(
    start_chat: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    body = {**START, "SupportedMessagingContentTypes": ["text/plain", "text/markdown"]}
    assert answer(call(start_chat, request("/chats", body))) == (
        200,
        {
            "data": {
                "startChatResult": STARTED,
                "featurePermissions": {"MESSAGING_MARKDOWN": True},
            }
        },
    )
    state = start_chat.archive.schedule.read(CHAT)
    [token] = state.tokens.values()
    assert token.kind == "participant"
    assert start_chat.archive.token_cipher.open(token.sealed, CHAT) == STARTED["ParticipantToken"]
    assert CANARY not in "".join(capsys.readouterr())


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "[]",
        f'"{CANARY}"',
        {},
        {"ParticipantDetails": CANARY},
        {"ParticipantDetails": {"DisplayName": ""}},
        {"ParticipantDetails": {"DisplayName": CANARY * 30}},
        {**START, "InstanceId": "another"},
    ],
)
def test_a_bad_start_is_refused_in_words_of_our_own(
    start_chat: ModuleType, body: object, capsys: pytest.CaptureFixture[str]
) -> None:
    status, said = answer(call(start_chat, request("/chats", body)))
    assert status == 400
    assert said["data"]["Error"]
    assert CANARY not in str(said) + "".join(capsys.readouterr())


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("ChatDurationInMinutes", CANARY),
        ("ChatDurationInMinutes", False),
        ("InitialMessage", CANARY),
        ("InitialMessage", {"ContentType": "text/plain", "Content": [CANARY]}),
        ("InitialMessage", {"ContentType": CANARY}),
        ("InitialMessage", {"ContentType": "text/plain", "Content": "Hi", CANARY: 1}),
        ("SegmentAttributes", {CANARY: {"ValueText": CANARY}}),
        ("SegmentAttributes", {"for parameter X, value:": {"ValueString": 1}}),
        ("PersistentChat", CANARY),
        ("PersistentChat", {"SourceContactId": [CANARY]}),
        ("CustomerId", {CANARY: CANARY}),
        ("Attributes", CANARY),
        ("Attributes", {CANARY: [CANARY]}),
        ("ParticipantDetails", {"DisplayName": "Jane", CANARY: CANARY}),
        ("ChatStreamingConfiguration", {"StreamingEndpointArn": CANARY}),
        ("Nonsense", CANARY),
    ],
)
def test_what_connect_would_not_take_is_refused_by_name(
    load: Load, member: str, value: object, capsys: pytest.CaptureFixture[str]
) -> None:
    function = load("start_chat", ALLOWED_ATTRIBUTES=CANARY)
    asked = known(request("/chats", {**START, member: value}))
    status, said = answer(call(function, asked))
    assert status == 400
    assert said["data"]["Error"].startswith(member)
    assert CANARY not in str(said) + "".join(capsys.readouterr())


def test_a_name_that_is_none_is_not_repeated(start_chat: ModuleType) -> None:
    status, said = answer(call(start_chat, request("/chats", {**START, f"{CANARY} says": 1})))
    assert status == 400
    assert CANARY not in str(said)


WHOLE = {
    "ChatDurationInMinutes": 60,
    "ClientToken": "once",
    "ConnectionTypes": ["CONNECTION_CREDENTIALS"],
    "CustomerId": "customer-1",
    "DisconnectOnCustomerExit": ["AGENT"],
    "InitialMessage": {"ContentType": "text/plain", "Content": "Hi"},
    "ParticipantConfiguration": {"ResponseMode": "COMPLETE"},
    "PersistentChat": {"RehydrationType": "FROM_SEGMENT", "SourceContactId": "c0"},
    "RelatedContactId": "c0",
    "SegmentAttributes": {"connect:Subtype": {"ValueString": "connect:Guide"}},
    "SupportedMessagingContentTypes": ["text/plain"],
}


def test_what_connect_takes_it_gets(load: Load) -> None:
    connect = Connect()
    start_chat = with_connect(load("start_chat", ALLOWED_ATTRIBUTES="topic"), connect)
    body = {**START, **WHOLE, "Attributes": {"topic": "refund"}, "Username": "Jane"}
    assert call(start_chat, known(request("/chats", body)))["statusCode"] == 200
    [asked] = connect.requests
    assert {name: asked[name] for name in WHOLE} == WHOLE
    assert asked["Attributes"] == {"customerName": f"{CANARY} Jane", "topic": "refund"}
    assert asked.keys() == WHOLE.keys() | CHECKED
    # As boto3 holds it against the model of the service.
    model = load("start_chat").connect.meta.service_model.operation_model("StartChatContact")
    assert not ParamValidator().validate(asked, model.input_shape).has_errors()
    assert model.input_shape.members.keys() == PASSED_ON | OF_KNOWN_CUSTOMERS | CHECKED | REFUSED
    assert WHOLE.keys() == PASSED_ON | OF_KNOWN_CUSTOMERS


@pytest.mark.parametrize(
    "authorizer",
    [None, {}, {"lambda": None}, {"lambda": {"customer": "unknown"}}, {"iam": {"userId": "jwt"}}],
)
def test_who_is_not_known_gets_no_chat_of_others_and_none_that_lasts(
    load: Load, authorizer: object
) -> None:
    connect = Connect()
    start_chat = with_connect(load("start_chat"), connect)
    for member in OF_KNOWN_CUSTOMERS:
        asked = known(request("/chats", {**START, member: WHOLE[member]}), authorizer)
        status, said = answer(call(start_chat, asked))
        assert status == 403
        assert said["data"]["Error"].startswith(f"{member}: only for customers")
    assert connect.requests == []


def test_a_function_may_say_that_it_knows_the_customer(load: Load) -> None:
    connect = Connect()
    start_chat = with_connect(load("start_chat"), connect)
    body = {**START, "PersistentChat": WHOLE["PersistentChat"]}
    asked = known(request("/chats", body), {"lambda": {"customer": "known"}})
    assert call(start_chat, asked)["statusCode"] == 200
    assert connect.requests[0]["PersistentChat"] == WHOLE["PersistentChat"]


@pytest.mark.parametrize("flow", ["flow", "second", "third"])
def test_a_page_names_flows_that_it_may(load: Load, flow: str) -> None:
    connect = Connect()
    start_chat = with_connect(load("start_chat", ALLOWED_FLOWS="second,third"), connect)
    body = {**START, "ContactFlowId": flow}
    assert call(start_chat, request("/chats", body))["statusCode"] == 200
    assert connect.requests[0]["ContactFlowId"] == flow


@pytest.mark.parametrize(
    ("own", "others", "asked", "status"),
    [
        ("flow", "", CANARY, 403),
        ("flow", "second", CANARY, 403),
        ("", "second", None, 400),
        ("", "second", "", 400),
        ("flow", "", [CANARY], 400),
    ],
)
def test_a_page_starts_no_other_flow(
    load: Load, own: str, others: str, asked: object, status: int
) -> None:
    connect = Connect()
    function = load("start_chat", CONTACT_FLOW_ID=own, ALLOWED_FLOWS=others)
    start_chat = with_connect(function, connect)
    body = {**START, "ContactFlowId": asked}
    refused_with, said = answer(call(start_chat, request("/chats", body)))
    assert refused_with == status
    assert said["data"]["Error"].startswith("ContactFlowId")
    assert CANARY not in str(said)
    assert connect.requests == []


@pytest.mark.parametrize(
    ("allowed", "attributes", "named"),
    [
        ("", {"topic": "refund"}, "Attributes.topic: "),
        ("topic", {"topic": "refund", "vip": "yes"}, "Attributes.vip: "),
        ("topic", {f"{CANARY} says": "yes"}, "one of Attributes: "),
        ("", {"customerName": f"{CANARY} another"}, "Attributes.customerName: "),
    ],
)
def test_a_page_sets_no_attribute_that_it_may_not(
    load: Load, allowed: str, attributes: dict[str, str], named: str
) -> None:
    connect = Connect()
    start_chat = with_connect(load("start_chat", ALLOWED_ATTRIBUTES=allowed), connect)
    body = {**START, "Attributes": attributes}
    status, said = answer(call(start_chat, request("/chats", body)))
    assert status == 403
    assert said["data"]["Error"].startswith(named)
    assert CANARY not in str(said)
    assert connect.requests == []


def test_a_page_may_send_the_display_name_twice_as_connects_own_does(load: Load) -> None:
    connect = Connect()
    start_chat = with_connect(load("start_chat"), connect)
    name = START["ParticipantDetails"]["DisplayName"]
    body = {**START, "Attributes": {"customerName": name}}
    assert call(start_chat, request("/chats", body))["statusCode"] == 200
    assert connect.requests[0]["Attributes"] == {"customerName": name}


@pytest.mark.parametrize(
    "option",
    [
        {"PersistentChat": {"RehydrationType": "ENTIRE_PAST_SESSION"}},
        {"PersistentChat": {"RehydrationType": "FROM_SEGMENT", "SourceContactId": ""}},
        {"PersistentChat": {}},
        {"ChatDurationInMinutes": 0},
        {"CustomerId": None},
    ],
)
def test_what_says_nothing_is_left_out(load: Load, option: dict[str, Any]) -> None:
    connect = Connect()
    start_chat = with_connect(load("start_chat"), connect)
    assert call(start_chat, request("/chats", {**START, **option}))["statusCode"] == 200
    assert not option.keys() & connect.requests[0].keys()


def refused(code: str, status: int, operation: str = "StartChatContact") -> ClientError:
    response: Any = {
        "Error": {"Code": code, "Message": CANARY},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(response, operation)


@pytest.mark.parametrize(
    ("error", "status", "word"),
    [
        (refused("LimitExceededException", 429), 429, "LimitExceededException"),
        (refused("InvalidParameterException", 400), 400, "InvalidParameterException"),
        (EndpointConnectionError(endpoint_url=CANARY), 503, "ServiceUnavailable"),
        (refused("ValidationException", 400, "UpdateItem"), 503, "ServiceUnavailable"),
    ],
)
def test_connects_errors_have_their_status_and_others_are_not_the_pages(
    start_chat: ModuleType,
    error: Exception,
    status: int,
    word: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with_connect(start_chat, Connect(error))
    response = call(start_chat, request("/chats", START))
    assert answer(response) == (status, {"data": {"Error": word}})
    assert CANARY not in "".join(capsys.readouterr())


def test_a_customer_does_not_suffer_from_a_token_that_cannot_be_kept(
    load: Load, capsys: pytest.CaptureFixture[str]
) -> None:
    start_chat = with_connect(load("start_chat", SCHEDULE_TABLE="gone"), Connect())
    assert call(start_chat, request("/chats", START))["statusCode"] == 200
    said = "".join(capsys.readouterr())
    assert '"TokensLost"' in said
    assert CANARY not in said


def test_tokens_of_others_are_taken(take_token: ModuleType) -> None:
    take_token.archive.chats.legs.add({"leg": CHAT}, provisional=False)
    body = {"ContactId": "leg", "ConnectionToken": CANARY, "Expiry": "2026-11-22T17:00:00Z"}
    assert answer(call(take_token, request("/tokens", body))) == (200, {"InitialContactId": CHAT})
    [token] = take_token.archive.schedule.read(CHAT).tokens.values()
    assert (token.kind, token.expires_at) == ("connection", 1_795_366_800_000)


@pytest.mark.parametrize(
    "body",
    [
        {"ParticipantToken": CANARY},
        {"ContactId": "c" * 257, "ParticipantToken": CANARY},
        {"ContactId": "c"},
        {"ContactId": "c", "ParticipantToken": CANARY, "ConnectionToken": CANARY},
        {"ContactId": "c", "ParticipantToken": CANARY * 100},
        {"ContactId": "c", "ParticipantToken": [CANARY]},
        {"ContactId": "c", "ConnectionToken": CANARY, "Expiry": CANARY},
    ],
)
def test_a_bad_token_is_refused_and_not_repeated(
    take_token: ModuleType, body: object, capsys: pytest.CaptureFixture[str]
) -> None:
    status, said = answer(call(take_token, request("/tokens", body)))
    assert status == 400
    assert CANARY not in str(said) + "".join(capsys.readouterr())


def test_no_token_of_an_erased_chat_is_taken(take_token: ModuleType) -> None:
    add_tombstones(take_token.archive.chats, CHAT)
    body = {"ContactId": CHAT, "ParticipantToken": CANARY}
    assert call(take_token, request("/tokens", body))["statusCode"] == 410
    assert take_token.archive.schedule.read(CHAT) is None


def test_a_token_comes_again_where_a_service_refused(
    load: Load, capsys: pytest.CaptureFixture[str]
) -> None:
    take_token = load("take_token", SCHEDULE_TABLE="gone")
    body = {"ContactId": CHAT, "ParticipantToken": CANARY}
    take_token.archive.chats.legs.add({CHAT: CHAT}, provisional=False)
    assert answer(call(take_token, request("/tokens", body))) == (
        503,
        {"data": {"Error": "ServiceUnavailable"}},
    )
    assert CANARY not in "".join(capsys.readouterr())


def test_no_other_site_may_ask_unless_it_was_allowed(load: Load) -> None:
    closed = load("start_chat")
    assert "access-control" not in str(call(closed, asked_by("https://a.example"))).lower()
    opened = load("start_chat", ALLOWED_ORIGINS="https://a.example,https://b.example")
    for origin in ("https://a.example", "https://b.example"):
        assert origin in str(call(opened, asked_by(origin)))
        assert origin in str(call(opened, request("/chats", {}, origin=origin)))
    assert "c.example" not in str(call(opened, asked_by("https://c.example")))


def record(number: int, body: str) -> dict[str, Any]:
    return {"messageId": f"message-{number}", "body": body}


def named(chat: str) -> str:
    return json.dumps({"initial_contact_id": chat, "revision": ""})


def test_rows_are_made_published_and_erased(
    load: Load, aws: Aws, capsys: pytest.CaptureFixture[str]
) -> None:
    load("tables").archive.lake.create_tables()
    publish, erase = load("publish"), load("erase")
    for chat in (CHAT, "damaged"):
        publish.archive.store.update(chat, lambda _, chat=chat: Document(chat))
        publish.archive.chats.legs.add({chat: chat}, provisional=False)
    bucket = publish.archive.settings.document_bucket
    for found in aws.client("s3").list_objects_v2(Bucket=bucket)["Contents"]:
        if "damaged" in found["Key"]:
            aws.client("s3").put_object(Bucket=bucket, Key=found["Key"], Body=b"{")
    bodies = (named(CHAT), CANARY, named("damaged"), "{}", "[]", named("lost"))
    records = [record(number, body) for number, body in enumerate(bodies)]
    failed = call(publish, {"Records": records})["batchItemFailures"]
    assert {item["itemIdentifier"] for item in failed} == {f"message-{n}" for n in (1, 2, 3, 4, 5)}
    assert CANARY not in "".join(capsys.readouterr())

    def rows() -> list[str]:
        from chatlake.tables import schema

        contacts = next(table for table in schema.TABLES if table.name == "contacts")
        found = publish.archive.lake.load(contacts).scan().to_arrow()
        chats: list[str] = found.column("initial_contact_id").to_pylist()
        return chats

    assert rows() == [CHAT]
    answer = call(erase, {"contact_ids": [CHAT, "unknown"]})
    assert answer.pop("record").startswith(f"s3://{bucket}/erasures/done/")
    assert answer == {
        "erased": [CHAT],
        "already_erased": [],
        "unknown": ["unknown"],
        "still_held": [],
    }
    assert rows() == []
    left = aws.client("s3").list_object_versions(Bucket=bucket).get("Versions", [])
    documents = [one["Key"] for one in left if not one["Key"].startswith("erasures/")]
    assert all("damaged" in key for key in documents)
    assert call(erase, {"contact_ids": [CHAT]})["already_erased"] == [CHAT]


@pytest.mark.parametrize("times", [1, 2])
def test_a_document_that_changes_meanwhile_is_published_though_nobody_tells_of_it(
    load: Load, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    load("tables").archive.lake.create_tables()
    publish = load("publish")
    archive = publish.archive
    archive.chats.legs.add({CHAT: CHAT}, provisional=False)
    seen = itertools.count(1)
    tags = S3Store.tags

    def change() -> None:
        item = {"Id": f"m{next(seen)}", "Type": "MESSAGE", "Content": "Hi"}
        response = {"InitialContactId": CHAT, "Transcript": [item]}
        archive.store.update(
            CHAT, lambda before: merge(before or Document(CHAT), from_response(response))
        )

    def change_first(store: S3Store, chats: Iterable[str]) -> dict[str, str]:
        if changes:
            changes.pop()
            change()
        return tags(store, chats)

    change()
    changes = ["messages"] * times
    monkeypatch.setattr(S3Store, "tags", change_first)
    failed = call(publish, {"Records": [record(0, named(CHAT))]})["batchItemFailures"]
    # Changed twice it waits for its message to come again.
    assert [item["itemIdentifier"] for item in failed] == ["message-0"] * (times - 1)
    call(publish, {"Records": [record(0, named(CHAT))]})
    rows = publish.lake.load(MESSAGES).scan().to_arrow()
    assert sorted(rows.column("item_id").to_pylist()) == [f"m{n}" for n in range(1, times + 2)]


@pytest.mark.parametrize(
    "event", [{}, {"contact_ids": "c1"}, {"contact_ids": [1]}, {"contact_ids": [""]}]
)
def test_an_erasure_must_name_contacts(load: Load, event: dict[str, Any]) -> None:
    with pytest.raises(RejectedInput, match="contact_ids"):
        call(load("erase"), event)


@pytest.fixture
def answers() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """An address that takes answers to CloudFormation."""
    taken: list[dict[str, Any]] = []

    class Address(Handler):
        def take(self) -> None:
            taken.append(json.loads(self.body()))
            assert self.headers["Content-Type"] == ""
            self.answer()

    with served(Address) as url:
        yield f"{url}/", taken


def test_cloudformation_gets_an_answer_whatever_happens(
    load: Load, answers: tuple[str, list[dict[str, Any]]]
) -> None:
    url, taken = answers
    tables: Any = load("tables")
    base = {"ResponseURL": url, "StackId": "s", "RequestId": "r", "LogicalResourceId": "Tables"}
    assert call(tables, {**base, "RequestType": "Delete"}) == {"Status": "SUCCESS"}
    glue = tables.clients.glue()
    assert glue.get_tables(DatabaseName=tables.settings.database)["TableList"] == []

    tables.make = lambda *_: (_ for _ in ()).throw(RejectedInput("x" * 5000))
    assert call(tables, {**base, "RequestType": "Create"}) == {"Status": "FAILED"}
    assert taken[1]["Reason"] == "x" * 1000
    tables.make = lambda *_: {"Database": "d"}
    assert call(tables, {**base, "RequestType": "Update"}) == {"Status": "SUCCESS"}
    assert taken[2] == {
        "Status": "SUCCESS",
        "PhysicalResourceId": "chatlake-tables",
        "StackId": "s",
        "RequestId": "r",
        "LogicalResourceId": "Tables",
        "Data": {"Database": "d"},
    }
    assert {answer["PhysicalResourceId"] for answer in taken} == {"chatlake-tables"}


def asked(url: str, number: int) -> dict[str, Any]:
    """A request to make the tables, as a deployment sends it."""
    event: dict[str, Any] = json.loads((ROOT / "events/tables.create.json").read_text())
    return {**event, "ResponseURL": url, "RequestId": f"request-{number}"}


def test_a_deployment_ends_with_tables_that_nobody_deletes_by_mistake(
    load: Load, aws: Aws, answers: tuple[str, list[dict[str, Any]]]
) -> None:
    url, taken = answers
    tables: Any = load("tables")
    dynamodb = aws.client("dynamodb")
    names = (tables.settings.chats_table, tables.settings.schedule_table)
    event = {**asked(url, 1), "ResourceType": "Custom::Protection"}
    for request in ("Create", "Update", "Delete"):
        assert call(tables, {**event, "RequestType": request}) == {"Status": "SUCCESS"}
        for name in names:
            assert dynamodb.describe_table(TableName=name)["Table"]["DeletionProtectionEnabled"]
    assert [answer["Status"] for answer in taken] == ["SUCCESS"] * 3
    # No table of the lake was made by the way.
    glue = tables.clients.glue()
    assert glue.get_tables(DatabaseName=tables.settings.database)["TableList"] == []
    for name in names:
        with pytest.raises(ClientError, match="Protection"):
            dynamodb.delete_table(TableName=name)
        dynamodb.update_table(TableName=name, DeletionProtectionEnabled=False)


def test_every_deployment_brings_tables_views_and_named_queries_up_to_the_code(
    load: Load, aws: Aws, answers: tuple[str, list[dict[str, Any]]]
) -> None:
    url, taken = answers
    athena = aws.client("athena")
    athena.create_work_group(Name="deployed", Configuration={})
    tables: Any = load("tables", WORKGROUP="deployed")
    for deployment in range(2):
        assert call(tables, asked(url, deployment)) == {"Status": "SUCCESS"}
    assert [answer["Data"] for answer in taken] == [{"Database": tables.settings.database}] * 2

    from chatlake.analytics.sql_files import load_named, load_views
    from chatlake.tables import schema

    found = aws.client("glue").get_tables(DatabaseName=tables.settings.database)["TableList"]
    assert {table["Name"] for table in found} == {table.name for table in schema.TABLES}
    ran = athena.list_query_executions(WorkGroup="deployed")["QueryExecutionIds"]
    assert len(ran) == 2 * len(load_views())
    ids = athena.list_named_queries(WorkGroup="deployed")["NamedQueryIds"]
    saved = athena.batch_get_named_query(NamedQueryIds=ids)["NamedQueries"]
    assert sorted((query["Name"], query["Description"]) for query in saved) == [
        (query.name, query.question) for query in load_named()
    ]


def test_a_function_with_little_time_left_says_what_it_has_not_made(
    load: Load, answers: tuple[str, list[dict[str, Any]]]
) -> None:
    url, taken = answers
    # So little that no view is waited for, and enough for the tables.
    context = Context(remaining_ms=58_000)
    assert load("tables").handler(asked(url, 1), context) == {"Status": "FAILED"}
    [said] = taken
    assert said["Reason"].startswith("view ")
    assert "deploy again" in said["Reason"]


def test_every_sample_event_of_track_is_understood(load: Load) -> None:
    track = load("track")
    became = {
        path.name.split(".")[1]: call(track, json.loads(path.read_text()))
        for path in (ROOT / "events").glob("track.*.json")
    }
    assert became["voice"] == "EventsIgnored"
    assert {became[name] for name in ("initiated", "connected_to_agent", "pascal_case")} == {
        "EventsTracked"
    }
    assert call(track, {"source": "aws.health"}) == "EventsIgnored"


@pytest.mark.parametrize("name", ["initiated", "pascal_case"])
def test_chats_of_another_instance_are_not_of_this_archive(load: Load, name: str) -> None:
    track = load("track")
    told = (ROOT / f"events/track.{name}.json").read_text()
    elsewhere = told.replace(INSTANCE, "bbbbbbbb-0000-4000-8000-000000000002")
    assert call(track, json.loads(elsewhere)) == "EventsIgnored"
    assert call(track, json.loads(told)) == "EventsTracked"


def test_capture_with_nothing_to_do_ends_at_once(load: Load) -> None:
    assert call(load("capture"), {}) == 0


def test_an_export_is_gone_only_if_its_bucket_is_there(load: Load) -> None:
    """An object that is not there is never asked for again; a bucket may come back."""
    assert load("capture").exports.read("no-such-key") is None
    without_bucket = load("capture", EXPORT_BUCKET="no-such-bucket")
    with pytest.raises(ClientError, match="NoSuchBucket"):
        without_bucket.exports.read("no-such-key")
