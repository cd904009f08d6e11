"""Flows and modules as Connect takes them, and what it would refuse."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from local.cloud import DeploymentFailed, NotKnown
from local.cloud.flow_language import read_flow

type Flow = dict[str, Any]


def invocation(**parameters: str) -> Flow:
    return {
        "Identifier": "read",
        "Type": "InvokeLambdaFunction",
        "Parameters": {
            "LambdaFunctionARN": "arn:aws:lambda:eu-west-1:111122223333:function:f",
            "InvocationTimeLimitSeconds": "8",
        }
        | parameters,
        "Transitions": {
            "NextAction": "end",
            "Errors": [{"NextAction": "end", "ErrorType": "NoMatchingError"}],
            "Conditions": [],
        },
    }


def a_module() -> Flow:
    end = {"Identifier": "end", "Type": "EndFlowModuleExecution", "Transitions": {}}
    return {"Version": "2019-10-30", "StartAction": "read", "Actions": [invocation(), end]}


def read(flow: Flow, *, is_module: bool = True) -> list[str]:
    actions = read_flow(json.dumps(flow), "Module", is_module=is_module)
    return [action["Identifier"] for action in actions]


def test_a_module_has_its_actions() -> None:
    assert read(a_module()) == ["read", "end"]


def without_end(flow: Flow) -> None:
    flow["Actions"].pop()


def without_start(flow: Flow) -> None:
    del flow["StartAction"]


def without_errors(flow: Flow) -> None:
    flow["Actions"][0]["Transitions"]["Errors"] = []


def without_next(flow: Flow) -> None:
    del flow["Actions"][0]["Transitions"]["NextAction"]


def without_function(flow: Flow) -> None:
    del flow["Actions"][0]["Parameters"]["LambdaFunctionARN"]


def too_slow(flow: Flow) -> None:
    flow["Actions"][0]["Parameters"]["InvocationTimeLimitSeconds"] = "9"


def lost(flow: Flow) -> None:
    flow["Actions"].append({"Identifier": "lost", "Type": "DisconnectParticipant"})


def twice(flow: Flow) -> None:
    flow["Actions"].append({"Identifier": "end", "Type": "DisconnectParticipant"})


def after_the_end(flow: Flow) -> None:
    flow["Actions"][1]["Transitions"] = {"NextAction": "read"}


def nowhere(flow: Flow) -> None:
    del flow["Actions"][0]["Transitions"]["Errors"][0]["NextAction"]


def of_another_version(flow: Flow) -> None:
    flow["Version"] = "2012-10-17"


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (without_end, "no action end"),
        (without_start, "no action None"),
        (without_errors, "NoMatchingError"),
        (without_next, "no NextAction"),
        (without_function, "LambdaFunctionARN is missing"),
        (too_slow, "1 to 8 seconds, not 9"),
        (lost, "nothing leads to action lost"),
        (twice, "one Identifier"),
        (after_the_end, "nothing comes after"),
        (nowhere, "leads nowhere"),
        (of_another_version, "version"),
    ],
)
def test_what_connect_would_refuse_fails(spoil: Callable[[Flow], None], said: str) -> None:
    flow = a_module()
    spoil(flow)
    with pytest.raises(DeploymentFailed, match=said):
        read(flow)


def test_content_that_is_not_json_fails() -> None:
    with pytest.raises(DeploymentFailed, match="Module: its Content is not JSON"):
        read_flow("{", "Module", is_module=True)


def test_only_a_module_ends_as_one() -> None:
    with pytest.raises(DeploymentFailed, match="only a module"):
        read(a_module(), is_module=False)


@pytest.mark.parametrize(
    "member", [{"Type": "SendOwl"}, {"Colour": "red"}, {"Parameters": {"Loud": "true"}}]
)
def test_what_is_not_known_fails_by_name(member: Flow) -> None:
    flow = a_module()
    flow["Actions"][1] |= member
    with pytest.raises(NotKnown, match=r"SendOwl|Colour|Loud"):
        read(flow)
