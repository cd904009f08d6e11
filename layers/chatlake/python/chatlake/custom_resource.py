"""Answers to CloudFormation: it waits for one, whatever happens, and without it for an hour."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.request import Request, urlopen

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from chatlake.json_codec import JsonObject

PHYSICAL_ID = "chatlake-tables"
"""Always the same: another one would make CloudFormation delete the tables of the one before."""

_MOST_REASON = 1000
_TIMEOUT_S = 30


def answer(
    event: JsonObject,
    make: Callable[[], Mapping[str, str]],
    *,
    explain: Callable[[Exception], str] = str,
    send: Callable[[str, bytes], None] | None = None,
) -> JsonObject:
    """Do what a custom resource's request asks for, and answer it in any case.

    Parameters
    ----------
    event
        The request of CloudFormation; on Delete nothing is done, because the data stays.
    make
        Makes or changes the resource; gives its attributes.
    explain
        Says of an error what a person should read.
    send
        Puts the answer to its URL; for tests.
    """
    response: JsonObject = {
        "Status": "SUCCESS",
        "PhysicalResourceId": PHYSICAL_ID,
        "StackId": event.get("StackId"),
        "RequestId": event.get("RequestId"),
        "LogicalResourceId": event.get("LogicalResourceId"),
    }
    if event.get("RequestType") != "Delete":
        try:
            response["Data"] = dict(make())
        except Exception as error:  # noqa: BLE001 - unanswered, the deployment hangs
            response |= {"Status": "FAILED", "Reason": explain(error)[:_MOST_REASON]}
    (send or _put)(str(event["ResponseURL"]), json.dumps(response).encode())
    return response


def _put(url: str, body: bytes) -> None:
    # Signed for a request without a content type.
    request = Request(url, data=body, method="PUT", headers={"Content-Type": ""})
    with urlopen(request, timeout=_TIMEOUT_S):
        pass
