"""The report, as a reader has it: opened in a browser, and with figures worked out by hand."""

from __future__ import annotations

import os
import re
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from click.testing import CliRunner
from playwright.sync_api import Browser, Page, sync_playwright

from chatlake.analytics.report.charts import by_queue, coverage, over_time, step_ends_s
from chatlake.analytics.report.drawing import draw, time_axis
from chatlake.analytics.report.figures import Figures, gather
from chatlake.analytics.report.page import render
from chatlake.analytics.report.tiles import tiles
from chatlake.analytics.report.wording import queue_name, seconds, share
from chatlake.analytics.sql_files import ALWAYS, Period
from chatlake.chat_state import BatchHint
from chatlake.cli.commands import chatlake as command
from chatlake.embedded.archive import EmbeddedArchive
from local.example_lake import example_lake
from tests.hand_lake import MESSAGES, MONDAY, READ_LATENCY, ROWS, TUESDAY
from tests.made_lake import made_lake

SECTIONS = ("seen", "distribution", "days", "week", "queues", "states", "coverage")
WORDS = ("paper", "ink", "soft", "panel", "link")
MARKS = ("customer", "agent", "replied", "not-seen")
PHONE, DESK = {"width": 390, "height": 800}, {"width": 1200, "height": 900}


class Silent:
    """Shows no progress."""

    @contextmanager
    def stage(self, title: str, total: int | None) -> Iterator[Any]:
        assert title
        assert total is None or total >= 0
        yield lambda _: None


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    example_lake(folder / "lake", chats=150, days=14)
    report(folder / "lake", folder / "report.html")
    return folder / "report.html"


def report(lake: Path, output: Path, *arguments: str) -> str:
    said = CliRunner().invoke(
        command,
        ["--lake", str(lake), "report", "--output", str(output), *arguments],
        standalone_mode=False,
    )
    assert said.exception is None, said.output
    return said.stderr


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        reason = "no Chromium on this machine; on Debian: apt-get install chromium"
        assert not os.environ.get("CHATLAKE_NEEDS_BROWSER"), reason
        pytest.skip(reason)
    quiet = ["--no-sandbox", "--disable-background-networking", "--disable-component-update"]
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=program, args=quiet)
        yield running
        running.close()


@dataclass
class Opened:
    """A page in the browser, and all that it asked for and complained of."""

    page: Page
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)


@contextmanager
def opened(browser: Browser, file: Path, **options: Any) -> Iterator[Opened]:
    context = browser.new_context(**{"viewport": DESK} | options)
    try:
        result = Opened(context.new_page())
        result.page.on("request", lambda request: result.requests.append(request.url))
        result.page.on("console", lambda said: result.complaints.append(said.text))
        result.page.on("pageerror", lambda error: result.complaints.append(str(error)))
        result.page.goto(file.as_uri())
        yield result
    finally:
        context.close()


def test_the_page_asks_for_nothing_and_complains_of_nothing(
    browser: Browser, written: Path
) -> None:
    with opened(browser, written) as report:
        report.page.wait_for_load_state("networkidle")
        assert [url for url in report.requests if not url.startswith("data:")] == [written.as_uri()]
        assert report.complaints == []


@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
def test_every_chart_is_there_and_drawn_for_the_width(
    browser: Browser, written: Path, viewport: dict[str, int]
) -> None:
    shown, hidden = ("wide", "narrow") if viewport is DESK else ("narrow", "wide")
    with opened(browser, written, viewport=viewport) as report:
        for section in SECTIONS:
            chart = report.page.locator(f"#{section} .{shown} svg")
            assert chart.is_visible()
            assert report.page.locator(f"#{section} .{hidden} svg").is_hidden()
            assert chart.locator("path, line").count() > 10
            box = chart.bounding_box()
            assert box is not None
            assert box["width"] > 0.7 * viewport["width"] * (1 if viewport is PHONE else 0.8)
            assert report.page.locator(f"#{section} figcaption").inner_text().strip()
        page_width = report.page.evaluate("document.documentElement.scrollWidth")
        assert page_width <= viewport["width"]


def sorted_column(page: Page, number: int) -> list[str]:
    cells = page.locator(f"#all tbody td:nth-child({number})")
    return [value or "" for value in cells.evaluate_all("all => all.map(c => c.dataset.sort)")]


