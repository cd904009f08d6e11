"""The tests' own IAM decides as IAM does, for what the template uses of its language."""

from __future__ import annotations

from typing import Any

import pytest

from tests.policies.evaluator import NotOfTheTemplate, Request, is_allowed

READS: dict[str, Any] = {
    "Effect": "Allow",
    "Action": ["s3:GetObject", "s3:ListBucket"],
    "Resource": ["arn:aws:s3:::b", "arn:aws:s3:::b/documents/*"],
}


def allows(condition: dict[str, Any] | None = None, **context: tuple[str, ...]) -> bool:
    """Whether a request with a context is allowed under a condition; `_` stands for a colon."""
    statement = READS if condition is None else {**READS, "Condition": condition}
    named = {key.replace("_", ":"): values for key, values in context.items()}
    return is_allowed([statement], Request("s3:GetObject", "arn:aws:s3:::b/documents/0", named))


def test_what_no_statement_allows_is_not_allowed() -> None:
    assert allows()
    assert not is_allowed([], Request("s3:GetObject", "arn:aws:s3:::b"))
    assert not is_allowed([READS], Request("s3:PutObject", "arn:aws:s3:::b/documents/0"))
    assert not is_allowed([READS], Request("s3:GetObject", "arn:aws:s3:::b/tables/0"))
    # Of an action the case does not count, of a resource it does.
    assert is_allowed([READS], Request("S3:getobject", "arn:aws:s3:::b"))
    assert not is_allowed([READS], Request("s3:GetObject", "arn:aws:s3:::B"))


def test_what_one_statement_denies_no_other_allows() -> None:
    denies = {"Effect": "Deny", "Action": "s3:*", "Resource": "*"}
    assert not is_allowed([READS, denies], Request("s3:GetObject", "arn:aws:s3:::b"))


@pytest.mark.parametrize(
    ("operator", "wanted", "values", "holds"),
    [
        ("StringEquals", "a", ("a",), True),
        ("StringEquals", ["b", "a"], ("a",), True),
        ("StringEquals", "a*", ("ab",), False),
        ("StringEquals", "a", (), False),
        ("StringEqualsIfExists", "a", (), True),
        ("StringEqualsIfExists", "a", ("b",), False),
        ("StringLike", "a*", ("ab",), True),
        ("StringLike", "a?", ("abc",), False),
        ("StringLike", "a.b", ("axb",), False),
        ("StringNotLike", "#*", ("a",), True),
        ("StringNotLike", "#*", ("#a",), False),
        ("StringNotLike", "#*", (), True),
        ("ForAllValues:StringLike", ["a#*", "b#*"], ("a#1", "b#2"), True),
        ("ForAllValues:StringLike", ["a#*", "b#*"], ("a#1", "c#2"), False),
        ("ForAllValues:StringNotLike", ["#*"], ("a", "#b"), False),
        ("ForAllValues:StringLike", ["a#*"], (), True),
        ("Null", "false", ("a",), True),
        ("Null", "false", (), False),
        ("Null", "true", (), True),
    ],
)
def test_a_condition_holds(
    operator: str, wanted: str | list[str], values: tuple[str, ...], holds: bool
) -> None:
    assert allows({operator: {"a:key": wanted}}, a_key=values) is holds


def test_all_of_a_condition_must_hold() -> None:
    both = {"StringEquals": {"a:one": "1", "a:two": "2"}}
    assert allows(both, a_one=("1",), a_two=("2",))
    assert not allows(both, a_one=("1",), a_two=("3",))


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        (
            {**READS, "Condition": {"DateLessThan": {"aws:CurrentTime": "2026-11-27T00:00:00Z"}}},
            "condition DateLessThan",
        ),
        ({**READS, "NotAction": "s3:*"}, "NotAction of a statement"),
    ],
)
def test_what_it_does_not_know_is_an_error(statement: dict[str, Any], named: str) -> None:
    with pytest.raises(NotOfTheTemplate, match=named):
        is_allowed([statement], Request("s3:GetObject", "arn:aws:s3:::b"))


def test_several_values_need_a_word_for_how_many() -> None:
    with pytest.raises(NotOfTheTemplate, match="without ForAllValues"):
        allows({"StringLike": {"a:key": "a"}}, a_key=("a", "b"))
