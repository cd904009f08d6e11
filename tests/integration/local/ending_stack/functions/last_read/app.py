"""Starts chats, and tells the bus what it is called with at their ends, and what is then there."""

from __future__ import annotations

import json
import os
import time
import urllib.request
from typing import Any

INSTANCE_ID = os.environ["INSTANCE_ARN"].rpartition("/")[2]


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    if event.get("routeKey") == "POST /chats":
        return page(start(json.loads(event["body"])))
    if event.get("Name") == "ContactFlowEvent":
        contact = event["Details"]["ContactData"]
        told = {"contact": contact["InitialContactId"], "channel": contact["Channel"]}
    else:
        told = {"contact": event["pathParameters"]["contact"]}
        token = json.loads(event["body"])["ParticipantToken"]
        told["opens"] = str(connect("POST", "participant/connection", token))
    time.sleep(float(os.environ["SECONDS"]))  # of the cloud's clock
    tell(told | {"disconnected": str(disconnected(told["contact"]))})
    return {"read": "yes"} if event.get("Name") else page({})


def page(body: Any) -> dict[str, Any]:
    return {"statusCode": 200, "body": json.dumps({"data": {"startChatResult": body}})}


def start(asked: dict[str, Any]) -> Any:
    request = asked | {"InstanceId": INSTANCE_ID, "ContactFlowId": "flow"}
    return ask("CONNECT", "PUT", "contact/chat", request)


def disconnected(contact: str) -> bool:
    path = f"contacts/{INSTANCE_ID}/{contact}"
    return "DisconnectTimestamp" in ask("CONNECT", "GET", path, None)["Contact"]


def connect(method: str, path: str, token: str) -> bool:
    answer = ask(
        "CONNECTPARTICIPANT",
        method,
        path,
        {"Type": ["CONNECTION_CREDENTIALS"]},
        **{"X-Amz-Bearer": token},
    )
    return "ConnectionCredentials" in answer


def tell(detail: dict[str, str]) -> None:
    entry = {"Source": "chatlake", "DetailType": "Read Last", "Detail": json.dumps(detail)}
    headers = {
        "Content-Type": "application/x-amz-json-1.1",
        "X-Amz-Target": "AWSEvents.PutEvents",
    }
    answer = ask("EVENTS", "POST", "", {"Entries": [entry]}, **headers)
    if answer["FailedEntryCount"]:
        raise RuntimeError(answer)


def ask(service: str, method: str, path: str, body: Any, **headers: str) -> Any:
    url = f"{os.environ[f'AWS_ENDPOINT_URL_{service}']}/{path}"
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url, data, headers, method=method)) as done:
        return json.loads(done.read())
