"""The embedded catalog's file, asked with plain SQL: its table is Iceberg's JDBC catalog format."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from chatlake.exceptions import LakeIncomplete, LakeMoved, LakeNotFound, LakeOutdated
from chatlake.tables import schema

CATALOG = "catalog.db"
CHATS = "chats.db"
DOCUMENTS = "documents"
WAREHOUSE = "warehouse"
_TABLES_OF_0_1 = {"messages", "receipts", "attachments", "contacts"}


def check_locations(folder: Path) -> dict[str, str]:
    """Return where the newest metadata of each table is that the lake folder has by now.

    Raises
    ------
    LakeNotFound
        There is no lake in the folder.
    LakeIncomplete
        There are documents, but not what tells of tables.
    LakeMoved
        A table is not in the folder's own warehouse.
    LakeOutdated
        The tables are those of version 0.1.
    """
    path = folder.resolve() / CATALOG
    if not path.exists():
        if (folder / DOCUMENTS).exists():
            raise LakeIncomplete(str(folder), CATALOG)
        raise LakeNotFound(str(folder))
    exists = "SELECT count(*) FROM sqlite_schema WHERE name = 'iceberg_tables'"
    sql = "SELECT table_name, metadata_location FROM iceberg_tables WHERE table_namespace = ?"
    locations: dict[str, str] = {}
    with closing(sqlite3.connect(path, timeout=60)) as db:
        # While another process makes the lake there is a file without a table for a moment.
        if db.execute(exists).fetchone() != (0,):
            locations = dict(db.execute(sql, (schema.NAMESPACE,)).fetchall())
    for location in locations.values():
        if not Path(location).is_relative_to(path.parent / WAREHOUSE):
            raise LakeMoved(str(folder), location)
        if not Path(location).exists():
            raise LakeIncomplete(str(folder), WAREHOUSE)
    if locations.keys() == _TABLES_OF_0_1:
        raise LakeOutdated(str(folder))
    return locations
