"""Transcript documents become rows: four Arrow tables, column by column, no input or output.

docs/row-rules.md says which rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from chatlake import schema
from chatlake.document import revision
from chatlake.flatten.columns import TIMESTAMP
from chatlake.flatten.contacts import contact_columns
from chatlake.flatten.items import gather_items
from chatlake.flatten.messages import attachment_columns, gather_attachments, message_columns
from chatlake.flatten.receipts import gather_receipts, receipt_columns

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from chatlake.document import Document

type Tables = dict[str, pa.Table]

_ARROW_TYPES = {
    "string": pa.string(),
    "timestamptz": TIMESTAMP,
    "int": pa.int32(),
    "long": pa.int64(),
    "boolean": pa.bool_(),
}


def arrow_schema(table: schema.Table) -> pa.Schema:
    """Give the Arrow schema of a table's rows."""
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
    items, metadata_items = gather_items(documents)
    attachments = gather_attachments(items)
    receipts = gather_receipts(items, metadata_items)

    # Tables are made with the chat's position first, and its ids put in its place after sorting.
    chat = {"chat": pa.array(items.chat, pa.int32())}
    messages = pa.table(chat | message_columns(items, attachments, receipts.counts))
    chat = {"chat": pa.array(receipts.chat, pa.int32())}
    columns = {
        schema.MESSAGES: messages,
        schema.RECEIPTS: pa.table(chat | receipt_columns(receipts, messages)),
        schema.ATTACHMENTS: pa.table(attachment_columns(attachments, messages)),
        schema.CONTACTS: pa.table(contact_columns(documents, items, metadata_items, receipts)),
    }
    of_chats = {
        "instance_id": pa.array([document.instance_id for document in documents], pa.string()),
        "initial_contact_id": pa.array([d.initial_contact_id for d in documents], pa.string()),
        "document_revision": pa.array(map(revision, documents), pa.string()),
        "published_at": pa.array([published_at] * len(documents), TIMESTAMP),
    }
    return {table.name: _finish(table, rows, of_chats) for table, rows in columns.items()}


def _finish(table: schema.Table, rows: pa.Table, of_chats: dict[str, pa.Array]) -> pa.Table:
    """Sort the rows, and put in the columns that are the same for a whole chat."""
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
