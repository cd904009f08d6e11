"""When chats ended, and until when their receipts were observed, by the position of the chat."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from chatlake.documents.observation import chat_end, observed_until

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chatlake.documents.document import Document


@dataclass(frozen=True, slots=True)
class ChatTimes:
    """Of each chat, in microseconds since 1970.

    Attributes
    ----------
    end
        When it ended; null if the document does not tell.
    observed_until
        Until when its receipts were seen, at most its end; null without a participant read.
    receipts_available
        True if receipts could be read, false with an export only, null with events alone.
    """

    end: pa.Array
    observed_until: pa.Array
    receipts_available: pa.Array


def chat_times(documents: Sequence[Document]) -> ChatTimes:
    """Find the times of some chats."""
    ends = [chat_end(document) for document in documents]
    observed = [
        observed_until(document, end) for document, end in zip(documents, ends, strict=True)
    ]
    return ChatTimes(
        end=pa.array(ends, pa.int64()),
        observed_until=pa.array(observed, pa.int64()),
        receipts_available=pa.array(map(_receipts_available, documents), pa.bool_()),
    )


def _receipts_available(document: Document) -> bool | None:
    if document.participant:
        return True
    return False if document.exports else None
