"""The deployed home: documents and tables on S3, state of chats in DynamoDB, Glue's catalog."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from chatlake import clients
from chatlake.agenda import Agenda
from chatlake.chats.dynamodb import DynamoDBChats
from chatlake.document_store.s3 import S3Store
from chatlake.vault import Vault

if TYPE_CHECKING:
    from collections.abc import Iterable

    from botocore.config import Config

    from chatlake.lake import Lake
    from chatlake.publish import Outcome
    from chatlake.settings import Settings


class Deployed:
    """What the functions work on; each part is made when it is first needed."""

    def __init__(self, settings: Settings, config: Config = clients.PATIENT) -> None:
        self.settings = settings
        self._config = config

    @cached_property
    def store(self) -> S3Store:
        """The documents."""
        return S3Store(clients.s3(), self.settings.document_bucket)

    @cached_property
    def chats(self) -> DynamoDBChats:
        """The state of chats."""
        return DynamoDBChats(clients.dynamodb(self._config), self.settings.chats_table)

    @cached_property
    def agenda(self) -> Agenda:
        """The chats that are due."""
        return Agenda(clients.dynamodb(self._config), self.settings.chats_table)

    @cached_property
    def vault(self) -> Vault:
        """The lock of tokens."""
        return Vault(clients.kms(self._config), self.settings.key_arn)

    @cached_property
    def lake(self) -> Lake:
        """The tables; needs the layer of Arrow and Iceberg."""
        from chatlake.lake.glue import glue_lake

        return glue_lake(
            clients.glue(), bucket=self.settings.lake_bucket, database=self.settings.database
        )

    def publish(self, initial_contact_ids: Iterable[str]) -> Outcome:
        """Bring the rows of some chats up to their documents."""
        from chatlake.publish import publish

        return publish(initial_contact_ids, store=self.store, chats=self.chats, lake=self.lake)
