"""The records of contacts: what Connect says of their recordings, and so of their exports.

Under the policy `redacted` an export counts as redacted only if its contact's record names a copy
from before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatlake.aws_clients.clients import error_code
from chatlake.sources.recordings import is_redacted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from types_boto3_connect import ConnectClient

    from chatlake.documents.document import Document


def recordings_of(connect: ConnectClient, instance_id: str, contact: str) -> object:
    """Return what the record of a contact lists as its recordings; None if it lists none.

    Raises
    ------
    botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError
        Connect did not tell.
    """
    found = connect.describe_contact(InstanceId=instance_id, ContactId=contact)
    return found["Contact"].get("Recordings")


def told_redacted(
    key: str,
    contact: str,
    known: Iterable[Document],
    recordings: Callable[[str], object],
) -> bool | None:
    """Return whether an export was redacted; None if the contact's record does not list it.

    Parameters
    ----------
    key, contact
        The export's key, and the contact that it is of.
    known
        What is known of the chat. If an event of the contact says that it was, nobody is asked.
    recordings
        Asks for the record of a contact; what it raises is raised here.
    """
    told = (
        is_redacted(event["detail"].get("recordings"), key)
        for document in known
        for event in document.events.get(contact, {}).values()
    )
    if True in told:
        return True
    return is_redacted(recordings(contact), key)


def is_no_contact(error: Exception) -> bool:
    """Return whether Connect has no record of a contact.

    It keeps them "for 24 months from the InitiationTimestamp" (API model, DescribeContact).
    """
    return error_code(error) == "ResourceNotFoundException"
