"""The package's own client of the Participant Service, for the simulated one."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from chatlake.aws_clients import clients

if TYPE_CHECKING:
    from collections.abc import Iterator

    from types_boto3_connectparticipant import ConnectParticipantClient


@contextmanager
def participant_client(url: str) -> Iterator[ConnectParticipantClient]:
    """Make the client as the functions do, for a service at this address."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("AWS_ENDPOINT_URL_CONNECTPARTICIPANT", url)
        environment.setenv("AWS_DEFAULT_REGION", "eu-central-1")
        client = clients.participant()
    try:
        yield client
    finally:
        client.close()
