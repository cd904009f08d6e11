"""Telling the publisher which chats have something new."""

from __future__ import annotations

from itertools import batched
from typing import TYPE_CHECKING

from chatlake.exceptions import ChatlakeError
from chatlake.json_codec import dumps

if TYPE_CHECKING:
    from collections.abc import Mapping

    from types_boto3_sqs import SQSClient

# SendMessageBatch takes no more.
_MESSAGES_AT_ONCE = 10


class AnnouncementRefused(ChatlakeError):
    """The publish queue did not take a message."""

    def __init__(self, code: str) -> None:
        super().__init__(f"the publish queue refused a message: {code}; it will be sent again")


class PublishNotifier:
    """Sends chats to the publish queue, each with the revision of its document."""

    def __init__(self, sqs: SQSClient, queue_url: str) -> None:
        self._sqs = sqs
        self._queue_url = queue_url

    def __call__(self, revisions: Mapping[str, str]) -> None:
        """Send one message a chat; the revision is "" where it is not known.

        Raises
        ------
        AnnouncementRefused
            The queue did not take one of them.
        """
        for some in batched(revisions.items(), _MESSAGES_AT_ONCE, strict=False):
            answer = self._sqs.send_message_batch(
                QueueUrl=self._queue_url,
                Entries=[
                    {
                        "Id": str(number),
                        "MessageBody": dumps(
                            {"initial_contact_id": chat, "revision": revision}
                        ).decode(),
                    }
                    for number, (chat, revision) in enumerate(some)
                ],
            )
            for failure in answer.get("Failed", []):
                raise AnnouncementRefused(failure["Code"])
