"""Amazon Connect's side of chats: one simulated instance, served over HTTP."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from local.clock import Clock
from local.participant_service.behaviour import Behaviour, Call, Fault
from local.participant_service.constraints import violations
from local.participant_service.contacts import Contacts
from local.participant_service.endings import Endings
from local.participant_service.faults import Faults
from local.participant_service.http_server import HttpServer, Request, Response
from local.participant_service.instance import about_instance
from local.participant_service.operations import Operation, Refused, find, operations
from local.participant_service.participant import Participants
from local.participant_service.quota import Bucket
from local.participant_service.sayings import Sayings
from local.participant_service.sockets import Sockets
from local.participant_service.starts import Starts
from local.participant_service.tickets import Tickets
from local.participant_service.tokens import Holder, Tokens
from local.scripted.chat import Chat
from local.scripted.items import JsonObject

_SECOND_MS = 1000
_USUAL = Behaviour()


class ParticipantService:
    """The `connect` and `connectparticipant` services of one instance, at one address.

    Parameters
    ----------
    chats
        The chats that take place, of one instance, in any order.
    clock
        What the service goes by: it answers with what is there by then.
    behaviour
        What can be switched.
    record, exports_to
        Takes the name of each operation that is called, and the headers of the request; bucket and
        prefix, with a slash between, to which the instance says that it exports.

    Attributes
    ----------
    calls
        Every call that was answered, in the order of the answers.
    sockets
        The participants' websockets: what they were sent, and how to break them.
    """

    def __init__(
        self,
        chats: Iterable[Chat],
        clock: Clock,
        behaviour: Behaviour = _USUAL,
        record: Callable[[str, Mapping[str, str]], None] = lambda _operation, _headers: None,
        exports_to: str = "",
    ) -> None:
        self.calls: list[Call] = []
        self._clock = clock
        self._record = record
        self._exports_to = exports_to
        self._behaviour = behaviour
        self._contacts = Contacts(chats, redacts=behaviour.redacts)
        self._tokens = Tokens(behaviour)
        self._buckets = {name: Bucket(*quota) for name, quota in behaviour.quotas().items()}
        self._server = HttpServer(self._answer)
        self._starts = Starts(self._contacts.chats, self._tokens)
        self._faults = Faults()
        self._endings = Endings(clock)
        self._tickets = Tickets(clock)
        self.sockets = Sockets(clock, self._endings, self._tickets, behaviour)
        self._participants = Participants(self._tokens, self._tickets, self.sockets.url)
        self._sayings = Sayings(self._participants.admitted)
        self._answered: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._closing = threading.Event()

    @property
    def url(self) -> str:
        """The endpoint of both services."""
        return f"http://127.0.0.1:{self._server.port}"

    def __enter__(self) -> Self:
        operations()  # loaded before anyone waits for them
        self._server.__enter__()
        self.sockets.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closing.set()
        self.sockets.__exit__()
        self._server.__exit__(kind, error, trace)
        failures = [*self._server.failures, *self.sockets.failures]
        if error is None and failures:
            message = "the simulated service failed by itself"
            raise ExceptionGroup(message, failures)

    def add(self, chat: Chat) -> None:
        """Let one more chat take place; StartChatContact gives it when all others are started."""
        self._contacts.add(chat)
        self._starts.add(chat)

    def participant_token(self, initial_contact_id: str) -> str:
        """Return the customer's token, as a back end that started the chat would hold it.

        StartChatContact does not give that chat any more.
        """
        return self._starts.elsewhere(self.truth(initial_contact_id))

    def websocket_url(self, initial_contact_id: str) -> str:
        """Return a new URL of the customer's websocket, without a call that would be counted."""
        chat = self.truth(initial_contact_id)
        customer = next(one for one in chat.participants if one.role == "CUSTOMER")
        ticket, _ = self._tickets.issue(Holder(chat, customer))
        return f"{self.sockets.url}?{ticket}"

    def agent_connection_token(self, contact_id: str) -> tuple[str, datetime]:
        """Return a new ConnectionToken of a leg's agent and its expiry, as Streams hands it out.

        Raises
        ------
        LookupError
            If there is no such contact, or it never had an agent.
        """
        contact = self._contacts.get(contact_id)
        agent = None if contact is None else contact.agent
        if contact is None or agent is None:
            message = f"contact {contact_id} is unknown or never had an agent"
            raise LookupError(message)
        with self._lock:
            holder = Holder(contact.chat, agent)
            token, until_ms = self._tokens.of_connection(holder, self._clock.now_ms())
        return token, datetime.fromtimestamp(until_ms / 1000, UTC)

    def hold_end(self, initial_contact_id: str, limit_s: float) -> None:
        """Let a chat's end wait until it is released, or for so many seconds of the machine.

        They count from the scripted end on, or from now if that is later.
        """
        self._endings.hold(self.truth(initial_contact_id), limit_s)

    def release(self, initial_contact_id: str) -> None:
        """Let the customer of a chat go, whose end waits."""
        self._endings.release(self.truth(initial_contact_id))

    def fail_next(
        self, operation: str, fault: Fault, times: int = 1, contact: str | None = None
    ) -> None:
        """Let the next calls of an operation fail, of one chat only if a contact of it is given.

        Calls beyond the quota are throttled as ever and use up no fault.
        """
        if operation not in self._buckets:
            message = f"{operation} is not simulated, only {', '.join(self._buckets)}"
            raise ValueError(message)
        chat_of = None if contact is None else self._chat_of(contact)
        self._faults.order(operation, fault, times, chat_of)

    def busiest_second(self, operation: str) -> int:
        """Return the most calls, whatever their status, within any second of the clock."""
        times_ms = sorted(call.at_ms for call in self.calls if call.operation == operation)
        most = first = 0
        for last, time_ms in enumerate(times_ms):
            while time_ms - times_ms[first] >= _SECOND_MS:
                first += 1
            most = max(most, last - first + 1)
        return most

    def truth(self, initial_contact_id: str) -> Chat:
        """Return the chat that a contact is of.

        Raises
        ------
        LookupError
            If there is none.
        """
        contact = self._contacts.get(initial_contact_id)
        if contact is None:
            message = f"no chat has the contact {initial_contact_id}"
            raise LookupError(message)
        return contact.chat

    def _answer(self, request: Request) -> Response:
        at_ms = self._clock.now_ms()
        found = find(request.method, request.path)
        if found is None:
            return _error(Refused(404, "UnknownOperationException", "this is not simulated"))
        operation, labels = found
        self._record(operation.name, request.headers)
        call = Call(operation.name, at_ms, 200, None)
        fault = Fault()
        try:
            self._throttle(operation, at_ms)
            parameters = operation.parameters(labels, request)
            holder = self._holder(parameters)
            subject = parameters.get("ContactId") if holder is None else _id_of(holder)
            call = replace(call, contact_id=subject)
            chat_of = None if subject is None else self._chat_of(subject)
            fault = self._faults.due(operation.name, chat_of)
            self._closing.wait(fault.delay_s / self._clock.speed)
            if fault.status is not None:
                raise operation.failed(fault.status)
            body, call = self._done(operation, parameters, holder, call)
            self._check(operation, body)
            response = Response(200, body, cut=fault.cut)
        except Refused as refused:
            response = _error(refused, cut=fault.cut)
        # A list's append is atomic, and a call is of the moment when it came.
        places = () if fault.cut else call.places
        self.calls.append(replace(call, status=response.status, places=places))
        return response

    def _done(
        self,
        operation: Operation,
        parameters: JsonObject,
        holder: Holder | None,
        call: Call,
    ) -> tuple[bytes, Call]:
        """Return the answer to a call, and what it is about."""
        now_ms = self._as_of(call.contact_id)
        call = replace(call, as_of_ms=now_ms)
        match operation.name:
            case "GetTranscript":
                body, places = self._participants.get_transcript(
                    operation, holder, parameters, now_ms
                )
                return body, replace(call, places=places)
            case "CreateParticipantConnection":
                answer = self._participants.create_connection(operation, holder, parameters, now_ms)
            case "SendMessage" | "SendEvent" | "DisconnectParticipant":
                answer = self._sayings.take(operation, holder, parameters, now_ms)
            case "DescribeContact":
                answer = self._contacts.describe(operation, parameters, now_ms)
            case "SearchContacts":
                answer = self._contacts.search(operation, parameters, now_ms)
            case "DescribeInstance" | "ListInstanceStorageConfigs":
                self._contacts.check_instance(operation, parameters)
                answer = about_instance(parameters, self._exports_to)
            case _:
                self._contacts.check_instance(operation, parameters)
                answer = self._starts.start(operation, parameters)
                call = replace(call, contact_id=answer["ContactId"])
        return json.dumps(answer).encode(), call

    def _as_of(self, contact_id: str | None) -> int:
        """Return what time it is for a chat; for whatever is none, what the clock shows."""
        now_ms = self._clock.now_ms()
        contact = None if contact_id is None else self._contacts.get(contact_id)
        return now_ms if contact is None else self._endings.as_of(contact.chat, now_ms)

    def _throttle(self, operation: Operation, at_ms: int) -> None:
        with self._lock:
            if not self._buckets[operation.name].take(at_ms):
                raise operation.refused("ThrottlingException", "Rate exceeded")

    def _holder(self, parameters: Mapping[str, str]) -> Holder | None:
        if "ConnectionToken" in parameters:
            return self._tokens.connection(parameters["ConnectionToken"])
        return self._tokens.participant(parameters.get("ParticipantToken", ""))

    def _chat_of(self, contact_id: str) -> str:
        contact = self._contacts.get(contact_id)
        return contact_id if contact is None else contact.chat.initial_contact_id

    def _check(self, operation: Operation, body: bytes) -> None:
        """Hold a sample of the responses against the model."""
        with self._lock:
            number = self._answered[operation.name]
            self._answered[operation.name] += 1
        if number % self._behaviour.validate_every:
            return
        wrong = list(violations(operation.output, json.loads(body), strict=False))
        if wrong:
            message = f"a response of {operation.name} is not of its model: {'; '.join(wrong)}"
            raise AssertionError(message)


def _id_of(holder: Holder) -> str:
    return holder.chat.initial_contact_id


def _error(refused: Refused, *, cut: bool = False) -> Response:
    body = json.dumps({"Message": refused.message}).encode()
    return Response(refused.status, body, {"x-amzn-errortype": refused.code}, cut=cut)
