"""What a newer version has written in formats of its own, an older one leaves as it is and says."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from chatlake.documents.formats import FORMAT
from chatlake.exceptions import TableDiffers
from chatlake.tables.lake import stored_formats
from tests.aws import Aws
from tests.functions import Load, call
from tests.lake_folder import message, page
from tests.small_stack import SmallStack, small_stack

C1, C2 = page("c1", message("m1")), page("c2", message("m2"))


@pytest.fixture
def stack(aws: Aws, load: Load, monkeypatch: pytest.MonkeyPatch) -> Iterator[SmallStack]:
    with small_stack(aws, load, monkeypatch) as made:
        yield made


@pytest.mark.parametrize(
    ("raised", "told"),
    [("FORMAT", "made of documents of format"), ("TABLE_FORMAT", "written in table format")],
)
def test_an_older_version_refuses_before_it_writes(
    stack: SmallStack, monkeypatch: pytest.MonkeyPatch, raised: str, told: str
) -> None:
    known = getattr(stored_formats, raised)
    with monkeypatch.context() as newer:
        newer.setattr(stored_formats, raised, known + 1)
        stack.take(C1)
    lake = stack.archive.lake
    said = f"{told} {known + 1}, and this version of chatlake knows formats up to {known}"
    for work in (lake.has_older_tables, lake.lacks_rows, lake.create_tables):
        with pytest.raises(TableDiffers, match=f"table messages: it.* {said}.*: deploy again"):
            work()
    with pytest.raises(TableDiffers, match=said):
        stack.take(C2)
    monkeypatch.setattr(stored_formats, raised, known + 1)
    assert stack.archive.publish(["c2"]).published == {"c2"}


def test_an_update_that_was_rolled_back_before_it_wrote_anything_stands_in_nobodys_way(
    stack: SmallStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack.take(C1)
    with monkeypatch.context() as newer:
        newer.setattr(stored_formats, "FORMAT", FORMAT + 1)
        stack.archive.lake.create_tables()
    stack.archive.lake.create_tables()
    stack.take(C2)


def test_the_deployment_of_the_older_version_fails_and_says_why(
    stack: SmallStack, load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as newer:
        newer.setattr(stored_formats, "FORMAT", FORMAT + 1)
        stack.take(C1)
    with pytest.raises(TableDiffers, match="documents of format"):
        call(load("tables"), {})
