"""An authorizer: lets pass who says the word."""

from typing import Any


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    if "body" in event or event["type"] != "REQUEST" or event["routeKey"] != "POST /guarded":
        raise ValueError(sorted(event))
    said = event["headers"].get("x-word")
    return {"isAuthorized": said == "friend", "context": {"said": said}}
