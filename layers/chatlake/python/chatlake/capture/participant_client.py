"""The Participant Service: GetTranscript and the tokens that open it.

Its requests are authorised by their token alone, so they are not signed. Answers are kept as the
service wrote them, because boto3 leaves out members that its model does not know.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError
from botocore.parsers import ResponseParserError

from chatlake.aws_clients.counters import Counters
from chatlake.aws_clients.metric_names import Metric
from chatlake.json_codec import loads
from chatlake.participant_exceptions import (
    ParticipantDenied,
    ParticipantError,
    ParticipantPutOff,
    ParticipantRejected,
    ParticipantThrottled,
    ParticipantUnavailable,
)
from chatlake.timestamps import microseconds, now_ms, parse_timestamp

if TYPE_CHECKING:
    from collections.abc import Callable

    from types_boto3_connectparticipant import ConnectParticipantClient

    from chatlake.capture.rate_limiter import Pace
    from chatlake.json_codec import JsonObject

PAGE_SIZE = 100
"""Items on a page at most; the service's own default is 10."""

_BODY = "RawBody"
_FIRST_ERROR = 300


class StartPosition(TypedDict, total=False):
    """Where a scan begins: one of an item's id, an ISO 8601 time, and a count of newest items."""

    Id: str
    AbsoluteTime: str
    MostRecent: int


@dataclass(frozen=True, slots=True)
class Page:
    """One answer of GetTranscript.

    Attributes
    ----------
    response
        The service's own JSON.
    next_token
        For the page after it; None at the end of the scan.
    asked_at
        When the service was asked, after the wait for one's turn, in epoch ms; None if unknown.
    """

    response: JsonObject
    next_token: str | None
    asked_at: int | None = None

    @property
    def items(self) -> list[JsonObject]:
        """The items that are objects."""
        items = self.response.get("Transcript")
        return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


@dataclass(frozen=True, slots=True, repr=False)
class Connection:
    """What a participant token gives.

    Attributes
    ----------
    token
        A ConnectionToken.
    expires_at
        When that ends, in epoch milliseconds; None if unknown.
    url
        Of a websocket, as secret as the token, and good for 100 seconds; None if not asked for.
    """

    token: str
    expires_at: int | None
    url: str | None = None