def test_the_keyboard_sorts_the_table(browser: Browser, written: Path) -> None:
    with opened(browser, written) as report:
        page = report.page
        page.locator("#all .scroll").focus()
        for _ in range(4):
            page.keyboard.press("Tab")
        heading = page.locator("#all th:nth-child(4)")
        assert page.evaluate("document.activeElement.closest('th').cellIndex") == 3
        page.keyboard.press("Enter")
        messages = [int(value) for value in sorted_column(page, 4)]
        assert heading.get_attribute("aria-sort") == "descending"
        assert len(messages) > 3
        assert messages == sorted(messages, reverse=True)
        page.keyboard.press("Space")
        assert heading.get_attribute("aria-sort") == "ascending"
        assert [int(value) for value in sorted_column(page, 4)] == sorted(messages)
        # Words by the alphabet; what has no value is last, whichever way.
        page.locator("#all th:nth-child(2) button").press("Enter")
        senders = sorted_column(page, 2)
        assert senders == sorted(senders)
        assert heading.get_attribute("aria-sort") is None
        for _ in range(2):
            page.locator("#all th:nth-child(7) button").press("Enter")
            medians = sorted_column(page, 7)
            assert "" in medians
            assert all(value == "" for value in medians[medians.index("") :])


def luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """The contrast ratio of WCAG 2."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_and_marks_stand_out_in_light_and_dark(
    browser: Browser, written: Path, scheme: str
) -> None:
    with opened(browser, written, color_scheme=scheme) as report:
        style = "getComputedStyle(document.documentElement).getPropertyValue('--' + name)"
        colour = {
            name: report.page.evaluate(f"name => {style}", name).strip()
            for name in (*WORDS, *MARKS)
        }
        background = report.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (luminance(colour["paper"]) > 0.5) == (scheme == "light")
    assert background == "rgb({}, {}, {})".format(
        *(int(colour["paper"][place : place + 2], 16) for place in (1, 3, 5))
    )
    for words in ("ink", "soft", "link"):
        assert contrast(colour[words], colour["paper"]) >= 4.5
    for words in ("ink", "soft"):
        assert contrast(colour[words], colour["panel"]) >= 4.5
    for mark in MARKS:
        assert contrast(colour[mark], colour["paper"]) >= 3


def test_every_chart_has_a_name_a_meaning_and_its_numbers(browser: Browser, written: Path) -> None:
    with opened(browser, written) as report:
        for section in SECTIONS:
            chart = report.page.get_by_role("img", name=re.compile("^Chart: ")).locator(
                f"xpath=ancestor::section[@id='{section}']"
            )
            assert chart.count() >= 1
            numbers = report.page.locator(f"#{section} details")
            assert numbers.locator("table").is_hidden()
            numbers.locator("summary").press("Enter")
            assert numbers.locator("table").is_visible()
            assert numbers.locator("tbody tr").count() > 0
        assert report.page.locator("html").get_attribute("lang") == "en"
        assert report.page.locator("h1").count() == 1


def test_a_lake_without_chats_says_what_to_do(browser: Browser, tmp_path: Path) -> None:
    with EmbeddedArchive(tmp_path / "lake", create=True):
        pass
    said = report(tmp_path / "lake", tmp_path / "report.html")
    assert "no messages; the page" in said
    with opened(browser, tmp_path / "report.html") as opened_page:
        words = opened_page.page.locator("main").inner_text()
        assert "chatlake import" in words
        assert opened_page.page.locator("svg").count() == 0
        assert opened_page.complaints == []


def test_a_period_without_chats_says_so_too(written: Path) -> None:
    output = written.with_name("none.html")
    said = report(written.with_name("lake"), output, "--until", "2020-01-01")
    assert "no messages; the page" in said
    assert "--since" in output.read_text(encoding="utf-8")


def test_a_report_that_lacks_chats_says_so(written: Path, tmp_path: Path) -> None:
    lake, output = written.with_name("lake"), tmp_path / "report.html"
    with EmbeddedArchive(lake) as archive:
        queue = archive.chats.queue
        queue.send({"c1": BatchHint(None, 100)})
        try:
            said = report(lake, output, "--until", "2020-01-01")
        finally:
            queue.acknowledge(queue.peek(most_chats=9, most_bytes=9_999))
    assert said.startswith("1 chat waits to be published: ")


def test_a_page_that_is_there_keeps_its_place_and_mode(written: Path, tmp_path: Path) -> None:
    page, link = tmp_path / "page.html", tmp_path / "link.html"
    page.touch(mode=0o600)
    link.symlink_to(page)
    report(written.with_name("lake"), link, "--until", "2020-01-01")
    assert link.is_symlink()
    assert "--since" in page.read_text(encoding="utf-8")
    assert page.stat().st_mode & 0o777 == 0o600


def test_a_pipe_is_written_to_and_not_replaced(written: Path, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text(encoding="utf-8")))
    reader.start()
    report(written.with_name("lake"), pipe, "--until", "2020-01-01")
    reader.join(30)
    assert pipe.is_fifo()
    assert read[0].startswith("<!DOCTYPE html>")


@pytest.mark.parametrize(
    ("shown", "domain"),
    [
        ([7.0], [5, 10]),
        ([10.0], [10, 20]),
        ([0.1, 0.1], [0.1, 0.2]),
        ([5.6, 400.0], [5, 600]),
        ([1e7], [720_000, 1e7]),
        ([], [1, 2]),
    ],
)
def test_an_axis_of_time_ends_at_labels_around_what_it_shows(
    shown: list[float], domain: list[float]
) -> None:
    axis = time_axis("", shown)
    assert axis["scale"]["domain"] == domain
    labels = axis["axis"]["values"]
    assert labels == sorted(set(labels))
    assert domain[0] == labels[0]
    assert all(low <= value <= high for value in shown for low, high in [domain])


@pytest.mark.parametrize("width", [330, 640])
def test_bars_of_many_days_are_not_hidden_by_the_lines_between_them(width: int) -> None:
    days = [
        {
            "chat_day": MONDAY + timedelta(days=day),
            "contacts": 9,
            "complete": 9,
            "complete_with_receipts": 9,
            "events_alone": 0,
        }
        for day in range(400)
    ]
    assert coverage(days)["mark"]["strokeWidth"] == 0
    assert coverage(days[:30])["mark"]["strokeWidth"] == 1
    assert "2027" in draw(coverage(days), width)


def figures_of(period: Period = ALWAYS, **tables: Any) -> Figures:
    rows = ROWS | tables
    with made_lake(rows) as connection, TemporaryDirectory() as folder:
        return gather(connection, Path(folder), period, Silent())


def test_the_figures_are_those_of_the_lake() -> None:
    figures = figures_of()
    assert (figures.messages, figures.chats, figures.days) == (15, 5, (MONDAY, TUESDAY))
    by_agents = figures.read_by("AGENT")
    assert by_agents is not None
    # Three of the chat with a transfer, after the agent had come, one of the export, three over
    # midnight, one for two agents; two were read in 10 and 18 seconds, and one was not seen for 8.
    assert by_agents["messages"] == 9
    assert by_agents["messages_read"] == 2
    assert by_agents["messages_read_implied"] == 2
    assert by_agents["messages_replied"] == 2
    assert by_agents["messages_not_seen"] == 1
    assert by_agents["messages_unknown"] == 2
    assert by_agents["messages_known"] == 3
    assert (by_agents["seen_p50_s"], by_agents["seen_p90_s"]) == (10, 18)
    assert (by_agents["seen_within_30s"], by_agents["seen_within_60s"]) == (1, 1)
    # 10 to the power of 0.4 is 2.5, of 0.6 is 4.0, of 0.7 is 5.01.
    assert [(row["step"], row["messages"]) for row in figures.rows["distribution"]] == [
        (10, 1),
        (12, 1),
        (4, 1),
        (6, 2),
    ]
    tuesday = figures_of(Period(TUESDAY, TUESDAY))
    assert (tuesday.messages, tuesday.chats) == (2, 1)


def test_the_figures_of_each_group_are_its_own() -> None:
    rows = figures_of().rows
    names = ("messages", "messages_known", "seen_p50_s", "seen_within_30s")

    def those(figure: str, *keys: str) -> dict[tuple[Any, ...], tuple[Any, ...]]:
        return {
            tuple(row[key] for key in keys): tuple(row[name] for name in names)
            for row in rows[figure]
        }

    # As the questions have them, which are worked out by hand, too.
    assert those("days", "chat_day", "recipient_role") == {
        (MONDAY, "AGENT"): (7, 3, 10, 1),
        (MONDAY, "CUSTOMER"): (6, 4, 4, pytest.approx(3 / 4)),
        (TUESDAY, "AGENT"): (2, 0, None, None),
    }
    assert those("queues", "queue_arn", "sender_role", "recipient_role") == {
        (None, "CUSTOMER", "AGENT"): (6, 2, 10, 1),
        ("queue-1", "CUSTOMER", "AGENT"): (3, 1, 18, 1),
        ("queue-1", "AGENT", "CUSTOMER"): (3, 2, 5, pytest.approx(1 / 2)),
        (None, "AGENT", "CUSTOMER"): (1, 0, None, None),
        (None, "CUSTOM_BOT", "CUSTOMER"): (1, 1, 4, 1),
        (None, "SYSTEM", "CUSTOMER"): (1, 1, 3, 1),
    }
    hours = those("hours_of_week", "day_of_week", "hour_of_day", "sender_role", "recipient_role")
    assert hours[1, 10, "CUSTOMER", "AGENT"] == (3, 1, 18, 1)
    assert hours[2, 0, "CUSTOMER", "AGENT"] == (2, 2, 10, 1)
    assert len(rows["roles"]) == 4
    assert len(rows["overview"]) == 2


def test_the_curve_rises_with_each_reading_and_ends_with_the_last_observation() -> None:
    curve = [
        (row["recipient_role"], row["step"], row["share"], row["observed"])
        for row in figures_of().rows["seen"]
    ]
    # 8 s without a reading, 10, 18; and 3, 4, 5 and 40 s without: each at the next seventh step.
    assert curve == [
        ("AGENT", -133, 0, 3),
        ("AGENT", -105, pytest.approx(1 / 2), 2),
        ("AGENT", -49, 1, 1),
        ("CUSTOMER", -231, pytest.approx(1 / 4), 4),
        ("CUSTOMER", -203, pytest.approx(1 / 2), 3),
        ("CUSTOMER", -175, pytest.approx(3 / 4), 2),
        ("CUSTOMER", 35, pytest.approx(3 / 4), 1),
    ]
    assert [step_ends_s(step) for step in (-140, 0, 70)] == [7.5, 30, 60]


def test_what_the_figures_do_not_tell_is_not_drawn_as_if_they_did() -> None:
    told = {"recipient_role": "AGENT", "seen_p50_s": 9.0, "seen_p90_s": None, "seen_p95_s": None}
    lines = over_time([told | {"chat_day": MONDAY}])["data"]["values"]
    assert [(line["percentile"], line["seconds"]) for line in lines] == [
        ("half", 9.0),
        ("90%", None),
        ("95%", None),
    ]
    [bar] = by_queue([told | {"queue_arn": "q", "sender_role": "CUSTOMER"}])["data"]["values"]
    assert (bar["median"], bar["p90"], bar["known"]) == (9.0, 9.0, False)
    assert draw(over_time([told | {"chat_day": MONDAY}]), 640).startswith("<svg")


def test_the_tiles_say_how_many_messages_stand_behind_them() -> None:
    by_name = {name: (value, of) for name, value, of in tiles(figures_of())}
    within, behind = by_name["Half seen by agents within"]
    assert within == "10\N{NO-BREAK SPACE}s"
    assert behind.endswith("estimated of 3 messages")
    assert by_name["Seen by customers within 30\N{NO-BREAK SPACE}s"] == ("75%", "within a minute –")
    # Of nine all but the one of which nothing is known for two agents.
    assert by_name["Known of what agents saw"][0] == "78%"


def test_each_contact_is_of_one_kind_in_the_coverage() -> None:
    rows = figures_of().rows["coverage"]
    values = coverage(rows)["data"]["values"]
    assert {(value["day"], value["kind"]): value["contacts"] for value in values} == {
        ("2026-11-02", "with receipts"): 2,
        ("2026-11-02", "messages alone"): 1,
        ("2026-11-02", "not complete"): 1,
        ("2026-11-02", "no transcript"): 1,
        ("2026-11-03", "with receipts"): 1,
        ("2026-11-03", "messages alone"): 0,
        ("2026-11-03", "not complete"): 0,
        ("2026-11-03", "no transcript"): 0,
    }


def test_days_without_any_contact_have_a_place_in_the_coverage() -> None:
    kinds = {"contacts": 1, "complete": 1, "complete_with_receipts": 1, "events_alone": 0}
    rows = [{"chat_day": date(2026, 11, day), **kinds} for day in (2, 5)]
    values = coverage(rows)["data"]["values"]
    by_day = {value["day"]: 0 for value in values}
    for value in values:
        by_day[value["day"]] += value["contacts"]
    assert by_day == {"2026-11-02": 1, "2026-11-03": 0, "2026-11-04": 0, "2026-11-05": 1}


def test_what_a_service_calls_its_queue_cannot_become_markup() -> None:
    hostile = "queue/<img src=x onerror=alert(1)>"
    readings = [row | {"queue_arn": hostile} for row in READ_LATENCY]
    page = render(figures_of(read_latency=readings))
    assert "<img" not in page
    assert "&lt;img" in page


def test_neither_content_nor_names_are_on_the_page() -> None:
    messages = [row | {"content": "canary-content", "display_name": "canary"} for row in MESSAGES]
    assert "canary" not in render(figures_of(messages=messages))


def test_durations_and_shares_are_in_words() -> None:
    values = (None, 0.44, 12.4, 59.6, 61, 3_725, -0.5, -75)
    assert [seconds(value).replace("\N{NO-BREAK SPACE}", " ") for value in values] == [
        "–",
        "0.4 s",
        "12 s",
        "1 min 0 s",
        "1 min 1 s",
        "1 h 2 min",
        "−0.5 s",
        "−1 min 15 s",
    ]
    assert [share(1, 3), share(0, 0)] == ["33%", "–"]
    assert [queue_name("arn:aws:connect/queue/q"), queue_name(None)] == ["q", "no queue known"]
