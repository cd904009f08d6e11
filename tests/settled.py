"""What a document's revision says of its rows while the end of its chat is unknown.

Rows tell until when the chat was observed as it was when they were made. A later observation alone
is another revision only once the end is known, or if only files were read, which have no clock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatlake.documents.observation import chat_end

if TYPE_CHECKING:
    from chatlake.documents.document import Document
    from tests.oracle import Row


def is_settled(document: Document) -> bool:
    """Whether the observation is part of the document's revision."""
    read = document.participant
    return chat_end(document) is not None or read is None or not read["read_at"]


def without_observation(table: str, row: Row) -> Row:
    """A row but for what a later observation alone would change."""
    if table == "contacts":
        return row | {"receipts_observed_until": None}
    if table == "read_latency" and row["read_state"] == "not_seen":
        return row | {"read_state": "unknown", "not_seen_for_ms": None, "observed_to_end": None}
    return row
