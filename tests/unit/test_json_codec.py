"""JSON in and out, canonical JSON, and lone surrogates."""

from __future__ import annotations

import json
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from chatlake.json_codec import canonical_json, dumps, loads, well_formed

plain_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
any_text = st.text(st.characters(codec=None, exclude_categories=[]))


@given(plain_values)
def test_canonical_json_is_that_of_rfc_8785(value: Any) -> None:
    assert canonical_json(value).encode() == rfc8785.dumps(value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a\ud800b", '"a\\ud800b"'),
        ({"\udfff": 1, "a": 2}, '{"a":2,"\\udfff":1}'),
        ("\x00\x1f\x7f\u2028", '"\\u0000\\u001f\x7f\u2028"'),
        (2**53, "9007199254740992"),
        (2**64 + 1, "18446744073709552000"),
        (-(10**30), "-1e+30"),
        ({"\U0001f600": 1, "\ufb33": 2}, '{"\U0001f600":1,"\ufb33":2}'),
    ],
)
def test_canonical_json_settles_what_the_rfc_leaves_out(value: Any, text: str) -> None:
    assert canonical_json(value) == text


@given(plain_values)
def test_what_is_written_is_read_again(value: Any) -> None:
    assert loads(dumps(value)) == value


@given(any_text)
def test_any_text_is_read_as_it_was_escaped(text: str) -> None:
    # Two halves of a pair that were written apart come together in JSON; Python keeps them apart.
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
    assert loads(json.dumps(whole).encode()) == whole
    assert loads(dumps(whole)) == whole


@given(any_text)
def test_well_formed_text_has_no_surrogate_and_all_else(text: str) -> None:
    formed = well_formed(text)
    formed.encode()
    assert len(formed) == len(text)
    assert all(
        a == b or (b == "\ufffd" and "\ud800" <= a <= "\udfff")
        for a, b in zip(text, formed, strict=True)
    )


@pytest.mark.parametrize("number", ["1", "-5", "9223372036854775807", "18446744073709551615"])
def test_whole_numbers_of_64_bits_stay_whole_on_either_path(number: str) -> None:
    value = int(number)
    assert loads(f'[{number}, "x"]'.encode())[0] == value
    assert loads(f'[{number}, "\\ud800"]'.encode())[0] == value
    assert isinstance(loads(f'[{number}, "\\ud800"]'.encode())[0], int)


@pytest.mark.parametrize("number", ["18446744073709551616", "-9223372036854775809", "1e30", "0.1"])
def test_other_numbers_are_floats_on_either_path(number: str) -> None:
    fast, slow = loads(f'[{number}, "x"]'.encode()), loads(f'[{number}, "\\ud800"]'.encode())
    assert isinstance(fast[0], float)
    assert isinstance(slow[0], float)
    assert fast[0] == slow[0]


@pytest.mark.parametrize(
    "text",
    ["", "{", "nul", "NaN", '["\\ud800", NaN]', '["\\ud800", Infinity]', "1e999",
     '["\\ud800", 1e999]', '["\\ud800"', "[" * 300 + "]" * 300, "[" * 5000 + "]" * 5000,
     '["\\ud800",' + "[" * 300 + "]" * 300 + "]"],
)  # fmt: skip
def test_what_is_no_json_or_nests_too_deep_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        loads(text.encode())


def test_deep_json_within_the_limit_can_be_written_again() -> None:
    text = "[" * 200 + '"\\ud800"' + "]" * 200
    value = loads(text.encode())
    assert loads(dumps(value)) == value
    assert canonical_json(value) == text
