"""How chats end in a world: with the customer still there, the stack is called to read them."""

from __future__ import annotations

import json
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from local.cloud import InvocationFailed
from local.scripted.contact_center import INSTANCE_ARN, REGION
from local.world_script import Hook, Told

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import TracebackType
    from typing import Self

    from local.cloud import LocalCloud, Stack
    from local.participant_service import ParticipantService
    from local.scripted.chat import Chat

FUNCTION = "LastRead"
"""The logical id of the function that reads last."""

# Seconds of the machine: what is waited for is no faster because the clock is.
LIMITS_S = {Hook.FLOW: 8.0, Hook.CLOSING: 3.0}
_CALLERS = 8
_LAG_S = 60.0
"""Of this program itself: so late may it be when it begins to end a chat."""


@dataclass(frozen=True, slots=True)
class Ending:
    """A chat that somebody ends, with its customer still there."""

    chat: Chat


class Endings:
    """The ends that wait for something; a context manager.

    Parameters
    ----------
    service
        Keeps the customers until they are released.
    told
        Is told of what was called.
    """

    def __init__(self, service: ParticipantService, told: Told) -> None:
        self._service = service
        self._told = told
        self._tokens: dict[str, str] = {}
        self._waiting: dict[str, list[Callable[[], object]]] = {}
        self._lock = threading.Lock()
        self._callers = ThreadPoolExecutor(_CALLERS)
        self._ended: list[Future[None]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._callers.shutdown(cancel_futures=True)

    def plan(
        self, chats: Iterable[Chat], hook: Callable[[Chat], Hook], cloud: LocalCloud, stack: Stack
    ) -> list[tuple[int, Ending]]:
        """Let the ends wait for which the stack has what the script wants; return these ends."""
        self._cloud, self._stack = cloud, stack
        planned = []
        for chat in chats:
            wanted = hook(chat)
            if not self._has(wanted):
                continue
            self._told.hooks[chat.initial_contact_id] = wanted
            self._service.hold_end(chat.initial_contact_id, LIMITS_S[wanted] + _LAG_S)
            self._waiting[chat.initial_contact_id] = []
            planned.append((chat.closing_ms, Ending(chat)))
        return sorted(planned, key=lambda ending: ending[0])

    def _has(self, hook: Hook) -> bool:
        function = self._stack.resources.get(FUNCTION)
        if function is None or hook is Hook.NONE:
            return False
        return hook is Hook.CLOSING or self._cloud.flows.has(INSTANCE_ARN, function)

    def keep_token(self, contact_id: str, participant_token: str) -> None:
        """Keep what a page was given at the start of its chat."""
        self._tokens[contact_id] = participant_token

    def begin(self, ending: Ending) -> None:
        """End a chat, and let its customer go once somebody has answered."""
        self._ended.append(self._callers.submit(self._end, ending.chat))

    def wait(self) -> None:
        """Wait until all who were ended are gone, and raise what went wrong meanwhile."""
        for ended in self._ended:
            ended.result()

    def when_over(self, contact_id: str, call: Callable[[], object]) -> None:
        """Call when a chat's customer is gone, which may be now."""
        with self._lock:
            waiting = self._waiting.get(contact_id)
            if waiting is not None:
                waiting.append(call)
                return
        call()

    def _end(self, chat: Chat) -> None:
        hook = self._told.hooks[chat.initial_contact_id]
        began_at = time.monotonic()
        self._service.hold_end(chat.initial_contact_id, LIMITS_S[hook])
        try:
            answered = self._run_flow(chat) if hook is Hook.FLOW else self._close_page(chat)
        finally:
            self._service.release(chat.initial_contact_id)
            with self._lock:
                waiting = self._waiting.pop(chat.initial_contact_id)
            for call in waiting:
                call()
        late = time.monotonic() - began_at > LIMITS_S[hook]
        with self._lock:
            self._told.answers[hook, "late" if late else "answered" if answered else "refused"] += 1

    def _run_flow(self, chat: Chat) -> bool:
        """Run the flow's block; one that fails goes on by its error branch."""
        try:
            self._cloud.flows.invoke(INSTANCE_ARN, self._stack.resources[FUNCTION], event(chat))
        except InvocationFailed as failure:
            self._told.failures.append(str(failure))
            return False
        return True

    def _close_page(self, chat: Chat) -> bool:
        """Call as a page does before it disconnects; it does so whatever the answer is."""
        token = self._tokens.get(chat.initial_contact_id)
        if token is None:
            return False
        url = f"{self._stack.http_api_url}/chats/{chat.initial_contact_id}/closing"
        body = json.dumps({"ParticipantToken": token}).encode()
        headers = {"Content-Type": "application/json"}
        try:
            closing = Request(url, body, headers, method="POST")
            with urlopen(closing, timeout=LIMITS_S[Hook.CLOSING]):  # nosec B310 # the stack's own
                return True
        except TimeoutError:
            return False
        except HTTPError as refusal:
            with refusal:
                self._told.failures.append(f"closing: {refusal.code}")
            return False
        except URLError:
            return False


def event(chat: Chat) -> dict[str, object]:
    """Return what a flow gives to a function, of a chat's last contact."""
    leg = chat.legs[-1]
    contact = {
        "Attributes": {},
        "AwsRegion": REGION,
        "Channel": "CHAT",
        "ContactId": leg.contact_id,
        "CustomerEndpoint": None,
        "CustomerId": None,
        "Description": None,
        "InitialContactId": chat.initial_contact_id,
        "InitiationMethod": leg.initiation_method,
        "InstanceARN": INSTANCE_ARN,
        "LanguageCode": "en-US",
        "MediaStreams": {"Customer": {"Audio": None}},
        "Name": None,
        "PreviousContactId": leg.previous_contact_id or leg.contact_id,
        "Queue": None,
        "References": {},
        "RelatedContactId": leg.related_contact_id,
        "SegmentAttributes": {"connect:Subtype": {"ValueString": "connect:Chat"}},
        "SystemEndpoint": None,
        "Tags": {},
    }
    return {"Details": {"ContactData": contact, "Parameters": {}}, "Name": "ContactFlowEvent"}
