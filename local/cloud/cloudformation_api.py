"""CloudFormation's API: commands find stacks by it and delete them, and `sam deploy` makes them.

A change set is made of a template that was packaged: its code is on S3. What it would change is
told by comparing translated templates; what a parameter's new value changes is not told.
"""

from __future__ import annotations

import threading
import uuid
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from local.cloud.call_record import region_of
from local.cloud.change_set import ChangeSet, changes, given
from local.cloud.exceptions import DeploymentFailed
from local.cloud.query_protocol import answered, elements, fields, members, pairs, refused
from local.cloud.template import packaged_template
from local.cloud.told_stack import Told, resource

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from email.message import Message
    from pathlib import Path

    from local.cloud.deployer import DeployedStack, Deployer
    from local.cloud.query_protocol import Response
    from local.cloud.resources.resource_type import Place
    from local.cloud.template import Template

_NOTHING_NEW = "The submitted information didn't contain changes."
_WITHOUT_RESOURCES = {"REVIEW_IN_PROGRESS", "CREATE_IN_PROGRESS", "ROLLBACK_COMPLETE"}
# Whoever asks only every 15 seconds need not wait for what is done soon.
_SOON_S = 15.0


class CloudFormationApi:
    """Answers requests; stacks are made by the deployer, whoever asks for them.

    Parameters
    ----------
    folder
        Where packaged code is unpacked.
    """

    def __init__(self, deployer: Deployer, place: Place, folder: Path) -> None:
        self._deployer = deployer
        self._place = place
        self._folder = folder
        self._told: dict[str, Told] = {}
        self._lock = threading.RLock()
        self._working: list[threading.Thread] = []
        self._actions: dict[str, Callable[[Mapping[str, str]], str]] = {
            "CreateChangeSet": self._create_change_set,
            "DeleteStack": self._delete_stack,
            "DescribeChangeSet": self._describe_change_set,
            "DescribeStackEvents": self._describe_events,
            "DescribeStackResource": self._describe_resource,
            "DescribeStackResources": self._describe_resources,
            "DescribeStacks": self._describe_stacks,
            "ExecuteChangeSet": self._execute_change_set,
            "GetTemplateSummary": self._get_template_summary,
        }

    def answer(self, headers: Message, body: bytes) -> Response:
        """Return status, headers and body for a request."""
        asked = fields(body)
        action = asked.get("Action", "")
        if action not in self._actions:
            return refused(f"{action} is not known here")
        if region_of(headers) not in {None, self._place.region}:
            return refused(_not_there(asked.get("StackName")))
        try:
            with self._lock:
                inner = self._actions[action](asked)
        except DeploymentFailed as error:
            return refused(str(error))
        if action in {"ExecuteChangeSet", "DeleteStack"} and self._working:
            self._working[-1].join(_SOON_S)
        return answered(action, inner)

    def wait(self) -> None:
        """Wait for what is being made."""
        for thread in self._working:
            thread.join()

    # --- stacks -----------------------------------------------------------------------------------

    def _found(self, asked: Mapping[str, str]) -> list[tuple[Told, DeployedStack | None]]:
        """Return what is told of the stacks that are asked for, and what there is."""
        stacks, name = dict(self._deployer.stacks), asked.get("StackName")
        told = {
            **{one.name: Told(one.name, one.stack_id, one.created_at) for one in stacks.values()},
            **{
                one.name: one
                for one in self._told.values()
                # What is neither has been deleted since, even if another has its name now.
                if one.status in _WITHOUT_RESOURCES
                or one.stack_id == getattr(stacks.get(one.name), "stack_id", None)
            },
        }
        found = [one for one in told.values() if name in {None, one.name, one.stack_id}]
        if name is not None and not found:
            raise DeploymentFailed(_not_there(name))
        return [(one, stacks.get(one.name)) for one in found]

    def _describe_stacks(self, asked: Mapping[str, str]) -> str:
        described = "".join(
            f"<member>{told.described(stack)}</member>" for told, stack in self._found(asked)
        )
        return f"<Stacks>{described}</Stacks>"

    def _describe_resources(self, asked: Mapping[str, str]) -> str:
        found = [
            resource(stack, logical_id)
            for _, stack in self._found(asked)
            if stack is not None
            for logical_id in stack.resources
        ]
        return members("StackResources", found)

    def _describe_resource(self, asked: Mapping[str, str]) -> str:
        [(told, stack)] = self._found(asked)
        logical_id = asked["LogicalResourceId"]
        if stack is None or logical_id not in stack.resources:
            raise DeploymentFailed(f"Resource {logical_id} does not exist for stack {told.name}")
        found = resource(stack, logical_id)
        found["LastUpdatedTimestamp"] = found.pop("Timestamp")
        return f"<StackResourceDetail>{elements(**found)}</StackResourceDetail>"

    def _delete_stack(self, asked: Mapping[str, str]) -> str:
        try:
            [(told, stack)] = self._found(asked)
        except DeploymentFailed:
            # CloudFormation deletes what is not there without a word.
            return ""
        self._told[told.name] = told
        if stack is None:
            self._happened(told, "DELETE_COMPLETE")
        elif told.status != "DELETE_IN_PROGRESS":
            self._happened(told, "DELETE_IN_PROGRESS")
            self._work(self._delete, told)
        return ""

    def _delete(self, told: Told) -> None:
        try:
            self._deployer.delete(told.name)
        except DeploymentFailed as error:
            self._happened(told, "DELETE_FAILED", str(error))
            return
        self._happened(told, "DELETE_COMPLETE")

    def _describe_events(self, asked: Mapping[str, str]) -> str:
        [(told, _)] = self._found(asked)
        return members("StackEvents", reversed(told.events))

    def _get_template_summary(self, asked: Mapping[str, str]) -> str:
        [(_, stack)] = self._found(asked)
        names = stack.parameters if stack else {}
        return members("Parameters", [{"ParameterKey": name} for name in names])

    # --- change sets ------------------------------------------------------------------------------

    def _create_change_set(self, asked: Mapping[str, str]) -> str:
        stack = self._deployer.stacks.get(asked["StackName"])
        told = self._to_change(asked, stack)
        self._told[told.name] = told
        arn = self._arn(f"changeSet/{asked['ChangeSetName']}")
        made = ChangeSet(asked["ChangeSetName"], arn, pairs(asked, "Tags", "Key", "Value"))
        told.change_sets.append(made)
        before = stack.parameters if stack else {}
        try:
            template = packaged_template(
                self._text(asked), self._place, given(asked, before), self._folder
            )
        except DeploymentFailed as error:
            made.why_not = str(error)
        else:
            made.template = template
            made.changes = changes(told.resources, template.body["Resources"])
            if before == template.texts and not made.changes:
                made.why_not = _NOTHING_NEW
        return elements(Id=arn, StackId=told.stack_id)

    def _to_change(self, asked: Mapping[str, str], stack: DeployedStack | None) -> Told:
        """Return what is told of the stack that a change set is of, which may be new."""
        name, told = asked["StackName"], self._told.get(asked["StackName"])
        if (stack is None) != (asked.get("ChangeSetType") == "CREATE"):
            raise DeploymentFailed(_not_there(name) if stack is None else f"Stack {name} exists")
        if told is not None and told.status == "ROLLBACK_COMPLETE":
            raise DeploymentFailed(f"Stack:{told.stack_id} is in ROLLBACK_COMPLETE state")
        if stack is not None:
            if told is None or told.stack_id != stack.stack_id:
                told = Told(name, stack.stack_id, stack.created_at)
                self._happened(told, told.status)
        elif told is None or told.status not in _WITHOUT_RESOURCES:
            told = Told(name, self._arn(f"stack/{name}"), self._now())
            self._happened(told, "REVIEW_IN_PROGRESS")
        return told

    def _describe_change_set(self, asked: Mapping[str, str]) -> str:
        told, found = self._change_set(asked)
        changes = "".join(
            f"<member><Type>Resource</Type><ResourceChange>{elements(**change)}</ResourceChange>"
            "</member>"
            for change in found.changes
        )
        status = {"Status": "FAILED" if found.why_not else "CREATE_COMPLETE"}
        if found.why_not:
            status["StatusReason"] = found.why_not
        named = {"ChangeSetName": found.name, "ChangeSetId": found.arn, "StackName": told.name}
        return f"{elements(**named, StackId=told.stack_id, **status)}<Changes>{changes}</Changes>"

    def _execute_change_set(self, asked: Mapping[str, str]) -> str:
        told, found = self._change_set(asked)
        if found.template is None or found.why_not:
            raise DeploymentFailed(f"ChangeSet [{found.arn}] cannot be executed: {found.why_not}")
        what = "UPDATE" if told.name in self._deployer.stacks else "CREATE"
        told.tags = found.tags
        self._happened(told, f"{what}_IN_PROGRESS")
        self._work(self._deploy, told, found.template, what)
        return ""

    def _work(self, what: Callable[..., None], *of: Any) -> None:
        working = threading.Thread(target=what, args=of)
        self._working.append(working)
        working.start()

    def _deploy(self, told: Told, template: Template, what: str) -> None:
        try:
            self._deployer.deploy(template, told.name, told.stack_id)
        except DeploymentFailed as error:
            # An update that fails is not rolled back here.
            failed = "ROLLBACK_COMPLETE" if what == "CREATE" else "UPDATE_FAILED"
            self._happened(told, failed, str(error))
            return
        told.resources = template.body["Resources"]
        self._happened(told, f"{what}_COMPLETE")

    def _change_set(self, asked: Mapping[str, str]) -> tuple[Told, ChangeSet]:
        name, of = asked["ChangeSetName"], asked.get("StackName")
        for told in self._told.values():
            for one in told.change_sets:
                if name == one.arn or (name == one.name and of in {told.name, told.stack_id}):
                    return told, one
        raise DeploymentFailed(f"ChangeSet [{name}] does not exist")

    def _text(self, asked: Mapping[str, str]) -> str:
        if "TemplateBody" in asked:
            return asked["TemplateBody"]
        bucket, _, key = urlsplit(asked["TemplateURL"]).path.lstrip("/").partition("/")
        found: bytes = self._place.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
        return found.decode()

    # --- what has happened ------------------------------------------------------------------------

    def _happened(self, told: Told, status: str, reason: str = "") -> None:
        with self._lock:
            told.status = status
            # Whoever has seen one takes only later ones for new.
            at = self._place.running.clock.now() + timedelta(milliseconds=len(told.events))
            event = {
                "StackId": told.stack_id,
                "EventId": str(uuid.uuid4()),
                "StackName": told.name,
                "LogicalResourceId": told.name,
                "PhysicalResourceId": told.stack_id,
                "ResourceType": "AWS::CloudFormation::Stack",
                "Timestamp": at.isoformat(timespec="milliseconds"),
                "ResourceStatus": status,
            }
            told.events.append({**event, **({"ResourceStatusReason": reason} if reason else {})})

    def _now(self) -> str:
        return self._place.running.clock.now().isoformat(timespec="milliseconds")

    def _arn(self, what: str) -> str:
        return self._place.arn("cloudformation", f"{what}/{uuid.uuid4()}")


def _not_there(name: str | None) -> str:
    return f"Stack with id {name} does not exist"
