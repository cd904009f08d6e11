"""Whether exports of the past were redacted: their contacts' records, asked for at an own pace.

DescribeContact has a quota of two calls a second in an account and Region, which live chats need.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from chatlake.aws_clients.clients import error_code
from chatlake.aws_clients.metric_names import Metric
from chatlake.capture.contact_records import is_no_contact, told_redacted
from chatlake.capture.contact_search import THROTTLED
from chatlake.exceptions import OutOfTime, RecordUnavailable
from chatlake.timestamps import now_ms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from chatlake.aws_clients.counters import Counters
    from chatlake.capture.rate_limiter import Pace
    from chatlake.documents.document import Document
    from chatlake.json_codec import JsonObject

RECORDS_PER_S = 0.5
"""Calls of DescribeContact that one execution of Backfill makes in a second."""

PROCESSES = 2
"""Executions of Backfill, where records are asked for: together they take half of the quota."""

LAST_RECORD_MS = 60_000
"""What is left of an execution's time when it asks for no more records: the rest is stored."""

COMPLETE_AFTER_MS = 45 * 60_000
"""The age of an export from which on a record that does not list it is believed."""

_THROTTLED_S = 10.0


class PastRecords:
    """Tells of exports of the past whether they were redacted, as long as there is time."""

    def __init__(
        self,
        recordings: Callable[[str], object],
        pace: Pace,
        *,
        may_go_on: Callable[[], bool],
        warn: Callable[[Metric, str, str], None],
        counters: Counters,
    ) -> None:
        """Ask for records at a pace.

        Parameters
        ----------
        recordings
            Asks for the record of a contact, once.
        may_go_on
            Whether there is time for another record.
        warn
            Takes what went wrong with a contact's record, the contact and the reason.
        """
        self._recordings = recordings
        self._pace = pace
        self._may_go_on = may_go_on
        self._warn = warn
        self._counters = counters

    def is_redacted(
        self, key: str, value: JsonObject, known: Iterable[Document], written_at: int
    ) -> bool:
        """Return whether an export was redacted.

        Parameters
        ----------
        key, value
            The export: its key, and what it holds.
        known
            What else is known of its chat.
        written_at
            When it was written, in epoch ms.

        Raises
        ------
        OutOfTime
            There was no time to ask.
        RecordUnavailable
            Connect did not tell, or the record of a contact that is just over does not list it yet.
        """
        contact = value.get("ContactId")
        if not isinstance(contact, str):
            return False
        try:
            found = told_redacted(key, contact, known, self._ask)
        except (ClientError, BotoCoreError) as error:
            self._note(contact, error)
            if not is_no_contact(error):
                raise RecordUnavailable(error_code(error)) from None
            found = None
        if found is None and written_at > now_ms() - COMPLETE_AFTER_MS:
            raise RecordUnavailable("it does not list the export yet")
        return found is True

    def _ask(self, contact: str) -> object:
        """Ask until there is an answer, or no more time."""
        while self._may_go_on():
            with self._pace.call():
                # Whoever waits for a turn may do so for long.
                if not self._may_go_on():
                    break
                try:
                    return self._recordings(contact)
                except ClientError as error:
                    if error_code(error) not in THROTTLED:
                        raise
                    self._note(contact, error)
                    # Within one's turn: the others of this execution wait, too.
                    time.sleep(_THROTTLED_S)
        raise OutOfTime

    def _note(self, contact: str, error: Exception) -> None:
        self._counters.add(Metric.RECORDS_UNAVAILABLE)
        self._warn(Metric.RECORDS_UNAVAILABLE, contact, error_code(error))
