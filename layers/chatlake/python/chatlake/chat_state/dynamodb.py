"""The state of chats in a DynamoDB table, one item each for a chat, a leg and a tombstone.

Days are kept as a set of strings, because a set can be added to without reading it.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import batched
from typing import TYPE_CHECKING

from chatlake.aws_clients.dynamodb_table import DynamoDBTable
from chatlake.aws_clients.update_expression import UpdateExpression
from chatlake.chat_state import NO_DOCUMENT, AttemptRecord, tombstone

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_dynamodb.type_defs import AttributeValueTypeDef

    from chatlake.aws_clients.dynamodb_table import Item
    from chatlake.chat_state import Day

_NO_DAY = "null"
_READ_AT_ONCE = 100
_CONNECTIONS = 16


class DynamoDBChatState:
    """State of chats in one table; every change is atomic and safe beside others."""

    def __init__(self, dynamodb: DynamoDBClient, table: str) -> None:
        self._chats = DynamoDBTable(dynamodb, table, "chat#")
        self._legs = DynamoDBTable(dynamodb, table, "leg#")
        self._tombstones = DynamoDBTable(dynamodb, table, "tombstone#")
        self._pool = ThreadPoolExecutor(_CONNECTIONS)

    def initial_contacts(
        self, contact_ids: Collection[str], *, confirmed: bool = False
    ) -> dict[str, str]:
        """Give the chats of those contacts that are known as legs, if sure not provisionally."""
        return {
            contact: item["chat"]["S"]
            for contact, item in self._read(self._legs, contact_ids).items()
            if not (confirmed and item["provisional"]["BOOL"])
        }

    def legs(self, initial_contact_id: str) -> set[str]:
        """Give the contacts that are known as legs of a chat."""
        found = self._chats.read(initial_contact_id) or {}
        legs = set(found["legs"]["SS"]) if "legs" in found else set[str]()
        # Some may have turned out to be another chat's since.
        placed = self.initial_contacts(legs)
        return {leg for leg in legs if placed.get(leg, initial_contact_id) == initial_contact_id}

    def add_legs(self, legs: Mapping[str, str], *, provisional: bool) -> None:
        """Remember which chat each contact is a leg of."""
        known = self._read(self._legs, legs)
        wanted = [
            (contact, chat)
            for contact, chat in legs.items()
            if contact not in known or _rank(known[contact]) > (provisional, chat)
        ]
        self._each(lambda leg: self._add_leg(*leg, provisional=provisional), wanted)

    def _add_leg(self, contact: str, chat: str, *, provisional: bool) -> None:
        # The chat's own list first: an erasure that finds the leg finds all of them.
        self._chats.change(chat, UpdateExpression(added={"legs": {"SS": [contact]}}))
        self._legs.change(
            contact,
            UpdateExpression(
                puts={"chat": {"S": chat}, "provisional": {"BOOL": provisional}},
                values={
                    ":chat": {"S": chat},
                    ":provisional": {"BOOL": provisional},
                    ":true": {"BOOL": True},
                },
            ),
            "attribute_not_exists(chat) OR (provisional = :true AND :provisional <> :true) "
            "OR (provisional = :provisional AND chat > :chat)",
        )

    def record_attempts(self, days: Mapping[str, Collection[Day]]) -> dict[str, int]:
        """Count an attempt for each chat and add the days that it may write rows on."""
        return dict(zip(days, self._each(self._record_attempt, days.items()), strict=True))

    def _record_attempt(self, chat_and_days: tuple[str, Collection[Day]]) -> int:
        chat, days = chat_and_days
        names = [_NO_DAY if day is None else str(day) for day in days]
        change = UpdateExpression(added={"attempts": {"N": "1"}}, removed=["published_revision"])
        if names:
            change.added["days"] = {"SS": names}
        return int(self._chats.changed(chat, change)["attempts"]["N"])

    def attempts(self, initial_contact_ids: Collection[str]) -> dict[str, AttemptRecord]:
        """Give the attempts so far of those chats that had any."""
        found = self._read(self._chats, initial_contact_ids)
        return {chat: _attempts(item) for chat, item in found.items() if "attempts" in item}

    def mark_published(self, revisions: Mapping[str, str], counts: Mapping[str, int]) -> set[str]:
        """Remember which revision the rows of each chat show, if no later attempt was recorded."""

        def mark(chat: str) -> bool:
            change = UpdateExpression(
                puts={"published_revision": {"S": revisions[chat]}},
                values={":count": {"N": str(counts[chat])}},
            )
            return self._chats.change(chat, change, "attempts = :count")

        marked = zip(revisions, self._each(mark, revisions), strict=True)
        return {chat for chat, was_last in marked if was_last}

    def erased(self, initial_contact_ids: Collection[str]) -> set[str]:
        """Give those of the chats that were erased."""
        digests = {tombstone(chat): chat for chat in initial_contact_ids}
        return {digests[digest] for digest in self._read(self._tombstones, digests)}

    def add_tombstones(self, initial_contact_id: str) -> None:
        """Leave a tombstone for a chat and each of its legs, for good."""
        contacts = {initial_contact_id, *self.legs(initial_contact_id)}
        digests = [tombstone(contact) for contact in contacts]
        known = self._read(self._tombstones, digests)
        # The key is a digest, so that not even the id of an erased chat stays.
        mark = UpdateExpression(puts={"erased": {"BOOL": True}})
        self._each(
            lambda digest: self._tombstones.change(digest, mark),
            [digest for digest in digests if digest not in known],
        )

    def forget(self, initial_contact_id: str) -> bool:
        """Remove all that is known of a chat but its tombstones, if it is sure to have no rows."""
        self.add_tombstones(initial_contact_id)
        legs = self.legs(initial_contact_id)
        attempts = self.attempts([initial_contact_id]).get(initial_contact_id, AttemptRecord())
        if attempts.count and attempts.published_revision != NO_DOCUMENT:
            return False
        count: AttributeValueTypeDef = {"N": str(attempts.count)}
        if not self._chats.delete(
            initial_contact_id,
            "attribute_not_exists(attempts) OR attempts = :count",
            {":count": count},
        ):
            return False
        # Last: by them an erasure that was cut off is asked for again. Not a leg that turned out
        # to be another chat's.
        chat: AttributeValueTypeDef = {"S": initial_contact_id}
        self._each(
            lambda leg: self._legs.delete(leg, "chat = :chat", {":chat": chat}), sorted(legs)
        )
        return True

    def _read(self, table: DynamoDBTable, names: Iterable[str]) -> dict[str, Item]:
        """Read any number of items, some at a time side by side."""
        found: dict[str, Item] = {}
        groups = list(batched(sorted(set(names)), _READ_AT_ONCE, strict=False))
        for items in self._each(table.read_many, groups):
            found |= items
        return found

    def _each[T, R](self, work: Callable[[T], R], subjects: Iterable[T]) -> list[R]:
        subjects = list(subjects)
        if len(subjects) <= 1:
            return [work(subject) for subject in subjects]
        return list(self._pool.map(work, subjects))


def _attempts(item: Item) -> AttemptRecord:
    days = item["days"]["SS"] if "days" in item else ()
    revision = item["published_revision"]["S"] if "published_revision" in item else None
    return AttemptRecord(
        int(item["attempts"]["N"]),
        frozenset(None if day == _NO_DAY else int(day) for day in days),
        revision,
    )


def _rank(leg: Item) -> tuple[bool, str]:
    return leg["provisional"]["BOOL"], leg["chat"]["S"]
