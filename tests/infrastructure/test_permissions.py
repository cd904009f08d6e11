"""What each function may do is what it does: the template's roles beside recorded calls."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from tests.policies.compare import Roles, refused, unused
from tests.policies.evaluator import Statement
from tests.policies.granted import arn, roles
from tests.policies.recorded import Call, checked_in
from tools.artifacts import ROOT

ROLES = roles()


def test_every_call_is_allowed() -> None:
    assert refused(ROLES, checked_in()) == []


def test_every_permission_is_needed() -> None:
    assert unused(ROLES, checked_in()) == []


def planted(function: str, **added: Any) -> Roles:
    """Return the roles with another statement in one."""
    found = copy.deepcopy(dict(ROLES))
    statement: Statement = {"Effect": "Allow", **added}
    found[function] = [*found[function], statement]
    return found


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("s3:DeleteObject", "arn:aws:s3:::DocumentBucket/documents/*"),
        ("s3:GetObject", "arn:aws:s3:::LakeBucket/query-results/*"),
        ("dynamodb:Scan", arn("dynamodb", "table/Chats")),
        ("dynamodb:BatchGetItem", arn("dynamodb", "table/Schedule")),
    ],
)
def test_a_permission_that_nobody_needs_is_found(action: str, resource: str) -> None:
    found = unused(planted("Publish", Action=action, Resource=resource), checked_in())
    assert found == [f"Publish: nobody needs {action} on {resource}"]


def test_a_kind_of_items_that_nobody_needs_is_found() -> None:
    chats = arn("dynamodb", "table/Chats")
    kinds = {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["leg#*", "republication#*"]}}
    roles = planted("Publish", Action="dynamodb:BatchGetItem", Resource=chats, Condition=kinds)
    found = unused(roles, checked_in())
    assert found == [f"Publish: nobody needs dynamodb:BatchGetItem on {chats} republication#*"]


@pytest.mark.parametrize(
    ("service", "operation", "on", "lacks"),
    [
        ("dynamodb", "GetItem", {"table": "Chats", "leading": "tombstone#0"}, "table/Chats"),
        ("s3", "PutObject", {"bucket": "DocumentBucket", "key": "documents/00/0"}, "documents"),
        ("s3", "ListObjectsV2", {"bucket": "DocumentBucket"}, "s3:ListBucket"),
        ("kms", "Encrypt", {"key": "Key", "context": []}, "kms:Encrypt"),
        ("glue", "DeleteTable", {"database": "Database", "table": "messages"}, "glue:DeleteTable"),
    ],
)
def test_a_call_that_is_not_allowed_is_found(
    service: str, operation: str, on: dict[str, Any], lacks: str
) -> None:
    call = Call("Reconcile", service, operation, json.dumps(on))
    found = refused(ROLES, [*checked_in(), call])
    assert found
    assert all(line.startswith(f"Reconcile: {service} {operation}") for line in found)
    assert any(lacks in line for line in found)


def test_an_operation_that_nobody_has_looked_up_is_found() -> None:
    with pytest.raises(KeyError, match="RestoreObject"):
        refused(ROLES, [Call("Capture", "s3", "RestoreObject", "{}")])


def test_a_role_of_another_template_is_read(tmp_path: Path) -> None:
    """Whoever plants a permission in the template itself is found out, too."""
    text = (ROOT / "template.yaml").read_text()
    needed = "Action: [dynamodb:BatchGetItem, dynamodb:BatchWriteItem, dynamodb:Query]"
    assert needed in text
    changed = tmp_path / "template.yaml"
    changed.write_text(text.replace(needed, needed.replace("BatchWriteItem", "Scan")))
    found = roles(changed)
    assert any("dynamodb:Scan" in line for line in unused(found, checked_in()))
    assert any("dynamodb:BatchWriteItem" in line for line in refused(found, checked_in()))
