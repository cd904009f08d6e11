"""What runs in a cloud beside moto: functions, and what invokes them."""

from __future__ import annotations

import json
import logging
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from botocore import xform_name
from botocore.exceptions import ClientError, ParamValidationError

from local.cloud.api_definition import Definition
from local.cloud.asynchronous import AsynchronousQueue, Policy
from local.cloud.custom_resource import Answers
from local.cloud.event_bus import EventBus
from local.cloud.exceptions import DeploymentFailed, NotKnown, Throttled
from local.cloud.flows import Flows
from local.cloud.functions import Function
from local.cloud.http_api import HttpApi
from local.cloud.queue_polling import QueuePoller, Source
from local.cloud.timers import Timers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from local.cloud.activity import Activity
    from local.cloud.environment import Answer, Configuration, Host
    from local.cloud.functions import Journal
    from local.cloud.template import Json

_LOG = logging.getLogger(__name__)


def operation(client: Callable[[str], Any], arn: str) -> Callable[..., Any]:
    """Return the operation that a universal target of EventBridge Scheduler names.

    Raises
    ------
    NotKnown
        There is none of this name.
    """
    *_, kind, service, action = arn.split(":")
    found = getattr(client(service), xform_name(action), None)
    if kind != "aws-sdk" or found is None:
        raise NotKnown(f"{arn} is no operation that can be scheduled here")
    return cast("Callable[..., Any]", found)


@dataclass(frozen=True)
class Permission:
    """An AWS::Lambda::Permission: who may invoke a function, and on behalf of what."""

    function_arn: str
    principal: str
    source_arn: str | None


