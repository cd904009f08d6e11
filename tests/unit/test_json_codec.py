"""JSON in and out: both parsers read alike, and equal values give equal bytes."""

from __future__ import annotations

import json
import math
from typing import Any

import orjson
import pytest
import rfc8785
from hypothesis import assume, example, given
from hypothesis import strategies as st

from chatlake.json_codec import canonical_json, dumps, loads, well_formed
from tests import oracle

INT64 = st.integers(-(2**63), 2**64 - 1)
FINITE = st.floats(allow_nan=False, allow_infinity=False)
ANY_TEXT = st.text(st.characters(exclude_categories=()))
WELL_FORMED = st.text(st.characters(exclude_categories=["Cs"]))


def json_values(text: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    scalars = st.none() | st.booleans() | INT64 | FINITE | text
    return st.recursive(
        scalars,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4),
        max_leaves=12,
    )


def same(a: object, b: object) -> bool:
    """Equal, and of the same types throughout: 1, 1.0 and true are three things."""
    return repr(a) == repr(b)


def nested(levels: int) -> bytes:
    return b"[" * levels + b"]" * levels


def shuffled(value: Any) -> Any:
    """The same value with its members in another order."""
    if isinstance(value, dict):
        return {name: shuffled(value[name]) for name in reversed(value)}
    return [shuffled(one) for one in value] if isinstance(value, list) else value


def as_large_as_64_bits(digits: str) -> int | float:
    """What stays whole; larger integers become floats."""
    whole = int(digits)
    return whole if -(2**63) <= whole < 2**64 else float(digits)


class TestLoads:
    @given(json_values(ANY_TEXT))
    def test_reads_what_the_standard_library_writes(self, value: Any) -> None:
        # Two halves of a pair side by side are one character once they were read.
        text = json.dumps(value)
        assert same(loads(text.encode()), json.loads(text))

    @given(json_values(WELL_FORMED))
    def test_reads_the_same_whichever_parser_it_needs(self, value: Any) -> None:
        text = json.dumps(value)
        alone, beside = loads(text.encode()), loads(f'[{text},"\\ud800"]'.encode())
        assert same(beside, [alone, "\ud800"])

    @given(json_values(ANY_TEXT))
    def test_reads_back_what_dumps_wrote(self, value: Any) -> None:
        value = loads(json.dumps(value).encode())
        again = loads(dumps(value))
        assert again == value
        assert dumps(again) == dumps(value)

    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("9223372036854775807", 2**63 - 1),
            ("18446744073709551615", 2**64 - 1),
            ("-9223372036854775808", -(2**63)),
            ("18446744073709551616", 2.0**64),
            ("-9223372036854775809", -(2.0**63)),
            ("1" + "0" * 30, 1e30),
            ("0.1", 0.1),
            ("1e2", 100.0),
            ("1E+2", 100.0),
            ("-0.0", -0.0),
            ("5e-324", 5e-324),
            ("1e-400", 0.0),
            ("12345678901234567890.5", 12345678901234567890.5),
        ],
    )
    def test_numbers_are_the_same_beside_a_lone_surrogate(self, text: str, value: float) -> None:
        assert same(loads(text.encode()), value)
        assert same(loads(f'[{text},"\\ud800"]'.encode()), [value, "\ud800"])

    def test_lone_surrogates_are_kept(self) -> None:
        assert loads(rb'{"\ud800":"a\udfffb\ud83d\ude00"}') == {"\ud800": "a\udfffb\U0001f600"}

    @pytest.mark.parametrize(
        "text",
        [
            b"",
            b" ",
            b"oops",
            b"{",
            b'{"a":}',
            b"[1,]",
            b'{"a":1,}',
            b"{'a':1}",
            b"01",
            b"+1",
            b".5",
            b"1.",
            b"[1] [2]",
            b"NaN",
            b"Infinity",
            b"-Infinity",
            b"1e999",
            b"9" * 400,
            b'"\x01"',
            b'"\\x41"',
            b"// no\n1",
            b"\xef\xbb\xbf1",
            b"\xff",
            b'"\xed\xa0\x80"',
            b"nul",
            b'"open',
        ],
    )
    def test_what_is_no_json_is_refused_whichever_parser_it_needs(self, text: bytes) -> None:
        with pytest.raises(ValueError, match=r"."):
            loads(text)
        with pytest.raises(ValueError, match=r"."):
            loads(b'["\\ud800",%b]' % text)

    @given(st.binary(max_size=40))
    @example(b'{"\\u0041":1}')
    @example(b'["\\ud800\xed\xa0\x80"]')
    def test_any_bytes_are_a_value_or_a_value_error(self, data: bytes) -> None:
        try:
            value = loads(data)
        except ValueError:
            return
        assert loads(dumps(value)) == value

    @given(st.text(max_size=30).filter(lambda text: "\ufeff" not in text[:1]))
    @example("20000000000000000001")
    @example("-9223372036854775809")
    def test_accepts_no_more_than_the_standard_library(self, text: str) -> None:
        try:
            value = loads(text.encode())
        except ValueError:
            return
        assert value == json.loads(text, parse_int=as_large_as_64_bits)

    @pytest.mark.parametrize("around", [b"%b", b'["\\ud800",%b]', b'["\\u0041",%b]'])
    @pytest.mark.parametrize("levels", [300, 1000, 5000, 200_000])
    def test_deep_nesting_is_refused(self, around: bytes, levels: int) -> None:
        with pytest.raises(ValueError, match="nests deeper than 240 levels"):
            loads(around % nested(levels))

    def test_as_deep_as_it_reads_it_writes_with_room_to_spare(self) -> None:
        value = loads(nested(240))
        with pytest.raises(ValueError, match="240 levels"):
            loads(nested(241))
        deepened: Any = {"versions": [{"item": {"a": value}}]}
        assert orjson.loads(dumps(deepened)) == deepened
        assert len(canonical_json(deepened)) > 480
        surrogate = loads(b'["\\ud800",%b]' % nested(239))
        with pytest.raises(ValueError, match="240 levels"):
            loads(b'["\\ud800",%b]' % nested(240))
        assert loads(dumps([[[surrogate]]]), any_depth=True) == [[[surrogate]]]

    def test_many_values_side_by_side_are_not_deep(self) -> None:
        assert loads(b"[" + b"[[]]," * 10_000 + b"{}]")[0] == [[]]

    @pytest.mark.parametrize(
        "text",
        [
            b'{"a":"secret" "b":1}',
            b'{"a":"\\u0041 secret", secret}',
            b'"secret',
            b'{"secret":secret}',
            b'["\\ud800","secret\\q"]',
        ],
    )
    def test_errors_do_not_show_what_was_read(self, text: bytes) -> None:
        with pytest.raises(ValueError, match=r".") as error:
            loads(text)
        assert "secret" not in str(error.value)


