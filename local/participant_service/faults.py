"""The faults that were ordered and wait for their calls."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from local.participant_service.behaviour import Fault

_NONE = Fault()


@dataclass(slots=True)
class _Ordered:
    operation: str
    fault: Fault
    times: int
    initial_contact_id: str | None


class Faults:
    """Faults by operation and, where one was named, by chat; the first ordered comes first."""

    def __init__(self) -> None:
        self._ordered: list[_Ordered] = []
        self._lock = threading.Lock()

    def order(
        self, operation: str, fault: Fault, times: int, initial_contact_id: str | None
    ) -> None:
        """Let a fault come with the next calls of an operation."""
        with self._lock:
            self._ordered.append(_Ordered(operation, fault, times, initial_contact_id))

    def due(self, operation: str, initial_contact_id: str | None) -> Fault:
        """Return what a call suffers, and count it; a fault without parts if nothing."""
        with self._lock:
            for ordered in self._ordered:
                is_for = ordered.initial_contact_id in {None, initial_contact_id}
                if ordered.operation == operation and ordered.times > 0 and is_for:
                    ordered.times -= 1
                    return ordered.fault
        return _NONE