class Running:
    """Functions by ARN and everything that invokes them."""

    def __init__(
        self,
        host: Host,
        journal: Journal,
        activity: Activity,
        client: Callable[[str], Any],
        region: str,
        account_id: str,
    ) -> None:
        self.clock = host.clock
        self._host = host
        self._journal = journal
        self._activity = activity
        self._client = client
        self._region = region
        self._account_id = account_id
        self._timers = Timers(host.clock)
        self._functions: dict[str, Function] = {}
        self._queues: dict[str, AsynchronousQueue] = {}
        self._pollers: dict[str, QueuePoller] = {}
        self.bus = EventBus(host.clock, self._timers, self._send, region, account_id)
        self.answers = Answers(host.clock, host.least_timeout_s)
        self.flows = Flows(self.function_arn, self._may, self.invoke)
        self.layers: dict[str, Path] = {}
        self.permissions: dict[str, Permission] = {}
        self.apis: dict[str, HttpApi] = {}

    # --- functions --------------------------------------------------------------------------------

    def function_arn(self, reference: str) -> str:
        """Return the ARN for a name, or for an ARN with or without a qualifier."""
        name = reference.removesuffix(":$LATEST").rsplit(":", 1)[-1]
        return f"arn:aws:lambda:{self._region}:{self._account_id}:function:{name}"

    def function(self, reference: str) -> Function:
        """Return a function by name or ARN."""
        found = self._functions.get(self.function_arn(reference))
        if found is None:
            raise DeploymentFailed(f"There is no function {reference}")
        return found

    def put_function(self, configuration: Configuration) -> None:
        """Add a function, or give an existing one its new code and settings."""
        existing = self._functions.get(configuration.arn)
        if existing:
            existing.replace(configuration)
            return
        function = Function(configuration, self._host, self._journal, self._activity)
        self._functions[configuration.arn] = function
        self._queues[configuration.arn] = AsynchronousQueue(
            function, self._host.clock, self._timers, self._activity, self.deliver
        )

    def remove_function(self, arn: str) -> None:
        """Stop a function."""
        self._queues.pop(arn).close()
        self._functions.pop(arn).close()

    def set_policy(self, reference: str, policy: Policy) -> None:
        """Say what becomes of asynchronous invocations that fail."""
        self._queues[self.function(reference).configuration.arn].policy = policy

    def policy(self, reference: str) -> Policy:
        """Return what was said of them."""
        return self._queues[self.function(reference).configuration.arn].policy

    def invoke(self, reference: str, payload: bytes) -> Answer:
        """Run a function and wait for its answer."""
        return self.function(reference).invoke(payload)

    def invoke_later(self, reference: str, payload: bytes, *, scheduled: bool = False) -> str:
        """Have a function run; return the request id."""
        arn = self.function(reference).configuration.arn
        return self._queues[arn].put(payload, scheduled=scheduled)

    # --- what invokes them ------------------------------------------------------------------------

    def poll(self, mapping_id: str, reference: str, source: Source) -> None:
        """Have a queue polled for a function."""
        self._pollers[mapping_id] = QueuePoller(
            source, self.function(reference), self._client("sqs"), self._host.clock
        )

    def stop_polling(self, mapping_id: str) -> None:
        """Leave the queue alone."""
        self._pollers.pop(mapping_id).close()

    def polled_queues(self) -> set[str]:
        """Return the URLs of queues that something empties."""
        return {poller.queue_url for poller in list(self._pollers.values())}

    def serve(self, api_id: str, definition: Definition) -> HttpApi:
        """Serve an API, or give the one that is served its new routes."""
        if api_id in self.apis:
            self.apis[api_id].definition = definition
        else:

            def invoke(arn: str, part: str, payload: bytes) -> Answer:
                source = f"arn:aws:execute-api:{self._region}:{self._account_id}:{api_id}/{part}"
                if not self._may(arn, "apigateway.amazonaws.com", source):
                    raise Throttled(arn)
                return self.invoke(arn, payload)

            self.apis[api_id] = HttpApi(api_id, definition, invoke, self._host.clock)
        return self.apis[api_id]

    def stop_serving(self, api_id: str) -> None:
        """Close the API's port."""
        self.apis.pop(api_id).close()

    def deliver(self, arn: str, payload: Json) -> None:
        """Send something to a queue, a topic or a function."""
        match arn.split(":")[2]:
            case "sqs":
                sqs = self._client("sqs")
                url = sqs.get_queue_url(QueueName=arn.rsplit(":", 1)[1])["QueueUrl"]
                sqs.send_message(QueueUrl=url, MessageBody=json.dumps(payload))
            case "sns":
                self._client("sns").publish(TopicArn=arn, Message=json.dumps(payload))
            case "lambda":
                self.invoke_later(arn, json.dumps(payload).encode())
            case "scheduler":
                operation(self._client, arn)(**payload)
            case service:
                raise NotKnown(f"Nothing is delivered to {service} here")

    def _send(
        self, rule_arn: str, target: Mapping[str, Json], payload: Json, scheduled: bool
    ) -> None:
        """Pass an event to a rule's target, or to its dead letter queue if that refuses it."""
        arn = target["Arn"]
        if ":scheduler:" in arn:
            self._call(arn, target, payload)
        elif ":lambda:" not in arn:
            self.deliver(arn, payload)
        elif self._functions.get(self.function_arn(arn)) and self._may(
            arn, "events.amazonaws.com", rule_arn
        ):
            self.invoke_later(arn, json.dumps(payload).encode(), scheduled=scheduled)
        elif dead_letters := target.get("DeadLetterConfig", {}).get("Arn"):
            self.deliver(dead_letters, payload)
        else:
            _LOG.warning("%s may not invoke %s: an event is lost", rule_arn, arn)

    def _call(self, arn: str, target: Mapping[str, Json], payload: Json) -> None:
        """Call an API for a schedule; what it refuses becomes a dead letter at once."""
        try:
            self.deliver(arn, payload)
        except (ClientError, ParamValidationError) as error:
            _LOG.warning("%s: %s", arn, error)
            self.deliver(target["DeadLetterConfig"]["Arn"], payload)

    def _may(self, arn: str, principal: str, source_arn: str) -> bool:
        for permission in list(self.permissions.values()):
            if permission.function_arn != self.function_arn(arn):
                continue
            if permission.principal != principal:
                continue
            allowed = permission.source_arn
            if allowed is None:
                return True
            if re.fullmatch(".*".join(map(re.escape, allowed.split("*"))), source_arn):
                return True
        return False

    def inventory(self) -> dict[str, set[str]]:
        """Return the ids of all that is there, by type of resource; schedules are among rules."""
        return {
            "AWS::ApiGatewayV2::Api": set(self.apis),
            "AWS::Connect::ContactFlowModule": set(self.flows.modules),
            "AWS::Connect::IntegrationAssociation": set(self.flows.associations),
            "AWS::Events::Rule": self.bus.rules(),
            "AWS::Lambda::EventSourceMapping": set(self._pollers),
            "AWS::Lambda::Function": set(self._functions),
            "AWS::Lambda::LayerVersion": set(self.layers),
            "AWS::Lambda::Permission": set(self.permissions),
        }

    def close(self) -> None:
        """Stop everything."""
        self._timers.close()
        self.answers.close()
        for api in self.apis.values():
            api.close()
        for queue in self._queues.values():
            queue.close()
        for function in self._functions.values():
            function.close()
        for poller in self._pollers.values():
            poller.close()
