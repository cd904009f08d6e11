"""A day in a contact center: chats begin, go on and end, while the deployed stack archives them.

It ties the local cloud to the simulated service: starts chats through the stack's own HTTP API,
delivers contact events and exports, and tells what came of it.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from heapq import merge as merge_sorted
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.request import Request, urlopen

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from chatlake.capture.schedule import CaptureSchedule
from local.clock import Clock
from local.cloud import LocalCloud, Stack
from local.cloud.call_record import FILE_NAME, CallRecord
from local.cloud.moto_server import MotoOptions
from local.endings import Ending, Endings
from local.participant_service import ParticipantService
from local.participant_service.timeline import ContactEvent, ExportObject, happenings
from local.scripted.chat import Chat
from local.scripted.contact_center import (
    ACCOUNT_ID,
    EXPORT_BUCKET,
    INSTANCE_ALIAS,
    INSTANCE_ARN,
    REGION,
)
from local.world_script import Hook, Origin, Script, Told, usual_hook

__all__ = ["EXPORT_BUCKET", "Hook", "Origin", "Script", "Told", "World", "usual_hook"]

EXPORT_PREFIX = f"connect/{INSTANCE_ALIAS}/ChatTranscripts"
_EXPORTS_TO = f"{EXPORT_BUCKET}/{EXPORT_PREFIX}"
FLOW_ID = "f0000000-0000-4000-8000-000000000001"
_SENDERS = 6
_ENDS = {"DISCONNECTED", "COMPLETED"}


class World:
    """The simulated service, the local cloud and a deployed stack; a context manager.

    Parameters
    ----------
    template
        As `sam build` wrote it.
    folder
        For logs and scratch files.
    parameters, trino
        Of the stack, beside those of the simulated instance; whether Athena runs queries.
    variables
        Of the environments of functions, beside those that the template gives them.
    """

    def __init__(
        self,
        script: Script,
        clock: Clock,
        *,
        template: Path,
        folder: Path,
        parameters: Mapping[str, str] | None = None,
        trino: bool = False,
        variables: dict[str, str] | None = None,
    ) -> None:
        self.chats = sorted(script.chats, key=lambda chat: chat.started_ms)
        self.clock = clock
        self.told = Told()
        self._script = script
        self._template = template
        self._folder = folder
        self._parameters = parameters or {}
        self._trino = trino
        self._variables = variables or {}
        self.first_published: dict[str, int] = {}
        self._stop = threading.Event()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            record = CallRecord(self._folder / "logs" / FILE_NAME)
            self.service = stack.enter_context(
                ParticipantService(
                    self.chats, self.clock, self._script.behaviour, record.simulated, _EXPORTS_TO
                )
            )
            endpoints = {
                "AWS_ENDPOINT_URL_CONNECT": self.service.url,
                "AWS_ENDPOINT_URL_CONNECTPARTICIPANT": self.service.url,
            }
            self.cloud = stack.enter_context(
                LocalCloud(
                    self._folder,
                    self.clock,
                    endpoints=endpoints | self._variables,
                    region=REGION,
                    account_id=ACCOUNT_ID,
                    moto=MotoOptions(trino=self._trino),
                )
            )
            make_export_bucket(self.client("s3"))
            self.client("s3").put_bucket_notification_configuration(
                Bucket=EXPORT_BUCKET, NotificationConfiguration={"EventBridgeConfiguration": {}}
            )
            self.stack = self.deploy()
            self._endings = stack.enter_context(Endings(self.service, self.told))
            self._ends = self._endings.plan(self.chats, self._script.hook, self.cloud, self.stack)
            self._senders = stack.enter_context(ThreadPoolExecutor(_SENDERS))
            stack.callback(self._stop.set)
            self._close = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close.__exit__(kind, error, trace)

    def deploy(self, **parameters: str) -> Stack:
        """Deploy the template, or update the stack."""
        self.stack = self.cloud.deploy(
            self._template,
            {
                "ConnectInstanceArn": INSTANCE_ARN,
                "ExportBucketName": EXPORT_BUCKET,
                "ExportPrefix": EXPORT_PREFIX,
                "StartChatApi": "on",
                "ContactFlowId": FLOW_ID,
                **self._parameters,
                **parameters,
            },
        )
        return self.stack

    def live(self) -> None:
        """Let everything happen in its time; returns when all was sent."""
        sent: list[Future[None]] = []
        for at_ms, thing in self._timeline():
            wait_s = (at_ms - self.clock.now_ms()) / 1000 / self.clock.speed
            if wait_s > 0 and self._stop.wait(wait_s):
                return
            if isinstance(thing, Ending):
                self._endings.begin(thing)
            else:
                # One after the other for what is kept in order; a start is answered meanwhile.
                sent.append(self._senders.submit(self._happen, thing))
        for future in sent:
            future.result()
        self._endings.wait()

    def stop(self) -> None:
        """End `live` early."""
        self._stop.set()

    def _timeline(self) -> Iterator[tuple[int, Chat | ContactEvent | ExportObject | Ending]]:
        starts = ((chat.started_ms, chat) for chat in self.chats)
        deliveries = self._script.deliveries
        if deliveries is None:
            deliveries = list(happenings(self.chats, self._script.behaviour))
        # What ends at a moment does so before it is told.
        return merge_sorted(starts, self._ends, deliveries, key=lambda happening: happening[0])

    def _happen(self, thing: Chat | ContactEvent | ExportObject) -> None:
        match thing:
            case Chat():
                self.start(thing)
            case ContactEvent():
                self.deliver(thing)
            case ExportObject():
                self.export(thing)

    def start(self, chat: Chat) -> None:
        """Start a chat as its origin does."""
        self.told.started.add(chat.initial_contact_id)
        match self._script.origin(chat):
            case Origin.PAGE:
                name = next(p.name for p in chat.participants if p.role == "CUSTOMER")
                answer = self.post("/chats", {"ParticipantDetails": {"DisplayName": name}})
                started = answer["data"]["startChatResult"]
                self._endings.keep_token(started["ContactId"], started["ParticipantToken"])
                self.told.given.add(started["ContactId"])
            case Origin.BACK_END:
                token = self.service.participant_token(chat.initial_contact_id)
                self.register(chat.initial_contact_id, ParticipantToken=token)
            case Origin.FOREIGN:
                self.service.participant_token(chat.initial_contact_id)

    def register(self, contact_id: str, **token: str) -> None:
        """Register a token with the stack, as a back end does."""
        self.post("/tokens", {"ContactId": contact_id, **token}, signed=True)
        self.told.given.add(self.service.truth(contact_id).initial_contact_id)

    def deliver(self, event: ContactEvent) -> None:
        """Put a contact event on the bus; that of an end that waits comes after it."""
        chat = self.service.truth(event.initial_contact_id)

        def put() -> None:
            self.told.events[event.event_type] += 1
            if event.event_type == "DISCONNECTED" and chat.ended_ms <= self.clock.now_ms():
                self.told.ended.add(chat.initial_contact_id)
            self.cloud.put_event(event.event)

        if event.contact_id == chat.legs[-1].contact_id and event.event_type in _ENDS:
            self._endings.when_over(chat.initial_contact_id, put)
        else:
            put()

    def export(self, export: ExportObject) -> None:
        """Write an export into its bucket, which tells the bus of it, if it is to."""
        put_export(self.cloud, export)

    def post(self, path: str, body: Mapping[str, Any], *, signed: bool = False) -> dict[str, Any]:
        """Call the stack's HTTP API; a refusal is noted and raised."""
        url = f"{self.stack.http_api_url}{path}"
        data = json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        if signed:
            request = AWSRequest("POST", url, headers=headers, data=data)
            SigV4Auth(Credentials("local", "local"), "execute-api", REGION).add_auth(request)
            headers = dict(request.headers.items())
        asked = Request(url, data, headers, method="POST")
        with urlopen(asked, timeout=60) as answer:  # nosec B310 # the stack's own URL
            found: dict[str, Any] = json.loads(answer.read())
        return found

    def client(self, service: str) -> Any:
        """Return a client of the local AWS."""
        return self.cloud.client(service)

    def published(self) -> set[str]:
        """Return the chats whose rows are those of a revision of theirs."""
        pages = (
            self.client("dynamodb")
            .get_paginator("scan")
            .paginate(
                TableName=self.stack.outputs["ChatsTable"],
                FilterExpression="attribute_exists(published_revision)",
                ProjectionExpression="#key",
                ExpressionAttributeNames={"#key": "key"},
            )
        )
        chats = {item["key"]["S"].removeprefix("chat#") for page in pages for item in page["Items"]}
        now_ms = self.clock.now_ms()
        for chat in chats:
            self.first_published.setdefault(chat, now_ms)
        return chats

    def documents(self) -> int:
        """Count the chats that have a document."""
        pages = (
            self.client("s3")
            .get_paginator("list_objects_v2")
            .paginate(Bucket=self.stack.outputs["Documents"])
        )
        return sum(page["KeyCount"] for page in pages)

    def due(self) -> int:
        """Count the chats with a capture attempt to come, but for those that only wait."""
        schedule = CaptureSchedule(self.client("dynamodb"), self.stack.outputs["ScheduleTable"])
        return schedule.count("ended") + schedule.count("live")


def make_export_bucket(s3: Any) -> None:
    """Make the bucket to which the instance exports; it tells nobody of that."""
    s3.create_bucket(Bucket=EXPORT_BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})


def put_export(cloud: LocalCloud, export: ExportObject) -> None:
    """Write an export into its bucket, which tells the bus of it, if it is to."""
    s3: Any = cloud.client("s3")
    s3.put_object(Bucket=EXPORT_BUCKET, Key=export.key, Body=export.body)
    if "EventBridgeConfiguration" in s3.get_bucket_notification_configuration(Bucket=EXPORT_BUCKET):
        cloud.put_event(object_created(export.key))


def object_created(key: str, bucket: str = EXPORT_BUCKET) -> dict[str, Any]:
    """Make the event by which S3 tells EventBridge of a new object."""
    return {
        "version": "0",
        "source": "aws.s3",
        "detail-type": "Object Created",
        "account": ACCOUNT_ID,
        "region": REGION,
        "resources": [f"arn:aws:s3:::{bucket}"],
        "detail": {"version": "0", "bucket": {"name": bucket}, "object": {"key": key}},
    }
