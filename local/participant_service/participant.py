"""The participant's side: connections for a participant token, transcripts for a connection's."""

from __future__ import annotations

import json
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import blake2b

from local.participant_service.operations import Operation, Refused
from local.participant_service.tickets import Tickets
from local.participant_service.tokens import Holder, Tokens
from local.participant_service.transcripts import Scan, Start, Transcript, UnknownStartError
from local.scripted.chat import Chat
from local.scripted.items import JsonObject, timestamp

_DEFAULT_PAGE_SIZE = 10
_SEAL_BYTES = 16


class Participants:
    """What holders of tokens may ask for.

    Parameters
    ----------
    tokens
        The tokens of the instance.
    tickets, websocket_url
        What opens the websockets of all participants, and where they are.
    """

    def __init__(self, tokens: Tokens, tickets: Tickets, websocket_url: str) -> None:
        self._tokens = tokens
        self._tickets = tickets
        self._websocket_url = websocket_url
        self._transcripts: dict[str, Transcript] = {}
        self._key = secrets.token_bytes(32)

    def create_connection(
        self, operation: Operation, holder: Holder | None, parameters: JsonObject, now_ms: int
    ) -> JsonObject:
        """Answer CreateParticipantConnection."""
        holder = self.admitted(operation, holder, now_ms)
        kinds = parameters.get("Type", [])
        if "WEBRTC_CONNECTION" in kinds:
            raise operation.bad_request("a chat has no WEBRTC_CONNECTION")
        if not kinds:
            raise operation.bad_request("Type is required")
        answer: JsonObject = {}
        if "CONNECTION_CREDENTIALS" in kinds:
            token, until_ms = self._tokens.of_connection(holder, now_ms)
            answer["ConnectionCredentials"] = {
                "ConnectionToken": token,
                "Expiry": timestamp(until_ms),
            }
        if "WEBSOCKET" in kinds:
            ticket, until_ms = self._tickets.issue(holder)
            answer["Websocket"] = {
                "Url": f"{self._websocket_url}?{ticket}",
                "ConnectionExpiry": timestamp(until_ms),
            }
        return answer

    def get_transcript(
        self, operation: Operation, holder: Holder | None, parameters: JsonObject, now_ms: int
    ) -> tuple[bytes, Sequence[int]]:
        """Answer GetTranscript, already as JSON, and tell the places of the items in it."""
        holder = self.admitted(operation, holder, now_ms)
        chat = holder.chat
        scan = _scan(operation, parameters)
        size = parameters.get("MaxResults") or _DEFAULT_PAGE_SIZE
        transcript = self._transcript(chat)
        token = parameters.get("NextToken")
        if token is None:
            try:
                page = transcript.first_page(scan, size, now_ms)
            except UnknownStartError:
                raise operation.bad_request("StartPosition.Id is no item of the chat") from None
        else:
            cut = self._unsealed(operation, token, chat, scan)
            page = transcript.next_page(scan, size, now_ms, cut)
        head = {"InitialContactId": chat.initial_contact_id}
        if page.next_cut is not None:
            head["NextToken"] = self._sealed(page.next_cut, chat, scan)
        items = b",".join(page.items)
        body = json.dumps(head).encode()[:-1] + b', "Transcript": [' + items + b"]}"
        return body, page.places

    def admitted(self, operation: Operation, holder: Holder | None, now_ms: int) -> Holder:
        """Return the holder of a token that opens something, or refuse the call."""
        # One answer for all: the service does not tell unknown, expired and ended apart.
        if holder is None or not self._tokens.opens(holder, now_ms):
            raise operation.refused("AccessDeniedException", "Access denied")
        return holder

    def _transcript(self, chat: Chat) -> Transcript:
        transcript = self._transcripts.get(chat.initial_contact_id)
        if transcript is None:
            transcript = Transcript(chat)
            self._transcripts[chat.initial_contact_id] = transcript
        return transcript

    def _sealed(self, cut: int, chat: Chat, scan: Scan) -> str:
        place = cut.to_bytes(4)
        return urlsafe_b64encode(place + self._seal(place, chat, scan)).decode()

    def _unsealed(self, operation: Operation, token: str, chat: Chat, scan: Scan) -> int:
        try:
            raw = urlsafe_b64decode(token)
        except ValueError:
            raw = b""
        place, seal = raw[:4], raw[4:]
        if not secrets.compare_digest(seal, self._seal(place, chat, scan)):
            raise operation.bad_request("NextToken is not one of this reading")
        return int.from_bytes(place)

    def _seal(self, place: bytes, chat: Chat, scan: Scan) -> bytes:
        bound = f"{chat.initial_contact_id} {scan!r} ".encode()
        return blake2b(bound + place, key=self._key, digest_size=_SEAL_BYTES).digest()


def _scan(operation: Operation, parameters: JsonObject) -> Scan:
    # ChatJS sends an empty StartPosition where it has none.
    start = _start(operation, parameters.get("StartPosition") or {})
    usual = "BACKWARD" if start is None else "FORWARD"
    return Scan(
        forward=parameters.get("ScanDirection", usual) == "FORWARD",
        ascending=parameters.get("SortOrder", "DESCENDING") == "ASCENDING",
        contact_id=parameters.get("ContactId"),
        start=start,
    )


def _start(operation: Operation, position: JsonObject) -> Start | None:
    if not position:
        return None
    if len(position) > 1:
        raise operation.bad_request("StartPosition has more than one member")
    return Start(
        item_id=position.get("Id"),
        at=_moment(operation, position.get("AbsoluteTime")),
        most_recent=position.get("MostRecent"),
    )


def _moment(operation: Operation, text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise _not_a_time(operation) from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _not_a_time(operation: Operation) -> Refused:
    return operation.bad_request("StartPosition.AbsoluteTime is not an ISO 8601 time")
