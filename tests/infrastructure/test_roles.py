"""The roles of the template: one for each function, and what none of them may do."""

from __future__ import annotations

import json
from typing import Any

from local.template_source import read_source
from tests.policies.evaluator import Request, is_allowed, several
from tests.policies.granted import EVERYTHING, arn, roles
from tools import permissions, role_table
from tools.artifacts import ROOT
from tools.cloudformation import as_cloudformation

RESOURCES: dict[str, Any] = read_source(ROOT / "template.yaml")["Resources"]
ROLES = roles()
FUNCTIONS = {name for name, one in RESOURCES.items() if one["Type"] == "AWS::Serverless::Function"}
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html: of all inline policies
# of a role, without white space.
LONGEST_POLICIES = 10_240
# EC2 lets nobody see a part of these.
OF_NO_RESOURCE = {"ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets"}
BY_ATHENA = {"TableMaintenance": "athena"}
LONGEST_NAMES = {
    "DatabaseName": "d" * 128,
    "ExistingDatabase": "d" * 128,
    "ExistingDocumentBucket": "b" * 63,
    "ExistingLakeBucket": "b" * 63,
    "ExistingChatsTable": "t" * 255,
    "ExistingScheduleTable": "t" * 255,
    "ExistingKeyArn": arn("kms", "key/00000000-0000-4000-8000-000000000000"),
    "ExportBucketName": "e" * 63,
}


def test_every_function_has_a_role_of_its_own() -> None:
    for name in FUNCTIONS:
        properties = RESOURCES[name]["Properties"]
        assert properties["Role"] == {"Fn::GetAtt": [f"{name}Role", "Arn"]}
        # SAM leaves it out beside a role.
        assert "Policies" not in properties
        assert RESOURCES[f"{name}Role"].get("Condition") == RESOURCES[name].get("Condition")
    assert FUNCTIONS | {"Optimizer"} == ROLES.keys()
    assert FUNCTIONS | {"Maintenance"} == roles(parameters=dict(EVERYTHING) | BY_ATHENA).keys()


def test_no_policy_is_shared_or_of_aws() -> None:
    assert not [n for n, one in RESOURCES.items() if one["Type"] == "AWS::IAM::ManagedPolicy"]
    for name in ROLES:
        assert "ManagedPolicyArns" not in RESOURCES[f"{name}Role"]["Properties"]


def test_a_role_is_assumed_for_this_account_only() -> None:
    for name in (*ROLES, "Maintenance"):
        document = RESOURCES[f"{name}Role"]["Properties"]["AssumeRolePolicyDocument"]
        [trust] = document["Statement"]
        account = {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
        assert trust["Condition"] == {"StringEqualsIfExists": account}
        service = {"Maintenance": "scheduler", "Optimizer": "glue"}.get(name, "lambda")
        assert trust["Principal"] == {"Service": f"{service}.amazonaws.com"}


def test_no_statement_is_about_everything() -> None:
    for name, statements in (ROLES | roles(parameters=dict(EVERYTHING) | BY_ATHENA)).items():
        for statement in statements:
            assert statement["Effect"] == "Allow", name
            assert not [a for a in several(statement["Action"]) if "*" in a], name
            for resource in several(statement["Resource"]):
                if set(several(statement["Action"])) <= OF_NO_RESOURCE:
                    continue
                *_, thing = resource.split(":", 5)
                assert not set(thing.split("/")[:-1]) & {"*"}, name
                assert thing not in {"*", "table/Database/*"}, name


def test_every_permission_of_every_function_is_counted() -> None:
    counted = permissions.permissions(as_cloudformation())
    assert counted.keys() == FUNCTIONS
    assert [
        n for n, pairs in counted.items() if not pairs or ("*" in {on for _, on in pairs})
    ] == []


def test_a_role_is_not_too_large_for_iam() -> None:
    parameters = dict(EVERYTHING) | LONGEST_NAMES
    found = roles(parameters=parameters) | roles(parameters=parameters | BY_ATHENA)
    for name, statements in found.items():
        document = {"Version": "2012-10-17", "Statement": statements}
        assert len(json.dumps(document, separators=(",", ":"))) < LONGEST_POLICIES, name


def test_only_who_reads_chats_may_open_tokens() -> None:
    token = Request(
        "kms:Decrypt",
        arn("kms", "key/Key"),
        {"kms:EncryptionContext:initial_contact_id": ("a chat",)},
    )
    opens = {name for name, statements in ROLES.items() if is_allowed(statements, token)}
    assert opens == {"Capture", "LastRead"}
    # Nor does anybody decrypt anything else by itself.
    assert not [
        n for n, of in ROLES.items() if is_allowed(of, Request("kms:Decrypt", token.resource))
    ]


def test_nobody_but_capture_writes_what_its_processes_note_of_themselves() -> None:
    shard = {"dynamodb:LeadingKeys": ("#shard-0",)}
    for action in ("DeleteItem", "PutItem", "UpdateItem"):
        request = Request(f"dynamodb:{action}", arn("dynamodb", "table/Schedule"), shard)
        assert {n for n, of in ROLES.items() if is_allowed(of, request)} <= {"Capture"}


def test_nobody_sees_what_lies_beside_the_exports() -> None:
    bucket = f"arn:aws:s3:::{EVERYTHING['ExportBucketName']}"
    instance = EVERYTHING["ExportPrefix"].rpartition("/")[0]
    recordings = f"{instance}/CallRecordings/"
    for statements in ROLES.values():
        assert not is_allowed(statements, Request("s3:GetObject", f"{bucket}/{recordings}0.wav"))
        for context in ({}, {"s3:prefix": (recordings,)}, {"s3:prefix": (f"{instance}/",)}):
            assert not is_allowed(statements, Request("s3:ListBucket", bucket, context))


def test_events_that_failed_are_taken_from_the_rules_of_track_alone() -> None:
    policy = RESOURCES["QueuesPolicy"]["Properties"]["PolicyDocument"]
    [rules] = [one for one in policy["Statement"] if one["Effect"] == "Allow"]
    own, exports = rules["Condition"]["ArnEquals"]["aws:SourceArn"]
    assert own == {"Fn::GetAtt": ["TrackContactEvents", "Arn"]}
    assert exports["Fn::If"][:2] == ["HasExports", {"Fn::GetAtt": ["ExportRule", "Arn"]}]


def test_the_page_on_security_has_what_the_roles_say() -> None:
    found = role_table.TABLE.search(role_table.PAGE.read_text(encoding="utf-8"))
    assert found
    assert found[0] == role_table.table(), "run: make docs"