class ParticipantClient:
    """Calls to the Participant Service, each at the allowed rate and never retried by itself."""

    def __init__(
        self,
        client: ConnectParticipantClient,
        *,
        transcripts: Pace,
        connections: Pace,
        counters: Counters | None = None,
    ) -> None:
        """Use a client without retries: a retried call would be one beyond the rate."""
        self._client = client
        self._counters = counters or Counters()
        self._transcripts = transcripts
        self._connections = connections
        # Once for a client, however many use it.
        client.meta.events.register(
            "before-parse.connectparticipant.GetTranscript", _keep_body, unique_id=_BODY
        )

    @property
    def is_busy(self) -> bool:
        """Whether reads of transcripts wait for their turn."""
        return self._transcripts.is_busy

    def get_transcript(
        self,
        connection_token: str,
        *,
        contact_id: str | None = None,
        max_results: int | None = PAGE_SIZE,
        next_token: str | None = None,
        scan_direction: Literal["BACKWARD", "FORWARD"] | None = "BACKWARD",
        sort_order: Literal["ASCENDING", "DESCENDING"] | None = "ASCENDING",
        start_position: StartPosition | None = None,
    ) -> Page:
        """Read one page of a transcript.

        Parameters
        ----------
        connection_token
            Of a participant of the chat.
        contact_id
            Only this contact's items; one outside of the token's chain gives an empty page.
        max_results
            0 to 100; None for the service's 10.
        next_token
            That of the page before.
        scan_direction, sort_order
            None for the service's defaults. Scanned backward and sorted ascending, each page
            ascends, but the pages go back in time.
        start_position
            Without one, a scan forward looks into the future and finds nothing.

        Raises
        ------
        ParticipantError
            One of its kinds; its message holds no token.
        """
        request = {
            "ConnectionToken": connection_token,
            "ContactId": contact_id,
            "MaxResults": max_results,
            "NextToken": next_token,
            "ScanDirection": scan_direction,
            "SortOrder": sort_order,
            "StartPosition": start_position,
        }
        given: Any = {name: value for name, value in request.items() if value is not None}
        with self._transcripts.call():
            asked_at = now_ms()
            answer = _call("GetTranscript", lambda: self._client.get_transcript(**given))
        try:
            response = loads(answer[_BODY])
        except ValueError:
            raise ParticipantUnavailable("GetTranscript", "no JSON") from None
        # boto3 takes an answer that was cut off for a good one with nothing in it.
        if not (isinstance(response, dict) and isinstance(response.get("Transcript"), list)):
            raise ParticipantUnavailable("GetTranscript", "no transcript")
        token = response.get("NextToken")
        # An empty one means the end, too: amazon-connect-chatjs issue 28.
        return Page(response, token if isinstance(token, str) and token else None, asked_at)

    def connect(
        self, participant_token: str, *, websocket: bool = False, urgent: bool = True
    ) -> Connection:
        """Get a fresh ConnectionToken for a participant.

        Parameters
        ----------
        websocket
            True to get the URL of a websocket, too. Nothing is opened by that.
        urgent
            False if others who wait for their turn are to come first.

        Raises
        ------
        ParticipantError
            One of its kinds; its message holds no token.
        """
        if not urgent and self._connections.is_busy:
            raise ParticipantPutOff("CreateParticipantConnection", "others wait")
        with self._connections.call():
            self._counters.add(Metric.CONNECTIONS_MADE)
            answer = _call(
                "CreateParticipantConnection",
                lambda: self._client.create_participant_connection(
                    ParticipantToken=participant_token,
                    Type=["WEBSOCKET", "CONNECTION_CREDENTIALS"]
                    if websocket
                    else ["CONNECTION_CREDENTIALS"],
                ),
            )
        credentials = answer.get("ConnectionCredentials", {})
        if not credentials.get("ConnectionToken"):
            raise ParticipantUnavailable("CreateParticipantConnection", "no token")
        expiry = parse_timestamp(credentials.get("Expiry"))
        expires_at = None if expiry is None else microseconds(expiry) // 1000
        url = answer.get("Websocket", {}).get("Url")
        return Connection(credentials["ConnectionToken"], expires_at, url if websocket else None)


def _call(operation: str, call: Callable[[], Any]) -> Any:
    error: ParticipantError
    try:
        return call()
    except ClientError as failure:
        error = _kind(failure)(operation, str(failure.response["Error"]["Code"]))
    except ParamValidationError:
        # Its own text may quote the token.
        error = ParticipantRejected(operation, "ParamValidationError")
    except BotoCoreError as failure:
        error = ParticipantUnavailable(operation, type(failure).__name__)
    except (AttributeError, TypeError, ResponseParserError):
        # What boto3 does over an answer that is not of the service's model.
        error = ParticipantUnavailable(operation, "unreadable answer")
    raise error


def _kind(failure: ClientError) -> type[ParticipantError]:
    match failure.response["ResponseMetadata"]["HTTPStatusCode"]:
        case 403 | 401:
            return ParticipantDenied
        case 429:
            return ParticipantThrottled
        case status if status >= 500:  # noqa: PLR2004
            return ParticipantUnavailable
        case _:
            return ParticipantRejected


def _keep_body(
    response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: object
) -> None:
    with suppress(KeyError):
        customized_response_dict[_BODY] = response_dict["body"]
        if response_dict["status_code"] < _FIRST_ERROR:
            # boto3 fails over members that are not of the type that its model has.
            response_dict["body"] = b"{}"
