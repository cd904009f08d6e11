"""`chatlake backfill` on a stack that is deployed here: killed twice, it loses nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from local.chats import Chat, scripts
from local.clock import Clock
from local.participant_service import Behaviour
from local.world import EXPORT_BUCKET, EXPORT_PREFIX, Script, World
from tests.e2e.pipeline.deployable import deployable
from tests.e2e.pipeline.running import until
from tests.lake_folder import Ran
from tools.artifacts import HOST

COMMAND = Path(sys.executable).with_name("chatlake")
FIRST = datetime(2026, 8, 1, tzinfo=UTC)
SPEED = 10
WRITERS = 8
BROKEN = f"{EXPORT_PREFIX}/2026/08/01/broken_20260801T10:00_UTC.json"

type Run = Callable[..., Ran]


@contextmanager
def past(folder: Path, chats: list[Chat], days: int) -> Iterator[World]:
    """A stack that is new, and an instance that has exported for days."""
    later_s = (FIRST + timedelta(days=days + 8)).timestamp()
    with World(
        Script(chats, Behaviour()),
        Clock(later_s, SPEED),
        template=deployable(folder / "project"),
        folder=folder,
        parameters={"PublishWindowSeconds": "60", "Architecture": HOST},
    ) as world:
        put = world.client("s3").put_object
        with ThreadPoolExecutor(WRITERS) as writers:
            for chat in chats:
                for leg in chat.legs:
                    body = json.dumps(chat.export(leg)).encode()
                    writers.submit(put, Bucket=EXPORT_BUCKET, Key=leg.export_key, Body=body)
                again = chat.legs[0].export_key.replace(".json", "_2.json")
                if chat.index % 10 == 0:
                    body = json.dumps(chat.export(chat.legs[0])).encode()
                    writers.submit(put, Bucket=EXPORT_BUCKET, Key=again, Body=body)
        put(Bucket=EXPORT_BUCKET, Key=BROKEN, Body=b'{"Transcript": [')
        put(Bucket=EXPORT_BUCKET, Key=f"{EXPORT_PREFIX}/2026/08/01/notes.pdf", Body=b"%PDF")
        yield world


def started(world: World, *arguments: str) -> subprocess.Popen[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CHATLAKE_")}
    return subprocess.Popen(
        [COMMAND, "--stack", world.stack.name, *arguments],
        env={**kept, **world.cloud.environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ran(world: World, *arguments: str) -> Ran:
    with started(world, *arguments) as process:
        out, err = process.communicate(timeout=3600)
    assert "Traceback" not in err
    return Ran(process.returncode, out, err)


def place(world: World) -> str:
    """Up to where a backfill has come, as it has noted itself; "" if none is under way."""
    pages = (
        world.client("dynamodb")
        .get_paginator("scan")
        .paginate(
            TableName=world.stack.outputs["ChatsTable"],
            FilterExpression="begins_with(#key, :backfill)",
            ExpressionAttributeNames={"#key": "key"},
            ExpressionAttributeValues={":backfill": {"S": "backfill#"}},
        )
    )
    return "".join(item["place"]["S"] for page in pages for item in page["Items"])


def kill_after(world: World, seen: str, arguments: tuple[str, ...]) -> str:
    """Kill a backfill once it has come further than a place; return where it was then."""
    with started(world, *arguments) as process:
        until(lambda: place(world) > seen, f"the backfill has come further than {seen!r}")
        process.send_signal(signal.SIGKILL)
        process.communicate()
    return place(world)


def wait_until_published(world: World, chats: int, limit_s: float) -> None:
    end = time.monotonic() + limit_s
    while len(world.published()) < chats:
        assert time.monotonic() < end, f"{len(world.published())} of {chats} published"
        time.sleep(1)
    world.cloud.wait_idle(limit_s)


def killed_twice_and_gone_on_with(world: World, chats: list[Chat], days: int, *more: str) -> None:
    arguments = (
        "backfill",
        *("--since", f"{FIRST:%Y-%m-%d}"),
        *("--until", f"{FIRST + timedelta(days=days - 1):%Y-%m-%d}"),
        *more,
    )
    first = kill_after(world, f"{FIRST:%Y-%m-%d} 0 ", arguments)
    second = kill_after(world, first, arguments)
    assert second > first
    begun = time.monotonic()
    done = ran(world, *arguments)
    took_s = time.monotonic() - begun
    # All is in but the broken one, which is named.
    assert done.code == 1, done.err
    [left] = [line for line in done.err.splitlines() if line.startswith("Not taken in")]
    assert BROKEN in left
    print(f"\n{len(chats)} chats, the last run took {took_s:.0f} s\n{done.out}{done.err}")
    wait_until_published(world, len(chats), 120 + len(chats) / 10)
    verified = ran(world, "verify", "--all")
    assert (verified.code, verified.out) == (0, ""), verified.err
    assert f"{len(chats):,} chats compared: every row is as its document says." in verified.err
    assert place(world) == ""


@pytest.mark.world
@pytest.mark.timeout(900)
def test_a_past_of_some_hundred_chats_is_taken_in(tmp_path: Path) -> None:
    chats = list(scripts(seed=5, count=300, start=FIRST, days=4))
    with past(tmp_path, chats, 6) as world:
        killed_twice_and_gone_on_with(world, chats, 6)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_twenty_thousand_exports_are_taken_in(tmp_path: Path) -> None:
    """Half an hour, by its mark: ``pytest -m slow tests/e2e/test_backfill.py -s``."""
    chats = list(scripts(seed=6, count=20_000, start=FIRST, days=20))
    with past(tmp_path, chats, 22) as world:
        killed_twice_and_gone_on_with(world, chats, 22)
