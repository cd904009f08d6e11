"""What capture's rotation keeps, beside reading in turn and beside what can be known."""

from __future__ import annotations

from statistics import fmean

import pytest

from bench.live_chats import Timeline, arrivals, pages_of, timelines
from bench.receipts_kept import SCHEDULES, compare, main, simulate
from chatlake.capture.pagination import scan
from chatlake.capture.participant_client import Page
from chatlake.documents.document import Document, merge
from chatlake.sources.get_transcript import from_response
from local.scripted.marathon import marathon

# Minutes of simulation.
pytestmark = pytest.mark.world

FEW = 300
HOUR_MS = 3_600_000


@pytest.mark.parametrize("live", [40, 100])
def test_the_rotation_keeps_more_than_reading_in_turn(live: int) -> None:
    runs = [compare(live, seed, minutes=20, scripted=FEW) for seed in (1, 2)]
    knowing, in_turn, rotation = (fmean(run[name].share for run in runs) for name in SCHEDULES)
    assert in_turn < rotation < knowing <= 1
    assert knowing > 0.99


def test_so_many_chats_are_live_on_average() -> None:
    chats = timelines(1, FEW)
    moments = range(0, 4 * HOUR_MS, 60_000)
    coming = list(arrivals(chats, 50, 4 * HOUR_MS, seed=1))
    live = [sum(s <= at < s + chat.life_ms for s, chat in coming) for at in moments]
    assert fmean(live) == pytest.approx(50, rel=0.15)


def test_of_few_chats_both_keep_the_same_and_hardly_any_without_calls() -> None:
    until_ms = HOUR_MS // 2
    chats = list(arrivals(timelines(1, FEW), 20, until_ms, seed=1))
    for name, rate, least, most in (
        ("in turn", 4, 0.95, 1),
        ("rotation", 4, 0.95, 1),
        ("rotation", 0.02, 0, 0.5),
    ):
        kept = simulate(chats, SCHEDULES[name], until_ms=until_ms, calls_per_s=rate)
        assert least <= kept.share <= most, name
        assert kept.reported > 50


@pytest.mark.parametrize("minutes", [(0, 30), (30, 31), (30, 45), (5, 59)])
def test_a_read_costs_the_pages_that_capture_asks_for(minutes: tuple[int, int]) -> None:
    chat = marathon(2, 700, 1_788_220_800_000, 3_600)
    timeline = Timeline(chat)
    before_ms, now_ms = (minute * 60_000 for minute in minutes)
    items = chat.transcript()[: timeline.state(now_ms).items]
    # What was known before, as the service had it then.
    known = Document("c")
    if before_ms:
        at = timeline.state(before_ms)
        then = [i.as_of(chat.started_ms + at.newest_at) for i in chat.items[: at.items]]
        known = merge(known, from_response({"InitialContactId": "c", "Transcript": then}))

    def read_page(token: str | None) -> Page:
        end = len(items) if token is None else int(token)
        start = max(0, end - 100)
        response = {"InitialContactId": "c", "Transcript": items[start:end]}
        return Page(response, str(start) if start else None)

    found = scan(read_page, known, whole=False)
    before = timeline.state(before_ms) if before_ms else None
    assert pages_of(before, timeline.state(now_ms)) == found.pages


def test_the_bench_prints_a_line_for_each_number_of_chats(
    capsys: pytest.CaptureFixture[str],
) -> None:
    main(["--live", "20", "--seeds", "1", "--minutes", "2"])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert lines[-1].split()[0] == "20"
