"""What can be said of a role, and how the template writes it: here is what all roles have alike."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from tools.template_parts.role_statements import own_logs, own_network, see_network
from tools.template_parts.statement import Statement
from tools.template_parts.yaml_text import Value, block, either, ref

OF_EVERY_FUNCTION: tuple[Statement, ...] = (own_logs(), own_network(), see_network())
"""What Lambda does for each function in its name."""

# No page promises that Lambda, its poller of queues and Glue's optimizers always say for which
# account they assume a role. Where they do not, still nobody gives one to something of another
# account: IAM passes roles within one (iam:PassRole).
_TRUST: Value = {"StringEqualsIfExists": {"aws:SourceAccount": ref("AWS::AccountId")}}


@dataclass(frozen=True, slots=True)
class Role:
    """The role of a function, or of another service.

    Attributes
    ----------
    of
        The logical id of the function; with `Role` behind it that is the role's.
    description
        What whoever has it does.
    statements
        What that needs, beside what all functions need.
    when
        Condition of the template without which there is no such role.
    apart
        Whether its policy is a resource of its own. The key's policy names the roles that open
        tokens, and what they may do names the key: neither could be made before the other.
    """

    of: str
    description: str
    statements: tuple[Statement, ...]
    service: Literal["glue", "lambda", "scheduler"] = "lambda"
    when: str | None = None
    apart: bool = False

    @property
    def all_statements(self) -> tuple[Statement, ...]:
        """What is allowed, with what all functions may."""
        return (OF_EVERY_FUNCTION if self.service == "lambda" else ()) + self.statements


def as_yaml(role: Role) -> str:
    """Return the resource as the template has it."""
    return "\n".join(_lines(role)) + "\n"


def _lines(role: Role) -> Iterator[str]:
    yield from _resource(role, "Role")
    yield from block(_properties(role), 6)
    if role.apart:
        yield ""
        yield from _resource(role, "RolePolicy")
        yield f"      RoleName: !Ref {role.of}Role"
        yield from _policy(role, 6)
    else:
        yield "      Policies:"
        first, *rest = _policy(role, 10)
        yield f"        - {first.lstrip()}"
        yield from rest


def _resource(role: Role, kind: str) -> Iterator[str]:
    yield f"  {role.of}{kind}:"
    yield f"    Type: AWS::IAM::{kind}"
    if role.when:
        yield f"    Condition: {role.when}"
    is_apart = role.apart and kind == "Role"
    if not is_apart and any(a.startswith("s3:") for one in role.statements for a in one.actions):
        yield "    # The name of an existing bucket is empty only where it is not used."
        yield "    Metadata: {cfn-lint: {config: {ignore_checks: [W1031]}}}"
    yield "    Properties:"


def _policy(role: Role, indent: int) -> Iterator[str]:
    margin = " " * indent
    yield f"{margin}PolicyName: {role.of}"
    yield f"{margin}PolicyDocument:"
    yield f'{margin}  Version: "2012-10-17"'
    yield f"{margin}  Statement:"
    for statement in role.all_statements:
        if statement.why:
            yield f"{margin}    # {statement.why}"
        yield from block([statement.value()], indent + 4)


def _properties(role: Role) -> dict[str, Value]:
    """Return what a role has beside its policy."""
    trust = {
        "Effect": "Allow",
        "Principal": {"Service": f"{role.service}.amazonaws.com"},
        "Action": "sts:AssumeRole",
        "Condition": _TRUST,
    }
    return {
        "Description": role.description,
        "Path": either("HasRolePath", ref("RolePath")),
        "PermissionsBoundary": either("HasPermissionsBoundary", ref("PermissionsBoundaryArn")),
        "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]},
    }
