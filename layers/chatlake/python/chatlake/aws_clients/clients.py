"""Clients of AWS services, made once per execution environment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError, NoRegionError

if TYPE_CHECKING:
    from types_boto3_athena import AthenaClient
    from types_boto3_connect import ConnectClient
    from types_boto3_connectparticipant import ConnectParticipantClient
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_events import EventBridgeClient
    from types_boto3_glue import GlueClient
    from types_boto3_kms import KMSClient
    from types_boto3_s3 import S3Client
    from types_boto3_sqs import SQSClient

_CONNECTIONS = 48
PATIENT = Config(
    retries={"mode": "standard", "max_attempts": 6},
    max_pool_connections=_CONNECTIONS,
    connect_timeout=5,
    read_timeout=60,
)
# Somebody waits for the answer: what is late has failed, while there is time to say so.
PROMPT = Config(
    retries={"mode": "standard", "total_max_attempts": 2},
    max_pool_connections=_CONNECTIONS,
    connect_timeout=1,
    read_timeout=4,
)
# Each retried call would be one beyond a pace that the caller keeps.
ONCE = PROMPT.merge(Config(retries={"mode": "standard", "total_max_attempts": 1}))
# A flow or a page that closes waits, for some seconds in all.
HASTY = Config(
    retries={"mode": "standard", "total_max_attempts": 2},
    max_pool_connections=_CONNECTIONS,
    connect_timeout=1,
    read_timeout=1.5,
)
# Each retried call would be one beyond the rate; tokens, not signatures, authorise it.
_PARTICIPANT = Config(
    signature_version=UNSIGNED,
    retries={"mode": "standard", "total_max_attempts": 1},
    max_pool_connections=_CONNECTIONS,
    connect_timeout=5,
    read_timeout=20,
)
_HASTY_PARTICIPANT = _PARTICIPANT.merge(Config(connect_timeout=1, read_timeout=1))


def use_session(region: str | None, profile: str | None) -> str:
    """Make all clients of this process, from now on, of a Region and a profile; return the Region.

    None is what the environment says.
    """
    boto3.setup_default_session(region_name=region, profile_name=profile)
    assert boto3.DEFAULT_SESSION is not None
    found = boto3.DEFAULT_SESSION.region_name
    if found is None:
        raise NoRegionError
    return found


def dynamodb(config: Config = PATIENT) -> DynamoDBClient:
    """Make a client of DynamoDB."""
    client: DynamoDBClient = boto3.client("dynamodb", config=config)
    return client


def s3(config: Config = PATIENT) -> S3Client:
    """Make a client of S3."""
    client: S3Client = boto3.client("s3", config=config)
    return client


def kms(config: Config = PATIENT) -> KMSClient:
    """Make a client of KMS."""
    client: KMSClient = boto3.client("kms", config=config)
    return client


def sqs() -> SQSClient:
    """Make a client of SQS."""
    client: SQSClient = boto3.client("sqs", config=PATIENT)
    return client


def events() -> EventBridgeClient:
    """Make a client of EventBridge."""
    client: EventBridgeClient = boto3.client("events", config=PROMPT)
    return client


def glue() -> GlueClient:
    """Make a client of Glue."""
    client: GlueClient = boto3.client("glue", config=PATIENT)
    return client


def athena() -> AthenaClient:
    """Make a client of Athena."""
    client: AthenaClient = boto3.client("athena", config=PATIENT)
    return client


def connect(config: Config = PATIENT) -> ConnectClient:
    """Make a client of Connect."""
    client: ConnectClient = boto3.client("connect", config=config)
    return client


def participant(*, hasty: bool = False) -> ConnectParticipantClient:
    """Make a client of the Participant Service, unsigned and without retries."""
    config = _HASTY_PARTICIPANT if hasty else _PARTICIPANT
    client: ConnectParticipantClient = boto3.client("connectparticipant", config=config)
    return client


def error_code(error: Exception) -> str:
    """Return the error code, or the type of an error without one: its text may quote anything."""
    if isinstance(error, ClientError):
        return str(error.response["Error"]["Code"])
    return type(error).__name__
