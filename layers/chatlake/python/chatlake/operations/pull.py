"""One transcript now, by GetTranscript with a token that somebody holds."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chatlake.exceptions import AwsRefused, RejectedInput
from chatlake.participant_exceptions import (
    ParticipantDenied,
    ParticipantError,
    ParticipantRejected,
    ParticipantThrottled,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chatlake.capture.participant_client import Page, ParticipantClient
    from chatlake.json_codec import JsonObject


_CALLS_PER_S = 2.0
_ADVICE = {
    ParticipantDenied: "the token opens nothing, or nothing any more; take one of somebody who is "
    "in the chat, for tokens die with it",
    ParticipantRejected: "check what was asked for, and of which kind the token is "
    "(--participant-token)",
    ParticipantThrottled: "the instance's quota is used up; try again in a minute",
}
_UNAVAILABLE = "check the Region (--region) and your network, then try again"


@dataclass(frozen=True, slots=True)
class Pull:
    """What is asked of the service.

    Attributes
    ----------
    parameters
        Of `ParticipantClient.get_transcript`.
    most_pages
        After how many pages to end; None to follow them to the last.
    """

    parameters: dict[str, Any]
    most_pages: int | None = None

    @property
    def goes_back(self) -> bool:
        """Whether each page is of before the last one, while its items ascend."""
        backward = self.parameters.get("scan_direction") == "BACKWARD"
        return backward and self.parameters.get("sort_order") == "ASCENDING"


@contextmanager
def with_advice() -> Iterator[None]:
    """Raise `AwsRefused`, which says what to do, in the place of what the service refuses."""
    try:
        yield
    except ParticipantError as error:
        advice = _ADVICE.get(type(error), _UNAVAILABLE)
        raise AwsRefused(f"{error}: {advice}") from None


def participant_client(region: str | None) -> ParticipantClient:
    """Make a client of the Participant Service, which needs no AWS credentials.

    It leaves most of the instance's quota to the pages of its chats.
    """
    from chatlake.aws_clients import clients
    from chatlake.capture.participant_client import ParticipantClient
    from chatlake.capture.rate_limiter import RateLimiter, Unpaced

    clients.use_session(region, None)
    pace = RateLimiter(_CALLS_PER_S)
    return ParticipantClient(clients.participant(), transcripts=pace, connections=Unpaced())


def pull_transcript(
    contact_id: str, connection_token: str, client: ParticipantClient, pull: Pull
) -> JsonObject:
    """Read a transcript, and return it as one answer of GetTranscript that has all items.

    Raises
    ------
    ParticipantError
        The service refused, or could not be reached.
    RejectedInput
        The token is of another chat.
    """
    pages = list(_pages(connection_token, client, pull))
    if pull.goes_back:
        pages.reverse()
    items = [item for page in pages for item in page.items]
    answer = {**pages[0].response, "Transcript": items}
    # What follows the last page that was read; the service's own empty one says nothing.
    answer.pop("NextToken", None)
    _check(contact_id, answer, items)
    return answer


def _pages(connection_token: str, client: ParticipantClient, pull: Pull) -> Iterator[Page]:
    parameters, count = pull.parameters, 0
    while True:
        page = client.get_transcript(connection_token, **parameters)
        yield page
        count += 1
        if page.next_token is None or count == pull.most_pages:
            return
        parameters = {**parameters, "next_token": page.next_token}


def _check(contact_id: str, answer: JsonObject, items: list[JsonObject]) -> None:
    of_chat = {item.get(name) for item in items for name in ("ContactId", "RelatedContactId")}
    of_chat.add(answer.get("InitialContactId"))
    if contact_id not in of_chat and of_chat != {None}:
        message = f"the token is of another chat than that of contact {contact_id}; check both"
        raise RejectedInput(message)
