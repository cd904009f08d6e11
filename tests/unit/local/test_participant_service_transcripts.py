"""What GetTranscript answers of items that are not finished."""

from __future__ import annotations

from local.scripted.items import timestamp
from tests.unit.local.served import CHATS, serving

CHAT = next(chat for chat in CHATS if any(item.streaming for item in chat.own_items))
ITEM = next(item for item in CHAT.own_items if item.streaming)


def test_a_bots_message_is_shown_in_pieces_until_it_is_whole() -> None:
    """Members that the model does not know are dropped by boto3, so the answer is read as it is."""
    with serving([CHAT], at_ms=ITEM.sent_ms) as served:
        token = served.connection(CHAT)
        seen = []
        for at_ms in (ITEM.sent_ms, *ITEM.changes()):
            served.clock.set(at_ms)
            body = '{"MaxResults": 1, "ScanDirection": "BACKWARD"}'
            status, answer = served.raw("POST", "/participant/transcript", body, bearer=token)
            assert status == 200
            [item] = answer["Transcript"]
            assert item["Id"] == ITEM.item_id
            metadata = item["MessageMetadata"]
            seen.append((metadata["MessageCompleted"], metadata["ChunkNumber"], item["Content"]))
            if metadata["MessageCompleted"]:
                assert item["AbsoluteTime"] == timestamp(ITEM.sent_ms)
                break
        pieces, whole = seen[:-1], seen[-1]
        assert pieces
        assert [completed for completed, _, _ in pieces] == [False] * len(pieces)
        assert [number for _, number, _ in pieces] == list(range(1, len(pieces) + 1))
        assert "".join(content for _, _, content in pieces) == whole[2] == ITEM.content
