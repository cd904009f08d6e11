"""What an HTTP API of the template says: its routes, who may call them, and its CORS."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from local.cloud.exceptions import NotKnown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from local.cloud.template import Json

_METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "x-amazon-apigateway-any-method"}  # fmt: skip  # noqa: E501
_OPERATION_PROPERTIES = {
    "description", "operationId", "parameters", "responses", "security", "summary", "tags",
    "x-amazon-apigateway-integration",
}  # fmt: skip
_INTEGRATION = re.compile(
    r"arn:[^:]+:apigateway:[^:]+:lambda:path/[^/]+/functions/(.+)/invocations"
)
_AUTHORIZER = "x-amazon-apigateway-authorizer"
_BODY_PROPERTIES = {"components", "info", "openapi", "paths", "tags", "x-amazon-apigateway-cors"}
_AUTHORIZER_SAME = {
    "type": "request",
    "authorizerPayloadFormatVersion": "2.0",
    "enableSimpleResponses": True,
    "authorizerResultTtlInSeconds": 0,
}
_AUTHORIZER_PROPERTIES = {*_AUTHORIZER_SAME, "authorizerUri", "jwtConfiguration", "identitySource"}
_CORS = {
    "allowCredentials": "AllowCredentials",
    "allowHeaders": "AllowHeaders",
    "allowMethods": "AllowMethods",
    "allowOrigins": "AllowOrigins",
    "exposeHeaders": "ExposeHeaders",
    "maxAge": "MaxAge",
}


@dataclass(frozen=True)
class Route:
    """A method and a path with {names} in it, and the ARN of the function behind.

    Attributes
    ----------
    signed
        Whether requests are signed with IAM credentials.
    authorizer_arn
        The function that is asked whether a request may pass.
    """

    method: str
    path: str
    function_arn: str
    signed: bool
    authorizer_arn: str | None = None

    @property
    def key(self) -> str:
        """The route key as functions see it."""
        return f"{self.method} {self.path}"


@dataclass(frozen=True)
class Definition:
    """An API as its template describes it; `cors` has the words of AWS::ApiGatewayV2::Api."""

    routes: Sequence[Route]
    cors: Mapping[str, Json] = field(default_factory=dict)


def read_definition(body: Mapping[str, Json], cors: Mapping[str, Json]) -> Definition:
    """Return what an OpenAPI document with API Gateway's extensions says."""
    _known(body, _BODY_PROPERTIES, "Body")
    schemes = body.get("components", {}).get("securitySchemes", {})
    signing = {
        name
        for name, scheme in schemes.items()
        if scheme.get("x-amazon-apigateway-authtype") == "awsSigv4"
    }
    deciding = {
        name: _authorizer_arn(scheme[_AUTHORIZER], name)
        for name, scheme in schemes.items()
        if _AUTHORIZER in scheme
    }
    routes = []
    for path, operations in body.get("paths", {}).items():
        _known(operations, _METHODS, path)
        for method, operation in operations.items():
            what = f"{method} {path}"
            _known(operation, _OPERATION_PROPERTIES, what)
            integration = operation["x-amazon-apigateway-integration"]
            found = _INTEGRATION.fullmatch(integration["uri"])
            if not found or integration.get("payloadFormatVersion") != "2.0":
                raise NotKnown(f"{what}: only functions with payload format 2.0 are known")
            asked = {name for entry in operation.get("security", []) for name in entry}
            if unknown := asked - signing - deciding.keys() - {"NONE"}:
                raise NotKnown(f"{what}: the authorizer {', '.join(sorted(unknown))}")
            name = "ANY" if method.startswith("x-") else method.upper()
            authorizer = next((deciding[scheme] for scheme in asked & deciding.keys()), None)
            routes.append(Route(name, path, found[1], bool(asked & signing), authorizer))
    described = body.get("x-amazon-apigateway-cors", {})
    _known(described, set(_CORS), "x-amazon-apigateway-cors")
    return Definition(routes, cors or {_CORS[name]: value for name, value in described.items()})


def _authorizer_arn(authorizer: Mapping[str, Json], name: str) -> str:
    """Return the ARN of the function that decides."""
    _known(authorizer, _AUTHORIZER_PROPERTIES, name)
    found = _INTEGRATION.fullmatch(authorizer.get("authorizerUri", ""))
    told = {key: authorizer.get(key) for key in _AUTHORIZER_SAME}
    if not found or told != _AUTHORIZER_SAME:
        raise NotKnown(f"{name}: only functions that are asked for each request are known")
    return found[1]


def _known(value: Mapping[str, Json], names: set[str], what: str) -> None:
    if unknown := set(value) - names:
        raise NotKnown(f"{what}: {', '.join(sorted(unknown))}")
