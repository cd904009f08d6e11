"""Roles that are seconds old: IAM tells all of AWS of them and their policies within a minute."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from chatlake.exceptions import TablesNotMade

if TYPE_CHECKING:
    from collections.abc import Callable

KNOWN_WITHIN_S = 60
"""IAM is eventually consistent: docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html"""

_PAUSE_S = 5
_DENIED = {
    "403", "AccessDenied", "AccessDeniedException", "Forbidden", "KMS.AccessDeniedException",
    "InvalidClientTokenId", "UnauthorizedOperation", "UnrecognizedClientException",
}  # fmt: skip
# Athena asks in the name of the role, and tells of a refusal in words of the service.
_DENIED_WORDS = ("access denied", "not authorized to perform", "insufficient permissions")


def is_denied(error: BaseException) -> bool:
    """Return whether AWS has refused something for want of a permission."""
    if isinstance(error, ClientError):
        return error.response["Error"]["Code"] in _DENIED
    if isinstance(error, TablesNotMade):
        return any(words in str(error).lower() for words in _DENIED_WORDS)
    return False


def patiently[T](
    act: Callable[[], T],
    *,
    told: Callable[[BaseException], object],
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], object] = time.sleep,
) -> T:
    """Do what may be repeated, again for a minute as long as AWS denies it.

    Parameters
    ----------
    told
        Takes each denial after which it is tried again.
    clock, sleep
        In seconds; for tests.

    Raises
    ------
    Exception
        What `act` raised last; anything but a denial at once.
    """
    give_up = clock() + KNOWN_WITHIN_S
    while True:
        try:
            return act()
        except (ClientError, TablesNotMade) as error:
            if not is_denied(error) or clock() >= give_up:
                raise
            told(error)
            sleep(_PAUSE_S)
