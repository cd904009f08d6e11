"""Which chats were started: each scripted one once, in the order of their starts."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable

from local.participant_service.operations import Operation
from local.participant_service.tokens import Tokens
from local.scripted.chat import Chat
from local.scripted.items import JsonObject, Participant


class Starts:
    """The scripted chats that wait to be started.

    Parameters
    ----------
    chats
        In the order of their starts.
    tokens
        Where the customers' tokens come from.
    """

    def __init__(self, chats: Iterable[Chat], tokens: Tokens) -> None:
        self._waiting = deque(chats)
        self._tokens = tokens
        self._started: set[str] = set()
        self._answers: dict[str, JsonObject] = {}
        self._lock = threading.Lock()

    def add(self, chat: Chat) -> None:
        """Let one more chat wait, behind all others."""
        self._waiting.append(chat)

    def elsewhere(self, chat: Chat) -> str:
        """Return the customer's token of a chat, which is not given to anyone else from now on."""
        with self._lock:
            self._started.add(chat.initial_contact_id)
            return self._tokens.of_participant(chat, _customer(chat))

    def start(self, operation: Operation, parameters: JsonObject) -> JsonObject:
        """Answer StartChatContact; a repeated ClientToken gets the chat that it got before."""
        with self._lock:
            client_token = parameters.get("ClientToken")
            if client_token in self._answers:
                return self._answers[client_token]
            answer = self._answer(self._next(operation))
            if client_token is not None:
                self._answers[client_token] = answer
            return answer

    def _next(self, operation: Operation) -> Chat:
        while self._waiting:
            chat = self._waiting.popleft()
            if chat.initial_contact_id not in self._started:
                self._started.add(chat.initial_contact_id)
                return chat
        raise operation.refused("LimitExceededException", "all scripted chats are started")

    def _answer(self, chat: Chat) -> JsonObject:
        customer = _customer(chat)
        answer: JsonObject = {
            "ContactId": chat.initial_contact_id,
            "ParticipantId": customer.participant_id,
            "ParticipantToken": self._tokens.of_participant(chat, customer),
        }
        if chat.legs[0].related_contact_id is not None:
            answer["ContinuedFromContactId"] = chat.legs[0].related_contact_id
        return answer


def _customer(chat: Chat) -> Participant:
    return next(person for person in chat.participants if person.role == "CUSTOMER")
