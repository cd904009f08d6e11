"""The operations as botocore's service models declare them: where they are, what they take."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, unquote

import botocore.loaders
from botocore.model import OperationModel, ServiceModel, StructureShape

from local.participant_service.constraints import violations
from local.participant_service.http_server import Request
from local.scripted.items import JsonObject

SIMULATED = {
    "connect": (
        "DescribeContact",
        "DescribeInstance",
        "ListInstanceStorageConfigs",
        "SearchContacts",
        "StartChatContact",
    ),
    "connectparticipant": (
        "CreateParticipantConnection",
        "DisconnectParticipant",
        "GetTranscript",
        "SendEvent",
        "SendMessage",
    ),
}

_BAD_REQUEST = ("ValidationException", "InvalidParameterException", "InvalidRequestException")
_INTERNAL = ("InternalServerException", "InternalServiceException")


class Refused(Exception):
    """A call that is answered with an error of the service."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation; ``errors`` are the statuses of those that the service has, by code."""

    name: str
    method: str
    path: re.Pattern[str]
    input: StructureShape
    output: StructureShape
    errors: Mapping[str, int]
    declared: frozenset[str]

    def refused(self, code: str, message: str) -> Refused:
        """Return an error by its code."""
        return Refused(self.errors[code], code, message)

    def bad_request(self, message: str) -> Refused:
        """Return the error by which the operation says that it was called wrongly."""
        code = next(code for code in _BAD_REQUEST if code in self.declared)
        return self.refused(code, message)

    def failed(self, status: int) -> Refused:
        """Return the operation's error with a status; what it does not declare is internal."""
        codes = (code for code in sorted(self.declared) if self.errors[code] == status)
        code = next(codes, next(code for code in _INTERNAL if code in self.declared))
        return Refused(status, code, f"this call was made to fail with {status}")

    def parameters(self, labels: Mapping[str, str], request: Request) -> JsonObject:
        """Return the parameters of a request, which are what the model allows.

        Parameters
        ----------
        labels
            The quoted labels of its path.
        request
            Its body is JSON, or nothing.

        Raises
        ------
        Refused
            If they are not.
        """
        try:
            parameters = json.loads(request.body) if request.body else {}
        except ValueError:
            parameters = None
        if not isinstance(parameters, dict):
            raise self.bad_request("the body is not a JSON object")
        parameters |= {name: unquote(value) for name, value in labels.items()}
        asked = dict(parse_qsl(request.query))
        for name, shape in self.input.members.items():
            serialization = shape.serialization
            location = serialization.get("location")
            if location in {"header", "querystring"}:
                parameters.pop(name, None)
                said = serialization["name"]
                is_header = location == "header"
                value = request.headers.get(said.lower()) if is_header else asked.get(said)
                if value is not None:
                    parameters[name] = value
        wrong = list(violations(self.input, parameters))
        if wrong:
            raise self.bad_request("; ".join(wrong))
        return parameters


@cache
def operations() -> tuple[Operation, ...]:
    """Return the operations that are simulated."""
    return tuple(_operations())


def find(method: str, path: str) -> tuple[Operation, dict[str, str]] | None:
    """Return the operation at a path, with the labels in the path still quoted."""
    for operation in operations():
        match = operation.path.fullmatch(path) if operation.method == method else None
        if match is not None:
            return operation, match.groupdict()
    return None


def _operations() -> Iterator[Operation]:
    loader = botocore.loaders.create_loader()
    for service, names in SIMULATED.items():
        model = ServiceModel(loader.load_service_model(service, "service-2"), service)
        errors = {shape.name: _status(shape) for shape in model.error_shapes}
        for name in names:
            yield _operation(model.operation_model(name), errors)


def _operation(model: OperationModel, errors: Mapping[str, int]) -> Operation:
    assert model.input_shape is not None
    assert model.output_shape is not None
    uri: str = model.http["requestUri"]
    literals = re.split(r"\{(\w+)\}", uri)
    literals[0::2] = map(re.escape, literals[0::2])
    literals[1::2] = (rf"(?P<{label}>[^/]+)" for label in literals[1::2])
    return Operation(
        name=model.name,
        method=model.http["method"],
        path=re.compile("".join(literals)),
        input=model.input_shape,
        output=model.output_shape,
        errors=errors,
        declared=frozenset(shape.name for shape in model.error_shapes),
    )


def _status(shape: Any) -> int:
    status: int = shape.metadata["error"]["httpStatusCode"]
    return status
