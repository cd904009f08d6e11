"""What is noted of a chat beside the thing itself, and how that changes when the chat is due."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chatlake.aws_clients.update_expression import UpdateExpression
from chatlake.capture.capture_state import checkpoint_text

if TYPE_CHECKING:
    from chatlake.capture.capture_state import CaptureState, Checkpoint, Phase


@dataclass(frozen=True, slots=True)
class Noted:
    """What a note says beside its own item.

    Attributes
    ----------
    phase, due_at
        As what the chat is to be served, and when, in epoch milliseconds.
    again
        True if a live chat is to be looked at again, though it is read all the time.
    goes_on_at
        Since when a chat that ended may go on, so that it is to be looked at; None if it does not.
    ended, exported
        Contacts whose end, and whose export, it tells of.
    """

    phase: Phase
    due_at: int
    again: bool = False
    goes_on_at: int | None = None
    ended: frozenset[str] = frozenset()
    exported: frozenset[str] = frozenset()


def change_by(before: CaptureState, noted: Noted) -> UpdateExpression | None:
    """Return how a note changes the item `due`; None if not at all."""
    change = UpdateExpression(added={"version": {"N": "1"}})
    for name, contacts, known in (
        ("ended", noted.ended, before.ended),
        ("exported", noted.exported, before.exported),
    ):
        if contacts - known:
            change.added[name] = {"SS": sorted(contacts)}
    due = _due_after(before, noted)
    if due != (before.phase, before.due_at):
        put_due(change, *due)
    elif before.phase != "ended" and len(change.added) == 1:
        # It is looked at once more, as one that ended, before it leaves the schedule.
        return None
    if before.due_at is None:
        change.remove("expires_at")
    return change


def _due_after(before: CaptureState, noted: Noted) -> tuple[Phase, int]:
    if before.phase is None or before.due_at is None:
        return noted.phase, noted.due_at
    match before.phase, noted.phase:
        case "ended", "waiting":
            due_at = min(before.due_at, noted.goes_on_at or before.due_at)
        case "ended", _:
            due_at = min(before.due_at, noted.due_at)
        case "live", "ended" if noted.exported and not noted.ended:
            # Of a leg that ended: the chat is read on, and ends when something tells so.
            due_at = before.due_at
        case ("live", "ended") | ("waiting", "live" | "ended"):
            return noted.phase, noted.due_at
        case _:
            due_at = noted.due_at if noted.again else before.due_at
    return before.phase, due_at


def unchanged(before: CaptureState, change: UpdateExpression) -> str:
    """Return the condition that the item is still as it was read."""
    if not before.version:
        return "attribute_not_exists(version)"
    change.values[":version"] = {"N": str(before.version)}
    return "version = :version"


def put_due(change: UpdateExpression, phase: Phase, due_at: int) -> None:
    """Set as what a chat is to be served, and when."""
    change.put("phase", {"S": phase})
    change.put("due_at", {"N": str(due_at)})


def changes_at_end(
    state: CaptureState,
    checkpoint: Checkpoint,
    due: tuple[Phase, int] | None,
    expires_at: int | None,
    failure: str | None,
) -> tuple[UpdateExpression, UpdateExpression]:
    """Return what the end of an attempt changes of the item `due`.

    First what it changes whatever was noted meanwhile, then all of it, if nothing was.
    """
    lasting = UpdateExpression()
    lasting.put("checkpoint", {"S": checkpoint_text(checkpoint)})
    if failure is None:
        lasting.remove("failure")
    else:
        lasting.put("failure", {"S": failure})
    scheduled = lasting.copy()
    if due is None:
        scheduled.remove("phase")
        scheduled.remove("due_at")
    else:
        put_due(scheduled, *due)
    if expires_at is None:
        scheduled.remove("expires_at")
    else:
        scheduled.put("expires_at", {"N": str(expires_at // 1000)})
    scheduled.values[":version"] = {"N": str(state.version)}
    return lasting, scheduled
