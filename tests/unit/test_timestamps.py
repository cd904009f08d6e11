"""RFC 3339 timestamps: one by one and by the column, to the microsecond."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chatlake.tables.flatten.columns import latency_ms, parse_timestamps
from chatlake.timestamps import microseconds, parse_timestamp
from tests import oracle
from tests.strategies import INSTANTS, ODD_INSTANTS, UNREADABLE_INSTANTS

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MOMENTS = st.datetimes(timezones=st.just(UTC))

number = st.integers(0, 99).map("{:02}".format)
NEAR_MISSES = st.builds(
    "{}-{}-{}{}{}:{}:{}{}{}".format,
    st.integers(0, 9999).map("{:04}".format) | st.sampled_from(["1969", "2000", "20260", "+2026"]),
    st.sampled_from(["01", "02", "12", "00", "13", "1"]),
    st.sampled_from(["01", "28", "29", "30", "31", "32", "00", "1"]),
    st.sampled_from(["T", "t", " ", "_", ""]),
    st.sampled_from(["00", "23", "24", "1"]),
    number,
    number,
    st.sampled_from(["", ".0", ".123", ".123456", ".1234567", ".", ",5", ".999999999999999"]),
    st.sampled_from(
        [
            "Z",
            "z",
            "",
            "+00:00",
            "-00:00",
            "+23:59",
            "-23:59",
            "+24:00",
            "+01:60",
            "+0100",
            "+01",
            " ",
        ]
    ),
)


@given(MOMENTS)
@example(datetime.min.replace(tzinfo=UTC))
@example(datetime.max.replace(tzinfo=UTC))
def test_any_instant_is_read_to_the_microsecond(moment: datetime) -> None:
    text = moment.isoformat()
    assert parse_timestamp(text) == moment
    assert parse_timestamp(text.replace("+00:00", "Z")) == moment
    assert parse_timestamp(text.replace("+00:00", "").replace("T", " ")) == moment


@given(MOMENTS, st.integers(-23 * 60 - 59, 23 * 60 + 59))
def test_an_offset_is_taken_off(moment: datetime, offset_min: int) -> None:
    try:
        local = moment + timedelta(minutes=offset_min)
    except OverflowError:
        return
    sign, (hours, minutes) = "-" if offset_min < 0 else "+", divmod(abs(offset_min), 60)
    text = f"{local.replace(tzinfo=None).isoformat()}{sign}{hours:02}:{minutes:02}"
    assert parse_timestamp(text) == moment


@given(MOMENTS, st.text("0123456789", min_size=1, max_size=30))
def test_digits_beyond_microseconds_are_cut(moment: datetime, digits: str) -> None:
    moment = moment.replace(microsecond=int(digits[:6].ljust(6, "0")))
    text = f"{moment:%H:%M:%S}.{digits}Z"
    assert parse_timestamp(f"{moment.date().isoformat()}T{text}") == moment


@pytest.mark.parametrize("text", [*UNREADABLE_INSTANTS, None, 0, 1.5, True, [], {}, b"x"])
def test_what_is_no_timestamp_is_none(text: object) -> None:
    assert parse_timestamp(text) is None


@given(NEAR_MISSES | st.sampled_from(INSTANTS + ODD_INSTANTS + UNREADABLE_INSTANTS) | st.text())
def test_the_oracle_reads_the_same(text: str) -> None:
    assert parse_timestamp(text) == oracle.timestamp(text)


@given(
    st.lists(
        NEAR_MISSES
        | st.sampled_from(INSTANTS + ODD_INSTANTS + UNREADABLE_INSTANTS)
        | st.none()
        | MOMENTS.map(datetime.isoformat),
        max_size=8,
    )
)
def test_a_column_is_read_as_each_of_its_values_is(texts: list[str | None]) -> None:
    # No column of strings has a lone surrogate any more when it is read.
    texts = [text and text.encode(errors="replace").decode() for text in texts]
    assert parse_timestamps(pa.array(texts, pa.string())).to_pylist() == [
        (moment := parse_timestamp(text)) and moment.replace(tzinfo=None) for text in texts
    ]


@given(st.lists(st.sampled_from(INSTANTS) | st.none(), max_size=5))
def test_an_ordinary_column_is_read_as_each_of_its_values_is(texts: list[str | None]) -> None:
    assert parse_timestamps(pa.array(texts, pa.string())).to_pylist() == [
        (moment := parse_timestamp(text)) and moment.replace(tzinfo=None) for text in texts
    ]


@given(MOMENTS)
@example(datetime.min.replace(tzinfo=UTC))
@example(datetime.max.replace(tzinfo=UTC))
def test_microseconds_are_exact(moment: datetime) -> None:
    assert EPOCH + timedelta(microseconds=microseconds(moment)) == moment


@given(st.lists(st.tuples(MOMENTS | st.none(), MOMENTS | st.none()), max_size=5))
def test_latency_is_rounded_down_to_milliseconds(
    pairs: list[tuple[datetime | None, datetime | None]],
) -> None:
    later, earlier = (
        pa.array([pair[side] for pair in pairs], pa.timestamp("us")) for side in (0, 1)
    )
    expected = [
        None if a is None or b is None else (microseconds(a) - microseconds(b)) // 1000
        for a, b in pairs
    ]
    assert latency_ms(later, earlier).to_pylist() == expected


@pytest.mark.parametrize(("elapsed_us", "milliseconds"), [(1, 0), (-1, -1), (-1000, -1), (999, 0)])
def test_a_latency_below_zero_is_rounded_down_too(elapsed_us: int, milliseconds: int) -> None:
    times = pa.array([EPOCH + timedelta(microseconds=elapsed_us)], pa.timestamp("us"))
    epochs = pa.array([EPOCH], pa.timestamp("us"))
    assert latency_ms(times, epochs).to_pylist() == [milliseconds]
