"""Rows of read_latency: docs/row-rules.md §8."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from chatlake.tables.flatten.columns import TIMESTAMP, latency_ms
from chatlake.tables.flatten.presence import SIDES, presence
from chatlake.tables.flatten.read_state import NOBODY, read_states, signs_of_reading

if TYPE_CHECKING:
    from chatlake.tables.flatten.chat_times import ChatTimes
    from chatlake.tables.flatten.items import Items
    from chatlake.tables.flatten.receipts import Receipts
    from chatlake.tables.flatten.roles import Roles


def read_latency_rows(
    items: Items,
    receipts: Receipts,
    receipt_rows: pa.Table,
    contacts: pa.Table,
    roles: Roles,
    times: ChatTimes,
) -> pa.Table:
    """Make the rows of read_latency but for the columns that are the chat's.

    `receipt_rows` are in the order of `receipts`.
    """
    messages = _messages(items)
    reporting = set(zip(receipts.chat, receipts.recipient_id, strict=True))
    there = presence(len(times.end), items, roles, reporting)
    messages = messages.append_column(
        "span", there.spans_at(messages.column("chat"), messages.column("sent_us"))
    )
    rows = _recipients(messages, _reported(receipts, receipt_rows), there.outlook)
    rows = _joined_to(rows, messages, "item")
    rows = signs_of_reading(rows, messages)
    rows = read_states(rows, there.crowded, receipt_rows, times)
    return _columns(rows, contacts)


def _messages(items: Items) -> pa.Table:
    """Return the messages that somebody may have read, `item` being their positions."""
    columns = items.columns
    is_message = pc.and_(
        pa.array(items.is_current, pa.bool_()),
        pc.and_(
            pc.fill_null(pc.equal(columns.column("item_type"), "MESSAGE"), fill_value=False),
            pc.fill_null(
                pc.not_equal(columns.column("processing_status"), "REJECTED"), fill_value=True
            ),
        ),
    )
    return pa.table(
        {
            "item": pa.array(range(columns.num_rows), pa.int64()),
            "chat": columns.column("chat"),
            "contact_id": columns.column("contact_id"),
            "message_id": columns.column("item_id"),
            "sender": pc.fill_null(columns.column("participant_id"), NOBODY),
            "sender_role": columns.column("participant_role"),
            "message_length": pc.utf8_length(columns.column("content")),
            "sent_us": pc.cast(columns.column("sent_at"), pa.int64()),
        }
    ).filter(is_message)


def _reported(receipts: Receipts, rows: pa.Table) -> pa.Table:
    """Return what was reported of each message by each recipient.

    Of one message there are two receipts where one names its item, and one its message id.
    """
    reported = pa.table(
        {
            "item": pa.array(receipts.message, pa.int64()),
            "recipient": pc.fill_null(rows.column("recipient_participant_id"), NOBODY),
            "recipient_role": rows.column("recipient_role"),
            "delivered_us": pc.cast(rows.column("delivered_at"), pa.int64()),
            "read_us": pc.cast(rows.column("read_at"), pa.int64()),
        }
    )
    earliest = reported.group_by(["item", "recipient"]).aggregate(
        [("recipient_role", "min"), ("delivered_us", "min"), ("read_us", "min")]
    )
    return earliest.rename_columns(reported.column_names)


def _recipients(messages: pa.Table, reported: pa.Table, outlook: pa.Table) -> pa.Table:
    """Find the recipients of each message: `item`, `recipient`, and what is known of them."""
    keyed = messages.select(["item", "span", "sender", "sender_role"])
    reported = reported.join(keyed, "item", join_type="inner")
    reported = reported.filter(_is_for_another(reported, "recipient"))
    stays = outlook.select(["span", "participant", "joined_us", "left_us"])
    reported = reported.join(
        stays, ["span", "recipient"], ["span", "participant"], join_type="left outer"
    )
    seen = keyed.join(outlook, "span", join_type="inner")
    seen = seen.filter(_is_for_another(seen, "participant"))
    others = pa.concat_tables([_present(seen), _awaited(keyed, seen, outlook)])
    others = others.rename_columns({"participant": "recipient", "role": "recipient_role"})
    others = others.join(
        reported.select(["item", "recipient"]), ["item", "recipient"], join_type="left anti"
    )
    wanted = ["item", "recipient", "recipient_role", "joined_us", "left_us"]
    return pa.concat_tables(
        [reported.select([*wanted, "delivered_us", "read_us"]), others.select(wanted)],
        promote_options="default",
    )


def _is_for_another(rows: pa.Table, recipient: str) -> pa.ChunkedArray:
    """Tell which rows are not of a message's own sender; two without an id may be two."""
    same = pc.equal(rows.column(recipient), rows.column("sender"))
    return pc.or_(pc.invert(same), pc.equal(rows.column(recipient), NOBODY))


