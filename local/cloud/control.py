"""The services that moto cannot speak for, because what they are about runs elsewhere.

Lambda's Invoke, and CloudFormation's DescribeStacks and DescribeStackResources: what a command line
needs that finds a stack by its name and works on it. EventBridge's PutEvents, because the rules are
on a bus of our own.
"""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

from local.cloud.event_bus import put_entry
from local.cloud.exceptions import DeploymentFailed, Throttled

if TYPE_CHECKING:
    from collections.abc import Mapping
    from email.message import Message

    from local.cloud.call_record import CallRecord
    from local.cloud.deployer import DeployedStack, Deployer
    from local.cloud.running import Running

type Response = tuple[int, dict[str, str], bytes]

_MOST_ENTRIES = 10
_NAMESPACE = "http://cloudformation.amazonaws.com/doc/2010-05-15/"


class Control:
    """A server for them, on a loopback port."""

    def __init__(self, running: Running, deployer: Deployer, record: CallRecord) -> None:
        self._running = running
        self._deployer = deployer
        control = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True
            wbufsize = -1

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                record.note(self.command, self.path, "", self.headers, body)
                status, headers, answer = control.answer(self.path, self.headers, body)
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
            case [""] if (asked := headers.get("X-Amz-Target", "")).startswith("AWSEvents."):
                return self._put_events(asked, body)
            case [""]:
                return self._describe({key: of[0] for key, of in parse_qs(body.decode()).items()})
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

    def _put_events(self, asked: str, body: bytes) -> Response:
        if asked != "AWSEvents.PutEvents":
            return _events_error(f"{asked} is not known here")
        entries = json.loads(body)["Entries"]
        if not 1 <= len(entries) <= _MOST_ENTRIES:
            return _events_error("PutEvents takes 1 to 10 entries")
        results = [put_entry(self._running.bus, entry) for entry in entries]
        failed = sum("ErrorCode" in result for result in results)
        answer = json.dumps({"FailedEntryCount": failed, "Entries": results}).encode()
        return 200, {"Content-Type": "application/x-amz-json-1.1"}, answer

    # --- CloudFormation ---------------------------------------------------------------------------

    def _describe(self, asked: Mapping[str, str]) -> Response:
        name = asked.get("StackName")
        stacks = [
            stack
            for stack in list(self._deployer.stacks.values())
            if name in {None, stack.name, stack.stack_id}
        ]
        if name is not None and not stacks:
            return _xml("", 400, f"Stack with id {name} does not exist")
        match asked.get("Action"):
            case "DescribeStacks":
                members = "".join(map(_stack, stacks))
                return _xml(
                    f"<DescribeStacksResult><Stacks>{members}</Stacks></DescribeStacksResult>"
                )
            case "DescribeStackResources":
                members = "".join(map(_resources, stacks))
                return _xml(
                    f"<DescribeStackResourcesResult><StackResources>{members}</StackResources>"
                    "</DescribeStackResourcesResult>"
                )
        return _xml("", 400, f"{asked.get('Action')} is not known here")


def _events_error(message: str) -> Response:
    body = json.dumps({"__type": "ValidationException", "message": message}).encode()
    return 400, {"Content-Type": "application/x-amz-json-1.1"}, body


def _lambda_error(status: int, code: str, message: str) -> Response:
    body = json.dumps({"Type": "User", "Message": message}).encode()
    return status, {"X-Amzn-ErrorType": code, "Content-Type": "application/json"}, body


def _stack(stack: DeployedStack) -> str:
    outputs = "".join(
        _member(OutputKey=name, OutputValue=value) for name, value in stack.outputs.items()
    )
    parameters = "".join(
        _member(ParameterKey=name, ParameterValue=value) for name, value in stack.parameters.items()
    )
    return (
        f"<member>{_elements(StackName=stack.name, StackId=stack.stack_id)}"
        f"{_elements(CreationTime=stack.created_at, StackStatus='UPDATE_COMPLETE')}"
        f"<Outputs>{outputs}</Outputs><Parameters>{parameters}</Parameters></member>"
    )


def _resources(stack: DeployedStack) -> str:
    return "".join(
        _member(
            StackName=stack.name,
            LogicalResourceId=logical_id,
            PhysicalResourceId=existing.physical_id,
            ResourceType=existing.wanted.type_name,
            ResourceStatus="CREATE_COMPLETE",
            Timestamp=stack.created_at,
        )
        for logical_id, existing in stack.resources.items()
    )


def _member(**values: str) -> str:
    return f"<member>{_elements(**values)}</member>"


def _elements(**values: str) -> str:
    return "".join(f"<{name}>{escape(value)}</{name}>" for name, value in values.items())


def _xml(inner: str, status: int = 200, error: str | None = None) -> Response:
    if error is None:
        text = f'<Response xmlns="{_NAMESPACE}">{inner}</Response>'
    else:
        told = _elements(Type="Sender", Code="ValidationError", Message=error)
        text = f'<ErrorResponse xmlns="{_NAMESPACE}"><Error>{told}</Error></ErrorResponse>'
    return status, {"Content-Type": "text/xml"}, text.encode()
