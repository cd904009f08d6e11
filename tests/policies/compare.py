"""Calls beside permissions: what is refused, and what nobody needs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from tests.policies.actions import requests
from tests.policies.evaluator import Request, Statement, applies, is_allowed
from tests.policies.granted import Grant, grants, only
from tests.policies.in_our_name import IN_OUR_NAME
from tests.policies.recorded import Call
from tools.template_parts.lake_statements import TABLE_NAMES

type Roles = Mapping[str, list[Statement]]


def refused(roles: Roles, calls: Iterable[Call]) -> list[str]:
    """Return each call that a role does not allow, with what it lacks."""
    return sorted(
        {
            f"{call}: not allowed: {request}"
            for call in calls
            for request in _asked(call)
            if not is_allowed(roles.get(call.function, ()), request)
        }
    )


def unused(roles: Roles, calls: Iterable[Call]) -> list[str]:
    """Return each permission that no call needs, and that AWS does not use in the role's name."""
    asked: dict[str, list[Request]] = {name: [] for name in roles}
    for call in calls:
        asked.setdefault(call.function, []).extend(_asked(call))
    for name, reasons in IN_OUR_NAME.items():
        asked.setdefault(name, []).extend(request for request, _ in reasons)
    return [
        f"{name}: nobody needs {grant}"
        for name, statements in roles.items()
        for statement in statements
        if statement["Effect"] == "Allow"
        for grant in grants(statement)
        if not any(
            applies(only(statement, alike), request)
            for alike in _alike(grant)
            for request in asked[name]
        )
    ]


def _alike(grant: Grant) -> list[Grant]:
    """Return a grant on a table with those on the others: what is done to one is done to each."""
    place, _, name = grant.resource.rpartition("/")
    if name not in TABLE_NAMES:
        return [grant]
    return [replace(grant, resource=f"{place}/{table}") for table in TABLE_NAMES]


def _asked(call: Call) -> list[Request]:
    return requests(call.service, call.operation, call.values)
