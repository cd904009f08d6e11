"""Timestamps, read one by one and by the column."""

from __future__ import annotations

from datetime import datetime

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatlake.flatten.columns import latency_ms, parse_timestamps
from chatlake.timestamps import microseconds, parse_timestamp

READABLE = {  # and the same in UTC, as Python writes it
    "2026-04-01T12:00:00.123Z": "2026-04-01T12:00:00.123000+00:00",
    "2026-04-01T12:00:00Z": "2026-04-01T12:00:00+00:00",
    "2026-04-01T12:00:00": "2026-04-01T12:00:00+00:00",
    "2026-04-01 12:00:00.5z": "2026-04-01T12:00:00.500000+00:00",
    "2026-04-01t12:00:00.123456Z": "2026-04-01T12:00:00.123456+00:00",
    "2026-04-01T12:00:00.123456999Z": "2026-04-01T12:00:00.123456+00:00",
    "2026-04-01T00:30:00+01:00": "2026-03-31T23:30:00+00:00",
    "2026-03-31T23:30:00-01:00": "2026-04-01T00:30:00+00:00",
    "0001-01-01T00:00:00Z": "0001-01-01T00:00:00+00:00",
    "9999-12-31T23:59:59.999999Z": "9999-12-31T23:59:59.999999+00:00",
}
UNREADABLE = [
    "",
    "soon",
    "2026-04-01",
    "2026-04-01T12:00Z",
    "2026-04-01T24:00:00Z",
    "2026-04-01T12:60:00Z",
    "2026-04-01T23:59:60Z",
    "2026-02-30T12:00:00Z",
    "2026-04-01T12:00:00.Z",
    "2026-04-01T12:00:00,5Z",
    "2026-04-01T12:00:00+24:00",
    "2026-04-01T12:00:00+0100",
    "2026-04-01T12:00:00 Z",
    " 2026-04-01T12:00:00Z",
    "2026-04-01T12:00:00Z\n",
    "٢٠٢٦-04-01T12:00:00Z",
    "0000-01-01T00:00:00Z",
    "0001-01-01T00:00:00+00:01",
    "9999-12-31T23:59:59-00:01",
]


@pytest.mark.parametrize("text", READABLE)
def test_a_timestamp_of_rfc_3339_is_read(text: str) -> None:
    expected = datetime.fromisoformat(READABLE[text])
    assert parse_timestamp(text) == expected
    assert parse_timestamps(pa.array([text])).cast(pa.int64()).to_pylist() == [
        microseconds(expected)
    ]


@pytest.mark.parametrize("text", UNREADABLE)
def test_any_other_text_is_unreadable(text: str) -> None:
    assert parse_timestamp(text) is None
    assert parse_timestamps(pa.array([text])).to_pylist() == [None]


@pytest.mark.parametrize("value", [None, 5, 1.5, True, [], {}])
def test_what_is_no_text_is_unreadable(value: object) -> None:
    assert parse_timestamp(value) is None


pieces = st.sampled_from(
    [*READABLE, *UNREADABLE, "2026-04-01T12:00:00.1Z", "1999-12-31T23:59:59.99Z", "T", "Z"]
)
altered = st.builds(
    lambda text, position, insert: text[:position] + insert + text[position + 1 :],
    pieces,
    st.integers(0, 30),
    st.sampled_from(["", "0", "9", ":", "Z", "T", ".", "+", " "]),
)


@given(st.lists(st.none() | pieces | altered))
def test_a_column_reads_what_one_by_one_would_be_read(texts: list[str | None]) -> None:
    read = parse_timestamps(pa.array(texts, pa.string())).cast(pa.int64()).to_pylist()
    moments = [parse_timestamp(text) for text in texts]
    assert read == [None if moment is None else microseconds(moment) for moment in moments]


@given(st.lists(st.tuples(st.integers(-(10**15), 10**15), st.integers(-(10**15), 10**15))))
def test_latencies_are_whole_milliseconds_rounded_down(pairs: list[tuple[int, int]]) -> None:
    later, earlier = (
        pa.array([pair[side] for pair in pairs], pa.int64()).cast(pa.timestamp("us", "UTC"))
        for side in (0, 1)
    )
    assert latency_ms(later, earlier).to_pylist() == [(a - b) // 1000 for a, b in pairs]


def test_a_latency_without_one_of_its_sides_is_null() -> None:
    moments = pa.array([0, None], pa.int64()).cast(pa.timestamp("us", "UTC"))
    assert latency_ms(moments, moments.take(pa.array([1, 0]))).to_pylist() == [None, None]
