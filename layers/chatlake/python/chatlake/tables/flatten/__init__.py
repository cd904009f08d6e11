"""Transcript documents become rows: Arrow tables, column by column, no input or output.

docs/row-rules.md says which rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from chatlake.documents.revision import revision
from chatlake.tables import schema
from chatlake.tables.flatten.chat_times import chat_times
from chatlake.tables.flatten.columns import TIMESTAMP
from chatlake.tables.flatten.contacts import contact_rows
from chatlake.tables.flatten.items import gather_items
from chatlake.tables.flatten.messages import attachment_rows, gather_attachments, message_rows
from chatlake.tables.flatten.read_latency import read_latency_rows
from chatlake.tables.flatten.receipts import gather_receipts, receipt_rows
from chatlake.tables.flatten.roles import roles_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from chatlake.documents.document import Document
    from chatlake.tables.flatten.items import Items

type Tables = dict[str, pa.Table]

_ARROW_TYPES = {
    "string": pa.string(),
    "timestamp": TIMESTAMP,
    "date": pa.date32(),
    "int": pa.int32(),
    "long": pa.int64(),
    "boolean": pa.bool_(),
}


def arrow_schema(table: schema.Table) -> pa.Schema:
    """Return the Arrow schema of a table's rows."""
    return pa.schema(
        pa.field(column.name, _ARROW_TYPES[column.type], nullable=not column.required)
        for column in table.columns
    )


def flatten(documents: Sequence[Document], *, published_at: datetime) -> Tables:
    """Make the rows of some chats.

    Parameters
    ----------
    documents
        One for each chat, in any order.
    published_at
        Put on the rows of contacts.

    Returns
    -------
    Tables
        By table name, with the columns that `schema` names, in its order of rows.
    """
    documents = sorted(documents, key=lambda document: document.initial_contact_id)
    items = gather_items(documents)
    attachments = gather_attachments(items)
    receipts = gather_receipts(items)
    roles = roles_of(items)
    times = chat_times(documents)
    of_receipts = receipt_rows(items, receipts, roles)
    of_contacts = contact_rows(documents, items, receipts, times)
    rows = {
        schema.MESSAGES: message_rows(items, attachments, receipts.counts),
        schema.RECEIPTS: of_receipts,
        schema.ATTACHMENTS: attachment_rows(items, attachments),
        schema.READ_LATENCY: read_latency_rows(
            items, receipts, of_receipts, of_contacts, roles, times
        ),
        schema.CONTACTS: of_contacts,
    }
    of_chats = {
        "instance_id": pa.array([document.instance_id for document in documents], pa.string()),
        "initial_contact_id": pa.array([d.initial_contact_id for d in documents], pa.string()),
        "chat_day": _days(items, rows[schema.CONTACTS], len(documents)),
        "document_revision": pa.array(map(revision, documents), pa.string()),
        "published_at": pa.array([published_at] * len(documents), TIMESTAMP),
    }
    tables = {table.name: _finish(table, made, of_chats) for table, made in rows.items()}
    messages = tables[schema.MESSAGES.name]
    tables[schema.MESSAGES.name] = _without_day_of_earlier_chats(messages)
    return tables


def _days(items: Items, contacts: pa.Table, chats: int) -> pa.Array:
    """Return the day on which each chat began, null for one in which nothing has a time."""
    current = items.columns.filter(pa.array(items.is_current, pa.bool_()))
    moments = pa.concat_tables(
        table.select(["chat", column]).rename_columns(["chat", "at"])
        for table, column in ((current, "sent_at"), (contacts, "initiated_at"))
    )
    first = moments.group_by("chat").aggregate([("at", "min")])
    days = pc.cast(pc.floor_temporal(first.column("at_min"), unit="day"), pa.date32())
    return days.take(pc.index_in(pa.array(range(chats), pa.int32()), first.column("chat")))


def _without_day_of_earlier_chats(messages: pa.Table) -> pa.Table:
    """Take the day from rehydrated items: sent long before, they would spoil a file's bounds."""
    position = messages.column_names.index("chat_day")
    is_own = pc.is_null(messages.column("related_contact_id"))
    day = pc.if_else(is_own, messages.column("chat_day"), None)
    return messages.set_column(position, messages.field(position), day)


def _finish(table: schema.Table, rows: pa.Table, of_chats: dict[str, pa.Array]) -> pa.Table:
    """Sort the rows, and put in the columns that are the same for a whole chat.

    Until here rows have their chat's position, which sorts as its id does, and faster.
    """
    keys = ("chat", table.partition_by, *table.key)
    order = pc.sort_indices(rows, sort_keys=[(key, "ascending", "at_end") for key in keys])
    rows = rows.take(order)
    chat = rows.column("chat")
    return pa.table(
        [
            of_chats[name].take(chat) if name in of_chats else rows.column(name)
            for name in (column.name for column in table.columns)
        ],
        schema=arrow_schema(table),
    )
