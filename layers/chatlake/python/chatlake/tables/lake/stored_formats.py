"""Formats that a newer version may have raised: what does not know them writes nothing.

Every commit notes in its table which formats of documents and of tables its version writes. So a
version that was gone back to finds them before it writes, and an update that was rolled back before
it had written anything does not stand in its own way. Rows of a newer row format are no reason to
refuse: a version that knows their columns may write older ones beside them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatlake.documents.formats import FORMAT
from chatlake.exceptions import TableDiffers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyiceberg.table import Table as IcebergTable

    from chatlake.tables import schema

TABLE_FORMAT = 1
"""To be raised with a change of the tables that the version before would spoil or misread."""

_DOCUMENTS, _TABLES = "chatlake.document-format", "chatlake.table-format"
_REMEDY = "deploy again the newer version that wrote it, or a later one"


def formats_property() -> dict[str, str]:
    """Return the properties that say which formats this version writes."""
    return {name: str(known) for name, (_, known) in _known().items()}


def check_formats(table: schema.Table, loaded: IcebergTable) -> None:
    """Make sure that no newer version has written what this one does not know.

    Raises
    ------
    TableDiffers
        One has.
    """
    properties: Mapping[str, str] = loaded.properties
    for name, (what, known) in _known().items():
        found = properties.get(name, "")
        if found.isdecimal() and int(found) > known:
            raise TableDiffers(
                table.name,
                f"{what} format {found}, and this version of chatlake knows formats up to {known}",
                _REMEDY,
            )


def _known() -> dict[str, tuple[str, int]]:
    return {
        _DOCUMENTS: ("its rows were made of documents of", FORMAT),
        _TABLES: ("it was written in table", TABLE_FORMAT),
    }