class TestDumps:
    @given(json_values(ANY_TEXT))
    def test_the_order_of_members_makes_no_difference(self, value: Any) -> None:
        assert dumps(value) == dumps(shuffled(value))

    def test_is_compact_utf_8_with_sorted_members(self) -> None:
        assert (
            dumps({"b": [1, 2.5, None], "a": "caf\u00e9"})
            == '{"a":"café","b":[1,2.5,null]}'.encode()
        )

    def test_a_lone_surrogate_is_written_as_an_escape(self) -> None:
        assert dumps({"b": 1, "a": "\ud800"}) == b'{"a":"\\ud800","b":1}'

    @given(json_values(ANY_TEXT), json_values(ANY_TEXT))
    def test_different_values_give_different_bytes(self, a: Any, b: Any) -> None:
        a, b = loads(json.dumps(a).encode()), loads(json.dumps(b).encode())
        assume(not same(shuffled(a), shuffled(b)) and a != b)
        assert dumps(a) != dumps(b)


class TestCanonicalJson:
    @given(json_values(WELL_FORMED))
    def test_is_rfc_8785_where_that_says_something(self, value: Any) -> None:
        try:
            expected = rfc8785.dumps(value).decode()
        except rfc8785.IntegerDomainError:
            return
        assert canonical_json(value) == expected

    @given(json_values(ANY_TEXT))
    def test_is_what_the_oracle_writes(self, value: Any) -> None:
        assert canonical_json(value) == oracle.canonical(value)

    @given(json_values(ANY_TEXT))
    def test_the_order_of_members_makes_no_difference(self, value: Any) -> None:
        assert canonical_json(value) == canonical_json(shuffled(value))

    def test_members_are_sorted_by_their_utf_16(self) -> None:
        names = ["\ufb33", "\U0001f600", "\u20ac", "1", "\r", "\u0080", "\u00f6"]
        written = json.loads(canonical_json(dict.fromkeys(names, 0)))
        assert list(written) == ["\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]

    @pytest.mark.parametrize(
        ("value", "text"),
        [
            (333333333.33333329, "333333333.3333333"),
            (1e30, "1e+30"),
            (4.50, "4.5"),
            (2e-3, "0.002"),
            (0.000000000000000000000000001, "1e-27"),
            (-0.0, "0"),
            (1.0, "1"),
            (2**53, "9007199254740992"),
            (2**53 + 1, "9007199254740992"),
            (2**64 - 1, "18446744073709552000"),
            (-(2**63), "-9223372036854776000"),
            (True, "true"),
            (None, "null"),
            ('\u20ac$\x0f\nA\'B"\\\\"/', '"\u20ac$\\u000f\\nA\'B\\"\\\\\\\\\\"/"'),
            ("\ud800 \udfff", '"\\ud800 \\udfff"'),
            ("\x7f\u2028", '"\x7f\u2028"'),
        ],
    )
    def test_writes_these_values_so(self, value: Any, text: str) -> None:
        assert canonical_json(value) == text

    def test_a_number_that_json_does_not_know_is_refused(self) -> None:
        with pytest.raises(ValueError, match=r"."):
            canonical_json(math.nan)


class TestWellFormed:
    @given(ANY_TEXT)
    def test_leaves_nothing_that_utf_8_cannot_say(self, text: str) -> None:
        mended = well_formed(text)
        assert len(mended) == len(text)
        assert mended.encode().decode() == mended
        for before, after in zip(text, mended, strict=True):
            assert after == ("\ufffd" if "\ud800" <= before <= "\udfff" else before)
