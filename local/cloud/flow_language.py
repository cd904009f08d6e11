"""Flows in Amazon Connect's flow language, held against what Connect would refuse.

https://docs.aws.amazon.com/connect/latest/APIReference/flow-language.html
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from local.cloud.exceptions import DeploymentFailed, NotKnown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from local.cloud.template import Json

_VERSION = "2019-10-30"
_MEMBERS = {"Actions", "Metadata", "Settings", "StartAction", "Version"}
_ACTION_MEMBERS = {"Identifier", "Parameters", "Transitions", "Type"}
_TRANSITIONS = {"Conditions", "Errors", "NextAction"}


@dataclass(frozen=True)
class _Type:
    """A type of action; a last one ends what it is in."""

    required: frozenset[str] = frozenset()
    optional: frozenset[str] = frozenset()
    is_last: bool = False
    may_fail: bool = False


_TYPES = {
    "DisconnectParticipant": _Type(is_last=True),
    "EndFlowExecution": _Type(is_last=True),
    "EndFlowModuleExecution": _Type(is_last=True),
    "InvokeFlowModule": _Type(frozenset({"FlowModuleId"}), may_fail=True),
    "InvokeLambdaFunction": _Type(
        frozenset({"LambdaFunctionARN", "InvocationTimeLimitSeconds"}),
        frozenset({"InvocationType", "LambdaInvocationAttributes", "ResponseValidation"}),
        may_fail=True,
    ),
    "MessageParticipant": _Type(frozenset({"Text"})),
    "UpdateFlowLoggingBehavior": _Type(frozenset({"FlowLoggingBehavior"})),
}
_ENDS_MODULES = "EndFlowModuleExecution"


def read_flow(content: str, what: str, *, is_module: bool) -> list[Mapping[str, Json]]:
    """Return the actions of a flow, all of whose transitions lead somewhere.

    Raises
    ------
    DeploymentFailed
        Connect would call the content invalid.
    NotKnown
        It has an action or a member that is not known here.
    """
    try:
        flow = json.loads(content)
    except ValueError as error:
        raise DeploymentFailed(f"{what}: its Content is not JSON: {error}") from None
    if not isinstance(flow, dict) or flow.get("Version") != _VERSION:
        raise DeploymentFailed(f"{what}: its Content is not in version {_VERSION} of the language")
    _known(flow, _MEMBERS, what)
    actions = {action["Identifier"]: action for action in flow.get("Actions", [])}
    if len(actions) != len(flow.get("Actions", [])):
        raise DeploymentFailed(f"{what}: two of its actions have one Identifier")
    following: dict[str, set[str]] = {}
    for name, action in actions.items():
        _check_action(action, f"{what}: action {name}", is_module=is_module)
        following[name] = set(_next_actions(action, f"{what}: action {name}"))
    _check_ways(flow.get("StartAction"), following, what)
    return list(actions.values())


def _check_ways(start: str | None, following: Mapping[str, set[str]], what: str) -> None:
    """Every transition leads to an action, and to every action leads one."""
    named = {start, *(name for names in following.values() for name in names)}
    if missing := sorted(str(name) for name in named if name not in following):
        raise DeploymentFailed(f"{what}: there is no action {', '.join(missing)}")
    reached: set[str] = set()
    ahead = {str(start)}
    while ahead:
        reached |= ahead
        ahead = {name for at in ahead for name in following[at]} - reached
    if lost := sorted(following.keys() - reached):
        raise DeploymentFailed(f"{what}: nothing leads to action {', '.join(lost)}")


def _check_action(action: Mapping[str, Json], what: str, *, is_module: bool) -> None:
    _known(action, _ACTION_MEMBERS, what)
    if (kind := _TYPES.get(action["Type"])) is None:
        raise NotKnown(f"{what}: the local cloud does not know the type {action['Type']}")
    if action["Type"] == _ENDS_MODULES and not is_module:
        raise DeploymentFailed(f"{what}: only a module ends with {_ENDS_MODULES}")
    parameters = action.get("Parameters", {})
    _known(parameters, kind.required | kind.optional, what)
    if missing := sorted(kind.required - set(parameters)):
        raise DeploymentFailed(f"{what}: {', '.join(missing)} is missing")
    transitions = action.get("Transitions", {})
    _known(transitions, _TRANSITIONS, what)
    if kind.is_last and any(transitions.values()):
        raise DeploymentFailed(f"{what}: nothing comes after {action['Type']}")
    if not kind.is_last and "NextAction" not in transitions:
        raise DeploymentFailed(f"{what}: it has no NextAction")
    errors = {error["ErrorType"] for error in transitions.get("Errors", [])}
    if kind.may_fail and "NoMatchingError" not in errors:
        raise DeploymentFailed(f"{what}: what follows a NoMatchingError is not said")
    if action["Type"] == "InvokeLambdaFunction":
        _check_invocation(parameters, what)


def _check_invocation(parameters: Mapping[str, Json], what: str) -> None:
    limit = str(parameters["InvocationTimeLimitSeconds"])
    if limit not in {str(seconds) for seconds in range(1, 9)}:
        raise DeploymentFailed(f"{what}: a flow waits 1 to 8 seconds, not {limit}")
    kind = parameters.get("InvocationType", "SYNCHRONOUS")
    if kind != "SYNCHRONOUS":
        raise NotKnown(f"{what}: InvocationType {kind}")
    expected = parameters.get("ResponseValidation", {}).get("ResponseType", "STRING_MAP")
    if expected not in {"JSON", "STRING_MAP"}:
        raise DeploymentFailed(f"{what}: there is no ResponseType {expected}")


def _next_actions(action: Mapping[str, Json], what: str) -> Iterator[str]:
    transitions = action.get("Transitions", {})
    if "NextAction" in transitions:
        yield transitions["NextAction"]
    for branch in (*transitions.get("Errors", []), *transitions.get("Conditions", [])):
        if "NextAction" not in branch:
            raise DeploymentFailed(f"{what}: a branch leads nowhere")
        yield branch["NextAction"]


def _known(value: Mapping[str, Json], names: set[str] | frozenset[str], what: str) -> None:
    if unknown := set(value) - names:
        raise NotKnown(f"{what}: {', '.join(sorted(unknown))}")
