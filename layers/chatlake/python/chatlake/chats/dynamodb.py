"""The state of chats in a DynamoDB table, one item each for a chat, a leg and a tombstone.

Days are kept as a set of strings, because a set can be added to without reading it.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import batched
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from chatlake.chats import NO_DOCUMENT, Attempts, tombstone

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_dynamodb.type_defs import AttributeValueTypeDef

    from chatlake.chats import Day

type Item = Mapping[str, AttributeValueTypeDef]

_CHAT = "chat#"
_LEG = "leg#"
_TOMBSTONE = "tombstone#"
_NO_DAY = "null"
# BatchGetItem takes no more.
_KEYS_AT_ONCE = 100
_CONNECTIONS = 16


class DynamoDBChats:
    """State of chats in one table; every change is atomic and safe beside others."""

    def __init__(self, dynamodb: DynamoDBClient, table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._pool = ThreadPoolExecutor(_CONNECTIONS)

    def initial_contacts(
        self, contact_ids: Collection[str], *, sure: bool = False
    ) -> dict[str, str]:
        """Give the chats of those contacts that are known as legs, if sure not provisionally."""
        return {
            contact: item["chat"]["S"]
            for contact, item in self._read(_LEG, contact_ids).items()
            if not (sure and item["provisional"]["BOOL"])
        }

    def legs(self, initial_contact_id: str) -> set[str]:
        """Give the contacts that are known as legs of a chat."""
        found = self._read(_CHAT, [initial_contact_id]).get(initial_contact_id, {})
        legs = set(found["legs"]["SS"]) if "legs" in found else set[str]()
        # Some may have turned out to be another chat's since.
        placed = self.initial_contacts(legs)
        return {leg for leg in legs if placed.get(leg, initial_contact_id) == initial_contact_id}

    def add_legs(self, legs: Mapping[str, str], *, provisional: bool) -> None:
        """Remember which chat each contact is a leg of."""
        known = self._read(_LEG, legs)
        wanted = [
            (contact, chat)
            for contact, chat in legs.items()
            if contact not in known or _rank(known[contact]) > (provisional, chat)
        ]
        self._each(lambda leg: self._add_leg(*leg, provisional=provisional), wanted)

    def _add_leg(self, contact: str, chat: str, *, provisional: bool) -> None:
        # The chat's own list first: an erasure that finds the leg finds all of them.
        self._update(
            _CHAT + chat,
            "ADD legs :leg",
            {":leg": {"SS": [contact]}},
        )
        self._update(
            _LEG + contact,
            "SET chat = :chat, provisional = :provisional",
            {":chat": {"S": chat}, ":provisional": {"BOOL": provisional}, ":true": {"BOOL": True}},
            "attribute_not_exists(#key) OR (provisional = :true AND :provisional <> :true) "
            "OR (provisional = :provisional AND chat > :chat)",
            {"#key": "key"},
        )

    def record_attempts(self, days: Mapping[str, Collection[Day]]) -> dict[str, int]:
        """Count an attempt for each chat and add the days that it may write rows on."""
        return dict(zip(days, self._each(self._record_attempt, days.items()), strict=True))

    def _record_attempt(self, chat_and_days: tuple[str, Collection[Day]]) -> int:
        chat, days = chat_and_days
        names = [_NO_DAY if day is None else str(day) for day in days]
        changed = self._dynamodb.update_item(
            TableName=self._table,
            Key={"key": {"S": _CHAT + chat}},
            UpdateExpression="REMOVE published_revision ADD attempts :one"
            + (", days :days" if names else ""),
            ExpressionAttributeValues={":one": {"N": "1"}}
            | ({":days": {"SS": names}} if names else {}),
            ReturnValues="UPDATED_NEW",
        )
        return int(changed["Attributes"]["attempts"]["N"])

    def attempts(self, initial_contact_ids: Collection[str]) -> dict[str, Attempts]:
        """Give the attempts so far of those chats that had any."""
        found = self._read(_CHAT, initial_contact_ids)
        return {chat: _attempts(item) for chat, item in found.items() if "attempts" in item}

    def mark_published(self, revisions: Mapping[str, str], counts: Mapping[str, int]) -> None:
        """Remember which revision the rows of each chat show, if no later attempt was recorded."""

        def mark(chat: str) -> None:
            self._update(
                _CHAT + chat,
                "SET published_revision = :revision",
                {":revision": {"S": revisions[chat]}, ":count": {"N": str(counts[chat])}},
                "attempts = :count",
            )

        self._each(mark, revisions)

    def erased(self, initial_contact_ids: Collection[str]) -> set[str]:
        """Give those of the chats that were erased."""
        digests = {tombstone(chat): chat for chat in initial_contact_ids}
        return {digests[digest] for digest in self._read(_TOMBSTONE, digests)}

    def bury(self, initial_contact_id: str) -> None:
        """Leave a tombstone for a chat and each of its legs, for good."""
        contacts = {initial_contact_id, *self.legs(initial_contact_id)}
        digests = [tombstone(contact) for contact in contacts]
        known = self._read(_TOMBSTONE, digests)
        # The key is a digest, so that not even the id of an erased chat stays.
        self._each(
            lambda digest: self._update(
                _TOMBSTONE + digest, "SET erased = :true", {":true": {"BOOL": True}}
            ),
            [digest for digest in digests if digest not in known],
        )

    def forget(self, initial_contact_id: str) -> bool:
        """Remove all that is known of a chat but its tombstones, if it is sure to have no rows."""
        self.bury(initial_contact_id)
        legs = self.legs(initial_contact_id)
        attempts = self.attempts([initial_contact_id]).get(initial_contact_id, Attempts())
        if attempts.count and attempts.published_revision != NO_DOCUMENT:
            return False
        try:
            self._dynamodb.delete_item(
                TableName=self._table,
                Key={"key": {"S": _CHAT + initial_contact_id}},
                ConditionExpression="attribute_not_exists(attempts) OR attempts = :count",
                ExpressionAttributeValues={":count": {"N": str(attempts.count)}},
            )
        except ClientError as error:
            if _is_refused(error):
                return False
            raise
        # Last: by them an erasure that was cut off is asked for again. Not a leg that turned out
        # to be another chat's.
        self._each(lambda leg: self._delete_leg(leg, initial_contact_id), sorted(legs))
        return True

    def _delete_leg(self, contact: str, chat: str) -> None:
        try:
            self._dynamodb.delete_item(
                TableName=self._table,
                Key={"key": {"S": _LEG + contact}},
                ConditionExpression="chat = :chat",
                ExpressionAttributeValues={":chat": {"S": chat}},
            )
        except ClientError as error:
            if not _is_refused(error):
                raise

    def _update(
        self,
        key: str,
        expression: str,
        values: Mapping[str, AttributeValueTypeDef],
        condition: str | None = None,
        names: Mapping[str, str] | None = None,
    ) -> bool:
        """Change an item, or make it; give whether the condition held."""
        options: dict[str, object] = {
            "UpdateExpression": expression,
            "ExpressionAttributeValues": values,
            "ConditionExpression": condition,
            "ExpressionAttributeNames": names,
        }
        try:
            self._dynamodb.update_item(
                TableName=self._table,
                Key={"key": {"S": key}},
                **{name: value for name, value in options.items() if value},  # type: ignore[arg-type]
            )
        except ClientError as error:
            if not _is_refused(error):
                raise
            return False
        return True

    def _read(self, prefix: str, names: Iterable[str]) -> dict[str, Item]:
        """Give the items of those names that there are, as they are after every change so far."""
        found: dict[str, Item] = {}
        groups = list(batched(sorted(set(names)), _KEYS_AT_ONCE, strict=False))
        for items in self._each(lambda some: self._read_some(prefix, some), groups):
            found |= items
        return found

    def _read_some(self, prefix: str, names: Iterable[str]) -> dict[str, Item]:
        found: dict[str, Item] = {}
        request: Mapping[str, object] = {
            self._table: {
                "Keys": [{"key": {"S": prefix + name}} for name in names],
                "ConsistentRead": True,
            }
        }
        while request:
            answer = self._dynamodb.batch_get_item(RequestItems=request)  # type: ignore[arg-type]
            for item in answer["Responses"][self._table]:
                found[item["key"]["S"].removeprefix(prefix)] = item
            request = answer.get("UnprocessedKeys", {})
        return found

    def _each[T, R](self, work: Callable[[T], R], subjects: Iterable[T]) -> list[R]:
        subjects = list(subjects)
        if len(subjects) <= 1:
            return [work(subject) for subject in subjects]
        return list(self._pool.map(work, subjects))


def _attempts(item: Item) -> Attempts:
    days = item["days"]["SS"] if "days" in item else ()
    revision = item["published_revision"]["S"] if "published_revision" in item else None
    return Attempts(
        int(item["attempts"]["N"]),
        frozenset(None if day == _NO_DAY else int(day) for day in days),
        revision,
    )


def _rank(leg: Item) -> tuple[bool, str]:
    return leg["provisional"]["BOOL"], leg["chat"]["S"]


def _is_refused(error: ClientError) -> bool:
    return error.response["Error"]["Code"] == "ConditionalCheckFailedException"
