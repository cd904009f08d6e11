"""What is known of each reading: docs/row-rules.md §8."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from chatlake.tables.flatten.later import least_from_here

if TYPE_CHECKING:
    from chatlake.tables.flatten.chat_times import ChatTimes

NOBODY = ""
"""Stands for a recipient or sender without an id: joins find no nulls."""

REPLY_US = 2_000_000
"""What is written sooner after a message crosses it, and is no answer to it."""


def signs_of_reading(rows: pa.Table, messages: pa.Table) -> pa.Table:
    """Add the earliest reading of a later message of the sender, and the recipient's reply."""
    later_read = least_from_here(
        rows,
        of=("chat", "sender", "sender_role", "recipient"),
        at="sent_us",
        tie="message_id",
        value="read_us",
    )
    replies = pa.table(
        {
            "chat": messages.column("chat"),
            "who": messages.column("sender"),
            "at": messages.column("sent_us"),
            "tie": pa.array(["1"] * messages.num_rows, pa.string()),
            "reply_us": messages.column("sent_us"),
        }
    )
    # At one moment the question comes before the answer: exactly two seconds later is a reply.
    asked = pa.table(
        {
            "chat": rows.column("chat"),
            "who": rows.column("recipient"),
            "at": pc.add(rows.column("sent_us"), REPLY_US),
            "tie": pa.array(["0"] * rows.num_rows, pa.string()),
        }
    )
    both = pa.concat_tables([asked, replies], promote_options="default")
    found = least_from_here(both, of=("chat", "who"), at="at", tie="tie", value="reply_us")
    reply = found.slice(0, rows.num_rows)
    is_somebody = pc.not_equal(rows.column("recipient"), NOBODY)
    return rows.append_column("later_read_us", later_read).append_column(
        "reply_us", pc.if_else(is_somebody, reply, None)
    )


def read_states(
    rows: pa.Table, crowded: pa.Array, receipt_rows: pa.Table, times: ChatTimes
) -> pa.Table:
    """Add the state of each reading, by when it was at the latest, and how long it was not seen.

    `crowded` tells by span whether Connect has no receipts of it.
    """
    chats = rows.column("chat")
    sent = rows.column("sent_us")
    observed, end = times.observed_until.take(chats), times.end.take(chats)
    is_known = _all(
        pc.fill_null(times.receipts_available.take(chats), fill_value=False),
        pc.fill_null(pc.invert(crowded.take(rows.column("span"))), fill_value=False),
        _reports(rows, receipt_rows),
        pc.fill_null(pc.greater(observed, sent), fill_value=False),
    )
    state = pc.if_else(is_known, "not_seen", "unknown")
    for sign, said in (
        ("reply_us", "replied"),
        ("later_read_us", "read_implied"),
        ("read_us", "read"),
    ):
        state = pc.if_else(pc.is_valid(rows.column(sign)), said, state)
    not_seen = pc.equal(state, "not_seen")
    seen_until = pc.min_element_wise(observed, end, rows.column("left_us"))
    read_by = pc.coalesce(
        rows.column("read_us"), rows.column("later_read_us"), rows.column("reply_us")
    )
    return (
        rows.append_column("read_state", state)
        .append_column("read_by_us", read_by)
        .append_column("seen_until_us", pc.if_else(not_seen, seen_until, None))
        .append_column(
            "observed_to_end",
            pc.if_else(not_seen, pc.fill_null(pc.equal(seen_until, end), fill_value=False), None),
        )
    )


def _all(first: pa.ChunkedArray, *others: pa.ChunkedArray) -> pa.ChunkedArray:
    for other in others:
        first = pc.and_(first, other)
    return first


def _reports(rows: pa.Table, receipt_rows: pa.Table) -> pa.ChunkedArray:
    """Tell of which rows the recipient's client has reported anything in the chat."""
    reported = receipt_rows.filter(
        pc.or_(
            pc.is_valid(receipt_rows.column("delivered_at")),
            pc.is_valid(receipt_rows.column("read_at")),
        )
    )
    pairs = zip(
        reported.column("chat").to_pylist(),
        reported.column("recipient_participant_id").to_pylist(),
        strict=True,
    )
    reporting = {(chat, recipient or NOBODY) for chat, recipient in pairs}
    asked = zip(rows.column("chat").to_pylist(), rows.column("recipient").to_pylist(), strict=True)
    return pa.chunked_array([pa.array([pair in reporting for pair in asked], pa.bool_())])
