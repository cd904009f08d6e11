"""Documents of other formats: older ones are upgraded, newer ones are told as that."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chatlake.documents.document import Document
from chatlake.documents.formats import FORMAT, upgraded
from chatlake.exceptions import DamagedDocument, UnsupportedDocumentFormat

CHAT = "11111111-0000-4000-8000-000000000001"


def stored(**members: Any) -> dict[str, Any]:
    return {"initial_contact_id": CHAT, **members}


def test_upgraders_are_applied_one_after_the_other_from_the_documents_own_format() -> None:
    upgraders = {
        1: lambda members: {**members, "path": [*members["path"], "1 to 2"]},
        2: lambda members: {**members, "path": [*members["path"], "2 to 3"]},
    }

    def path_from(number: int) -> Any:
        value = stored(format=number, path=[])
        return upgraded(value, newest=3, upgraders=upgraders)["path"]

    assert path_from(1) == ["1 to 2", "2 to 3"]
    assert path_from(2) == ["2 to 3"]
    assert path_from(3) == []


def test_the_format_itself_is_no_member() -> None:
    assert upgraded(stored(format=FORMAT)) == stored()


def test_every_format_before_todays_has_an_upgrader() -> None:
    from chatlake.documents.formats import UPGRADERS

    assert UPGRADERS.keys() == set(range(1, FORMAT))


def test_a_newer_document_is_not_damaged_and_its_advice_is_the_newer_version() -> None:
    data = json.dumps(stored(format=FORMAT + 1, items="of another shape", unheard_of=1)).encode()
    with pytest.raises(UnsupportedDocumentFormat, match="run the newer version") as raised:
        Document.from_bytes(data)
    assert CHAT in str(raised.value)
    assert "remove" not in str(raised.value)
    assert not isinstance(raised.value, DamagedDocument)


@pytest.mark.parametrize("number", [None, 0, -1, True, "1", 1.0, []])
def test_what_has_no_format_is_no_document(number: object) -> None:
    with pytest.raises(ValueError, match="not a document"):
        upgraded(stored(format=number))


def test_a_newer_format_without_the_id_of_its_chat_is_no_document() -> None:
    with pytest.raises(ValueError, match="not a document"):
        upgraded({"format": FORMAT + 1})