def _present(seen: pa.Table) -> pa.Table:
    """Return the agents and customers who were there when a message was sent."""
    return seen.filter(
        pc.and_(seen.column("present"), pc.is_in(seen.column("role"), pa.array(SIDES)))
    )


def _other_side(sender_roles: pa.ChunkedArray) -> pa.ChunkedArray:
    of_customer = pc.fill_null(pc.equal(sender_roles, "CUSTOMER"), fill_value=False)
    return pc.if_else(of_customer, "AGENT", "CUSTOMER")


def _awaited(keyed: pa.Table, seen: pa.Table, outlook: pa.Table) -> pa.Table:
    """Return who was the first to join, of messages sent while nobody of the other side was there.

    The sender counts as being there, and is not waited for.
    """
    there = outlook.filter(outlook.column("present")).group_by(["span", "role"]).aggregate([])
    alone = keyed.append_column("side", _other_side(keyed.column("sender_role")))
    alone = alone.join(there, ["span", "side"], ["span", "role"], join_type="left anti")
    to_come = seen.filter(
        pc.and_(
            pc.invert(seen.column("present")),
            pc.fill_null(
                pc.equal(seen.column("role"), _other_side(seen.column("sender_role"))),
                fill_value=False,
            ),
        )
    ).join(alone.select(["item"]), "item", join_type="left semi")
    order = [(key, "ascending") for key in ("item", "joined_us", "join_id")]
    to_come = to_come.take(pc.sort_indices(to_come, sort_keys=order))
    return to_come.filter(pa.array(_first_of_each(to_come.column("item")), pa.bool_()))


def _first_of_each(sorted_column: pa.ChunkedArray) -> list[bool]:
    values = sorted_column.to_pylist()
    return [position == 0 or values[position - 1] != value for position, value in enumerate(values)]


def _joined_to(rows: pa.Table, others: pa.Table, key: str) -> pa.Table:
    return rows.join(others, key, join_type="inner").combine_chunks()


def _columns(rows: pa.Table, contacts: pa.Table) -> pa.Table:
    counts = rows.group_by("item").aggregate([([], "count_all")])
    counts = counts.rename_columns({"count_all": "recipients"})
    of_contacts = contacts.select(["chat", "contact_id", "queue_arn", "agent_arn"])
    rows = rows.join(counts, "item", join_type="inner")
    rows = rows.join(of_contacts, ["chat", "contact_id"], join_type="left outer").combine_chunks()
    us = {name: rows.column(f"{name}_us") for name in ("sent", "joined", "delivered", "read")}
    us |= {name: rows.column(f"{name}_us") for name in ("read_by", "seen_until")}
    since = pc.max_element_wise(us["sent"], us["joined"], skip_nulls=False)
    return pa.table(
        {
            **{
                name: rows.column(name)
                for name in (
                    *("chat", "contact_id", "message_id", "sender_role", "recipient_role"),
                    *("queue_arn", "agent_arn", "observed_to_end", "read_state"),
                )
            },
            "sender_participant_id": _id(rows.column("sender")),
            "recipient_participant_id": _id(rows.column("recipient")),
            "recipients": pc.cast(rows.column("recipients"), pa.int32()),
            "message_length": pc.cast(rows.column("message_length"), pa.int32()),
            "sent_at": pc.cast(us["sent"], TIMESTAMP),
            "recipient_joined_at": pc.cast(us["joined"], TIMESTAMP),
            "delivered_at": pc.cast(us["delivered"], TIMESTAMP),
            "read_at": pc.cast(us["read"], TIMESTAMP),
            "read_by_at": pc.cast(us["read_by"], TIMESTAMP),
            "delivery_latency_ms": latency_ms(us["delivered"], us["sent"]),
            "read_latency_ms": latency_ms(us["read"], us["sent"]),
            "read_by_latency_ms": latency_ms(us["read_by"], us["sent"]),
            "since_joined_ms": latency_ms(us["read"], since),
            "not_seen_for_ms": latency_ms(us["seen_until"], us["sent"]),
        }
    )


def _id(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.if_else(pc.equal(column, NOBODY), None, column)
