"""The questions of a deployed lake, saved in Athena for its users."""

from __future__ import annotations

import time
from hashlib import sha256
from itertools import batched
from typing import TYPE_CHECKING

from chatlake.exceptions import TablesNotMade

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from types_boto3_athena import AthenaClient
    from types_boto3_athena.type_defs import NamedQueryTypeDef

    from chatlake.analytics.sql_files import Query

# BatchGetNamedQuery takes no more.
_QUERIES_AT_ONCE = 50
# CreateNamedQuery takes no longer one.
_MOST_DESCRIPTION = 1024
_TRIES = 3
_PAUSE_S = 1.0

_PARAMETERS = (
    "-- Parameters: the first and the last day of the period, in single quotes: "
    "'2026-11-01', '2026-11-30'.\n"
)
# Never to be changed: by this line a later version knows which queries it may write anew.
_OURS = "-- A new version of chatlake writes this query anew: save changes under another name.\n"


def save_named_queries(
    queries: Sequence[Query],
    athena: AthenaClient,
    *,
    database: str,
    workgroup: str,
    request: str,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Make each query a named query of Athena, or bring the one that was made before up to it.

    A named query is ours if it has one of our names, is of our database, and says in a comment
    that chatlake writes it. No other one is touched: people may take the same names, and a copy
    of ours under another name says the same, so one whose file is gone stays, too.

    Parameters
    ----------
    request
        Tells one deployment from another: what it has made already is not made twice when it is
        asked again, and a query that was deleted is made again by the next one.
    sleep
        Waits some seconds before it tries again; for tests.

    Raises
    ------
    TablesNotMade
        Athena did not show what is there, so that queries might be made twice.
    """
    there = _ours(athena, database, workgroup, sleep)
    for query in queries:
        text, description = _text(query), query.question[:_MOST_DESCRIPTION]
        saved = [found for found in there if found["Name"] == query.name]
        for found in saved:
            if (found["QueryString"], found.get("Description", "")) != (text, description):
                athena.update_named_query(
                    NamedQueryId=found["NamedQueryId"],
                    Name=query.name,
                    Description=description,
                    QueryString=text,
                )
        if not saved:
            token = sha256("\n".join((request, workgroup, database, query.name)).encode())
            athena.create_named_query(
                Name=query.name,
                Description=description,
                Database=database,
                QueryString=text,
                WorkGroup=workgroup,
                ClientRequestToken=token.hexdigest(),
            )


def _text(query: Query) -> str:
    # A question mark stands for a parameter; that everything which asks for parameters leaves
    # those of comments out is nowhere promised.
    header = query.header.replace("?", ".")
    return f"{header}{_PARAMETERS}{_OURS}{query.sql}"


def _ours(
    athena: AthenaClient, database: str, workgroup: str, sleep: Callable[[float], None]
) -> list[NamedQueryTypeDef]:
    for attempt in range(_TRIES):
        if attempt:
            sleep(_PAUSE_S)
        found, complete = _all(athena, workgroup)
        if complete:
            return [
                query
                for query in found
                if query["Database"] == database and _OURS in query["QueryString"]
            ]
    message = (
        f"named queries: Athena lists some of workgroup {workgroup} that it then does not show; "
        "deploy again"
    )
    raise TablesNotMade(message)


def _all(athena: AthenaClient, workgroup: str) -> tuple[list[NamedQueryTypeDef], bool]:
    """Return a workgroup's queries, and whether none was held back: deleted meanwhile, or busy."""
    pages = athena.get_paginator("list_named_queries").paginate(WorkGroup=workgroup)
    ids = [query_id for page in pages for query_id in page["NamedQueryIds"]]
    found: list[NamedQueryTypeDef] = []
    complete = True
    for some in batched(ids, _QUERIES_AT_ONCE, strict=False):
        answer = athena.batch_get_named_query(NamedQueryIds=list(some))
        found += answer["NamedQueries"]
        complete = complete and not answer.get("UnprocessedNamedQueryIds")
    return found, complete
