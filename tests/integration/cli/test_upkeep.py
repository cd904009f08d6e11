"""What commands say of a folder that they also know of stacks."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.lake_folder import message, page

if TYPE_CHECKING:
    from tests.lake_folder import Chatlake, LakeFolder


def test_document_prints_what_is_stored_of_a_chat(lake: LakeFolder, chatlake: Chatlake) -> None:
    lake.take(page("c1", message(Content="Good morning", DisplayName="Jane", ContactId="leg")))
    ran = chatlake("document", "c1")
    assert (ran.code, ran.err) == (0, "")
    [path] = lake.documents()
    assert json.loads(ran.out) == json.loads(path.read_bytes())
    assert chatlake("document", "leg").out == ran.out
    unknown = chatlake("document", "c2")
    assert (unknown.code, unknown.out) == (1, "")
    assert "there is no document of contact c2: nothing is archived of it" in unknown.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("erase", "c1", "--wait"), "--wait is for a stack"),
        (("verify", "--sample", "5"), "--sample is for a stack"),
        (("redrive",), "redrive works on a stack"),
        (("erase", "c1", "--stack", "s"), "name two places"),
    ],
)
def test_what_only_stacks_have_is_refused_for_a_folder(
    chatlake: Chatlake, arguments: tuple[str, ...], said: str
) -> None:
    ran = chatlake(*arguments)
    assert (ran.code, ran.out) == (2, "")
    assert said in ran.err
