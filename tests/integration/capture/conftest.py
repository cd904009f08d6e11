"""The schedule of captures on a table of its own."""

from __future__ import annotations

import pytest

from chatlake.capture.schedule import CaptureSchedule
from tests.aws import Aws


@pytest.fixture
def table(aws: Aws) -> str:
    return aws.schedule_table()


@pytest.fixture
def schedule(aws: Aws, table: str) -> CaptureSchedule:
    return CaptureSchedule(aws.client("dynamodb"), table)
