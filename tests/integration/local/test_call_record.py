"""What a function calls is recorded as its own, and held against what it may do."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from local.cloud.call_record import FILE_NAME
from tests.integration.local.stack import TEMPLATE, a_cloud, contact_event
from tests.policies.compare import refused, unused
from tests.policies.granted import arn
from tests.policies.recorded import Call, of_file

if TYPE_CHECKING:
    from pathlib import Path

    from tests.policies.evaluator import Statement


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory) -> set[Call]:
    """What the functions of a small stack call for one event."""
    folder: Path = tmp_path_factory.mktemp("recorded")
    with a_cloud(folder) as cloud:
        cloud.deploy(TEMPLATE)
        cloud.put_event(contact_event("c1", "Chat"))
        cloud.wait_idle(60)
    return of_file(folder / "logs" / FILE_NAME)


def test_every_function_has_its_own_calls(calls: set[Call]) -> None:
    found = {(call.function, call.service, call.operation) for call in calls}
    assert found >= {
        ("Collect", "sqs", "SendMessage"),
        ("Store", "dynamodb", "UpdateItem"),
        ("Store", "s3", "PutObject"),
    }
    # Neither the queue's poller nor the deployment is a function.
    assert {call.function for call in calls} <= {"Collect", "Store", "Custom", "Page", "Probe"}


def test_what_is_called_has_its_logical_id_and_no_id_of_data(calls: set[Call]) -> None:
    on = {(call.function, call.operation): call.values for call in calls}
    assert on["Collect", "SendMessage"] == {"queue": "Work"}
    assert on["Store", "UpdateItem"] == {"table": "Table", "leading": "hello c0"}
    assert on["Store", "PutObject"] == {"bucket": "Bucket", "key": "hello c0.txt"}


def test_a_call_that_its_role_does_not_allow_is_found(calls: set[Call]) -> None:
    sends: Statement = {
        "Effect": "Allow",
        "Action": "sqs:SendMessage",
        "Resource": arn("sqs", "DeadLetters"),
    }
    own = [call for call in calls if call.function == "Collect"]
    [found] = refused({"Collect": [sends]}, own)
    assert found.endswith(f"not allowed: sqs:SendMessage on {arn('sqs', 'Work')}")
    assert refused({"Collect": [{**sends, "Resource": arn("sqs", "*")}]}, own) == []


def test_a_permission_that_its_calls_do_not_need_is_found(calls: set[Call]) -> None:
    allowed: dict[str, Any] = {
        "Effect": "Allow",
        "Action": ["sqs:SendMessage", "sqs:PurgeQueue"],
        "Resource": arn("sqs", "Work"),
    }
    own = [call for call in calls if call.function == "Collect"]
    [found] = unused({"Collect": [allowed]}, own)
    assert found == f"Collect: nobody needs sqs:PurgeQueue on {arn('sqs', 'Work')}"


def test_names_of_others_are_left_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / FILE_NAME
    line = {"by": "f", "service": "s3", "operation": "GetObject", "on": {"bucket": "b", "key": "k"}}
    path.write_text(json.dumps(line) + "\n", encoding="utf-8")
    assert of_file(path) == {Call("f", "s3", "GetObject", '{"bucket": "b", "key": "k"}')}
