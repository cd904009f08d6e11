"""What of the HTTP API there is, and who may call it."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from local.cloud.api_definition import read_definition
from local.cloud.exceptions import DeploymentFailed
from tests.rendered_template import ACCOUNT_ID, FLOW_ID, PAGES, REGION, Rendered

AUTHORIZER = f"arn:aws:lambda:{REGION}:{ACCOUNT_ID}:function:who-may"
BY_JWT = {
    **PAGES,
    "StartChatIssuer": "https://issuer.example/pool",
    "StartChatAudience": "one,two",
}
BY_FUNCTION = {**PAGES, "StartChatAuthorizerArn": AUTHORIZER}
OF_PAGES = {
    f"{method} {path}"
    for method in ("POST", "OPTIONS")
    for path in ("/chats", "/chats/{contact}/closing")
}
# All that a request may hold as a secret, or that names a chat.
UNLOGGED = re.compile(
    r"\$context\.(path|authorizer|identity\.user|error|requestOverride|.*[hH]eader)"
)


def paths(rendered: Rendered) -> Any:
    return rendered.properties("Api")["Body"]["paths"]


def routes(rendered: Rendered) -> dict[str, Any]:
    return {
        f"{method.upper()} {path}": operation
        for path, methods in paths(rendered).items()
        for method, operation in methods.items()
    }


def test_no_page_may_call_anything_by_default() -> None:
    rendered = Rendered()
    assert routes(rendered).keys() == {"POST /tokens"}
    assert routes(rendered)["POST /tokens"]["security"] == [{"Signed": []}]
    assert not [name for name in rendered.resources if "StartChat" in name]
    assert "TokensUrl" in rendered.outputs
    assert not {"StartChatUrl", "ClosingUrl"} & rendered.outputs.keys()
    invoked = {
        permission["FunctionName"]
        for permission in rendered.of_type("AWS::Lambda::Permission").values()
        if permission["Principal"] == "apigateway.amazonaws.com"
    }
    assert invoked == {"TakeToken"}
    # A flow reads a chat before it ends, with the token that a back end gave.
    assert "LastRead" in rendered.resources


def test_without_any_route_there_is_no_api_and_nothing_to_read_with() -> None:
    rendered = Rendered(TokensApi="off")
    assert "ApiGateway" not in str(rendered.resources)
    assert not {"Api", "ApiLogs", "ApiFailed", "TakeToken", "LastRead"} & rendered.resources.keys()
    assert not {"TokensUrl", "StartChatUrl", "ClosingUrl"} & rendered.outputs.keys()


def test_pages_are_open_to_all_where_nobody_decides() -> None:
    found = routes(Rendered(**PAGES))
    assert {route for route, operation in found.items() if "security" not in operation} == OF_PAGES
    variables = Rendered(**PAGES).properties("StartChat")["Environment"]["Variables"]
    assert variables["CONTACT_FLOW_ID"] == FLOW_ID
    assert (variables["ALLOWED_FLOWS"], variables["ALLOWED_ATTRIBUTES"]) == ("", "")


@pytest.mark.parametrize("parameters", [BY_JWT, BY_FUNCTION], ids=["jwt", "function"])
def test_an_authorizer_decides_on_starts_alone(parameters: dict[str, str]) -> None:
    rendered = Rendered(**parameters)
    found = routes(rendered)
    assert found["POST /chats"]["security"] == [{"Customer": []}]
    # A browser asks without credentials; a beacon has none, and the chat's own token decides.
    open_to_all = {route for route, operation in found.items() if "security" not in operation}
    assert open_to_all == OF_PAGES - {"POST /chats"}


def test_a_jwt_is_of_the_issuer_for_one_of_the_audiences() -> None:
    schemes = Rendered(**BY_JWT).properties("Api")["Body"]["components"]["securitySchemes"]
    assert schemes["Customer"] == {
        "type": "oauth2",
        "x-amazon-apigateway-authorizer": {
            "type": "jwt",
            "identitySource": "$request.header.Authorization",
            "jwtConfiguration": {
                "issuer": "https://issuer.example/pool",
                "audience": ["one", "two"],
            },
        },
    }


def test_a_function_decides_and_may_be_asked_by_this_api_alone() -> None:
    rendered = Rendered(**BY_FUNCTION)
    definition = read_definition(rendered.properties("Api")["Body"], {})
    [start] = [route for route in definition.routes if route.key == "POST /chats"]
    assert start.authorizer_arn == AUTHORIZER
    permission = rendered.properties("ApiMayInvokeAuthorizer")
    assert permission["FunctionName"] == AUTHORIZER
    prefix = f"arn:aws:execute-api:{REGION}:{ACCOUNT_ID}:Api"
    assert permission["SourceArn"] == f"{prefix}/authorizers/*"


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"StartChatApi": "on"}, "ContactFlowId or AllowedFlows"),
        ({**PAGES, "StartChatIssuer": "https://issuer.example"}, "StartChatAudience"),
        ({**BY_JWT, "StartChatAuthorizerArn": AUTHORIZER}, "one or the other"),
        ({"StartChatAuthorizerArn": AUTHORIZER}, "needs StartChatApi"),
        ({"StartChatIssuer": "https://i.example", "StartChatAudience": "a"}, "needs StartChatApi"),
        ({**PAGES, "AllowedFlows": "any"}, "AllowedFlows must be ids of flows"),
    ],
)
def test_half_a_protection_is_refused(parameters: dict[str, str], said: str) -> None:
    with pytest.raises(DeploymentFailed, match=said):
        Rendered(**parameters)


def test_flows_alone_are_enough_to_start_with() -> None:
    assert "StartChat" in Rendered(StartChatApi="on", AllowedFlows=FLOW_ID).resources


@pytest.mark.parametrize("parameters", [{}, PAGES, BY_FUNCTION, {**PAGES, "LastReads": "off"}])
def test_every_route_is_throttled_and_may_be_invoked(parameters: dict[str, str]) -> None:
    rendered = Rendered(**parameters)
    stage = rendered.properties("ApiApiGatewayDefaultStage")
    limits = {"ThrottlingRateLimit", "ThrottlingBurstLimit"}
    assert stage["DefaultRouteSettings"].keys() == limits
    # API Gateway refuses settings of a route that is not there.
    assert stage["RouteSettings"].keys() <= routes(rendered).keys()
    assert all(settings.keys() == limits for settings in stage["RouteSettings"].values())
    for route in read_definition(rendered.properties("Api")["Body"], {}).routes:
        function = route.function_arn.removesuffix(".Arn")
        allowed = [
            permission["SourceArn"]
            for permission in rendered.of_type("AWS::Lambda::Permission").values()
            if permission["FunctionName"] == function
            and permission["Principal"] == "apigateway.amazonaws.com"
        ]
        called = (
            f"arn:aws:execute-api:{REGION}:{ACCOUNT_ID}:Api/$default/{route.method}{route.path}"
        )
        patterns = [".*".join(map(re.escape, arn.split("*"))) for arn in allowed]
        assert any(re.fullmatch(pattern, called) for pattern in patterns), route.key


def test_the_access_log_has_no_secret_and_names_no_chat() -> None:
    rendered = Rendered(**PAGES, LogRetentionDays="7")
    settings = rendered.properties("ApiApiGatewayDefaultStage")["AccessLogSettings"]
    assert settings["DestinationArn"] == "ApiLogs.Arn"
    assert rendered.properties("ApiLogs")["RetentionInDays"] == "7"
    logged = json.loads(settings["Format"])
    assert {"route", "status", "sourceIp", "requestId"} <= logged.keys()
    assert not [value for value in logged.values() if UNLOGGED.search(value)]
