"""A small stack with one thing of each kind, and clouds to deploy it to."""

from __future__ import annotations

import shutil
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from local.clock import Clock
from local.cloud import LocalCloud

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from types_boto3_sqs.type_defs import MessageTypeDef

FOLDER = Path(__file__).parent
TEMPLATE = FOLDER / "template.yaml"
START = 1_800_000_000.0
"""What the clocks of these clouds show at first: 2027-01-15T08:00:00Z."""


@contextmanager
def a_cloud(folder: Path, speed: float = 60, **options: Any) -> Iterator[LocalCloud]:
    """Run a cloud whose minutes are seconds."""
    with LocalCloud(folder, Clock(START, speed), **options) as cloud:
        yield cloud


def make_bucket(cloud: LocalCloud, name: str) -> None:
    """Make a bucket in the cloud's Region."""
    s3: Any = cloud.client("s3")
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": cloud.region})


def a_copy(folder: Path, *changes: tuple[str, str], stack: Path = FOLDER) -> Path:
    """Copy a stack into a folder, with texts of its template replaced; return the template."""
    shutil.copytree(stack, folder, ignore=shutil.ignore_patterns("__*__*"), dirs_exist_ok=True)
    template = folder / "template.yaml"
    text = template.read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    template.write_text(text)
    return template


def contact_event(contact_id: str, channel: str = "CHAT") -> dict[str, object]:
    """An event that the stack's rule matches."""
    return {"source": "aws.connect", "detail": {"contactId": contact_id, "channel": channel}}


def eventually[T](ask: Callable[[], T], timeout_s: float = 60) -> T:
    """Ask until the answer is true, and give it."""
    end = time.monotonic() + timeout_s
    while True:
        answer = ask()
        if answer:
            return answer
        assert time.monotonic() < end, f"still {answer!r} after {timeout_s} s"
        time.sleep(0.02)


def received(cloud: LocalCloud, queue_url: str) -> list[MessageTypeDef]:
    """Wait for messages of a queue that nothing polls."""
    sqs = cloud.client("sqs")
    return eventually(lambda: sqs.receive_message(QueueUrl=queue_url).get("Messages", []))
