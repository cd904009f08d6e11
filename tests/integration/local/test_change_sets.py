"""Stacks by change sets, as `sam deploy` makes them: code on S3, and parameters that stay."""

from __future__ import annotations

import hashlib
import io
import re
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, WaiterError

from local.cloud import LocalCloud
from tests.integration.local.stack import (
    TEMPLATE,
    a_cloud,
    a_copy,
    contact_event,
    eventually,
    make_bucket,
)

CODE = "code"
FAST = {"Delay": 0.1, "MaxAttempts": 300}


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    with a_cloud(tmp_path_factory.mktemp("cloud")) as running:
        make_bucket(running, CODE)
        yield running


def client(cloud: LocalCloud, service: str, region: str = "") -> Any:
    session = boto3.Session("local", "local", region_name=region or cloud.region)
    url = cloud.endpoints.get(f"AWS_ENDPOINT_URL_{service.upper()}", cloud.endpoint_url)
    return session.client(service, endpoint_url=url)


def zipped(folder: Path) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for path in folder.rglob("*"):
            archive.write(path, path.relative_to(folder))
    return made.getvalue()


def packaged(cloud: LocalCloud, template: Path) -> str:
    """What `sam package` makes of a template: its folders are objects on S3."""

    def upload(found: re.Match[str]) -> str:
        folder = template.parent / found[2]
        digest = hashlib.sha256()
        for path in sorted(folder.rglob("*.py")):
            digest.update(path.read_bytes())
        key, body = digest.hexdigest(), zipped(folder)
        cloud.client("s3").put_object(Bucket=CODE, Key=key, Body=body)
        return f"{found[1]}: s3://{CODE}/{key}"

    return re.sub(r"(CodeUri|ContentUri): ([\w/]+)", upload, template.read_text())


def asked_for(cloud: LocalCloud, text: str, kind: str, **parameters: str | None) -> dict[str, Any]:
    """Make a change set of the stack `made`; None keeps a parameter's value."""
    cloud.client("s3").put_object(Bucket=CODE, Key="template", Body=text.encode())
    answer: dict[str, Any] = client(cloud, "cloudformation").create_change_set(
        StackName="made",
        ChangeSetName=f"set-{time.monotonic_ns()}",
        ChangeSetType=kind,
        TemplateURL=f"{cloud.endpoint_url}/{CODE}/template",
        Tags=[{"Key": "team", "Value": "chats"}],
        Parameters=[
            {"ParameterKey": name, "UsePreviousValue": True}
            if value is None
            else {"ParameterKey": name, "ParameterValue": value}
            for name, value in parameters.items()
        ],
    )
    return answer


def executed(cloud: LocalCloud, change_set: dict[str, Any], waiter: str) -> dict[str, Any]:
    cloudformation = client(cloud, "cloudformation")
    cloudformation.execute_change_set(ChangeSetName=change_set["Id"])
    cloudformation.get_waiter(waiter).wait(StackName=change_set["StackId"], WaiterConfig=FAST)
    [stack] = cloudformation.describe_stacks(StackName="made")["Stacks"]
    found: dict[str, Any] = stack
    return found


