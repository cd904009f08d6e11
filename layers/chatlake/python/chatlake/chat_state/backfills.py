"""How far backfills of a deployed archive have come: an item of DynamoDB for each.

The command line notes what it has put into the queue, the function what became of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chatlake.aws_clients.dynamodb_table import DynamoDBTable
from chatlake.aws_clients.update_expression import UpdateExpression

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

    from chatlake.aws_clients.dynamodb_table import Item

_PLACE, _SENT = "place", "sent"


@dataclass(frozen=True, slots=True)
class BackfillState:
    """How far a backfill has come.

    Attributes
    ----------
    place
        Up to where everything is in the queue, in the words of whoever puts it there; "" if it has
        only begun.
    sent
        How many messages were put into the queue by then.
    done, rejected
        How many the function has stored, and how many could not be read. A message that SQS
        delivers twice counts twice.
    busy_ms
        How long the function has worked on them, in all its invocations together.
    """

    place: str
    sent: int = 0
    done: int = 0
    rejected: int = 0
    busy_ms: int = 0

    @property
    def over(self) -> int:
        """How many messages the function is done with."""
        return self.done + self.rejected


class Backfills:
    """The backfills that have begun, by name."""

    def __init__(self, dynamodb: DynamoDBClient, table: str) -> None:
        self._items = DynamoDBTable(dynamodb, table, "backfill#")

    def read(self, name: str) -> BackfillState | None:
        """Return how far a backfill has come; None if it has not begun, or is over."""
        item = self._items.read(name)
        return None if item is None or _PLACE not in item else _state(item)

    def move(self, name: str, place: str, *, sent: int) -> None:
        """Note up to where everything is in the queue, and by how many messages more."""
        change = UpdateExpression(added={_SENT: {"N": str(sent)}})
        change.put(_PLACE, {"S": place})
        self._items.change(name, change)

    def add(self, name: str, *, done: int, rejected: int, busy_ms: int) -> None:
        """Note what became of messages; of a backfill that is over nothing is noted."""
        numbers = {"done": done, "rejected": rejected, "busy_ms": busy_ms}
        change = UpdateExpression(added={key: {"N": str(n)} for key, n in numbers.items()})
        self._items.change(name, change, f"attribute_exists({_PLACE})")

    def end(self, name: str) -> None:
        """Forget a backfill."""
        self._items.delete(name)


def _state(item: Item) -> BackfillState:
    numbers = {
        name: int(item[name]["N"])
        for name in (_SENT, "done", "rejected", "busy_ms")
        if name in item
    }
    return BackfillState(item[_PLACE]["S"], **numbers)
