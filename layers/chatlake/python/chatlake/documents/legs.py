"""Which contacts a document shows to be legs of its chat."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatlake.identifiers import text_id

if TYPE_CHECKING:
    from chatlake.documents.document import Document


def legs_of(document: Document) -> set[str]:
    """Return the contacts that a document shows to be legs of its chat."""
    return {
        document.initial_contact_id,
        *document.events,
        *document.exports,
        *(
            contact
            for stored in document.items.values()
            for version in stored["versions"]
            if (contact := text_id(version["item"].get("ContactId")))
            and text_id(version["item"].get("RelatedContactId")) is None
        ),
    }
