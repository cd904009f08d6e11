"""What a contact's record says of its transcripts in S3: which of them the service has redacted."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chatlake.json_codec import JsonObject


def is_redacted(recordings: object, key: str) -> bool | None:
    """Return whether an export was redacted: whether a copy from before that is named.

    Parameters
    ----------
    recordings
        ``Recordings`` of DescribeContact's answer, or ``recordings`` of a contact event.
    key
        That of the export, as S3 has it.

    Returns
    -------
    bool | None
        None if none of them is this export: the record may not have it yet.
    """
    listed = recordings if isinstance(recordings, list) else []
    # Connect's API model: UnprocessedTranscriptLocation is where the transcript is as it was
    # before "any media processing was performed". Events may spell names with a small letter.
    copies = [
        _text(recording, "UnprocessedTranscriptLocation")
        for recording in listed
        if isinstance(recording, dict) and _is_at(_text(recording, "Location"), key)
    ]
    if not copies:
        return None
    return any(copy and not _is_at(copy, key) for copy in copies)


def _text(members: JsonObject, name: str) -> str:
    value = members.get(name, members.get(name[0].lower() + name[1:]))
    return value if isinstance(value, str) else ""


def _is_at(location: str, key: str) -> bool:
    """Return whether a location, which begins with the bucket, is that of a key."""
    return location == key or location.endswith(f"/{key}")
