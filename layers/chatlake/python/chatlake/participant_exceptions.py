"""How a request to the Participant Service may fail."""

from __future__ import annotations

from chatlake.exceptions import ChatlakeError


class ParticipantError(ChatlakeError):
    """The Participant Service did not answer a request; `code` is its word for the reason."""

    def __init__(self, operation: str, code: str) -> None:
        super().__init__(f"{operation}: {code}")
        self.code = code


class ParticipantDenied(ParticipantError):
    """The token is not valid, or no longer (403); only another token helps."""


class ParticipantThrottled(ParticipantError):
    """The instance's quota is used up (429); wait, then go on."""


class ParticipantPutOff(ParticipantError):
    """The call was not made: this process may not call just now, or others have to come first."""


class ParticipantUnavailable(ParticipantError):
    """The service failed (5xx) or could not be reached; try again later."""


class ParticipantRejected(ParticipantError):
    """The request is wrong (400); trying again does not help."""
