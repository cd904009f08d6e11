"""Templates in the local cloud: what they say is done, or the deployment fails and says why."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from local.cloud import DeploymentFailed, NotKnown
from local.cloud.deployer import check_known
from local.cloud.template import read_template
from tests.integration.local.ending_stack import FOLDER as ENDINGS
from tests.integration.local.stack import (
    TEMPLATE,
    a_cloud,
    a_copy,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.cloud import LocalCloud

PROJECT = Path(__file__).parents[3] / "template.yaml"


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    with a_cloud(tmp_path_factory.mktemp("cloud")) as running:
        yield running


def buckets(cloud: LocalCloud) -> set[str]:
    return {bucket["Name"] for bucket in cloud.client("s3").list_buckets()["Buckets"]}


# --- what templates may say -----------------------------------------------------------------------


def test_outputs_are_what_the_intrinsic_functions_make_of_them(cloud: LocalCloud) -> None:
    stack = cloud.deploy(TEMPLATE, {"Greeting": "moin"}, stack_name="outputs")
    assert stack.outputs["Sentence"] == "moin, outputs: ${Literal}"
    assert stack.outputs["SecondOrigin"] == "https://b.example"
    assert stack.outputs["Origins"] == "https://a.example|https://b.example"
    assert stack.outputs["Marker"] == "first after nothing with '3'"
    assert stack.outputs["GreetUrl"] == f"{stack.http_api_url}/greet"


def test_a_condition_decides_on_resources_and_outputs(cloud: LocalCloud) -> None:
    without = cloud.deploy(TEMPLATE, stack_name="conditions")
    with_audit = cloud.deploy(TEMPLATE, {"WithAudit": "on"}, stack_name="conditions")
    again = cloud.deploy(TEMPLATE, stack_name="conditions")

    assert "Audit" not in without.resources.keys() | without.outputs.keys()
    assert with_audit.outputs["Audit"] == with_audit.resources["Audit"]
    assert "Audit" not in again.resources
    topics = cloud.client("sns").list_topics()["Topics"]
    assert with_audit.outputs["Audit"] not in {topic["TopicArn"] for topic in topics}


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("AWS::SNS::Topic", "AWS::Neptune::DBCluster", "AWS::Neptune::DBCluster"),
        (
            "VersioningConfiguration: {Status: Enabled}",
            "IntelligentTieringConfigurations: []",
            "Bucket: .* IntelligentTieringConfigurations",
        ),
        ("NoncurrentDays: 7", "NoncurrentDays: 7, Typo: 1", "Bucket: .*Typo"),
        ("equals-ignore-case: chat", "sounds-like: chat", "sounds-like"),
        ("rate(1 minute)", "rate(1 minutes)", "rate"),
        ("rate(1 minute)", "at(noon)", "at.noon"),
        ("!Ref Audit", "!ImportValue Audit", "Fn::ImportValue"),
        ("CodeUri: functions/custom", "CodeUri: functions/none", "Answer: there is no folder"),
        ("Runtime: python3.13", "Runtime: python3.9", "python3.9"),
        ("!Ref Table,", "!Ref Tabel,", "Store: there is no resource or name Tabel"),
        ("AllowHeaders:", "AllowHaeders:", "AllowHaeders"),
        ("EnableSimpleResponses: true", "EnableSimpleResponses: false", "Door: only functions"),
    ],
)
def test_what_is_not_known_fails_by_name(
    cloud: LocalCloud, tmp_path: Path, old: str, new: str, named: str
) -> None:
    before = buckets(cloud)
    template = a_copy(tmp_path, (old, new))
    with pytest.raises(DeploymentFailed, match=named):
        cloud.deploy(template, {"WithAudit": "on"}, stack_name="unknown")
    assert buckets(cloud) == before


INSTANCE = {
    "ConnectInstanceArn": "arn:aws:connect:eu-west-1:111122223333:instance/an-instance",
    "ExportBucketName": "bucket",
    "ExportPrefix": "prefix",
    "StartChatApi": "on",
    "ContactFlowId": "flow",
}


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("IntegrationType: LAMBDA_FUNCTION", "IntegrationType: EVENT", "EVENT"),
        ("InstanceId: !Ref ConnectInstanceArn", "InstanceId: an-instance", "ARN of an instance"),
        ("IntegrationArn: !GetAtt LastRead.Arn", "IntegrationArn: nothing", "no function nothing"),
        ("      Name: Read last\n", "", "Module: .*Name: is missing"),
        ("Type: CONTACT_FLOW", "Type: RIVER", "Flow: .*Type: 'RIVER'"),
        ("${Module}", "no-module", "Flow: there is no flow module no-module"),
        ("${LastRead.Arn}", "no-function", "no function no-function"),
        ('"StartAction": "read"', '"StartAction": "rest"', "there is no action rest"),
        ("      Type: CONTACT_FLOW\n", "      Type: CONTACT_FLOW\n      Depth: 2\n", "Depth"),
    ],
)
def test_flows_that_connect_would_refuse_fail(
    cloud: LocalCloud, tmp_path: Path, old: str, new: str, named: str
) -> None:
    template = a_copy(tmp_path, (old, new), stack=ENDINGS)
    with pytest.raises(DeploymentFailed, match=named):
        cloud.deploy(template, INSTANCE, stack_name="flows")
    assert not cloud.flows.associations


def test_flows_can_be_updated_and_go_with_their_stack(cloud: LocalCloud, tmp_path: Path) -> None:
    made = cloud.deploy(ENDINGS / "template.yaml", INSTANCE, stack_name="flows")
    changes = (("Name: Read last\n", "Name: Read\n"), ("last, then disconnect", "and disconnect"))
    again = cloud.deploy(a_copy(tmp_path, *changes, stack=ENDINGS), INSTANCE, stack_name="flows")
    assert {made.resources[name] for name in ("Flow", "Module")} == {
        again.resources[name] for name in ("Flow", "Module")
    }
    assert cloud.flows.has(INSTANCE["ConnectInstanceArn"], again.resources["LastRead"])
    cloud.delete("flows")
    assert not cloud.flows.associations
    assert not cloud.flows.modules


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"Greeting": "HELLO"}, "Greeting must be lower-case letters"),
        ({"WithAudit": "maybe"}, "WithAudit"),
        ({"WindowSeconds": "301"}, "WindowSeconds"),
        ({"WindowSeconds": "soon"}, "WindowSeconds"),
        ({"Greting": "hello"}, "no parameters Greting"),
        ({"Greeting": "bye"}, "The greeting is no farewell."),
    ],
)
def test_parameters_are_held_to_what_the_template_allows(
    cloud: LocalCloud, parameters: dict[str, str], said: str
) -> None:
    with pytest.raises(DeploymentFailed, match=said):
        cloud.deploy(TEMPLATE, parameters, stack_name="parameters")


def test_what_is_not_known_is_told_apart(cloud: LocalCloud, tmp_path: Path) -> None:
    template = a_copy(tmp_path, ("AWS::SNS::Topic", "AWS::Neptune::DBCluster"))
    with pytest.raises(NotKnown):
        cloud.deploy(template, {"WithAudit": "on"}, stack_name="unknown")


def test_all_of_the_projects_own_template_is_known() -> None:
    instance = (
        "arn:aws:connect:eu-west-1:111122223333:instance/12345678-1234-1234-1234-123456789012"
    )
    template = read_template(PROJECT, "eu-west-1", {"ConnectInstanceArn": instance})
    for logical_id, resource in template.body["Resources"].items():
        check_known(logical_id, resource)
