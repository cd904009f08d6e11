"""How the simulated service behaves, what can be made to fail in it, and what it saw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Behaviour:
    """What is not settled by the service's model: quotas, lifetimes and what is switched on.

    Rates and bursts are those of a new account, per second of the clock.

    Attributes
    ----------
    tokens_outlive_chat
        Whether tokens still work when their participant has left and the chat has ended; AWS
        staff say they do not, and the documentation hints that they might.
    connection_token_s
        How long a ConnectionToken lives at most, in seconds of the clock.
    export_delay_s
        The least and the most seconds from the end of a leg to its export.
    exports
        Whether the instance writes exports at all.
    redacts
        Whether Contact Lens redacts them: a contact's record names its export then, and the copy
        from before. What the exports hold is the same.
    websockets
        Whether there are any; without, every handshake is refused.
    frames_twice, frames_late, metadata_without_id
        The shares of websocket frames that come twice and out of order, and of receipts' frames
        whose own id is the message's, for want of a MessageId.
    validate_every
        Of each operation, the first response and then every so manyth is held against the model.
    """

    tokens_outlive_chat: bool = False
    get_transcript_per_s: float = 8
    get_transcript_burst: int = 12
    create_connection_per_s: float = 6
    create_connection_burst: int = 9
    describe_contact_per_s: float = 10
    describe_contact_burst: int = 15
    search_contacts_per_s: float = 0.5
    search_contacts_burst: int = 1
    start_chat_per_s: float = 5
    start_chat_burst: int = 8
    send_per_s: float = 10
    send_burst: int = 15
    disconnect_per_s: float = 3
    disconnect_burst: int = 5
    connection_token_s: float = 86_400
    export_delay_s: tuple[float, float] = (30, 60)
    exports: bool = True
    redacts: bool = False
    websockets: bool = True
    frames_twice: float = 0.03
    frames_late: float = 0.03
    metadata_without_id: float = 0.1
    validate_every: int = 50

    def quotas(self) -> dict[str, tuple[float, int]]:
        """Return the rate and the burst of each operation that is simulated."""
        return {
            "GetTranscript": (self.get_transcript_per_s, self.get_transcript_burst),
            "CreateParticipantConnection": (
                self.create_connection_per_s,
                self.create_connection_burst,
            ),
            "DescribeContact": (self.describe_contact_per_s, self.describe_contact_burst),
            # Hardly ever asked for, and of quotas alike.
            "DescribeInstance": (self.describe_contact_per_s, self.describe_contact_burst),
            "ListInstanceStorageConfigs": (
                self.describe_contact_per_s,
                self.describe_contact_burst,
            ),
            "SearchContacts": (self.search_contacts_per_s, self.search_contacts_burst),
            "StartChatContact": (self.start_chat_per_s, self.start_chat_burst),
            # One quota of both, which nobody here comes near.
            "SendMessage": (self.send_per_s, self.send_burst),
            "SendEvent": (self.send_per_s, self.send_burst),
            "DisconnectParticipant": (self.disconnect_per_s, self.disconnect_burst),
        }


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that goes wrong with one call; the parts may be combined.

    Attributes
    ----------
    status
        Answer with this status of the operation's errors, 500 for instance, and do nothing.
    delay_s
        Wait so many seconds of the clock before anything is done.
    cut
        Do all that was asked, then close the connection in the middle of the response; boto3
        does not notice and returns an answer with nothing in it.
    """

    status: int | None = None
    delay_s: float = 0
    cut: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """A call that was answered.

    Attributes
    ----------
    at_ms, as_of_ms
        When it came, and the moment of the script that it was answered as of.
    contact_id
        None if none could be told from it.
    places
        Of the items in the answer, counted from the chat's oldest; none if it was cut.
    """

    operation: str
    at_ms: int
    status: int
    contact_id: str | None
    as_of_ms: int = 0
    places: Sequence[int] = ()
