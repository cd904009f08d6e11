"""Backfill of a stack: a past period's exports and contacts go into a queue of their own.

How far it has come is noted in DynamoDB, so whoever gives the same command again goes on. What was
put into the queue and not noted goes in twice, which does no harm.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import batched
from typing import TYPE_CHECKING

from chatlake.capture.backfill import PastContact
from chatlake.capture.contact_search import SEARCHES_PER_S, as_event, search_contacts
from chatlake.capture.rate_limiter import RateLimiter
from chatlake.chat_state.backfills import BackfillState
from chatlake.exceptions import MessageRefused, StackUnusable
from chatlake.identifiers import text_id
from chatlake.operations.backfill_estimate import parts_of_day
from chatlake.operations.redrive import count

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from types_boto3_connect import ConnectClient
    from types_boto3_sqs import SQSClient

    from chatlake.capture.rate_limiter import Pace
    from chatlake.chat_state.backfills import Backfills
    from chatlake.json_codec import JsonObject
    from chatlake.operations.past_exports import ExportFolder, Listing, PastDays

MEASURED = 500
"""The first ones, by which the rest is reckoned."""

_MESSAGES_AT_ONCE = 10
_NOTED_EVERY = 500
# Rows of live chats wait behind what is in the publish queue: about two batches of it at most.
_MOST_WAITING = 10_000
_POLL_S = 2.0
# What has failed comes back after twelve minutes, unseen until then; where records are asked for,
# after thirty.
_SILENT_S = 1500.0
_SILENT_WITH_RECORDS_S = 3700.0
_ENOUGH_AFTER_S = 30.0
# SQS's counts are right within a minute.
_EMPTY_FOR_S = 60.0
_THROTTLED_S = 60.0
_HOURS = 24


@dataclass(frozen=True, slots=True)
class BackfillSources:
    """What a backfill works with.

    Attributes
    ----------
    connect, searches
        Searches contacts at a rate; None to take in exports alone. The client makes no call twice
        on its own: the quota is small, and Reconcile shares it.
    queue_url, publish_queue_url
        Where contacts wait to be taken in, and chats to be published.
    asks_for_records
        Whether the function asks for the record of each contact.
    sleep
        Waits some seconds.
    """

    folder: ExportFolder
    instance_arn: str
    connect: ConnectClient | None
    searches: Pace
    sqs: SQSClient
    queue_url: str
    publish_queue_url: str
    backfills: Backfills
    asks_for_records: bool = False
    sleep: Callable[[float], None] = time.sleep


@dataclass(frozen=True, slots=True)
class Place:
    """Up to where everything is in the queue: days before this one are, of this day some hours.

    When all hours were searched, its exports up to a key are, too.
    """

    day: date
    hour: int = 0
    after: str = ""

    def __str__(self) -> str:
        return f"{self.day} {self.hour} {self.after}"

    @classmethod
    def parse(cls, text: str) -> Place:
        """Read what `str` wrote."""
        day, hour, after = text.split(" ", 2)
        return cls(date.fromisoformat(day), int(hour), after)


def searching_pace() -> Pace:
    """Return the pace at which contacts are searched."""
    return RateLimiter(SEARCHES_PER_S)


class Backfill:
    """One backfill, which goes on where an earlier run of it has ended."""

    def __init__(self, sources: BackfillSources, days: PastDays) -> None:
        self._sources = sources
        self._days = days
        with_contacts = "" if sources.connect is not None else " exports"
        self.name = f"{days.since}..{days.until}{with_contacts}"
        self._sent = 0
        self._noted = 0
        self._shown = 0

    def state(self) -> BackfillState:
        """Return how far it has come."""
        return self._sources.backfills.read(self.name) or BackfillState("")

    def run(
        self,
        listing: Listing,
        advance: Callable[[int], None],
        measured: Callable[[BackfillState], None],
    ) -> BackfillState:
        """Put everything into the queue that is not in it yet, and wait until it is taken in.

        Parameters
        ----------
        advance
            Is told how many more are taken in.
        measured
            Is told, once, how long the first ones took.

        Raises
        ------
        StackUnusable
            The function does nothing.
        """
        begun = self.state()
        place = Place.parse(begun.place) if begun.place else Place(self._days.since)
        if not begun.place:
            self._note(place)
        waits = listing.count >= MEASURED
        for after in self._queue(place, listing):
            self._note(after)
            if waits and self._sent >= MEASURED:
                waits = False
                first = self._wait(MEASURED, begun, advance)
                if first.over:
                    measured(first)
            self._let_others_go_first(advance)
        ended = self._wait(None, begun, advance)
        if listing.count < MEASURED and ended.over:
            measured(ended)
        return ended

    def end(self) -> None:
        """Forget it, once it is over: the same command begins anew then."""
        self._sources.backfills.end(self.name)

    # --- into the queue -------------------------------------------------------------------------

    def _queue(self, place: Place, listing: Listing) -> Iterator[Place]:
        """Put into the queue what follows a place; yields where it has come, to be noted."""
        for day in self._days:
            if day < place.day:
                continue
            hour, after = (place.hour, place.after) if day == place.day else (0, "")
            yield from self._queue_day(day, hour, after, listing.exports.get(day, 0))
            yield Place(day + timedelta(days=1))

    def _queue_day(self, day: date, hour: int, after: str, listed: int) -> Iterator[Place]:
        exports = {contact: key for contact, key, _ in self._sources.folder.of_day(day)}
        step = _HOURS // parts_of_day(listed)
        while self._sources.connect is not None and hour < _HOURS:
            until = min(hour + step, _HOURS)
            for page in self._search(self._sources.connect, day, hour, until):
                self._send(self._found(page, exports))
            yield Place(day, until)
            hour = until
        left = sorted(key for key in exports.values() if key > after)
        for some in batched(left, _NOTED_EVERY, strict=False):
            self._send(PastContact(self.name, key) for key in some)
            yield Place(day, _HOURS, some[-1])

    def _search(
        self, connect: ConnectClient, day: date, hour: int, until: int
    ) -> Iterator[list[JsonObject]]:
        midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
        sources = self._sources
        return search_contacts(
            connect,
            sources.searches,
            sources.instance_arn,
            # Its export lies under the day on which a contact began.
            "INITIATION_TIMESTAMP",
            (midnight + timedelta(hours=hour), midnight + timedelta(hours=until)),
            throttled=lambda: sources.sleep(_THROTTLED_S),
        )

    def _found(self, page: list[JsonObject], exports: dict[str, str]) -> Iterator[PastContact]:
        """Name the contacts of a page that are over, each with its export; takes those away."""
        for contact in page:
            contact_id = text_id(contact.get("Id"))
            # Of live ones events will tell.
            if contact_id is not None and contact.get("DisconnectTimestamp") is not None:
                event = as_event(contact, self._sources.instance_arn)
                yield PastContact(self.name, exports.pop(contact_id, None), event)

    def _send(self, contacts: Iterable[PastContact]) -> None:
        for some in batched(contacts, _MESSAGES_AT_ONCE, strict=False):
            answer = self._sources.sqs.send_message_batch(
                QueueUrl=self._sources.queue_url,
                Entries=[
                    {"Id": str(number), "MessageBody": contact.to_body()}
                    for number, contact in enumerate(some)
                ],
            )
            for failure in answer.get("Failed", []):
                raise MessageRefused("backfill", failure["Code"], "give the same command again")
            self._sent += len(some)

    def _note(self, place: Place) -> None:
        self._sources.backfills.move(self.name, str(place), sent=self._sent - self._noted)
        self._noted = self._sent

    # --- out of the queue -----------------------------------------------------------------------

    def _show(self, advance: Callable[[int], None]) -> BackfillState:
        state = self.state()
        advance(state.over - self._shown)
        self._shown = state.over
        return state

    def _let_others_go_first(self, advance: Callable[[int], None]) -> None:
        """Wait while much is in the queues: rows of live chats come behind it."""
        sources = self._sources
        while any(
            count(sources.sqs, url) > _MOST_WAITING
            for url in (sources.queue_url, sources.publish_queue_url)
        ):
            self._show(advance)
            sources.sleep(_POLL_S)
        self._show(advance)

    def _wait(
        self, number: int | None, begun: BackfillState, advance: Callable[[int], None]
    ) -> BackfillState:
        """Wait until so many more are taken in; None until the queue is empty."""
        sources = self._sources
        longest_s = _SILENT_WITH_RECORDS_S if sources.asks_for_records else _SILENT_S
        last, silent_s = begun.over, 0.0
        while True:
            state = self._show(advance)
            waiting = count(sources.sqs, sources.queue_url)
            silent_s = 0.0 if state.over > last else silent_s + _POLL_S
            last = state.over
            if number is not None and _is_enough(state.over - begun.over, number, silent_s):
                return state
            if not waiting and (silent_s > _EMPTY_FOR_S or (silent_s and state.over >= state.sent)):
                return state
            if waiting and silent_s > longest_s:
                raise StackUnusable(
                    f"Backfill has taken in nothing for {longest_s / 60:.0f} minutes, and "
                    f"{waiting:,} messages wait for it: see its log, then give the same command "
                    "again, which goes on"
                )
            sources.sleep(_POLL_S)


def _is_enough(done: int, wanted: int, silent_s: float) -> bool:
    """Return whether so many are done that they tell of the rest; some may have failed for now."""
    return done >= wanted or (done > 0 and silent_s > _ENOUGH_AFTER_S)
