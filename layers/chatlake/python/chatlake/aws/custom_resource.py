"""Answers to CloudFormation: it waits for one, whatever happens, and without it for an hour."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING
from urllib.request import Request, urlopen

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from chatlake.json_codec import JsonObject

PHYSICAL_ID = "chatlake-tables"
"""Always the same: another one would make CloudFormation delete the tables of the one before."""

_MOST_REASON = 1000
_TIMEOUT_S = 30
_OUT_OF_TIME = (
    "the tables, views and named queries were not made in the time that the function has; "
    "its log says how far it came, and what was made stays: deploy again"
)


def answer(
    event: JsonObject,
    make: Callable[[], Mapping[str, str]],
    *,
    unmake: Callable[[], object] = lambda: None,
    explain: Callable[[Exception], str] = str,
    send: Callable[[str, bytes], None] | None = None,
    within_s: float | None = None,
) -> JsonObject:
    """Do what a custom resource's request asks for, and answer it in any case.

    Parameters
    ----------
    event
        The request of CloudFormation.
    make
        Makes or changes the resource; returns its attributes.
    unmake
        Removes what may go with the resource; if it fails, that stays, and all else can go.
    explain
        Says of an error what a person should read.
    send
        Puts the answer to its URL; for tests.
    within_s
        Seconds after which a failure is answered even though `make` is still at work: it may hang
        in a call that is tried again and again, and a function that is cut off answers nothing.
    """
    whose: JsonObject = {
        "PhysicalResourceId": PHYSICAL_ID,
        "StackId": event.get("StackId"),
        "RequestId": event.get("RequestId"),
        "LogicalResourceId": event.get("LogicalResourceId"),
    }
    reply = _Reply(str(event["ResponseURL"]), send or _put)
    if event.get("RequestType") == "Delete":
        try:
            unmake()
        except Exception as error:  # noqa: BLE001 - unanswered, the deletion hangs
            explain(error)
        return reply.send({"Status": "SUCCESS", **whose})
    late: JsonObject = {"Status": "FAILED", **whose, "Reason": _OUT_OF_TIME}
    timer = None if within_s is None else _after(within_s, lambda: reply.send(late))
    try:
        response: JsonObject = {"Status": "SUCCESS", **whose, "Data": dict(make())}
    except Exception as error:  # noqa: BLE001 - unanswered, the deployment hangs
        response = {"Status": "FAILED", **whose, "Reason": explain(error)[:_MOST_REASON]}
    finally:
        if timer is not None:
            timer.cancel()
    return reply.send(response)


class _Reply:
    """The one answer to a request: what is sent after it counts no more."""

    def __init__(self, url: str, send: Callable[[str, bytes], None]) -> None:
        self._url = url
        self._send = send
        self._lock = threading.Lock()
        self._given: JsonObject | None = None

    def send(self, response: JsonObject) -> JsonObject:
        """Send an answer unless one was sent; return the one that was."""
        with self._lock:
            if self._given is None:
                self._send(self._url, json.dumps(response).encode())
                self._given = response
            return self._given


def _after(seconds: float, act: Callable[[], object]) -> threading.Timer:
    timer = threading.Timer(max(seconds, 0), act)
    timer.daemon = True
    timer.start()
    return timer


def _put(url: str, body: bytes) -> None:
    # Signed for a request without a content type.
    request = Request(url, data=body, method="PUT", headers={"Content-Type": ""})
    with urlopen(request, timeout=_TIMEOUT_S):  # nosec B310 # CloudFormation's own URL
        pass
