"""The state of chats in a DynamoDB table, one item each for a chat, a leg and a tombstone.

Days are kept as a set of strings, because a set can be added to without reading it.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import batched
from typing import TYPE_CHECKING

from chatlake.aws_clients.dynamodb_table import KEYS_AT_ONCE, DynamoDBTable
from chatlake.aws_clients.update_expression import UpdateExpression
from chatlake.chat_state import NO_DOCUMENT, REWRITE, AttemptRecord, add_tombstones, digests_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_dynamodb.type_defs import AttributeValueTypeDef

    from chatlake.aws_clients.dynamodb_table import Item
    from chatlake.chat_state import Day

_NO_DAY = "null"
_CONNECTIONS = 16


class DynamoDBChatState:
    """State of chats in one table; every change is atomic and safe beside concurrent ones."""

    def __init__(self, dynamodb: DynamoDBClient, table: str) -> None:
        requests = _Requests()
        self._chats = DynamoDBTable(dynamodb, table, "chat#")
        self.legs = DynamoDBLegs(DynamoDBTable(dynamodb, table, "leg#"), self._chats, requests)
        self.publish_attempts = DynamoDBPublishAttempts(self._chats, requests)
        self.tombstones = DynamoDBTombstones(DynamoDBTable(dynamodb, table, "tombstone#"), requests)

    def forget(self, initial_contact_id: str) -> bool:
        """Remove all that is kept of a chat but its tombstones, if it certainly has no rows."""
        add_tombstones(self, initial_contact_id)
        legs = self.legs.of_chat(initial_contact_id)
        records = self.publish_attempts.read([initial_contact_id])
        record = records.get(initial_contact_id, AttemptRecord())
        if record.count and record.published_revision != NO_DOCUMENT:
            return False
        count: AttributeValueTypeDef = {"N": str(record.count)}
        if not self._chats.delete(
            initial_contact_id,
            "attribute_not_exists(attempts) OR attempts = :count",
            {":count": count},
        ):
            return False
        # Last: by them an erasure that was cut off is asked for again.
        self.legs.remove(initial_contact_id, legs)
        return True


class DynamoDBLegs:
    """The leg directory: an item for each leg, and a set of its legs in the item of a chat."""

    def __init__(self, legs: DynamoDBTable, chats: DynamoDBTable, requests: _Requests) -> None:
        self._legs = legs
        self._chats = chats
        self._requests = requests

    def initial_contacts(
        self, contact_ids: Collection[str], *, confirmed: bool = False
    ) -> dict[str, str]:
        """Return the chats of those contacts that are known; only confirmed ones if asked so."""
        return {
            contact: item["chat"]["S"]
            for contact, item in self._requests.read(self._legs, contact_ids).items()
            if not (confirmed and item["provisional"]["BOOL"])
        }

    def of_chat(self, initial_contact_id: str) -> set[str]:
        """Return the contacts that are known as legs of a chat."""
        found = self._chats.read(initial_contact_id) or {}
        legs = set(found["legs"]["SS"]) if "legs" in found else set[str]()
        # Some may have turned out to be another chat's since.
        placed = self.initial_contacts(legs)
        return {leg for leg in legs if placed.get(leg, initial_contact_id) == initial_contact_id}

    def add(self, legs: Mapping[str, str], *, provisional: bool) -> None:
        """Map contacts to the chats that they are legs of."""
        known = self._requests.read(self._legs, legs)
        wanted = [
            (contact, chat)
            for contact, chat in legs.items()
            if contact not in known or _rank(known[contact]) > (provisional, chat)
        ]
        self._requests.each(lambda leg: self._add(*leg, provisional=provisional), wanted)

    def _add(self, contact: str, chat: str, *, provisional: bool) -> None:
        # The chat's own set first: an erasure that finds the leg finds all of them.
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

    def remove(self, initial_contact_id: str, legs: Collection[str]) -> None:
        """Remove legs of a chat, but for those that turned out to be another chat's."""
        chat: AttributeValueTypeDef = {"S": initial_contact_id}
        self._requests.each(
            lambda leg: self._legs.delete(leg, "chat = :chat", {":chat": chat}), sorted(legs)
        )


