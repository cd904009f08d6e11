"""Athena's queries in moto's process: run by Trino, which is started by the first of them."""

from __future__ import annotations

import base64
import json
import os
import re
import threading
import time
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moto.athena.responses import AthenaResponse
from moto.core.exceptions import JsonRESTError
from moto.glue.models import GlueBackend
from moto.s3.models import s3_backends
from moto.s3.utils import bucket_and_name_from_url

from local.cloud.athena_executions import Asked, ExecutionRefused, Executions
from local.cloud.moto_named_queries import Answer, checked
from local.cloud.moto_server import FOLDER_VARIABLE
from local.trino.installation import required
from local.trino.server import Lake, TrinoServer

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.clock import Clock
    from local.cloud.moto_named_queries import Response
    from local.trino.client import TrinoClient

_PRIMARY = "primary"
_VIEW = re.compile(r"/\* Presto View: (\S+) \*/")
_NO_OUTPUT = (
    "No output location provided. An output location is required either through the Workgroup "
    "result configuration setting or as an API input."
)


class Engine:
    """A Trino that is started when it is first needed, on what this process serves."""

    def __init__(self, folder: Path, endpoint_url: str, account_id: str) -> None:
        self._folder = folder
        self._endpoint_url = endpoint_url
        self._account_id = account_id
        self._lock = threading.Lock()
        self._server: TrinoServer | None = None

    def client(self, region: str, database: str | None) -> TrinoClient:
        """Return a client, and start the server before if it does not run."""
        with self._lock:
            if self._server is None:
                lake = Lake(self._endpoint_url, region, self._account_id)
                self._server = TrinoServer(required(), lake, self._folder)
            return self._server.client(database)


def apply(clock: Clock | None, endpoint_url: str, account_id: str) -> None:
    """Let queries run, if that is wanted."""
    if (folder := os.environ.get(FOLDER_VARIABLE)) is None:
        return
    _refuse_views_of_zoned_times()
    engine = Engine(Path(folder), endpoint_url, account_id)
    now_s = time.time if clock is None else clock.time
    of_regions: dict[str, Executions] = {}
    lock = threading.Lock()

    def executions(response: AthenaResponse) -> Executions:
        region = response.region
        with lock:
            if region not in of_regions:
                of_regions[region] = Executions(
                    lambda database: engine.client(region, database),
                    lambda location, text: _write(account_id, location, text),
                    now_s,
                )
            return of_regions[region]

    def start(response: AthenaResponse, asked: dict[str, Any]) -> dict[str, Any]:
        started = executions(response).start(
            _asked(response, asked), asked.get("ClientRequestToken")
        )
        return {"QueryExecutionId": started}

    def get(response: AthenaResponse, asked: dict[str, Any]) -> dict[str, Any]:
        found = executions(response).get(asked["QueryExecutionId"])
        return {"QueryExecution": found.describe()}

    def stop(response: AthenaResponse, asked: dict[str, Any]) -> dict[str, Any]:
        executions(response).stop(asked["QueryExecutionId"])
        return {}

    def results(response: AthenaResponse, asked: dict[str, Any]) -> dict[str, Any]:
        return executions(response).results(
            asked["QueryExecutionId"], asked.get("NextToken"), asked.get("MaxResults")
        )

    def list_all(response: AthenaResponse, asked: dict[str, Any]) -> dict[str, Any]:
        ids = executions(response).ids(asked.get("WorkGroup", _PRIMARY))
        return {"QueryExecutionIds": ids}

    for name, operation in {
        "start_query_execution": start,
        "get_query_execution": get,
        "stop_query_execution": stop,
        "get_query_results": results,
        "list_query_executions": list_all,
    }.items():
        setattr(AthenaResponse, name, checked(name, _answering(operation)))


def _answering(operation: Any) -> Answer:
    @wraps(operation)
    def answer(response: AthenaResponse) -> Response:
        try:
            return json.dumps(operation(response, json.loads(response.body)))
        except ExecutionRefused as error:
            return response.error(str(error), 400)

    return answer


def _asked(response: AthenaResponse, asked: dict[str, Any]) -> Asked:
    name = asked.get("WorkGroup", _PRIMARY)
    workgroup = response.athena_backend.work_groups.get(name)
    if workgroup is None:
        raise ExecutionRefused(f"WorkGroup {name} is not found.")
    configuration = workgroup.configuration
    of_workgroup = configuration.get("ResultConfiguration", {}).get("OutputLocation")
    given = asked.get("ResultConfiguration", {}).get("OutputLocation")
    enforced = configuration.get("EnforceWorkGroupConfiguration")
    output = (of_workgroup or given) if enforced else (given or of_workgroup)
    if output is None:
        raise ExecutionRefused(_NO_OUTPUT)
    return Asked(
        asked["QueryString"],
        tuple(asked.get("ExecutionParameters", ())),
        asked.get("QueryExecutionContext", {}).get("Database"),
        name,
        output.rstrip("/") + "/",
    )


def _write(account_id: str, location: str, text: str) -> None:
    bucket, key = bucket_and_name_from_url(location)
    assert bucket is not None
    assert key is not None
    s3_backends[account_id]["aws"].put_object(bucket, key, text.encode())


def _refuse_views_of_zoned_times() -> None:
    """Refuse views with a column of a type that Hive lacks, as Athena does and Trino does not."""
    for name in ("create_table", "update_table"):
        setattr(GlueBackend, name, _refusing(getattr(GlueBackend, name)))


def _refusing(method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    def refusing(
        self: GlueBackend, database: str, table: str, table_input: dict[str, Any], *rest: Any
    ) -> Any:
        if found := _VIEW.match(table_input.get("ViewOriginalText") or ""):
            for column in json.loads(base64.b64decode(found[1]))["columns"]:
                if "with time zone" in column["type"]:
                    message = f"Unsupported Hive type: {column['type']}"
                    raise JsonRESTError("InvalidInputException", message)
        return method(self, database, table, table_input, *rest)

    return refusing
