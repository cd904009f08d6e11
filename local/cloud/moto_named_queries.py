"""Named queries of Athena as the service keeps them: moto has no batches, changes or tokens."""

from __future__ import annotations

import json
from functools import cache, wraps
from typing import TYPE_CHECKING, Any

import botocore.session
from moto.athena.responses import AthenaResponse

from local.participant_service.constraints import violations

if TYPE_CHECKING:
    from collections.abc import Callable

    from botocore.model import ServiceModel

type Response = str | tuple[str, dict[str, int]]
type Answer = Callable[[AthenaResponse], Response]

OPERATIONS = (
    "batch_get_named_query",
    "create_named_query",
    "delete_named_query",
    "get_named_query",
    "list_named_queries",
    "update_named_query",
)


def apply() -> None:
    """Add what is missing, and refuse what the service's model does not allow."""
    named: dict[str, Answer] = {
        "batch_get_named_query": _batch_get,
        "create_named_query": _once_for_each_token(AthenaResponse.create_named_query),
        "delete_named_query": _delete,
        "get_named_query": _get,
        "list_named_queries": AthenaResponse.list_named_queries,
        "update_named_query": _update,
    }
    for name in OPERATIONS:
        setattr(AthenaResponse, name, checked(name, named[name]))


@cache
def _model() -> ServiceModel:
    model: ServiceModel = botocore.session.get_session().get_service_model("athena")
    return model


def checked(name: str, answer: Answer) -> Answer:
    """Refuse requests that the service's model does not allow, before they are answered."""
    operation = "".join(word.title() for word in name.split("_"))

    @wraps(answer)
    def answer_checked(response: AthenaResponse) -> Response:
        shape = _model().operation_model(operation).input_shape
        assert shape is not None
        for wrong in violations(shape, json.loads(response.body or "{}")):
            return response.error(f"Invalid request: {wrong}", 400)
        return answer(response)

    return answer_checked


def _once_for_each_token(create: Answer) -> Answer:
    """Answer a request that comes again as before, and refuse another one with its token."""
    answered: dict[tuple[Any, str], tuple[dict[str, Any], Response]] = {}

    @wraps(create)
    def create_named_query(response: AthenaResponse) -> Response:
        asked = json.loads(response.body)
        token = asked.get("ClientRequestToken")
        if token is None:
            return create(response)
        key = (response.athena_backend, token)
        if key not in answered:
            made = create(response)
            if not isinstance(made, str):
                return made
            answered[key] = asked, made
        before, made = answered[key]
        if before != asked:
            return response.error("Idempotent parameter mismatch", 400)
        return made

    return create_named_query


def _as_dict(response: AthenaResponse, query_id: str) -> dict[str, str] | None:
    query = response.athena_backend.named_queries.get(query_id)
    if query is None:
        return None
    description = {"Description": query.description} if query.description else {}
    return {
        "Name": query.name,
        **description,
        "Database": query.database,
        "QueryString": query.query_string,
        "NamedQueryId": query.id,
        "WorkGroup": query.workgroup.name,
    }


def _unknown(response: AthenaResponse, query_id: str) -> Response:
    return response.error(f"NamedQuery {query_id} was not found", 400)


def _get(response: AthenaResponse) -> Response:
    query_id = json.loads(response.body)["NamedQueryId"]
    found = _as_dict(response, query_id)
    return json.dumps({"NamedQuery": found}) if found else _unknown(response, query_id)


def _batch_get(response: AthenaResponse) -> Response:
    asked = json.loads(response.body)["NamedQueryIds"]
    found = {query_id: _as_dict(response, query_id) for query_id in asked}
    unprocessed = [
        {
            "NamedQueryId": query_id,
            "ErrorCode": "InvalidRequestException",
            "ErrorMessage": "not found",
        }
        for query_id, query in found.items()
        if query is None
    ]
    queries = [query for query in found.values() if query is not None]
    return json.dumps({"NamedQueries": queries, "UnprocessedNamedQueryIds": unprocessed})


def _update(response: AthenaResponse) -> Response:
    asked = json.loads(response.body)
    query = response.athena_backend.named_queries.get(asked["NamedQueryId"])
    if query is None:
        return _unknown(response, asked["NamedQueryId"])
    query.name, query.query_string = asked["Name"], asked["QueryString"]
    query.description = asked.get("Description", query.description)
    return "{}"


def _delete(response: AthenaResponse) -> Response:
    query_id = json.loads(response.body)["NamedQueryId"]
    if response.athena_backend.named_queries.pop(query_id, None) is None:
        return _unknown(response, query_id)
    return "{}"
