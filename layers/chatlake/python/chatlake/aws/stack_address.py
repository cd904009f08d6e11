"""How a user names a stack; by itself, because it is there before any command runs."""

from __future__ import annotations

from typing import NamedTuple


class StackAddress(NamedTuple):
    """A stack's name; Region and profile are those of the environment if None."""

    name: str
    region: str | None = None
    profile: str | None = None

    def __str__(self) -> str:
        options = (("--region", self.region), ("--profile", self.profile))
        said = [f"{option} {value}" for option, value in options if value]
        return " ".join(["--stack", self.name, *said])
