"""The services that moto cannot speak for, because what they are about runs elsewhere.

CloudFormation and Lambda's Invoke: what command lines need that make a stack, or find one by its
name and work on it. EventBridge's events and rules, because they are on a bus of our own.
"""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from local.cloud.cloudformation_api import CloudFormationApi
from local.cloud.event_bus import put_entry
from local.cloud.exceptions import DeploymentFailed, Throttled
from local.cloud.refusals import refusal

if TYPE_CHECKING:
    from email.message import Message
    from pathlib import Path

    from local.cloud.call_record import CallRecord
    from local.cloud.deployer import Deployer
    from local.cloud.query_protocol import Response
    from local.cloud.resources.resource_type import Place
    from local.cloud.template import Json

_MOST_ENTRIES = 10
_EXECUTIONS_AT_ONCE = 1000
"""The quota of most accounts; nothing here is held to it."""


class Control:
    """A server for them, on a loopback port; packaged code is unpacked into a folder."""

    def __init__(self, place: Place, deployer: Deployer, record: CallRecord, folder: Path) -> None:
        self._place = place
        self._running = place.running
        self._stacks = CloudFormationApi(deployer, place, folder)
        control = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True
            wbufsize = -1

            def do_GET(self) -> None:
                self.do_POST()

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                record.note(self.command, self.path, "", self.headers, body)
                status, headers, answer = refusal(
                    self.command, self.path, "", self.headers, body
                ) or control.answer(self.path, self.headers, body)
                self.send_response_only(status)
                for name, value in {**headers, "Content-Length": str(len(answer))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answer)
                self.wfile.flush()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def wait(self) -> None:
        """Wait for stacks that are being made."""
        self._stacks.wait()

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()

    def answer(self, target: str, headers: Message, body: bytes) -> Response:
        """Return status, headers and body for a request."""
        match urlsplit(target).path.strip("/").split("/"):
            case ["2015-03-31", "functions", name, "invocations"]:
                kind = headers.get("X-Amz-Invocation-Type", "RequestResponse")
                return self._invoke(unquote(name), kind, body)
            case ["2016-08-19", "account-settings"]:
                return _json(200, {"AccountLimit": _account_limit()})
            case [""] if (asked := headers.get("X-Amz-Target", "")).startswith("AWSEvents."):
                return self._of_events(asked.removeprefix("AWSEvents."), json.loads(body))
            case [""]:
                return self._stacks.answer(headers, body)
        return 501, {}, b""

    # --- Lambda -----------------------------------------------------------------------------------

    def _invoke(self, name: str, kind: str, body: bytes) -> Response:
        try:
            if kind == "Event":
                self._running.invoke_later(name, body or b"{}")
                return 202, {}, b""
            answer = self._running.invoke(name, body or b"{}")
        except DeploymentFailed as error:
            return _lambda_error(404, "ResourceNotFoundException", str(error))
        except Throttled:
            return _lambda_error(429, "TooManyRequestsException", "Rate Exceeded.")
        headers = {"X-Amz-Executed-Version": "$LATEST"}
        if answer.outcome != "ok":
            headers["X-Amz-Function-Error"] = "Unhandled"
        return 200, headers, answer.body

    # --- EventBridge ------------------------------------------------------------------------------

    def _of_events(self, operation: str, asked: Json) -> Response:
        match operation:
            case "PutEvents":
                return self._put_events(asked["Entries"])
            case "DescribeRule" | "EnableRule" | "DisableRule":
                arn = self._place.arn("events", f"rule/{asked['Name']}")
                if operation != "DescribeRule":
                    self._running.bus.switch(arn, enabled=operation == "EnableRule")
                state = self._running.bus.state(arn)
                if state is None:
                    return _events_error("ResourceNotFoundException", "there is no such rule")
                return _json(200, {"Name": asked["Name"], "Arn": arn, "State": state})
        return _events_error("ValidationException", f"{operation} is not known here")

    def _put_events(self, entries: list[Json]) -> Response:
        if not 1 <= len(entries) <= _MOST_ENTRIES:
            return _events_error("ValidationException", "PutEvents takes 1 to 10 entries")
        results = [put_entry(self._running.bus, entry) for entry in entries]
        failed = sum("ErrorCode" in result for result in results)
        return _json(200, {"FailedEntryCount": failed, "Entries": results})


def _json(status: int, value: Json) -> Response:
    return status, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(value).encode()


def _events_error(code: str, message: str) -> Response:
    return _json(400, {"__type": code, "message": message})


def _account_limit() -> dict[str, int]:
    return {
        "ConcurrentExecutions": _EXECUTIONS_AT_ONCE,
        "UnreservedConcurrentExecutions": _EXECUTIONS_AT_ONCE,
    }


def _lambda_error(status: int, code: str, message: str) -> Response:
    body = json.dumps({"Type": "User", "Message": message}).encode()
    return status, {"X-Amzn-ErrorType": code, "Content-Type": "application/json"}, body
