"""Count what each function may do: `python -m tools.permissions [TEMPLATE]`.

A permission is an action on a resource; `*` counts as one, and is told apart. That of another
version: `git show COMMIT:template.yaml > older.yaml`, then this with `older.yaml`.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from local.cloud.intrinsics import NO_VALUE, Scope
from tools.cloudformation import TEMPLATE, as_cloudformation

type Statement = dict[str, Any]

# What is adopted, in the place of what is made, and what an organisation may want besides.
_NOT_COUNTED = ("Existing", "SecurityGroupIds", "SubnetIds")
# What AWS's own policies that SAM adds allow, on everything:
# https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSLambdaBasicExecutionRole.html
_LOGS = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
_QUEUES = ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]
_OF_AWS: dict[str, Statement] = {
    name: {"Effect": "Allow", "Action": actions, "Resource": "*"}
    for name, actions in {
        "AWSLambdaBasicExecutionRole": _LOGS,
        "AWSLambdaSQSQueueExecutionRole": _LOGS + _QUEUES,
    }.items()
}


def permissions(template: dict[str, Any]) -> dict[str, list[tuple[str, str]]]:
    """Return the pairs of action and resource that each function is allowed, by its logical id."""
    resources = template["Resources"]
    scope = Scope(
        {
            "AWS::AccountId": "111122223333",
            "AWS::Partition": "aws",
            "AWS::Region": "eu-west-1",
            "AWS::StackName": "chatlake",
            "AWS::URLSuffix": "amazonaws.com",
            # So that nothing is left out: what is empty switches something off.
            **{n: told.get("Default") or n for n, told in template["Parameters"].items()},
            **{n: "" for n in template["Parameters"] if n.startswith(_NOT_COUNTED)},
        },
        {},
        template["Conditions"],
        lambda name, attribute: f"{name}.{attribute}" if attribute else name,
    )
    found: dict[str, list[tuple[str, str]]] = {}
    for name, resource in resources.items():
        if resource["Type"] != "AWS::Lambda::Function":
            continue
        role = resource["Properties"]["Role"]["Fn::GetAtt"][0]
        found[name] = [
            (action, resource)
            for statement in _statements(scope, role, resources)
            if statement["Effect"] == "Allow"
            for action in _several(statement["Action"])
            for resource in _several(statement["Resource"])
        ]
    return found


def _statements(scope: Scope, name: str, resources: Any) -> Iterator[Statement]:
    role = resources[name]["Properties"]
    apart = [
        one["Properties"]
        for one in resources.values()
        if one["Type"] == "AWS::IAM::RolePolicy" and one["Properties"]["RoleName"] == {"Ref": name}
    ]
    written = [*role.get("Policies", []), *apart]
    documents = [policy["PolicyDocument"] for policy in scope.value(written)]
    for arn in scope.value(role.get("ManagedPolicyArns", [])):
        name = arn.rpartition("/")[2]
        if name in resources:
            documents.append(scope.value(resources[name]["Properties"]["PolicyDocument"]))
        else:
            yield _OF_AWS[name]
    for document in documents:
        for statement in _several(document["Statement"]):
            if statement is not NO_VALUE:
                yield statement


def _several(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def main(arguments: list[str] | None = None) -> None:
    """Print the counts."""
    parser = argparse.ArgumentParser(prog="python -m tools.permissions", description=__doc__)
    parser.add_argument("template", nargs="?", type=Path, default=TEMPLATE)
    found = permissions(as_cloudformation(parser.parse_args(arguments).template))
    print(f"{'function':12} {'permissions':>11} {'of them on *':>12}")
    for name, pairs in sorted(found.items()):
        on_all = sum(resource == "*" for _, resource in pairs)
        print(f"{name:12} {len(pairs):11} {on_all:12}")
    print(f"{'all':12} {sum(map(len, found.values())):11}")


if __name__ == "__main__":
    main()
