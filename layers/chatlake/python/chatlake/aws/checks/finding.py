"""Checks: each tells what it has found and the command that mends it; none stops the others."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from chatlake.aws.advice import advice, is_denied, refused_action
from chatlake.exceptions import StackUnusable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from chatlake.aws.stack import DeployedStack


class Verdict(StrEnum):
    """What became of a check."""

    FINE = "fine"
    FAILS = "fails"
    LOOK = "look"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check has found.

    Attributes
    ----------
    verdict
        FAILS if something is not archived, or will not be, as it is; LOOK if that cannot be told.
    said
        One sentence.
    mend
        A command, or what to do; None if nothing is to be done.
    """

    verdict: Verdict
    said: str
    mend: str | None = None


def fine(said: str) -> Finding:
    """Say that all is well."""
    return Finding(Verdict.FINE, said)


def fails(said: str, mend: str) -> Finding:
    """Say what is wrong."""
    return Finding(Verdict.FAILS, said, mend)


def look(said: str, mend: str | None = None) -> Finding:
    """Say what a person has to judge."""
    return Finding(Verdict.LOOK, said, mend)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a stack is, or is to be.

    Attributes
    ----------
    account, region
        Of whoever asks.
    instance_arn, export_bucket, export_prefix, export_key
        What the stack's parameters say, or are to say; "" where nothing is said.
    client
        Makes a client of a service.
    stack
        None before it is deployed.
    profile
        Whose credentials these are, if the user has named one; "" else.
    """

    account: str
    region: str
    instance_arn: str
    export_bucket: str
    export_prefix: str
    export_key: str
    client: Callable[[str], Any]
    stack: DeployedStack | None = None
    profile: str = ""

    def parameter(self, name: str, default: str) -> str:
        """Return a parameter of the stack, or the template's default."""
        return default if self.stack is None else self.stack.parameter(name, default)

    @property
    def named(self) -> str:
        """What a command says to mean this stack."""
        return f"--stack {self.stack.name}" if self.stack else f"--region {self.region}"


type Check = Callable[[Place], Iterable[Finding]]


def examine(place: Place, checks: Iterable[Check]) -> Iterator[Finding]:
    """Make checks one by one; one that AWS refuses is unknown, and the others go on."""
    for check in checks:
        what = (check.__doc__ or "").partition(".")[0]
        try:
            yield from check(place)
        except ClientError as error:
            if is_denied(error):
                action = refused_action(error)
                yield Finding(
                    Verdict.UNKNOWN,
                    f"{what}: these credentials may not {action}",
                    f"allow {action}, or name another profile with --profile",
                )
            else:
                yield Finding(Verdict.UNKNOWN, f"{what}: {advice(error, place.region)}")
        except StackUnusable as error:
            yield Finding(Verdict.UNKNOWN, f"{what}: {error}")
        except BotoCoreError as error:
            yield Finding(Verdict.UNKNOWN, f"{what}: {advice(error, place.region)}")
