"""Custom resources: a function is asked, and answers to a URL."""

from __future__ import annotations

import json
import queue
import threading
import uuid
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Literal

from local.cloud.exceptions import DeploymentFailed, Throttled

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from local.clock import Clock
    from local.cloud.environment import Answer
    from local.cloud.template import Json

_TIMEOUT_S = 3600


@dataclass(frozen=True)
class Request:
    """What is asked of the function; names are those of CloudFormation's request object."""

    request_type: Literal["Create", "Update", "Delete"]
    stack_id: str
    resource_type: str
    logical_id: str
    properties: Mapping[str, Json]
    physical_id: str | None = None
    old_properties: Mapping[str, Json] | None = None


class Answers:
    """The place that functions send their answers to, as they would to a presigned URL of S3."""

    def __init__(self, clock: Clock, least_timeout_s: float) -> None:
        self._clock = clock
        self._least_timeout_s = least_timeout_s
        self._waiting: dict[str, queue.SimpleQueue[Json]] = {}
        waiting = self._waiting

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_PUT(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                place = waiting.get(self.path)
                if place is not None:
                    place.put(json.loads(body))
                self.send_response_only(403 if place is None else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        """Take no more answers."""
        self._server.shutdown()
        self._server.server_close()

    def ask(self, request: Request, invoke: Callable[[bytes], Answer]) -> tuple[str, Json]:
        """Return the physical id and the data that the function answers with.

        It is asked once: what ends with an error fails at once, where CloudFormation would wait
        for an answer that cannot come any more.

        Raises
        ------
        DeploymentFailed
            The answer is a failure, or not one, or none came in time.
        """
        path = f"/{uuid.uuid4().hex}"
        place: queue.SimpleQueue[Json] = queue.SimpleQueue()
        self._waiting[path] = place
        event = self._event(request, f"http://127.0.0.1:{self._server.server_port}{path}")
        threading.Thread(target=self._run, args=(invoke, event, place), daemon=True).start()
        timeout_s = float(request.properties.get("ServiceTimeout", _TIMEOUT_S)) / self._clock.speed
        try:
            answer = place.get(timeout=max(timeout_s, self._least_timeout_s))
        except queue.Empty:
            raise DeploymentFailed(f"{request.logical_id}: no answer came in time") from None
        finally:
            del self._waiting[path]
        return _read(answer, request, event)

    @staticmethod
    def _run(
        invoke: Callable[[bytes], Answer], event: Json, place: queue.SimpleQueue[Json]
    ) -> None:
        try:
            answer = invoke(json.dumps(event).encode())
        except Throttled:
            place.put({"ended": "the function has no concurrency left"})
            return
        if answer.outcome != "ok":
            said = answer.error
            reason = f"{said.get('errorType', '')}: {said.get('errorMessage', '')}"
            place.put({"ended": f"the function ended without an answer: {reason}"})

    def _event(self, request: Request, url: str) -> dict[str, Json]:
        event = {
            "RequestType": request.request_type,
            "ResponseURL": url,
            "StackId": request.stack_id,
            "RequestId": str(uuid.uuid4()),
            "ResourceType": request.resource_type,
            "LogicalResourceId": request.logical_id,
            "ServiceToken": request.properties["ServiceToken"],
            "ResourceProperties": _as_texts(request.properties),
        }
        if request.physical_id is not None:
            event["PhysicalResourceId"] = request.physical_id
        if request.old_properties is not None:
            event["OldResourceProperties"] = _as_texts(request.old_properties)
        return event


def _read(answer: Json, request: Request, event: Mapping[str, Json]) -> tuple[str, Json]:
    where = request.logical_id
    if "ended" in answer:
        raise DeploymentFailed(f"{where}: {answer['ended']}")
    for name in ("StackId", "RequestId", "LogicalResourceId"):
        if answer.get(name) != event[name]:
            raise DeploymentFailed(f"{where}: the answer has not the {name} of the request")
    if answer.get("Status") != "SUCCESS":
        raise DeploymentFailed(f"{where}: {answer.get('Reason', 'the answer gives no reason')}")
    if not answer.get("PhysicalResourceId"):
        raise DeploymentFailed(f"{where}: the answer has no PhysicalResourceId")
    return answer["PhysicalResourceId"], answer.get("Data") or {}


def _as_texts(value: Json) -> Json:
    """Return the properties as functions get them: every scalar is a text."""
    match value:
        case dict():
            return {name: _as_texts(part) for name, part in value.items()}
        case list():
            return [_as_texts(part) for part in value]
        case bool():
            return "true" if value else "false"
        case _:
            return str(value)
