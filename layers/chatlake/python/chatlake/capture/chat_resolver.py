"""Which chat a contact is of: as the leg directory says, else Connect, else one of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from chatlake.aws_clients.clients import error_code
from chatlake.identifiers import text_id

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from types_boto3_connect import ConnectClient

    from chatlake.chat_state import ChatState


class ChatResolver:
    """Tells the chats of contacts, and which of them were erased."""

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

    def resolve(
        self,
        contact_id: str,
        *,
        initial_contact_id: str | None = None,
        relatives: Collection[str] = (),
        is_first: bool = False,
        is_known: Callable[[str], bool] = lambda _: False,
    ) -> str | None:
        """Return the chat of a contact, and remember it if that is confirmed.

        Parameters
        ----------
        contact_id
            The contact.
        initial_contact_id
            The chat, where that is known already; nobody is asked then.
        relatives
            Other contacts of the same chat, such as the leg before it.
        is_first
            True if the contact is known to have begun its chat; Connect is not asked then.
        is_known
            Tells whether something is noted of a chat already: it was not erased then, or capture
            removes what is noted of it.

        Returns
        -------
        str | None
            The initial contact id, the contact's own if nobody can tell; None if the chat, or the
            contact, was erased.
        """
        found = initial_contact_id is None
        chat = initial_contact_id or self._find(contact_id, relatives, is_first=is_first)
        if chat is None:
            chat, found = contact_id, False
        if not is_known(chat) and self._chats.tombstones.erased([chat, contact_id]):
            return None
        if found:
            # So that Connect is asked but once.
            self._chats.legs.add({contact_id: chat}, provisional=False)
        return chat

    def _find(self, contact_id: str, relatives: Collection[str], *, is_first: bool) -> str | None:
        known = self._chats.legs.initial_contacts([contact_id, *relatives], confirmed=True)
        for contact in (contact_id, *relatives):
            if contact in known:
                return known[contact]
        return contact_id if is_first else self.describe(contact_id)

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
