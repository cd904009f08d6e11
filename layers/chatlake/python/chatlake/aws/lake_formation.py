"""What Lake Formation refuses, told apart from what IAM does: other people mend it, elsewhere."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from chatlake.exceptions import LakeFormationRefused

if TYPE_CHECKING:
    from collections.abc import Iterator

_ITS_WORDS = "Lake Formation permission"
_ITS_ACTION = "lakeformation:GetDataAccess"
# Permissions and names of things, and nothing else of the text, which may quote anything.
_REQUIRED = re.compile(r"Required ((?:[A-Z][a-z]+ ?)+?) on ([\w.*-]+)")
_ON = re.compile(re.escape(_ITS_WORDS) + r"\(s\) on ([\w.*-]+)")


def refused_by_it(error: BaseException) -> LakeFormationRefused | None:
    """Return what is missing, if an error of AWS, or the cause of an error, is Lake Formation's."""
    for one in _with_causes(error):
        if isinstance(one, ClientError):
            said = str(one.response["Error"].get("Message", ""))
            if found := refusal(said, one.operation_name):
                return found
    return None


def refusal(said: str, what: str) -> LakeFormationRefused | None:
    """Return what is missing, if a text of AWS is of Lake Formation.

    Parameters
    ----------
    what
        Was refused.
    """
    if _ITS_ACTION in said:
        return LakeFormationRefused(what, f"its role may not call {_ITS_ACTION}")
    if _ITS_WORDS not in said:
        return None
    if found := _REQUIRED.search(said):
        permission = found[1].strip().upper().replace(" ", "_")
        return LakeFormationRefused(what, f"its role has no {permission} on {found[2]}")
    if found := _ON.search(said):
        return LakeFormationRefused(what, f"its role has too few permissions on {found[1]}")
    return LakeFormationRefused(what, "its role has too few permissions")


def _with_causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