class DynamoDBPublishAttempts:
    """Attempts to publish, in the items of chats."""

    def __init__(self, chats: DynamoDBTable, requests: _Requests) -> None:
        self._chats = chats
        self._requests = requests

    def record(self, days: Mapping[str, Collection[Day]]) -> dict[str, int]:
        """Count an attempt for each chat and add the days that it may write rows on."""
        return dict(zip(days, self._requests.each(self._record, days.items()), strict=True))

    def _record(self, chat_and_days: tuple[str, Collection[Day]]) -> int:
        chat, days = chat_and_days
        change = UpdateExpression(added={"attempts": {"N": "1"}}, removed=["published_revision"])
        if days:
            change.added["days"] = _names_of(days)
        return int(self._chats.changed(chat, change)["attempts"]["N"])

    def add_days(self, days: Mapping[str, Collection[Day]]) -> None:
        """Note further days where rows of chats are that have a record."""

        def add(chat: str) -> bool:
            change = UpdateExpression(added={"days": _names_of(days[chat])})
            return self._chats.change(chat, change, "attribute_exists(attempts)")

        self._requests.each(add, [chat for chat in days if days[chat]])

    def read(self, initial_contact_ids: Collection[str]) -> dict[str, AttemptRecord]:
        """Return the records of those chats that have one."""
        found = self._requests.read(self._chats, initial_contact_ids)
        return {chat: _record_of(item) for chat, item in found.items() if "attempts" in item}

    def mark_published(self, revisions: Mapping[str, str], counts: Mapping[str, int]) -> set[str]:
        """Note which revision the rows of each chat show, if no later attempt was recorded."""

        def mark(chat: str) -> bool:
            change = UpdateExpression(
                puts={"published_revision": {"S": revisions[chat]}},
                values={":count": {"N": str(counts[chat])}},
            )
            # Who forgot it meanwhile wants its rows written once more.
            return self._chats.change(
                chat, change, "attempts = :count AND attribute_not_exists(published_revision)"
            )

        marked = zip(revisions, self._requests.each(mark, revisions), strict=True)
        return {chat for chat, was_last in marked if was_last}

    def forget_published(self, initial_contact_ids: Collection[str]) -> None:
        """Forget what was published of chats, so that their rows are written even if unchanged."""
        change = UpdateExpression(puts={"published_revision": {"S": REWRITE}})
        # Without the condition an item would be made for a chat that has none.
        self._requests.each(
            lambda chat: self._chats.change(chat, change, "attribute_exists(attempts)"),
            sorted(set(initial_contact_ids)),
        )


class DynamoDBTombstones:
    """Tombstones, an item each; the key is a digest, so that not even an erased id stays."""

    def __init__(self, tombstones: DynamoDBTable, requests: _Requests) -> None:
        self._tombstones = tombstones
        self._requests = requests

    def erased(self, contact_ids: Collection[str]) -> set[str]:
        """Return those of the contacts that were erased."""
        contacts = digests_of(contact_ids)
        return {contacts[digest] for digest in self._requests.read(self._tombstones, contacts)}

    def add(self, contact_ids: Collection[str]) -> None:
        """Note that contacts were erased."""
        digests = digests_of(contact_ids)
        known = self._requests.read(self._tombstones, digests)
        mark = UpdateExpression(puts={"erased": {"BOOL": True}})
        self._requests.each(
            lambda digest: self._tombstones.change(digest, mark),
            [digest for digest in digests if digest not in known],
        )


class _Requests:
    """Requests side by side."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(_CONNECTIONS)

    def read(self, table: DynamoDBTable, names: Iterable[str]) -> dict[str, Item]:
        """Read any number of items, some at a time."""
        found: dict[str, Item] = {}
        groups = list(batched(sorted(set(names)), KEYS_AT_ONCE, strict=False))
        for items in self.each(table.read_many, groups):
            found |= items
        return found

    def each[T, R](self, work: Callable[[T], R], subjects: Iterable[T]) -> list[R]:
        """Do the work for each subject; return the results in their order."""
        subjects = list(subjects)
        if len(subjects) <= 1:
            return [work(subject) for subject in subjects]
        return list(self._pool.map(work, subjects))


def _names_of(days: Collection[Day]) -> AttributeValueTypeDef:
    return {"SS": [_NO_DAY if day is None else str(day) for day in days]}


def _record_of(item: Item) -> AttemptRecord:
    days = item["days"]["SS"] if "days" in item else ()
    revision = item["published_revision"]["S"] if "published_revision" in item else None
    return AttemptRecord(
        int(item["attempts"]["N"]),
        frozenset(None if day == _NO_DAY else int(day) for day in days),
        revision,
    )


def _rank(leg: Item) -> tuple[bool, str]:
    return leg["provisional"]["BOOL"], leg["chat"]["S"]
