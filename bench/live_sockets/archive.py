"""What capture works on, on the storage of the bench: its own schedule, chat state and store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from bench.live_sockets.storage import BUCKET, CHATS, SCHEDULE
from bench.live_sockets.storage_client import StorageClient
from chatlake.capture.schedule import CaptureSchedule
from chatlake.chat_state.dynamodb import DynamoDBChatState
from chatlake.documents.store.s3 import S3Store

if TYPE_CHECKING:
    from collections.abc import Mapping


class Unsealed:
    """Stands for KMS, which costs capture little: once for each token."""

    def seal(self, secret: str, _chat: str) -> bytes:
        """Return a secret as it is kept."""
        return secret.encode()

    def open(self, sealed: bytes, _chat: str) -> str:
        """Return the secret."""
        return sealed.decode()


SEALED: Any = Unsealed()


class Unpublished:
    """Stands for the publish queue, which nobody reads here."""

    def send(self, chats: Mapping[str, object]) -> None:
        """Take chats."""


@dataclass(frozen=True, slots=True)
class Archive:
    """What of a stack capture works on."""

    client: StorageClient
    schedule: CaptureSchedule
    chats: DynamoDBChatState
    store: S3Store


def archive(storage: str) -> Archive:
    """Return what there is at the address of a storage."""
    client = StorageClient(storage)
    boto: Any = cast("Any", client)
    return Archive(
        client,
        CaptureSchedule(boto, SCHEDULE),
        DynamoDBChatState(boto, CHATS),
        S3Store(boto, BUCKET),
    )
