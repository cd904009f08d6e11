"""Whether a contact's record says that an export was redacted; what is not said is not known."""

from __future__ import annotations

import pytest

from chatlake.sources.recordings import is_redacted

KEY = "connect/i/ChatTranscripts/2026/09/01/c1_20260901T00:00_UTC.json"
COPY = "bucket/connect/i/Unprocessed/c1.json"


@pytest.mark.parametrize(
    ("recordings", "expected"),
    [
        ([{"Location": f"bucket/{KEY}", "UnprocessedTranscriptLocation": COPY}], True),
        ([{"location": f"s3://b/{KEY}", "unprocessedTranscriptLocation": COPY}], True),
        ([{"Location": KEY, "UnprocessedTranscriptLocation": COPY}], True),
        ([{"Location": f"bucket/{KEY}"}], False),
        ([{"Location": f"bucket/{KEY}", "UnprocessedTranscriptLocation": ""}], False),
        ([{"Location": f"bucket/{KEY}", "UnprocessedTranscriptLocation": None}], False),
        ([{"Location": f"bucket/{KEY}", "UnprocessedTranscriptLocation": f"bucket/{KEY}"}], False),
        ([{"Location": "bucket/other.json", "UnprocessedTranscriptLocation": COPY}], None),
        ([{"Location": f"bucket/x{KEY}", "UnprocessedTranscriptLocation": COPY}], None),
        ([{"UnprocessedTranscriptLocation": COPY}], None),
        ([{"Location": 5, "UnprocessedTranscriptLocation": COPY}, "no object"], None),
        ([], None),
        ({"Location": KEY}, None),
        (None, None),
    ],
)
def test_only_a_copy_of_this_very_export_says_so(recordings: object, expected: bool | None) -> None:
    assert is_redacted(recordings, KEY) is expected
