"""The embedded catalog's file, asked with plain SQL: its table is Iceberg's JDBC catalog format."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from chatlake import schema
from chatlake.exceptions import LakeIncomplete, LakeMoved, LakeNotFound

CATALOG = "catalog.db"
DOCUMENTS = "documents"


def check_locations(folder: Path) -> dict[str, str]:
    """Give where the newest metadata of each table is that the lake folder has.

    Raises
    ------
    LakeNotFound
        There is no lake in the folder.
    LakeIncomplete
        There are documents, but nothing that tells of tables.
    LakeMoved
        A table is not inside the folder.
    """
    path = folder.resolve() / CATALOG
    if not path.exists():
        if (folder / DOCUMENTS).exists():
            raise LakeIncomplete(str(folder), CATALOG)
        raise LakeNotFound(str(folder))
    sql = "SELECT table_name, metadata_location FROM iceberg_tables WHERE table_namespace = ?"
    with closing(sqlite3.connect(path, timeout=60)) as db:
        locations: dict[str, str] = dict(db.execute(sql, (schema.NAMESPACE,)).fetchall())
    for location in locations.values():
        if not Path(location).is_relative_to(path.parent):
            raise LakeMoved(str(folder), location)
    return locations
