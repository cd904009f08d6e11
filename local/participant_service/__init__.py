"""A simulator of Amazon Connect's side of chats: the Participant Service and what is beside it."""

from __future__ import annotations

from local.participant_service.behaviour import Behaviour, Call, Fault
from local.participant_service.listeners import Push
from local.participant_service.service import ParticipantService

__all__ = ["Behaviour", "Call", "Fault", "ParticipantService", "Push"]