def test_a_stack_is_made_and_updated_by_change_sets(cloud: LocalCloud, tmp_path: Path) -> None:
    cloudformation = client(cloud, "cloudformation")
    first = packaged(cloud, TEMPLATE)
    change_set = asked_for(cloud, first, "CREATE", Greeting="moin", WithAudit="off")
    [new] = cloudformation.describe_stacks(StackName="made")["Stacks"]
    assert new["StackStatus"] == "REVIEW_IN_PROGRESS"
    changes = cloudformation.describe_change_set(ChangeSetName=change_set["Id"])["Changes"]
    assert {change["ResourceChange"]["Action"] for change in changes} == {"Add"}

    stack = executed(cloud, change_set, "stack_create_complete")
    assert (stack["StackStatus"], stack["Tags"]) == (
        "CREATE_COMPLETE",
        [{"Key": "team", "Value": "chats"}],
    )
    outputs = cloud.stack("made").outputs
    assert {one["OutputKey"]: one["OutputValue"] for one in stack["Outputs"]} == outputs
    cloud.put_event(contact_event("c1"))
    cloud.wait_idle(60)
    rows = cloud.client("dynamodb").scan(TableName=outputs["Table"])["Items"]
    assert {row["key"]["S"] for row in rows} == {"moin c1"}

    same = asked_for(cloud, first, "UPDATE", Greeting=None, WithAudit=None)
    told = cloudformation.describe_change_set(ChangeSetName=same["Id"])
    assert told["Status"] == "FAILED"
    assert "didn't contain changes" in told["StatusReason"]
    with pytest.raises(WaiterError):
        cloudformation.get_waiter("change_set_create_complete").wait(
            ChangeSetName=same["Id"], WaiterConfig=FAST
        )

    shorter = a_copy(tmp_path / "shorter", ("VisibilityTimeout: 60", "VisibilityTimeout: 61"))
    changed = asked_for(cloud, packaged(cloud, shorter), "UPDATE", Greeting=None, WithAudit="on")
    changes = cloudformation.describe_change_set(ChangeSetName=changed["Id"])["Changes"]
    assert "Work" in {change["ResourceChange"]["LogicalResourceId"] for change in changes}
    assert {change["ResourceChange"]["Action"] for change in changes} == {"Modify"}
    stack = executed(cloud, changed, "stack_update_complete")
    values = {one["ParameterKey"]: one["ParameterValue"] for one in stack["Parameters"]}
    assert (values["Greeting"], values["WithAudit"]) == ("moin", "on")
    events = cloudformation.describe_stack_events(StackName="made")["StackEvents"]
    assert [event["ResourceStatus"] for event in reversed(events)] == [
        "REVIEW_IN_PROGRESS",
        "CREATE_IN_PROGRESS",
        "CREATE_COMPLETE",
        "UPDATE_IN_PROGRESS",
        "UPDATE_COMPLETE",
    ]
    times = [event["Timestamp"] for event in reversed(events)]
    assert times == sorted(set(times))
    cloud.delete("made")
    with pytest.raises(ClientError, match="does not exist"):
        cloudformation.describe_stacks(StackName="made")


def test_what_cannot_be_deployed_is_told_of_the_change_set_or_the_stack(
    cloud: LocalCloud, tmp_path: Path
) -> None:
    cloudformation = client(cloud, "cloudformation")
    text = packaged(cloud, TEMPLATE)
    refused = asked_for(cloud, text, "CREATE", Greeting="MOIN")
    told = cloudformation.describe_change_set(ChangeSetName=refused["Id"])
    assert told["Status"] == "FAILED"
    assert "must be lower-case letters" in told["StatusReason"]
    with pytest.raises(ClientError, match="cannot be executed"):
        cloudformation.execute_change_set(ChangeSetName=refused["Id"])
    failing = asked_for(cloud, text, "CREATE", CustomBehavior="fail")
    cloudformation.execute_change_set(ChangeSetName=failing["Id"])

    def status() -> str:
        return str(cloudformation.describe_stacks(StackName="made")["Stacks"][0]["StackStatus"])

    eventually(lambda: "IN_PROGRESS" not in status())
    assert status() == "ROLLBACK_COMPLETE"
    last = cloudformation.describe_stack_events(StackName="made")["StackEvents"][0]
    assert last["ResourceStatusReason"]
    with pytest.raises(ClientError, match="ROLLBACK_COMPLETE"):
        asked_for(cloud, text, "CREATE")


def test_a_stack_is_in_its_region_alone(cloud: LocalCloud) -> None:
    cloud.deploy(TEMPLATE, stack_name="here")
    assert client(cloud, "cloudformation").describe_stacks(StackName="here")["Stacks"]
    elsewhere = client(cloud, "cloudformation", "ap-south-1")
    with pytest.raises(ClientError, match="Stack with id here does not exist"):
        elsewhere.describe_stacks(StackName="here")
    cloud.delete("here")


def test_a_rule_is_disabled_and_enabled(cloud: LocalCloud) -> None:
    stack = cloud.deploy(TEMPLATE, stack_name="ruled")
    events, name = client(cloud, "events"), stack.resources["CollectContacts"]
    before = cloud.put_event(contact_event("c1"))
    events.disable_rule(Name=name)
    assert events.describe_rule(Name=name)["State"] == "DISABLED"
    assert cloud.put_event(contact_event("c1")) == before - 1
    events.enable_rule(Name=name)
    assert events.describe_rule(Name=name)["State"] == "ENABLED"
    assert cloud.put_event(contact_event("c1")) == before
    with pytest.raises(events.exceptions.ResourceNotFoundException):
        events.describe_rule(Name="nobodys")
    cloud.wait_idle(60)
    cloud.delete("ruled")
