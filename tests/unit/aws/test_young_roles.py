"""What a role that is seconds old is denied is tried again, for a minute and no longer."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from chatlake.aws.young_roles import KNOWN_WITHIN_S, patiently
from chatlake.exceptions import TablesNotMade

DENIED: Any = {"Error": {"Code": "AccessDeniedException", "Message": "not yet"}}
GONE: Any = {"Error": {"Code": "EntityNotFoundException", "Message": "no"}}


class Role:
    """Is denied some calls; only waiting takes time."""

    def __init__(self, denials: int, error: Exception | None = None) -> None:
        self.at = 1000.0
        self.calls = 0
        self.told: list[BaseException] = []
        self._denials = denials
        self._error = error or ClientError(DENIED, "GetTable")

    def ask(self) -> str:
        self.calls += 1
        if self.calls <= self._denials:
            raise self._error
        return "made"

    def clock(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += seconds

    def patiently(self) -> str:
        return patiently(self.ask, told=self.told.append, clock=self.clock, sleep=self.sleep)


@pytest.mark.parametrize("denials", [0, 1, 7])
def test_what_is_denied_at_first_is_done_in_the_end(denials: int) -> None:
    role = Role(denials)
    assert role.patiently() == "made"
    assert len(role.told) == denials


@pytest.mark.parametrize(
    "said",
    [
        "view first: Access denied when writing to location s3://lake/query-results/1.txt",
        "view first: User: arn:aws:sts::1:r is not authorized to perform: glue:CreateTable",
    ],
)
def test_what_athena_is_denied_in_the_name_of_the_role_is_tried_again(said: str) -> None:
    role = Role(2, TablesNotMade(said))
    assert role.patiently() == "made"


def test_after_a_minute_it_is_believed() -> None:
    role = Role(1000)
    with pytest.raises(ClientError, match="not yet"):
        role.patiently()
    assert KNOWN_WITHIN_S <= role.at - 1000 < KNOWN_WITHIN_S + 10


@pytest.mark.parametrize("error", [ClientError(GONE, "GetTable"), TablesNotMade("view a: line 3")])
def test_what_is_no_denial_fails_at_once(error: Exception) -> None:
    role = Role(1, error)
    with pytest.raises(type(error)):
        role.patiently()
    assert role.calls == 1
    assert role.at == 1000
