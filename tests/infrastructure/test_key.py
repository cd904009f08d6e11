"""The key's own policy: tokens are opened by those who read chats, whatever IAM allows others."""

from __future__ import annotations

import json
import re
from graphlib import TopologicalSorter
from typing import Any

import pytest

from local.cloud.intrinsics import Scope
from local.cloud.references import references
from tests.policies.evaluator import Request, applies
from tests.rendered_template import ACCOUNT_ID, PAGES, REGION, Rendered, template_of
from tools.artifacts import ROOT

KEY = f"arn:aws:kms:{REGION}:{ACCOUNT_ID}:key/adopted"
OF_A_TOKEN = {"kms:EncryptionContext:initial_contact_id": ("a chat",)}
OF_A_DOCUMENT = {"kms:EncryptionContext:aws:s3:arn": ("arn:aws:s3:::documents",)}
ADMINISTRATOR = "arn:aws:iam::111122223333:role/Administrator"


def seals(rendered: Rendered) -> dict[str, Any]:
    """The statement that keeps tokens sealed, without whom it is about: everybody."""
    statements = rendered.properties("Key")["KeyPolicy"]["Statement"]
    [denial] = [statement for statement in statements if statement["Effect"] == "Deny"]
    assert denial["Principal"] == {"AWS": "*"}
    return {name: value for name, value in denial.items() if name != "Principal"}


def is_denied(statement: dict[str, Any], who: str | None, action: str, context: Any) -> bool:
    by = {} if who is None else {"aws:PrincipalArn": (who,)}
    return applies(statement, Request(action, KEY, context | by))


@pytest.mark.parametrize("action", ["kms:Decrypt", "kms:ReEncryptFrom"])
def test_nobody_opens_tokens_but_those_who_read_chats(action: str) -> None:
    rendered = Rendered(**PAGES)
    statement = seals(rendered)
    roles = {name: f"{name}.Arn" for name in rendered.of_type("AWS::IAM::Role")}
    denied = {name for name, arn in roles.items() if is_denied(statement, arn, action, OF_A_TOKEN)}
    assert denied == roles.keys() - {"CaptureRole", "LastReadRole"}
    for other in (ADMINISTRATOR, f"{ADMINISTRATOR}-CaptureRole.Arn", None):
        assert is_denied(statement, other, action, OF_A_TOKEN)


def test_whoever_may_read_documents_goes_on_doing_so() -> None:
    for who in (ADMINISTRATOR, "PublishRole.Arn"):
        assert not is_denied(seals(Rendered()), who, "kms:Decrypt", OF_A_DOCUMENT)
        assert not is_denied(seals(Rendered()), who, "kms:Encrypt", OF_A_TOKEN)


def test_without_last_reads_capture_alone_opens_them() -> None:
    rendered = Rendered(LastReads="off")
    assert is_denied(seals(rendered), "LastReadRole.Arn", "kms:Decrypt", OF_A_TOKEN)
    assert not is_denied(seals(rendered), "CaptureRole.Arn", "kms:Decrypt", OF_A_TOKEN)
    assert rendered.outputs["TokenReaders"] == "CaptureRole.Arn"


def test_key_and_roles_do_not_wait_for_each_other() -> None:
    """The key's policy names roles, and what they may do names the key."""
    template = template_of(REGION, **PAGES)
    resources = template.body["Resources"]
    scope = Scope(
        {"AWS::Region": REGION, **template.parameters},
        {},
        template.body["Conditions"],
        lambda name, _: name,
    )
    names = {name for name in resources if scope.holds(resources[name].get("Condition"))}
    waits_for = {
        name: references(resources[name].get("Properties", {}), scope, names) for name in names
    }
    order = list(TopologicalSorter(waits_for).static_order())
    assert order.index("CaptureRole") < order.index("Key") < order.index("CaptureRolePolicy")


def test_a_function_is_not_invoked_before_it_may_do_anything() -> None:
    for name in ("Capture", "LastRead"):
        assert Rendered().resources[name]["DependsOn"] == f"{name}RolePolicy"


def test_the_page_on_security_has_the_statement_for_a_key_that_is_adopted() -> None:
    page = (ROOT / "docs" / "security.md").read_text()
    [told] = [
        text for text in re.findall(r"```json\n(.*?)```", page, re.DOTALL) if "Sealed" in text
    ]
    rendered = Rendered()
    filled = told.replace(
        '["TOKEN_READERS"]', json.dumps(rendered.outputs["TokenReaders"].split(","))
    )
    assert json.loads(filled) == {**seals(rendered), "Principal": {"AWS": "*"}}
