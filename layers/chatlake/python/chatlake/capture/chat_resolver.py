"""What Connect itself says of a contact: the last resort when no event says which chat it is of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from chatlake.aws_clients.clients import error_code
from chatlake.documents.items import text_id

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from types_boto3_connect import ConnectClient

    from chatlake.chat_state import ChatState


class ChatResolver:
    """Tells chats of contacts: from what is known, else from Connect, else the contact itself."""

    def __init__(
        self,
        chats: ChatState,
        connect: ConnectClient,
        instance_id: str,
        warn: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Ask about contacts of an instance; `warn` takes the reason why Connect did not say."""
        self._chats = chats
        self._connect = connect
        self._instance_id = instance_id
        self._warn = warn

    def resolve(self, contact_id: str, relatives: Collection[str] = ()) -> tuple[str, bool]:
        """Find the chat of a contact.

        Parameters
        ----------
        contact_id
            The contact.
        relatives
            Others of the same chat, such as the leg before it.

        Returns
        -------
        tuple[str, bool]
            The initial contact id, and whether it is sure; if not it is the contact's own.
        """
        known = self._chats.initial_contacts([contact_id, *relatives], confirmed=True)
        for contact in (contact_id, *relatives):
            if contact in known:
                return known[contact], True
        if (describe := self.describe(contact_id)) is not None:
            return describe, True
        return contact_id, False

    def describe(self, contact_id: str) -> str | None:
        """Ask Connect for the initial contact of a contact; None if it does not say."""
        try:
            contact = self._connect.describe_contact(
                InstanceId=self._instance_id, ContactId=contact_id
            )["Contact"]
        except (ClientError, BotoCoreError) as error:
            # Throttled, unknown or not allowed: the chat is keyed by the contact until an event,
            # a transcript or an export says more.
            self._warn(error_code(error))
            return None
        # The first contact of a chat has none.
        return text_id(contact.get("InitialContactId")) or contact_id
