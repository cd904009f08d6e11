"""The deployed archive: documents and tables on S3, state of chats in DynamoDB, Glue's catalog."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from chatlake.aws_clients import clients
from chatlake.capture.older_schedule import OlderSchedule
from chatlake.capture.publish_notifier import PublishNotifier
from chatlake.capture.reserve import BURST, LEFT, Reserve
from chatlake.capture.schedule import CaptureSchedule
from chatlake.capture.token_cipher import TokenCipher
from chatlake.chat_state.backfills import Backfills
from chatlake.chat_state.dynamodb import DynamoDBChatState
from chatlake.chat_state.republication import Republication
from chatlake.documents.store.s3 import S3Store

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from botocore.config import Config

    from chatlake.aws.settings import Settings
    from chatlake.chat_state import BatchHint
    from chatlake.tables.lake.iceberg import Lake
    from chatlake.tables.publish import PublishOutcome


class DeployedArchive:
    """What the functions work on; each part is made when it is first needed."""

    def __init__(self, settings: Settings, config: Config = clients.PATIENT) -> None:
        self.settings = settings
        self._config = config

    @cached_property
    def store(self) -> S3Store:
        """The documents."""
        settings = self.settings
        return S3Store(
            clients.s3(self._config),
            settings.document_bucket,
            settings.content_policy,
            settings.document_retention_days,
        )

    @cached_property
    def chats(self) -> DynamoDBChatState:
        """The state of chats."""
        return DynamoDBChatState(clients.dynamodb(self._config), self.settings.chats_table)

    @cached_property
    def schedule(self) -> CaptureSchedule:
        """The capture schedule: which chats are due."""
        return CaptureSchedule(clients.dynamodb(self._config), self.settings.schedule_table)

    @cached_property
    def older_schedule(self) -> OlderSchedule:
        """What version 0.2 has left of its schedule."""
        return OlderSchedule(clients.dynamodb(self._config), self.settings.chats_table)

    @cached_property
    def reserve(self) -> Reserve:
        """The calls that are kept for last reads."""
        return self._reserve(BURST)

    @cached_property
    def spare_reserve(self) -> Reserve:
        """What of them capture may draw on."""
        return self._reserve(BURST - LEFT)

    def _reserve(self, burst: int) -> Reserve:
        settings = self.settings
        dynamodb = clients.dynamodb(self._config)
        return Reserve(dynamodb, settings.schedule_table, settings.last_read_reserve, burst=burst)

    @cached_property
    def token_cipher(self) -> TokenCipher:
        """What tokens are sealed and opened with."""
        return TokenCipher(clients.kms(self._config), self.settings.key_arn)

    @cached_property
    def publish_queue(self) -> PublishNotifier:
        """Where chats wait to be published."""
        return PublishNotifier(clients.sqs(), self.settings.publish_queue_url)

    @cached_property
    def republication(self) -> Republication:
        """How far the republication of all chats has come."""
        return Republication(clients.dynamodb(self._config), self.settings.chats_table)

    @cached_property
    def backfills(self) -> Backfills:
        """How far backfills have come."""
        return Backfills(clients.dynamodb(self._config), self.settings.chats_table)

    @cached_property
    def lake(self) -> Lake:
        """The tables; needs the layer of Arrow and Iceberg."""
        from chatlake.tables.lake.glue import glue_lake

        return glue_lake(
            clients.glue(),
            bucket=self.settings.lake_bucket,
            database=self.settings.database,
            row_retention_days=self.settings.row_retention_days,
        )

    def publish(
        self, initial_contact_ids: Iterable[str], *, erasing: bool = False
    ) -> PublishOutcome:
        """Sync the rows of some chats with their documents."""
        from chatlake.tables.publish import publish

        return publish(
            initial_contact_ids,
            store=self.store,
            chats=self.chats,
            lake=self.lake,
            announce=self._announce,
            erasing=erasing,
        )

    def _announce(self, chats: Mapping[str, BatchHint]) -> None:
        # Hardly ever, so that few functions need the time that the queue's client takes to make.
        self.publish_queue.send(chats)
