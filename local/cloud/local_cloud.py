"""The local cloud as one object: what the demo and the tests start, deploy to, and end."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, Self, overload

import boto3
from botocore.config import Config

from local.cloud.activity import Activity
from local.cloud.call_record import FILE_NAME, NOBODY, CallRecord
from local.cloud.control import Control
from local.cloud.deployer import Deployer
from local.cloud.environment import LEAST_TIMEOUT_S, Host, runtime_folder
from local.cloud.exceptions import InvocationFailed
from local.cloud.functions import Invocation, Journal
from local.cloud.inventory import inventory
from local.cloud.lifeline import Spawner
from local.cloud.moto_server import MOTO, MotoOptions, MotoServer
from local.cloud.resources.resource_type import Place
from local.cloud.running import Running
from local.cloud.template import read_template

if TYPE_CHECKING:
    from collections.abc import Mapping

    from types_boto3_athena import AthenaClient
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_glue import GlueClient
    from types_boto3_kms import KMSClient
    from types_boto3_s3 import S3Client
    from types_boto3_sqs import SQSClient

    from local.clock import Clock
    from local.cloud.template import Json

_CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": NOBODY,
    "AWS_SECRET_ACCESS_KEY": "local",
    "AWS_SESSION_TOKEN": "local",
}


@dataclass
class Stack:
    """A deployed stack; `resources` has physical ids by logical ids."""

    name: str
    outputs: dict[str, str]
    resources: dict[str, str]
    http_api_url: str | None


class LocalCloud:
    """AWS on this machine; a context manager, and nothing is left running after it.

    Parameters
    ----------
    folder
        Where logs and scratch files go: `logs/<function name>.log` has what a function writes.
    clock
        The time that functions, schedules and retries live in.
    endpoints
        Further environment variables for functions, such as `AWS_ENDPOINT_URL_CONNECT`, with the
        URLs that they stand for.
    least_timeout_s, moto
        How long a function may run whatever its timeout, in real seconds; how moto is run.
    """

    def __init__(
        self,
        folder: Path,
        clock: Clock,
        *,
        endpoints: Mapping[str, str] = MappingProxyType({}),
        region: str = "eu-west-1",
        account_id: str = "111122223333",
        least_timeout_s: float = LEAST_TIMEOUT_S,
        moto: MotoOptions = MOTO,
    ) -> None:
        self.folder = folder.resolve()
        self.clock = clock
        self.region = region
        self.account_id = account_id
        self._endpoints = endpoints
        self._least_timeout_s = least_timeout_s
        self._moto_options = moto
        self._clients: dict[str, Any] = {}
        self._clients_lock = threading.Lock()
        self._activity = Activity()

    def __enter__(self) -> Self:
        logs = self.folder / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        self._spawner = Spawner()
        self._moto = MotoServer(
            self._spawner, logs / "moto.log", self.account_id, self.clock, self._moto_options
        )
        self.endpoint_url = self._moto.endpoint_url
        self._session = boto3.Session(NOBODY, "local", "local", region_name=self.region)
        host = Host(
            self._spawner,
            self.clock,
            {
                **_CREDENTIALS,
                "AWS_DEFAULT_REGION": self.region,
                "AWS_REGION": self.region,
            },
            runtime_folder(self.folder / "runtime"),
            self.folder / "scratch",
            logs,
            self._least_timeout_s,
        )
        self._journal = Journal(host)
        self._running = Running(
            host, self._journal, self._activity, self.client, self.region, self.account_id
        )
        self.flows = self._running.flows
        place = Place(self.client, self._running, self.region, self.account_id)
        self._deployer = Deployer(place)
        self._record = CallRecord(logs / FILE_NAME)
        self._control = Control(place, self._deployer, self._record, self.folder / "unpacked")
        host.variables.update(self.endpoints)
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._control.wait()
            self._running.close()
            self._control.close()
        finally:
            for client in self._clients.values():
                client.close()
            self._moto.close()
            self._spawner.close()

    @property
    def endpoints(self) -> dict[str, str]:
        """Variables that let a process find this cloud, such as a command line that is tested."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_ENDPOINT_URL_CLOUDFORMATION": self._control.url,
            # As clients of botocore are called, and as its service is.
            "AWS_ENDPOINT_URL_EVENTS": self._control.url,
            "AWS_ENDPOINT_URL_EVENTBRIDGE": self._control.url,
            "AWS_ENDPOINT_URL_LAMBDA": self._control.url,
            **self._endpoints,
        }

    @property
    def environment(self) -> dict[str, str]:
        """The same, with credentials and the Region."""
        region = {"AWS_DEFAULT_REGION": self.region, "AWS_REGION": self.region}
        return {**_CREDENTIALS, **region, **self.endpoints}

    @overload
    def client(self, service: Literal["athena"]) -> AthenaClient: ...
    @overload
    def client(self, service: Literal["dynamodb"]) -> DynamoDBClient: ...
    @overload
    def client(self, service: Literal["glue"]) -> GlueClient: ...
    @overload
    def client(self, service: Literal["kms"]) -> KMSClient: ...
    @overload
    def client(self, service: Literal["s3"]) -> S3Client: ...
    @overload
    def client(self, service: Literal["sqs"]) -> SQSClient: ...
    @overload
    def client(self, service: str) -> Any: ...
    def client(self, service: str) -> Any:
        """Return a boto3 client of this cloud's; there is one of each, for all threads."""
        with self._clients_lock:
            if service not in self._clients:
                variable = f"AWS_ENDPOINT_URL_{service.upper().replace('-', '_')}"
                url = self.endpoints.get(variable, self.endpoint_url)
                # A proxy of this machine knows nothing of its loopback.
                config = Config(proxies={}, max_pool_connections=20)
                self._clients[service] = self._session.client(
                    service, endpoint_url=url, config=config
                )
            return self._clients[service]

    def deploy(
        self,
        template: Path,
        parameters: Mapping[str, str] = MappingProxyType({}),
        *,
        stack_name: str = "chatlake",
    ) -> Stack:
        """Make a stack from a SAM template, or update the one of that name.

        Raises
        ------
        NotKnown
            The template has a type or property that the local cloud would leave out.
        DeploymentFailed
            A parameter does not fit, or a resource could not be made.
        """
        read = read_template(template, self.region, parameters)
        self._deployer.deploy(read, stack_name)
        return self.stack(stack_name)

    def stack(self, stack_name: str = "chatlake") -> Stack:
        """Return a stack that is there, whoever has deployed it."""
        deployed = self._deployer.stacks[stack_name]
        resources = {name: found.physical_id for name, found in deployed.resources.items()}
        for name, found in deployed.resources.items():
            self._record.name(found.wanted.type_name, name, found.physical_id)
        apis = (self._running.apis.get(physical_id) for physical_id in resources.values())
        url = next((api.url for api in apis if api), None)
        return Stack(stack_name, dict(deployed.outputs), resources, url)

    def delete(self, stack_name: str = "chatlake") -> None:
        """Delete a stack; what its template retains stays."""
        self._deployer.delete(stack_name)

    def inventory(self) -> dict[str, set[str]]:
        """Return the names of all that is there, by type of resource."""
        return inventory(self.client, self._running)

    def put_event(self, event: Mapping[str, Json]) -> int:
        """Put an event on the default bus; return the number of rules that it matched."""
        return self._running.bus.put_event(event)

    def invoke(
        self, stack: Stack, logical_id: str, payload: Json, *, asynchronous: bool = False
    ) -> Json:
        """Invoke a function and return its answer; if asynchronous, the id of the request.

        Raises
        ------
        InvocationFailed
            It ended with an error.
        Throttled
            Its reserved concurrency is in use.
        """
        body = json.dumps(payload).encode()
        name = stack.resources[logical_id]
        if asynchronous:
            return self._running.invoke_later(name, body)
        answer = self._running.invoke(name, body)
        if answer.outcome != "ok":
            kind, message = (answer.error.get(f"error{of}", "") for of in ("Type", "Message"))
            raise InvocationFailed(f"{logical_id}: {kind}: {message}")
        return json.loads(answer.body or b"null")

    def invocations(self, function: str) -> list[Invocation]:
        """Return what ran of a function, oldest first.

        It is named by its physical id, or by its logical id, which may be that of several stacks.
        """
        names = {function}
        for stack in self._deployer.stacks.values():
            if function in stack.resources:
                names.add(stack.resources[function].physical_id)
        return self._journal.of(names)

    def cool(self, function: str) -> None:
        """End the idle environments of a function: its next invocation starts one anew."""
        found = self._running.function(function)
        found.replace(found.configuration)

    def wait_idle(self, timeout_s: float) -> None:
        """Wait until nothing runs, nothing is to be tried again, and polled queues are empty.

        What schedules start is waited for while it runs; that they start it again is not.

        Raises
        ------
        TimeoutError
            It did not come to that in so many real seconds.
        """
        end = time.monotonic() + timeout_s
        while (left_s := end - time.monotonic()) > 0:
            accepted = self._activity.accepted
            if not self._activity.wait(left_s):
                break
            if not self._messages() and accepted == self._activity.accepted:
                return
            time.sleep(min(0.05, left_s))
        raise TimeoutError(
            f"The cloud still works after {timeout_s} s; {self._messages()} messages"
        )

    def _messages(self) -> int:
        count = 0
        for url in self._running.polled_queues():
            answer = self.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
            attributes = answer["Attributes"]
            count += int(attributes["ApproximateNumberOfMessages"])
            count += int(attributes["ApproximateNumberOfMessagesNotVisible"])
            count += int(attributes["ApproximateNumberOfMessagesDelayed"])
        return count
