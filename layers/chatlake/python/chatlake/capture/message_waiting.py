"""Events on the default bus of EventBridge: a customer's message has waited too long.

An event says which contact, in which queue, since when, and for what; nothing of what was said, nor
who. There is one for a message and kind of wait: that it was sent is noted in the capture schedule,
after it was. So it is sent twice only if a process ends between.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from chatlake.aws_clients.clients import error_code
from chatlake.aws_clients.metric_names import Metric
from chatlake.capture.capture_state import TOLD, item_name
from chatlake.documents.contact_events import first_value
from chatlake.documents.document import sent_at_us
from chatlake.exceptions import EventRefused
from chatlake.json_codec import dumps
from chatlake.timestamps import now_ms

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Executor

    from types_boto3_events import EventBridgeClient

    from chatlake.aws_clients.counters import Counters
    from chatlake.capture.capture_state import CaptureState
    from chatlake.capture.customer_waits import CustomerWait
    from chatlake.capture.schedule import CaptureSchedule
    from chatlake.documents.document import Document
    from chatlake.json_codec import JsonObject

SOURCE, DETAIL_TYPE = "chatlake", "Message Waiting"

MOST_EVENTS = 60
"""So many are sent in a minute at most; a message beyond them has its turn if it waits on."""

_MINUTE_MS = 60_000
_FLUSHED_IN_S = 10.0


class MessageWaitingEvents:
    """Sends the events of one process, in a thread of their own.

    Reading waits for none of them. After one that failed, none is sent for a minute.

    Parameters
    ----------
    after_ms
        How long a message waits before it is told of.
    warn
        Takes the metric of what went wrong, the chat, and why.
    """

    def __init__(
        self,
        events: EventBridgeClient,
        schedule: CaptureSchedule,
        counters: Counters,
        warn: Callable[[Metric, str, str], None],
        *,
        after_ms: int,
        executor: Executor | None = None,
    ) -> None:
        self._events = events
        self._schedule = schedule
        self._counters = counters
        self._warn = warn
        self._after_ms = after_ms
        self._executor = executor or ThreadPoolExecutor(1)
        # By chat: the events that are sent or about to be, and those that had no turn yet.
        self._told: dict[str, set[str]] = {}
        self._held: dict[str, set[str]] = {}
        self._sent_at = deque[int](maxlen=MOST_EVENTS)
        self._paused_until = 0
        self._pending: set[Future[None]] = set()

    def tell(self, document: Document, waits: tuple[CustomerWait, ...]) -> None:
        """Send an event for each wait that is too long and was not told of."""
        chat = document.initial_contact_id
        for waiting in waits:
            name = _name(waiting)
            if waiting.waited_ms <= self._after_ms or name in self._told.get(chat, ()):
                continue
            if not self._has_room():
                self._hold(chat, name)
                continue
            self._told.setdefault(chat, set()).add(name)
            self._pending.add(self._executor.submit(self._send, document, waiting))

    def on_gone(self, chat: str) -> None:
        """Forget a chat that is not live any more."""
        self._told.pop(chat, None)
        self._held.pop(chat, None)

    def flush(self) -> None:
        """Wait until what was begun is sent, or for some seconds."""
        self._pending = wait(self._pending, _FLUSHED_IN_S).not_done

    def _has_room(self) -> bool:
        at = now_ms()
        if at < self._paused_until:
            return False
        if len(self._sent_at) == MOST_EVENTS and at - self._sent_at[0] < _MINUTE_MS:
            return False
        self._sent_at.append(at)
        return True

    def _hold(self, chat: str, name: str) -> None:
        held = self._held.setdefault(chat, set())
        if name not in held:
            held.add(name)
            self._counters.add(Metric.WAITING_EVENTS_HELD)

    def _send(self, document: Document, waiting: CustomerWait) -> None:
        chat, name = document.initial_contact_id, _name(waiting)
        try:
            if now_ms() < self._paused_until:
                self._told.get(chat, set()).discard(name)
                return
            state = self._schedule.read(chat)
            if state is not None and name in state.told:
                return
            self._put(_detail(document, waiting, state))
            self._schedule.keep_told(chat, name)
            self._counters.add(Metric.WAITING_EVENTS_SENT)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is counted, and tried again
            self._paused_until = now_ms() + _MINUTE_MS
            self._told.get(chat, set()).discard(name)
            self._counters.add(Metric.WAITING_EVENTS_FAILED)
            reason = str(error) if isinstance(error, EventRefused) else error_code(error)
            self._warn(Metric.WAITING_EVENTS_FAILED, chat, reason)

    def _put(self, detail: JsonObject) -> None:
        answer = self._events.put_events(
            Entries=[
                {"Source": SOURCE, "DetailType": DETAIL_TYPE, "Detail": dumps(detail).decode()}
            ]
        )
        for entry in answer["Entries"]:
            if "ErrorCode" in entry:
                raise EventRefused(entry["ErrorCode"])


def _name(waiting: CustomerWait) -> str:
    return item_name(TOLD, f"{waiting.kind} {waiting.item_id}".encode())


def _detail(document: Document, waiting: CustomerWait, state: CaptureState | None) -> JsonObject:
    since = datetime.fromtimestamp(waiting.since_ms / 1000, UTC)
    return {
        "initialContactId": document.initial_contact_id,
        "contactId": waiting.contact_id,
        "queueArn": _queue_arn(document, waiting.contact_id, state),
        "waitingSince": since.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "kind": waiting.kind,
        "seconds": waiting.waited_ms // 1000,
    }


def _queue_arn(document: Document, contact: str, state: CaptureState | None) -> str | None:
    """Return the queue of a contact that the newest event names, one that waits included."""
    noted = state.events.values() if state is not None else ()
    events = [
        event for known in (document, *noted) for event in known.events.get(contact, {}).values()
    ]
    newest_first = sorted(events, key=sent_at_us, reverse=True)
    queue: str | None = first_value((event["detail"] for event in newest_first), _queue_named)
    return queue


def _queue_named(detail: Any) -> str | None:
    info = detail.get("queueInfo")
    arn = info.get("queueArn") if isinstance(info, dict) else None
    return arn if isinstance(arn, str) and arn.startswith("arn:") else None
