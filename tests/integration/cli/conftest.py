"""A stack for the commands that work on one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.aws import Aws
from tests.functions import Load
from tests.small_stack import SmallStack, small_stack


@pytest.fixture
def stack(aws: Aws, load: Load, monkeypatch: pytest.MonkeyPatch) -> Iterator[SmallStack]:
    """What a stack's outputs name, on AWS as it is here."""
    with small_stack(aws, load, monkeypatch) as made:
        yield made
