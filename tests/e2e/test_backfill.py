"""`chatlake backfill` on a stack that is deployed here: killed twice, it loses nothing."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from chatlake.capture.past_records import PROCESSES, RECORDS_PER_S
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
def past(
    folder: Path,
    chats: list[Chat],
    days: int,
    behaviour: Behaviour | None = None,
    *,
    speed: int = SPEED,
    **parameters: str,
) -> Iterator[World]:
    """A stack that is new, and an instance that has exported for days."""
    behaviour = behaviour or Behaviour()
    later_s = (FIRST + timedelta(days=days + 8)).timestamp()
    with World(
        Script(chats, behaviour),
        Clock(later_s, speed),
        template=deployable(folder / "project"),
        folder=folder,
        parameters={"PublishWindowSeconds": "60", "Architecture": HOST, **parameters},
    ) as world:
        put = world.client("s3").put_object
        with ThreadPoolExecutor(WRITERS) as writers:
            for chat in chats:
                for leg in chat.legs:
                    body = json.dumps(chat.export(leg)).encode()
                    writers.submit(put, Bucket=EXPORT_BUCKET, Key=leg.export_key, Body=body)
                again = chat.legs[0].export_key.replace(".json", "_2.json")
                # Of which no record tells: it would be waited for.
                if chat.index % 10 == 0 and not behaviour.redacts:
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
    return watched(world, *arguments)[0]


def watched(world: World, *arguments: str) -> tuple[Ran, int]:
    """Run the command; also return the most memory that it had, in MB."""
    memory_mb = 0
    with started(world, *arguments) as process:
        while True:
            try:
                out, err = process.communicate(timeout=0.5)
            except subprocess.TimeoutExpired:
                memory_mb = max(memory_mb, peak_mb(process.pid))
                continue
            assert "Traceback" not in err
            return Ran(process.returncode, out, err), memory_mb


def peak_mb(pid: int) -> int:
    """The most memory that a process had so far; 0 where that is not told."""
    try:
        status = Path(f"/proc/{pid}/status").read_text("ascii", "replace")
    except OSError:
        return 0
    return sum(int(kb) >> 10 for kb in re.findall(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE))


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
    done, memory_mb = watched(world, *arguments)
    taken_s = time.monotonic() - begun
    # All is in but the broken one, which is named.
    assert done.code == 1, done.err
    [left] = [line for line in done.err.splitlines() if line.startswith("Not taken in")]
    assert BROKEN in left
    wait_until_published(world, len(chats), 120 + len(chats) / 10)
    published_s = time.monotonic() - begun
    verified, verifying_mb = watched(world, "verify", "--all")
    assert (verified.code, verified.out) == (0, ""), verified.err
    assert f"{len(chats):,} chats compared: every row is as its document says." in verified.err
    assert place(world) == ""
    print(
        f"\n{done.out}{done.err}{verified.err}\n"
        f"{len(chats):,} chats; the last run took {taken_s:.0f} s and {memory_mb} MB, all were "
        f"published after {published_s:.0f} s; verify took "
        f"{time.monotonic() - begun - published_s:.0f} s and {verifying_mb} MB"
    )
    for function in ("Backfill", "Publish"):
        runs = world.cloud.invocations(function)
        print(
            f"{function}: {dict(Counter(run.outcome for run in runs))}, "
            f"{max(run.max_memory_mb for run in runs)} MB"
        )


@pytest.mark.world
@pytest.mark.timeout(900)
def test_a_past_of_some_hundred_chats_is_taken_in(tmp_path: Path) -> None:
    chats = list(scripts(seed=5, count=300, start=FIRST, days=4))
    with past(tmp_path, chats, 6) as world:
        killed_twice_and_gone_on_with(world, chats, 6)


@pytest.mark.world
@pytest.mark.timeout(900)
def test_contents_of_redacted_exports_are_taken_in_as_fast_as_connect_tells_of_them(
    tmp_path: Path,
) -> None:
    chats = list(scripts(seed=7, count=100, start=FIRST, days=3))
    # A little less than what both executions ask: some calls are refused.
    tight = Behaviour(redacts=True, describe_contact_per_s=0.8, describe_contact_burst=1)
    with past(tmp_path, chats, 5, tight, speed=5, ContentPolicy="redacted") as world:
        killed_twice_and_gone_on_with(world, chats, 5)
        for chat in chats[::20]:
            document = json.loads(ran(world, "document", chat.initial_contact_id).out)
            versions = (one for item in document["items"].values() for one in item["versions"])
            stored = {version["item"].get("Content") for version in versions}
            exported = (item for leg in chat.legs for item in chat.export(leg)["Transcript"])
            said = {item["Content"] for item in exported if item.get("Content")}
            assert said
            assert said <= stored
        asked = [call for call in world.service.calls if call.operation == "DescribeContact"]
    assert 429 in {call.status for call in asked}
    # Each execution's next call begins two seconds after its last one has ended.
    at_ms = sorted(call.at_ms for call in asked)
    pairs = zip(at_ms, at_ms[PROCESSES:], strict=False)
    assert min(after - before for before, after in pairs) > 0.95 * 1000 / RECORDS_PER_S


@pytest.mark.slow
@pytest.mark.timeout(5400)
def test_twenty_thousand_exports_are_taken_in(tmp_path: Path) -> None:
    """Half an hour, by its mark: ``pytest -m slow tests/e2e/test_backfill.py -s``."""
    chats = list(scripts(seed=6, count=20_000, start=FIRST, days=20))
    # Its functions have the time that a batch of a hundred takes beside all of AWS.
    with past(tmp_path, chats, 22, speed=2) as world:
        killed_twice_and_gone_on_with(world, chats, 22)
        outcomes = {run.outcome for run in world.cloud.invocations("Backfill")}
    assert outcomes == {"ok"}
