"""What Amazon Connect has of a stack: the functions that its flows may invoke, and flow modules."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from local.cloud.exceptions import InvocationFailed, Throttled

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.cloud.environment import Answer
    from local.cloud.template import Json

_PRINCIPAL = "connect.amazonaws.com"
_MAX_ANSWER_BYTES = 32_000


class Flows:
    """The flows of all instances, as far as functions know of them.

    Parameters
    ----------
    arn_of
        Returns the ARN of a function by its name or ARN.
    may
        Whether a principal may invoke a function on behalf of something, by its ARN.
    invoke
        Runs a function and waits for its answer.
    """

    def __init__(
        self,
        arn_of: Callable[[str], str],
        may: Callable[[str, str, str], bool],
        invoke: Callable[[str, bytes], Answer],
    ) -> None:
        self.associations: dict[str, tuple[str, str]] = {}
        """Instance and function of each integration association, by its id."""
        self.modules: set[str] = set()
        """ARNs of flow modules."""
        self._arn_of = arn_of
        self._may = may
        self._invoke = invoke

    def has(self, instance_arn: str, function: str) -> bool:
        """Tell whether an instance offers a function, by its name or ARN, to its flows."""
        return (instance_arn, self._arn_of(function)) in self.associations.values()

    def invoke(self, instance_arn: str, function: str, event: Json) -> dict[str, str]:
        """Invoke a function as a flow does; return the attributes that it answers with.

        Raises
        ------
        InvocationFailed
            The flow takes its error branch: the function is not associated with the instance, does
            not allow it, ended with an error, or answers what no flow can read.
        """
        function_arn = self._arn_of(function)
        if not self.has(instance_arn, function):
            raise InvocationFailed(f"{function_arn} is not associated with {instance_arn}")
        if not self._may(function_arn, _PRINCIPAL, instance_arn):
            raise InvocationFailed(f"{function_arn} does not allow {_PRINCIPAL} for {instance_arn}")
        try:
            answer = self._invoke(function_arn, json.dumps(event).encode())
        except Throttled:
            raise InvocationFailed(f"{function_arn} has no concurrency left") from None
        if answer.outcome != "ok":
            raise InvocationFailed(f"{function_arn} ended with {answer.outcome}")
        return _attributes(function_arn, answer.body)


def _attributes(function_arn: str, body: bytes) -> dict[str, str]:
    """Read an answer as flows do that expect a STRING_MAP, which is the usual."""
    answer = json.loads(body or b"null")
    flat = isinstance(answer, dict) and all(isinstance(value, str) for value in answer.values())
    if not flat or len(body) > _MAX_ANSWER_BYTES:
        raise InvocationFailed(f"{function_arn} answers with no flat map of texts within 32 kB")
    return dict(answer)
