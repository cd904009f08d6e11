"""Named queries of Athena: ours are brought up to their files, and those of people left alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

import pytest
from botocore.exceptions import ClientError

from chatlake.analytics.athena_named_queries import save_named_queries
from chatlake.analytics.sql_files import Query, load_named
from chatlake.exceptions import TablesNotMade
from tests.aws import Aws

DATABASE = "lake"
WRITES = ("CreateNamedQuery", "UpdateNamedQuery", "DeleteNamedQuery")
SOME = [
    Query(f"question_{number}", f"Why {number}?", f"SELECT {number} WHERE ?", f"-- Why {number}?\n")
    for number in range(3)
]
_numbers = count()


@dataclass
class Saved:
    """A workgroup with its named queries."""

    athena: Any
    workgroup: str
    writes: list[str] = field(default_factory=list)
    _deployments: Iterator[int] = field(default_factory=count)

    def deploy(self, queries: list[Query], athena: Any = None, **options: Any) -> list[str]:
        """Save queries; return what was written to Athena."""
        given = {"database": DATABASE, "request": f"request-{next(self._deployments)}", **options}
        self.writes.clear()
        save_named_queries(queries, athena or self.athena, workgroup=self.workgroup, **given)
        return list(self.writes)

    def people_save(self, name: str, sql: str, database: str = DATABASE) -> str:
        query_id: str = self.athena.create_named_query(
            Name=name, QueryString=sql, Database=database, WorkGroup=self.workgroup
        )["NamedQueryId"]
        return query_id

    def all(self) -> list[dict[str, Any]]:
        pages = self.athena.get_paginator("list_named_queries").paginate(WorkGroup=self.workgroup)
        ids = [query_id for page in pages for query_id in page["NamedQueryIds"]]
        return [self.athena.get_named_query(NamedQueryId=i)["NamedQuery"] for i in ids]

    def named(self, name: str) -> dict[str, Any]:
        [query] = [query for query in self.all() if query["Name"] == name]
        return query


@pytest.fixture
def saved(aws: Aws) -> Iterator[Saved]:
    athena = aws.client("athena")
    workgroup = f"workgroup-{next(_numbers)}"
    athena.create_work_group(Name=workgroup, Configuration={})
    saved = Saved(athena, workgroup)

    def note(model: Any, **_: Any) -> None:
        if model.name in WRITES:
            saved.writes.append(model.name)

    athena.meta.events.register("before-call.athena", note)
    yield saved
    athena.meta.events.unregister("before-call.athena", note)


def test_every_file_becomes_a_query_that_says_what_it_asks(saved: Saved) -> None:
    saved.deploy(load_named())
    for query in load_named():
        found = saved.named(query.name)
        assert (found["Database"], found["WorkGroup"]) == (DATABASE, saved.workgroup)
        assert found["Description"] == query.question
        comment, sql = found["QueryString"][: -len(query.sql)], found["QueryString"]
        assert sql.endswith(query.sql)
        assert comment.startswith(query.header.replace("?", "."))
        assert all(line.startswith("--") for line in comment.splitlines())
    assert len(saved.all()) == len(load_named())


def test_only_the_two_days_of_the_period_are_question_marks(saved: Saved) -> None:
    saved.deploy(load_named())
    assert {query["QueryString"].count("?") for query in saved.all()} == {2}


def test_no_question_is_longer_than_athena_takes() -> None:
    assert max(len(query.question) for query in load_named()) <= 1024


def test_a_question_that_is_too_long_is_cut(saved: Saved) -> None:
    saved.deploy([replace(SOME[0], question="why " * 500)])
    assert len(saved.named("question_0")["Description"]) == 1024
    assert saved.deploy([replace(SOME[0], question="why " * 500)]) == []


def test_the_next_deployment_writes_nothing_if_nothing_changed(saved: Saved) -> None:
    assert saved.deploy(SOME) == ["CreateNamedQuery"] * 3
    before = saved.all()
    assert saved.deploy(SOME) == []
    assert saved.all() == before


@pytest.mark.parametrize(
    "change", [{"sql": "SELECT 9"}, {"question": "How?"}, {"header": "-- How?\n"}]
)
def test_a_query_that_changed_is_updated_and_stays_the_same_one(
    saved: Saved, change: dict[str, str]
) -> None:
    saved.deploy(SOME)
    before = {query["Name"]: query["NamedQueryId"] for query in saved.all()}
    changed = replace(SOME[1], **change)
    assert saved.deploy([SOME[0], changed, SOME[2]]) == ["UpdateNamedQuery"]
    assert {query["Name"]: query["NamedQueryId"] for query in saved.all()} == before
    found = saved.named("question_1")
    assert found["Description"] == changed.question
    assert found["QueryString"].endswith(changed.sql)
    assert saved.deploy([SOME[0], changed, SOME[2]]) == []


def test_what_somebody_changed_in_ours_is_written_anew(saved: Saved) -> None:
    saved.deploy(SOME)
    ours = saved.named("question_0")
    saved.athena.update_named_query(
        NamedQueryId=ours["NamedQueryId"],
        Name=ours["Name"],
        QueryString=ours["QueryString"] + " LIMIT 1",
    )
    assert saved.deploy(SOME) == ["UpdateNamedQuery"]
    assert saved.named("question_0") == ours


def test_queries_of_people_are_left_alone_whatever_their_names(saved: Saved) -> None:
    own = saved.people_save("question_0", "SELECT mine")
    other = saved.people_save("mine", "SELECT mine")
    saved.deploy(SOME)
    saved.deploy([replace(query, sql="SELECT 9") for query in SOME])
    kept = {query["NamedQueryId"]: query["QueryString"] for query in saved.all()}
    assert (kept[own], kept[other]) == ("SELECT mine", "SELECT mine")
    assert len(kept) == 5


def test_a_copy_of_ours_under_another_name_is_somebodys(saved: Saved) -> None:
    saved.deploy(SOME)
    copied = saved.people_save("my copy", saved.named("question_0")["QueryString"])
    saved.deploy([replace(query, sql="SELECT 9") for query in SOME])
    copy = saved.named("my copy")
    assert copy["NamedQueryId"] == copied
    assert copy["QueryString"].endswith(SOME[0].sql)


def test_a_query_whose_file_is_gone_stays(saved: Saved) -> None:
    saved.deploy(SOME)
    assert saved.deploy(SOME[:1]) == []
    assert len(saved.all()) == 3


def test_a_query_that_somebody_deleted_is_made_again_by_the_next_deployment(saved: Saved) -> None:
    saved.deploy(SOME)
    saved.athena.delete_named_query(NamedQueryId=saved.named("question_1")["NamedQueryId"])
    assert saved.deploy(SOME) == ["CreateNamedQuery"]
    assert len(saved.all()) == 3


def test_another_database_or_workgroup_has_its_own(saved: Saved, aws: Aws) -> None:
    saved.deploy(SOME)
    assert saved.deploy(SOME, database="another") == ["CreateNamedQuery"] * 3
    other = f"{saved.workgroup}-other"
    saved.athena.create_work_group(Name=other, Configuration={})
    assert Saved(saved.athena, other).deploy(SOME) == []  # its own list of writes
    assert len(Saved(saved.athena, other).all()) == 3
    assert len(saved.all()) == 6


def test_more_queries_than_athena_shows_at_once_are_all_seen(saved: Saved) -> None:
    for number in range(60):
        saved.people_save(f"mine {number}", "SELECT 1")
    many = [replace(SOME[0], name=f"question_{number}") for number in range(55)]
    assert len(saved.deploy(many)) == 55
    assert saved.deploy(many) == []
    assert saved.deploy([*many[:-1], replace(many[-1], sql="SELECT 9")]) == ["UpdateNamedQuery"]
    assert len(saved.all()) == 115


class Hiding:
    """A client of Athena that does not show queries in some of its answers."""

    def __init__(self, athena: Any, times: int, happens: Callable[[], object]) -> None:
        self._athena = athena
        self._times = times
        self._happens = happens

    def __getattr__(self, name: str) -> Any:
        return getattr(self._athena, name)

    def batch_get_named_query(self, **request: Any) -> Any:
        if self._times:
            self._times -= 1
            self._happens()
            hidden = [{"NamedQueryId": query_id} for query_id in request["NamedQueryIds"]]
            return {"NamedQueries": [], "UnprocessedNamedQueryIds": hidden}
        return self._athena.batch_get_named_query(**request)


def test_a_query_that_athena_does_not_show_at_first_is_not_made_twice(saved: Saved) -> None:
    saved.deploy(SOME)
    waits: list[float] = []
    hiding = Hiding(saved.athena, 2, lambda: None)
    assert saved.deploy(SOME, hiding, sleep=waits.append) == []
    assert len(waits) == 2
    with pytest.raises(TablesNotMade, match=f"{saved.workgroup} .*deploy again"):
        saved.deploy(SOME, Hiding(saved.athena, 9, lambda: None), sleep=waits.append)
    assert len(saved.all()) == 3


def test_a_query_that_is_deleted_during_a_deployment_is_no_obstacle(saved: Saved) -> None:
    query_id = saved.people_save("mine", "SELECT 1")
    deleted = Hiding(
        saved.athena, 1, lambda: saved.athena.delete_named_query(NamedQueryId=query_id)
    )
    saved.deploy(SOME, deleted, sleep=lambda _: None)
    assert len(saved.all()) == 3


def test_a_deployment_that_is_asked_twice_at_once_makes_each_query_once(saved: Saved) -> None:
    class Late:
        """Lists what is there only after the other one has made it."""

        def __getattr__(self, name: str) -> Any:
            return getattr(saved.athena, name)

        def get_paginator(self, _: str) -> Any:
            class Nothing:
                def paginate(self, **_: Any) -> list[Any]:
                    return [{"NamedQueryIds": []}]

            return Nothing()

    saved.deploy(SOME, request="same")
    saved.deploy(SOME, Late(), request="same")
    assert len(saved.all()) == 3


@pytest.mark.parametrize(
    ("operation", "request_"),
    [
        ("create_named_query", {"Name": "n" * 129, "Database": "d", "QueryString": "s"}),
        ("create_named_query", {"Name": "n", "Database": "d", "QueryString": "s" * 262_145}),
        (
            "create_named_query",
            {"Name": "n", "Database": "d", "QueryString": "s", "Description": "d" * 1025},
        ),
        ("update_named_query", {"NamedQueryId": "gone", "Name": "n", "QueryString": "s"}),
        ("batch_get_named_query", {"NamedQueryIds": ["i"] * 51}),
        ("list_named_queries", {"MaxResults": 51}),
        ("get_named_query", {"NamedQueryId": "gone"}),
        ("delete_named_query", {"NamedQueryId": "gone"}),
    ],
)
def test_what_athena_would_not_take_is_not_taken_here(
    aws: Aws, operation: str, request_: dict[str, Any]
) -> None:
    with pytest.raises(ClientError, match="InvalidRequestException"):
        getattr(aws.client("athena"), operation)(**request_)


def test_a_token_stands_for_one_query(saved: Saved) -> None:
    asked = {"Name": "n", "Database": "d", "QueryString": "s", "WorkGroup": saved.workgroup}
    token = f"{saved.workgroup:>032}"
    create = saved.athena.create_named_query
    first = create(**asked, ClientRequestToken=token)["NamedQueryId"]
    assert create(**asked, ClientRequestToken=token)["NamedQueryId"] == first
    with pytest.raises(ClientError, match="InvalidRequestException"):
        create(**{**asked, "QueryString": "other"}, ClientRequestToken=token)
    assert create(**asked)["NamedQueryId"] != first
    assert len(saved.all()) == 2
