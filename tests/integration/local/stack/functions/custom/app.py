"""A custom resource that behaves as it is told."""

from __future__ import annotations

import json
import urllib.request
from typing import Any


def handler(event: dict[str, Any], _context: object) -> None:
    properties = event["ResourceProperties"]
    behavior = properties["Behavior"]
    print(event["RequestType"], properties["Marker"])
    if behavior == "crash":
        raise RuntimeError("out of order")
    if behavior == "silence" and event["RequestType"] != "Delete":
        return
    old = event.get("OldResourceProperties", {}).get("Marker", "nothing")
    answer = {
        "Status": "FAILED"
        if behavior == "fail" and event["RequestType"] != "Delete"
        else "SUCCESS",
        "Reason": "there are no things left",
        "PhysicalResourceId": event.get("PhysicalResourceId", "thing"),
        "StackId": event["StackId"],
        "RequestId": event["RequestId"],
        "LogicalResourceId": event["LogicalResourceId"],
        "Data": {"Marker": f"{properties['Marker']} after {old} with {properties['Count']!r}"},
    }
    request = urllib.request.Request(
        event["ResponseURL"], json.dumps(answer).encode(), method="PUT"
    )
    with urllib.request.urlopen(request):
        pass
