"""The bench of live chats: capture in processes of its own keeps what it is told."""

from __future__ import annotations

import re
import subprocess
import sys
from statistics import fmean

import pytest

from bench.live_sockets.chats import LONGEST_MS, MEAN_MS, steady
from bench.live_sockets.kept import compare
from local.observed import document_of

START_MS = 1_795_000_000_000
HOUR_MS = 3_600_000


def test_so_many_chats_are_live_from_the_start_on() -> None:
    chats = list(steady(1, 60, START_MS, 2 * HOUR_MS))
    moments = range(START_MS, START_MS + 2 * HOUR_MS, 60_000)
    live = [sum(chat.started_ms <= at < chat.ended_ms for chat in chats) for at in moments]
    assert fmean(live) == pytest.approx(60, rel=0.2)
    assert all(chat.ended_ms > START_MS for chat in chats)
    begun = [chat for chat in chats if chat.started_ms >= START_MS]
    assert fmean(c.ended_ms - c.started_ms for c in begun) == pytest.approx(MEAN_MS, rel=0.2)
    assert max(chat.ended_ms - chat.started_ms for chat in chats) <= LONGEST_MS


def test_what_was_not_read_is_missing_and_what_was_is_not() -> None:
    chats = list(steady(1, 10, START_MS, HOUR_MS))
    whole = {chat.initial_contact_id: document_of(chat, every_s=None) for chat in chats}
    kept = compare(chats, whole.get)
    assert (kept.chats, kept.undocumented, kept.messages_missing) == (len(chats), 0, 0)
    assert kept.receipts == kept.receipts_kept > 100
    assert kept.invented == 0
    some = {chat.initial_contact_id: document_of(chat, every_s=60) for chat in chats}
    read = compare(chats, some.get)
    assert read.receipts == kept.receipts
    assert 0.5 < read.share < 0.99
    assert sum(one.receipts for one in read.incomplete) == kept.receipts - read.receipts_kept
    assert compare(chats, lambda _: None).undocumented == len(chats)


@pytest.mark.world
@pytest.mark.timeout(600)
def test_a_small_run_keeps_by_sockets_with_few_calls_what_reads_keep_with_many() -> None:
    figures = figures_of("--warm", "4", "--minutes", "3")
    shares = [float(share.strip("%")) for share in figures["share of receipts kept"]]
    assert min(shares) > 90
    assert min(map(int, figures["chats that ended"])) > 5
    by_socket, by_reads = map(float, figures["GetTranscript a chat"])
    assert by_socket < by_reads / 5
    frames = [int(count.replace(",", "")) for count in figures["frames read"]]
    assert frames[0] > 100
    assert frames[1] == 0


@pytest.mark.world
@pytest.mark.timeout(600)
def test_a_process_that_is_killed_is_replaced() -> None:
    figures = figures_of("--warm", "4", "--minutes", "6", "--kill", "1", "--source", "websocket")
    assert int(figures["processes"][-1]) > 1
    assert float(figures["share of receipts kept"][-1].strip("%")) > 50


@pytest.mark.world
@pytest.mark.timeout(600)
def test_a_run_may_begin_with_nothing() -> None:
    figures = figures_of("--from-nothing", "--minutes", "5", "--source", "websocket")
    assert float(figures["share of receipts kept"][-1].strip("%")) > 50


def figures_of(*options: str) -> dict[str, list[str]]:
    """Make a small run; return its figures by name, one for each source."""
    command = [sys.executable, "-m", "bench.live_sockets", "--chats", "40", "--speed", "10"]
    done = subprocess.run([*command, *options], capture_output=True, check=False, text=True)
    lines = [re.split(r"  +", line) for line in done.stdout.splitlines() if "  " in line]
    figures = {name: values for name, *values in lines}
    assert "share of receipts kept" in figures, done.stdout + done.stderr
    return figures
