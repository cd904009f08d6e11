"""What organisations require of a stack is a parameter each, and nothing where none is given."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from local.cloud.exceptions import DeploymentFailed
from local.cloud.schema_check import mistakes
from tests.rendered_template import ACCOUNT_ID, PAGES, REGION, Rendered

TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT_ID}:on-call"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT_ID}:key/of-the-organisation"
BOUNDARY = f"arn:aws:iam::{ACCOUNT_ID}:policy/boundary"
EVERYTHING = {
    **PAGES,
    "PermissionsBoundaryArn": BOUNDARY,
    "RolePath": "/service/chatlake/",
    "SubnetIds": "subnet-0a,subnet-0b",
    "SecurityGroupIds": "sg-0a",
    "AlarmEmail": "me@example.com",
    "AlarmTopicArn": TOPIC,
    "LogKeyArn": KEY,
    "TopicKeyArn": KEY,
    "AccessLogBucketName": "access-logs",
}
# By the property that each of them sets: without it there is none.
PROPERTIES = {
    *("AlarmActions", "OKActions", "KmsKeyId", "KmsMasterKeyId", "LoggingConfiguration"),
    *("Path", "PermissionsBoundary", "VpcConfig"),
}


def set_by(rendered: Rendered) -> Iterator[tuple[str, str]]:
    for name, resource in rendered.resources.items():
        yield from ((name, property_) for property_ in PROPERTIES & resource["Properties"].keys())


def test_what_is_left_empty_changes_nothing() -> None:
    assert list(set_by(Rendered(**PAGES))) == []


def test_what_is_given_is_as_cloudformation_takes_it() -> None:
    for resource in Rendered(**EVERYTHING).resources.values():
        if not resource["Type"].startswith("Custom::"):
            assert mistakes(resource["Type"], resource["Properties"], REGION) == []


def test_every_role_is_bounded_and_where_roles_are_to_be() -> None:
    roles = Rendered(**EVERYTHING).of_type("AWS::IAM::Role")
    assert len(roles) > 8
    assert {role["PermissionsBoundary"] for role in roles.values()} == {BOUNDARY}
    assert {role["Path"] for role in roles.values()} == {"/service/chatlake/"}


def of_networks(rendered: Rendered, role: str) -> list[Any]:
    """What a role may do with networks."""
    policies = rendered.properties(role).get("Policies", []) + [
        policy
        for policy in rendered.of_type("AWS::IAM::RolePolicy").values()
        if role == policy["RoleName"]
    ]
    return [
        statement
        for policy in policies
        for statement in policy["PolicyDocument"]["Statement"]
        if "ec2:" in str(statement["Action"])
    ]


def test_every_function_is_in_the_subnets_and_may_be() -> None:
    rendered = Rendered(**EVERYTHING)
    for function in rendered.of_type("AWS::Lambda::Function").values():
        assert function["VpcConfig"] == {
            "SubnetIds": ["subnet-0a", "subnet-0b"],
            "SecurityGroupIds": ["sg-0a"],
        }
        role = function["Role"].removesuffix(".Arn")
        join, see = of_networks(rendered, role)
        assert {resource.rpartition(":")[2] for resource in join["Resource"]} == {
            *("network-interface/*", "security-group/*", "subnet/*"),
        }
        # Whatever is on all of the account is looked at alone.
        assert all(action.startswith("ec2:Describe") for action in see["Action"])
        assert of_networks(Rendered(**PAGES), role) == []


@pytest.mark.parametrize(
    "half", [{"SubnetIds": "subnet-0a"}, {"SecurityGroupIds": "sg-0a"}, {"SubnetIds": "sg-0a"}]
)
def test_half_a_network_is_refused(half: dict[str, str]) -> None:
    with pytest.raises(DeploymentFailed, match="SubnetIds"):
        Rendered(**half)


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({"AlarmEmail": "me@example.com"}, ["Alarms"]),
        ({"AlarmTopicArn": TOPIC}, [TOPIC]),
        ({"AlarmEmail": "me@example.com", "AlarmTopicArn": TOPIC}, ["Alarms", TOPIC]),
    ],
)
def test_who_is_told_of_an_alarm_is_told_when_it_is_over(
    parameters: dict[str, str], told: list[str]
) -> None:
    alarms = Rendered(**PAGES, **parameters).of_type("AWS::CloudWatch::Alarm")
    assert len(alarms) > 10
    for alarm in alarms.values():
        assert alarm["AlarmActions"] == alarm["OKActions"] == told


def test_an_own_topic_is_made_for_an_address_alone() -> None:
    assert Rendered(AlarmTopicArn=TOPIC).of_type("AWS::SNS::Topic") == {}
    [topic] = Rendered(**EVERYTHING).of_type("AWS::SNS::Topic").values()
    assert topic["KmsMasterKeyId"] == KEY


def test_every_log_group_has_the_key() -> None:
    groups = Rendered(**EVERYTHING).of_type("AWS::Logs::LogGroup")
    assert groups.keys() == {"Logs", "ApiLogs"}
    assert {group["KmsKeyId"] for group in groups.values()} == {KEY}


def test_every_bucket_says_who_asked_it_in_a_place_of_its_own() -> None:
    buckets = Rendered(**EVERYTHING).of_type("AWS::S3::Bucket").values()
    logging = [bucket["LoggingConfiguration"] for bucket in buckets]
    assert {told["DestinationBucketName"] for told in logging} == {"access-logs"}
    assert len({told["LogFilePrefix"] for told in logging}) == len(logging) == 2


def test_tables_are_protected_when_nothing_can_fail_any_more() -> None:
    """A first deployment that fails is taken back, and a protected table would stay."""
    rendered = Rendered(**PAGES)
    for table in rendered.of_type("AWS::DynamoDB::Table").values():
        assert "DeletionProtectionEnabled" not in table
    protection = rendered.resources["Protection"]
    assert protection["Properties"]["Tables"] == ["Chats", "Schedule"]
    assert {"Dashboard", "Publish"} <= set(protection["DependsOn"])
    assert {"LastReadModule", "ContactsOrphans"} <= set(protection["Properties"]["After"])
    # All alarms, and by them functions and queues, are on the dashboard.
    waiting = [name for name, one in rendered.resources.items() if "Protection" in str(one)]
    assert waiting == ["Protection"]


# --- the workgroup, which has queries that people saved -------------------------------------------

ADOPTED = {
    "ExistingDatabase": "chatlake",
    "ExistingDocumentBucket": "documents",
    "ExistingLakeBucket": "lake",
    "ExistingChatsTable": "chats",
    "ExistingKeyArn": KEY,
}


def uses_of_the_workgroup(rendered: Rendered) -> set[Any]:
    return {
        rendered.outputs["AthenaWorkgroup"],
        rendered.properties("MakeTables")["Environment"]["Variables"]["WORKGROUP"],
    }


def test_queries_that_people_saved_outlive_the_stack() -> None:
    workgroup = Rendered().resources["Workgroup"]
    assert workgroup["DeletionPolicy"] == "RetainExceptOnCreate"
    assert workgroup["UpdateReplacePolicy"] == "Retain"
    # Where the first deployment fails, its own named queries go with it.
    assert workgroup["Properties"]["RecursiveDeleteOption"] is True


def test_a_workgroup_that_a_stack_has_left_is_adopted_by_the_next_one() -> None:
    rendered = Rendered(**ADOPTED, ExistingWorkgroup="chatlake")
    assert rendered.of_type("AWS::Athena::WorkGroup") == {}
    assert uses_of_the_workgroup(rendered) == {"chatlake"}
    assert uses_of_the_workgroup(Rendered(**ADOPTED)) == {"Workgroup"}
    with pytest.raises(DeploymentFailed, match="where its answers go"):
        Rendered(ExistingWorkgroup="chatlake")
