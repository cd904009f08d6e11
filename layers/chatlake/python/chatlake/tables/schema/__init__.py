"""The tables: names, columns, docs, partitions and order. Engines' own schemas are made of these.

The names are a contract with everyone's SQL (docs/data-dictionary.md is generated from here). All
times are UTC, and their type has no zone: Athena makes no views or tables of one that has.
"""

from __future__ import annotations

from chatlake.tables.schema.columns import Column, ColumnType, Table
from chatlake.tables.schema.contacts import CONTACTS
from chatlake.tables.schema.read_latency import READ_LATENCY
from chatlake.tables.schema.transcripts import ATTACHMENTS, MESSAGES, RECEIPTS

__all__ = [
    "ATTACHMENTS",
    "CONTACTS",
    "MESSAGES",
    "NAMESPACE",
    "READ_LATENCY",
    "RECEIPTS",
    "TABLES",
    "Column",
    "ColumnType",
    "Table",
]

NAMESPACE = "chatlake"

TABLES = (MESSAGES, RECEIPTS, ATTACHMENTS, READ_LATENCY, CONTACTS)
"""In the order of publishing: the row of a contact says that all others of its chat are there."""
