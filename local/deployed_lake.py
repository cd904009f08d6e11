"""A large lake on a local cloud: rows of finished chats, written as publishing writes them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import batched
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from chatlake.analytics.sql_files import load_views
from chatlake.tables import schema
from chatlake.tables.flatten import Tables, flatten
from chatlake.tables.lake.data_files import sort_rows
from chatlake.tables.lake.glue import glue_lake
from chatlake.tables.lake.pruning import Sought
from chatlake.timestamps import now
from local.example_lake import archived
from local.questions import Questions

if TYPE_CHECKING:
    from chatlake.tables.lake.iceberg import Lake
    from local.cloud import LocalCloud
    from local.scripted.chat import Chat

_CHATS_AT_ONCE = 500


def write_lake(
    cloud: LocalCloud,
    database: str,
    chats: Iterable[Chat],
    *,
    written: Callable[[int], object] = lambda _: None,
) -> Lake:
    """Make a bucket and a database of one name, with tables that hold the chats.

    There is one file a day and table, as compaction leaves them. The files are written by clients
    that the environment of this process describes: it must be that of the cloud.

    Parameters
    ----------
    written
        Is told of how many chats rows were made since it was told last.
    """
    place: Any = {"LocationConstraint": cloud.region}
    cloud.client("s3").create_bucket(Bucket=database, CreateBucketConfiguration=place)
    cloud.client("glue").create_database(DatabaseInput={"Name": database})
    lake = glue_lake(cloud.client("glue"), bucket=database, database=database)
    lake.create_tables()
    parts: list[Tables] = []
    for some in batched(chats, _CHATS_AT_ONCE, strict=False):
        parts.append(flatten([archived(chat) for chat in some], published_at=now()))
        written(len(some))
    for table in schema.TABLES:
        rows = pa.concat_tables([part.pop(table.name) for part in parts])
        lake.replace(table, lake.load(table), sort_rows(table, rows), Sought())
    return lake


def open_questions(cloud: LocalCloud, database: str) -> Questions:
    """Make the views of a database, and return what asks about it."""
    questions = Questions(cloud.client("athena"), database, output=f"s3://{database}/results")
    for view in load_views():
        questions.ask(f"CREATE OR REPLACE VIEW {view.name} AS\n{view.sql}")
    return questions
