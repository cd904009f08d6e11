"""What a backfill takes and costs, reckoned from how long its first chats took."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING

from chatlake.capture.contact_search import PAGE, SEARCHES_PER_S
from chatlake.capture.past_records import PROCESSES, RECORDS_PER_S

if TYPE_CHECKING:
    from chatlake.chat_state.backfills import BackfillState
    from chatlake.operations.past_exports import Listing

SEARCHES_A_SECOND = SEARCHES_PER_S
RECORDS_A_SECOND = RECORDS_PER_S * PROCESSES

SEARCHED_BY_THE_HOUR = 2_000
"""A day of more exports is searched hour by hour, so that little is asked again after a crash."""

# List prices in us-east-1, in dollars; tools/prices has them all, and a test compares.
PRICES = {
    "lambda_arm64": 0.0000133334,
    "lambda_x86_64": 0.0000166667,
    "lambda_request": 0.20e-6,
    "write": 0.625e-6,
    "read": 0.125e-6,
    "put": 5.0e-6,
    "get": 0.4e-6,
    "kms": 3.0e-6,
    "sqs": 0.40e-6,
}
# Of one export, beside the time of Backfill. Messages go by tens, and are received and deleted so;
# a chat is published in batches, by a function of 2 GB, some hundredths of a second each.
REQUESTS = {
    "write": 4.0,
    "read": 14.0,
    "put": 1.1,
    "get": 6.0,
    "sqs": 1.0,
    "kms": 0.1,
    "lambda_request": 0.02,
}
_PUBLISH_GB_S = 0.05


@dataclass(frozen=True, slots=True)
class Estimate:
    """How long it takes until all is in, and what that costs at AWS's list prices.

    Attributes
    ----------
    exports
        How many there are, those that are in already included.
    a_second
        How many of them the stack takes in a second.
    hours, dollars
        Of all of them.
    """

    exports: int
    a_second: float
    hours: float
    dollars: float


def searches(listing: Listing) -> int:
    """Return how many calls of SearchContacts a period needs, at about a contact an export."""
    return sum(
        max(parts_of_day(number), ceil(number / PAGE)) for number in listing.exports.values()
    )


def parts_of_day(exports: int) -> int:
    """Return in how many parts a day is searched."""
    return 24 if exports > SEARCHED_BY_THE_HOUR else 1


def estimate(
    listing: Listing,
    state: BackfillState,
    *,
    processes: int,
    memory_gb: float,
    architecture: str,
    searching: bool,
    asking: bool,
) -> Estimate:
    """Reckon from what the function has done so far, which must be something.

    Parameters
    ----------
    processes
        How many executions of the function there are at once, if it asks for no records.
    searching, asking
        Whether contacts are searched, and whether the record of each is asked for.
    """
    each_s = state.busy_ms / 1000 / state.over
    a_second = (PROCESSES if asking else processes) / each_s
    if asking:
        a_second = min(a_second, RECORDS_A_SECOND)
    hours = listing.count / a_second / 3600
    if searching:
        hours = max(hours, searches(listing) / SEARCHES_PER_S / 3600)
    gb_s = each_s * memory_gb + _PUBLISH_GB_S
    each = gb_s * PRICES[f"lambda_{architecture}"]
    each += sum(number * PRICES[name] for name, number in REQUESTS.items())
    return Estimate(listing.count, a_second, hours, listing.count * each)
