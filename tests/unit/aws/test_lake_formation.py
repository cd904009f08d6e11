"""What Lake Formation refuses is told apart from what IAM does, without AWS's own text."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from chatlake.aws.lake_formation import refusal, refused_by_it
from chatlake.aws.observability import guarded
from chatlake.exceptions import HandlerFailed, LakeFormationRefused

ITS = "Insufficient Lake Formation permission(s)"


def denied(said: str, operation: str = "GetTable") -> ClientError:
    error: Any = {"Error": {"Code": "AccessDeniedException", "Message": said}}
    return ClientError(error, operation)


@pytest.mark.parametrize(
    ("said", "missing"),
    [
        (f"{ITS}: Required Describe on messages", "has no DESCRIBE on messages"),
        (f"{ITS}: Required Create Table on chatlake", "has no CREATE_TABLE on chatlake"),
        (f"{ITS} on chatlake", "has too few permissions on chatlake"),
        (ITS, "has too few permissions"),
        (
            "User: arn:aws:sts::1:assumed-role/r is not authorized to perform: "
            "lakeformation:GetDataAccess on resource: *",
            "may not call lakeformation:GetDataAccess",
        ),
    ],
)
def test_it_says_which_grant_is_missing_and_what_to_do(said: str, missing: str) -> None:
    refused = refused_by_it(denied(said))
    assert str(refused).startswith(f"Lake Formation refuses GetTable: its role {missing}. ")
    assert "LakeFormation=grants" in str(refused)


def test_what_iam_refuses_is_none_of_it() -> None:
    said = "User: arn:aws:sts::1:assumed-role/r is not authorized to perform: glue:GetTable"
    assert refused_by_it(denied(said)) is None
    assert refusal("TABLE_NOT_FOUND: line 3", "a statement") is None
    assert refused_by_it(ValueError(ITS)) is None


def test_of_the_text_only_permissions_and_names_are_told() -> None:
    refused = refused_by_it(denied(f"{ITS}: Required Describe on messages, said 'SECRET text'"))
    assert "SECRET" not in str(refused)


def test_a_function_fails_with_the_reason_and_not_with_a_place_in_the_code() -> None:
    @guarded
    def publish() -> None:
        try:
            raise denied(f"{ITS}: Required Alter on messages", "UpdateTable")
        except ClientError as error:
            raise RuntimeError from error

    with pytest.raises(LakeFormationRefused, match="UpdateTable: its role has no ALTER on"):
        publish()


def test_what_else_is_denied_fails_as_before() -> None:
    @guarded
    def publish() -> None:
        raise denied("not authorized to perform: glue:GetTable")

    with pytest.raises(HandlerFailed):
        publish()
