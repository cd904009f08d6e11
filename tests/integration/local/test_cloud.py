"""The whole local cloud: events, queues, an API and schedules find their functions."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

import pytest

from tests.integration.local.stack import (
    START,
    TEMPLATE,
    a_cloud,
    contact_event,
    eventually,
    received,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.cloud import LocalCloud, Stack


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    with a_cloud(tmp_path_factory.mktemp("cloud")) as running:
        yield running


@pytest.fixture(scope="module")
def stack(cloud: LocalCloud) -> Stack:
    return cloud.deploy(TEMPLATE)


def request(
    url: str, method: str = "POST", body: bytes | None = None, **headers: str
) -> tuple[int, dict[str, str], bytes]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    asked = urllib.request.Request(url, body, named, method=method)
    try:
        with urllib.request.urlopen(asked) as answer:
            return answer.status, {k.lower(): v for k, v in answer.headers.items()}, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, {k.lower(): v for k, v in error.headers.items()}, error.read()


def test_an_event_goes_through_rule_functions_and_queue_to_table_and_bucket(
    cloud: LocalCloud, stack: Stack
) -> None:
    assert cloud.put_event(contact_event("c1", "Chat")) == 1
    cloud.wait_idle(60)

    rows = cloud.client("dynamodb").scan(TableName=stack.outputs["Table"])["Items"]
    assert {"key": {"S": "hello c1"}, "times": {"N": "1"}} in rows
    s3 = cloud.client("s3")
    written = s3.get_object(Bucket=stack.outputs["Bucket"], Key="hello c1.txt")
    with written["Body"] as body:
        assert body.read() == b"hello c1"


def test_an_event_of_another_channel_matches_no_rule(cloud: LocalCloud, stack: Stack) -> None:
    assert cloud.put_event(contact_event("c2", "VOICE")) == 0


def test_a_message_that_fails_comes_again_alone_and_then_is_a_dead_letter(
    cloud: LocalCloud, stack: Stack
) -> None:
    sqs = cloud.client("sqs")
    for name in ("good", "bad"):
        sqs.send_message(QueueUrl=stack.outputs["Work"], MessageBody=name)
    dead = received(cloud, stack.outputs["DeadLetters"])

    assert [message["Body"] for message in dead] == ["bad"]
    table = cloud.client("dynamodb").scan(TableName=stack.outputs["Table"])["Items"]
    times = {row["key"]["S"]: row["times"]["N"] for row in table}
    assert times["good"] == "1"
    assert times["bad"] == "2"


def test_an_event_that_fails_for_good_goes_where_failures_go(
    cloud: LocalCloud, stack: Stack
) -> None:
    before = len(cloud.invocations(stack.resources["Collect"]))
    cloud.put_event(contact_event("unlucky"))
    (message,) = received(cloud, stack.outputs["DeadLetters"])
    record = json.loads(message["Body"])

    assert record["requestContext"]["condition"] == "RetriesExhausted"
    assert record["requestContext"]["approximateInvokeCount"] == 2
    assert record["requestPayload"]["detail"]["contactId"] == "unlucky"
    assert record["responsePayload"]["errorType"] == "ValueError"
    first, second = cloud.invocations(stack.resources["Collect"])[before:]
    assert first.request_id == second.request_id
    assert second.started_at - first.started_at >= 60


def test_a_schedule_is_kept_by_the_clock(cloud: LocalCloud, stack: Stack) -> None:
    name = stack.resources["Ticking"]
    eventually(lambda: len(cloud.invocations(name)) >= 3)
    ran = cloud.invocations(name)

    assert all(run.started_at >= START + 60 * number for number, run in enumerate(ran, 1))
    assert {run.outcome for run in ran} == {"ok"}


def test_the_api_hands_requests_to_its_function(cloud: LocalCloud, stack: Stack) -> None:
    url = f"{stack.outputs['GreetUrl']}/Jane%20Doe?a=1&a=2&b="
    status, headers, body = request(url, body=b"{}")

    assert status == 201
    assert headers["x-route"] == "POST /greet/{name}"
    assert json.loads(body) == {"name": "Jane Doe", "query": {"a": "1,2", "b": ""}, "body": "{}"}


def test_the_api_knows_no_other_routes(stack: Stack) -> None:
    assert request(f"{stack.http_api_url}/greet/Jane", "GET")[0] == 404
    assert request(f"{stack.http_api_url}/farewell")[0] == 404


def test_a_route_with_an_authorizer_wants_a_signed_request(stack: Stack) -> None:
    url = f"{stack.http_api_url}/secret"
    assert request(url)[0] == 403
    assert request(url, Authorization="Bearer x")[0] == 403
    assert request(url, Authorization="AWS4-HMAC-SHA256 Credential=x")[0] == 201


def test_a_function_decides_who_may_call_a_route(cloud: LocalCloud, stack: Stack) -> None:
    url = f"{stack.http_api_url}/guarded"
    before = len(cloud.invocations(stack.resources["Page"]))
    assert request(url, body=b"{}")[0] == 403
    assert request(url, body=b"{}", X_Word="foe")[0] == 403
    assert len(cloud.invocations(stack.resources["Page"])) == before
    status, _, body = request(url, body=b"{}", X_Word="friend")
    assert (status, json.loads(body)["body"]) == (201, "{}")


def test_only_allowed_origins_may_read_answers(stack: Stack) -> None:
    url = f"{stack.outputs['GreetUrl']}/Jane"
    _, allowed, _ = request(url, Origin="https://b.example")
    _, other, _ = request(url, Origin="https://evil.example")

    assert allowed["access-control-allow-origin"] == "https://b.example"
    assert "access-control-allow-origin" not in other


def test_a_preflight_is_answered_without_the_function(cloud: LocalCloud, stack: Stack) -> None:
    before = len(cloud.invocations(stack.resources["Page"]))
    status, headers, _ = request(
        f"{stack.outputs['GreetUrl']}/Jane",
        "OPTIONS",
        Origin="https://a.example",
        Access_Control_Request_Method="POST",
    )

    assert status == 204
    assert headers["access-control-allow-origin"] == "https://a.example"
    assert headers["access-control-allow-methods"] == "POST"
    assert headers["access-control-allow-headers"] == "content-type"
    assert headers["access-control-max-age"] == "600"
    assert len(cloud.invocations(stack.resources["Page"])) == before


def test_a_window_gathers_messages_into_one_batch(cloud: LocalCloud) -> None:
    stack = cloud.deploy(TEMPLATE, {"WindowSeconds": "120"}, stack_name="gathering")
    for number in range(5):
        cloud.client("sqs").send_message(
            QueueUrl=stack.outputs["Work"], MessageBody=f"message {number}"
        )
    cloud.wait_idle(60)

    table = cloud.client("dynamodb").scan(TableName=stack.outputs["Table"])
    assert table["Count"] == 5
    assert len(cloud.invocations(stack.resources["Store"])) == 1


def test_waiting_for_idleness_ends_with_an_error_while_messages_are_left(
    cloud: LocalCloud,
) -> None:
    stack = cloud.deploy(TEMPLATE, {"WindowSeconds": "300"}, stack_name="waiting")
    cloud.client("sqs").send_message(QueueUrl=stack.outputs["Work"], MessageBody="later")
    with pytest.raises(TimeoutError):
        cloud.wait_idle(1)
    cloud.wait_idle(60)
