"""What the rows of new chats tell of the service and of the pipeline: numbers, and nothing else.

They go into metrics, so no id, name or text may be among them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from chatlake.tables import schema

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from chatlake.tables.flatten import Tables

OTHER = "OTHER"
SENDER_ROLES = ("AGENT", "CUSTOMER", "CUSTOM_BOT", "SUPERVISOR", "SYSTEM", OTHER)
"""All that a metric may say of a sender: roles are what the service wrote, and may be anything."""

LONGEST_END_TO_ROWS = timedelta(days=1)
"""Chats that ended earlier were imported afterwards: how long ago is no fault of the pipeline."""

_CHAT = "initial_contact_id"


@dataclass(frozen=True, slots=True)
class Measures:
    """Numbers of some chats.

    Attributes
    ----------
    messages
        Items of type MESSAGE, those of an earlier chat that are shown again left out.
    receipts
        Rows of receipts.
    read_latencies_ms
        Of the messages whose reading was reported, by role of the sender, one of `SENDER_ROLES`;
        none is negative, for CloudWatch gives no percentiles of a metric with such values. What
        nobody has seen yet is not among them: the questions of the tables count that, too.
    negative_latencies
        How many were left out for that.
    end_to_rows_s
        From the end of each chat to the moment when its rows were there.
    """

    messages: int
    receipts: int
    read_latencies_ms: dict[str, list[int]]
    negative_latencies: int
    end_to_rows_s: list[float]


def measure(rows: Tables, chats: Collection[str], *, at: datetime) -> Measures:
    """Measure some chats by their rows, which may have others among them.

    Parameters
    ----------
    rows
        Of all tables.
    chats
        The initial contact ids of those to be measured.
    at
        When the rows were written.
    """
    messages = _rows_of(chats, rows, schema.MESSAGES, "item_type", "related_contact_id")
    receipts = _rows_of(chats, rows, schema.RECEIPTS)
    readings = _rows_of(chats, rows, schema.READ_LATENCY, "sender_role", "read_latency_ms")
    contacts = _rows_of(chats, rows, schema.CONTACTS, "disconnected_at")
    is_message = pc.equal(messages.column("item_type"), "MESSAGE")
    is_own = pc.is_null(messages.column("related_contact_id"))
    read = readings.filter(pc.is_valid(readings.column("read_latency_ms")))
    negative = pc.less(read.column("read_latency_ms"), 0)
    return Measures(
        messages=pc.sum(pc.and_(is_message, is_own)).as_py() or 0,
        receipts=receipts.num_rows,
        read_latencies_ms=_by_role(read.filter(pc.invert(negative))),
        negative_latencies=pc.sum(negative).as_py() or 0,
        end_to_rows_s=_end_to_rows_s(contacts, at),
    )


def _rows_of(chats: Collection[str], rows: Tables, table: schema.Table, *columns: str) -> pa.Table:
    """Return some columns of the chats' rows; what was said is never copied."""
    some = rows[table.name].select([_CHAT, *columns])
    return some.filter(pc.is_in(some.column(_CHAT), pa.array(sorted(chats), pa.string())))


def _by_role(read: pa.Table) -> dict[str, list[int]]:
    said = read.column("sender_role")
    is_known = pc.is_in(said, pa.array(SENDER_ROLES))
    roles = pc.if_else(is_known, said, OTHER)
    latencies = read.column("read_latency_ms")
    values = {role: latencies.filter(pc.equal(roles, role)).to_pylist() for role in SENDER_ROLES}
    return {role: of_role for role, of_role in values.items() if of_role}


def _end_to_rows_s(contacts: pa.Table, at: datetime) -> list[float]:
    """Measure the chats whose end is known, from that of their last leg."""
    ends = contacts.group_by(_CHAT).aggregate([("disconnected_at", "max")])
    ended = ends.column("disconnected_at_max").drop_null()
    since = pc.cast(pc.subtract(pa.scalar(at, ended.type), ended), pa.int64())
    longest_us = LONGEST_END_TO_ROWS // timedelta(microseconds=1)
    recent = since.filter(pc.and_(pc.greater_equal(since, 0), pc.less_equal(since, longest_us)))
    seconds: list[float] = pc.divide(pc.cast(recent, pa.float64()), 1e6).to_pylist()
    return seconds
