"""Results on a terminal: a table where it fits, each row by itself where it does not."""

from __future__ import annotations

import io
import re

import pyarrow as pa
import pytest

from chatlake.cli.query_output import write_table

ROWS = pa.table(
    {
        "recipient_role": ["AGENT", "CUSTOMER"],
        "messages_read_late": [12, 3],
        "content": ["Hello", None],
    }
)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(rows: pa.Table, width: int, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setenv("COLUMNS", str(width))
    terminal = Terminal()
    write_table(rows.to_reader(), terminal)
    plain = re.sub(r"\x1b\[\d*m", "", terminal.getvalue())
    return [line.rstrip() for line in plain.splitlines()]


def test_a_table_that_fits_is_shown_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(ROWS, 80, monkeypatch) == [
        "┏━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━┓",
        "┃ recipient_role ┃ messages_read_late ┃ content ┃",
        "┡━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━┩",
        "│ AGENT          │                 12 │ Hello   │",
        "│ CUSTOMER       │                  3 │ –       │",
        "└────────────────┴────────────────────┴─────────┘",
    ]


def test_long_names_are_broken_between_words_where_that_is_enough(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert shown(ROWS, 40, monkeypatch) == [
        "┏━━━━━━━━━━━━┳━━━━━━━━━━━┳━━━━━━━━━┓",
        "┃            ┃ messages_ ┃         ┃",
        "┃ recipient_ ┃     read_ ┃         ┃",
        "┃ role       ┃      late ┃ content ┃",
        "┡━━━━━━━━━━━━╇━━━━━━━━━━━╇━━━━━━━━━┩",
        "│ AGENT      │        12 │ Hello   │",
        "│ CUSTOMER   │         3 │ –       │",
        "└────────────┴───────────┴─────────┘",
    ]


def test_rows_too_wide_for_a_table_are_shown_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(ROWS, 35, monkeypatch) == [
        "row 1 ─────────────────────────────",
        "recipient_role      AGENT",
        "messages_read_late  12",
        "content             Hello",
        "row 2 ─────────────────────────────",
        "recipient_role      CUSTOMER",
        "messages_read_late  3",
        "content             –",
    ]


def test_a_long_text_is_folded_and_nothing_of_it_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "".join(map(str, range(100)))
    lines = shown(pa.table({"content": [text], "x": [1]}), 40, monkeypatch)
    assert max(map(len, lines)) <= 40
    assert "".join(line.removeprefix("content").strip() for line in lines[1:-1]) == text


def test_a_wide_result_without_rows_still_names_its_columns(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert " ".join(shown(ROWS.slice(0, 0), 30, monkeypatch)) == (
        "No rows. Their columns: recipient_role, messages_read_late, content"
    )


def test_what_is_no_terminal_gets_the_whole_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "10")
    file = io.StringIO()
    write_table(ROWS.to_reader(), file)
    assert len(file.getvalue().splitlines()) == 6
