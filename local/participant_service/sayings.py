"""What holders of tokens say and do. All is scripted: who sends, sends what the script has next."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING

from local.scripted.items import EVENT_TYPES, JsonObject, timestamp

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.participant_service.operations import Operation
    from local.participant_service.tokens import Holder

    type Admitted = Callable[[Operation, Holder | None, int], Holder]

_READ = EVENT_TYPES + "message.read"


class Sayings:
    """The messages that participants have sent, each once.

    Parameters
    ----------
    admitted
        Returns the holder of a token that opens something, or refuses the call.

    Attributes
    ----------
    read, left
        Messages that were reported as read, and participants that have left, by their ids.
    """

    def __init__(self, admitted: Admitted) -> None:
        self.read: set[str] = set()
        self.left: set[str] = set()
        self._admitted = admitted
        self._sent: set[str] = set()
        self._lock = threading.Lock()

    def take(
        self, operation: Operation, holder: Holder | None, parameters: JsonObject, now_ms: int
    ) -> JsonObject:
        """Answer SendMessage, SendEvent or DisconnectParticipant."""
        who = self._admitted(operation, holder, now_ms)
        with self._lock:
            match operation.name:
                case "SendMessage":
                    return self._message(operation, who, parameters)
                case "SendEvent":
                    return self._event(operation, who, parameters, now_ms)
                case _:
                    self.left.add(who.participant.participant_id)
                    return {}

    def _message(self, operation: Operation, who: Holder, parameters: JsonObject) -> JsonObject:
        for item in who.chat.own_items:
            if (
                item.type == "MESSAGE"
                and item.sender == who.participant
                and item.item_id not in self._sent
            ):
                if item.content != parameters["Content"]:
                    break
                self._sent.add(item.item_id)
                return {"Id": item.item_id, "AbsoluteTime": timestamp(item.sent_ms)}
        raise operation.bad_request("the script has another message next of this participant")

    def _event(
        self, operation: Operation, who: Holder, parameters: JsonObject, now_ms: int
    ) -> JsonObject:
        if parameters["ContentType"] == _READ:
            message = json.loads(parameters.get("Content", "{}")).get("messageId")
            known = {item.item_id for item in who.chat.own_items if item.sent_ms <= now_ms}
            if message not in known:
                raise operation.bad_request("there is no such message")
            self.read.add(message)
        return {"Id": "event", "AbsoluteTime": timestamp(now_ms)}
