"""Telling the publisher which chats have something new."""

from __future__ import annotations

from itertools import batched
from typing import TYPE_CHECKING

from chatlake.exceptions import MessageRefused
from chatlake.json_codec import dumps

if TYPE_CHECKING:
    from collections.abc import Mapping

    from types_boto3_sqs import SQSClient

    from chatlake.chat_state import BatchHint

# SendMessageBatch takes no more.
_MESSAGES_AT_ONCE = 10


class PublishNotifier:
    """The publish queue of a stack: sends a message for each chat that is to be published."""

    def __init__(self, sqs: SQSClient, queue_url: str) -> None:
        self._sqs = sqs
        self._queue_url = queue_url

    def send(self, chats: Mapping[str, BatchHint]) -> None:
        """Send one message for each chat; SQS forms batches without hints.

        Raises
        ------
        MessageRefused
            The queue did not take one of them; those before it may be sent.
        """
        for some in batched(chats, _MESSAGES_AT_ONCE, strict=False):
            answer = self._sqs.send_message_batch(
                QueueUrl=self._queue_url,
                Entries=[
                    {
                        "Id": str(number),
                        "MessageBody": dumps({"initial_contact_id": chat}).decode(),
                    }
                    for number, chat in enumerate(some)
                ],
            )
            for failure in answer.get("Failed", []):
                raise MessageRefused("publish", failure["Code"], "it will be sent again")
