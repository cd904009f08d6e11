"""The environment variables of the functions, read and checked in one place."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Literal

from chatlake.documents.content_policy import ContentPolicy
from chatlake.exceptions import ReserveTooLarge, SettingMissing, SettingNotAllowed
from chatlake.identifiers import instance_id

type LiveSource = Literal["websocket", "polling"]


@dataclass(frozen=True, slots=True)
class Settings:
    """What the template tells a function; "" and 0 where a function is told nothing.

    Live source, rate of connections and shards are then the template's defaults.

    Attributes
    ----------
    instance_arn
        Of the Connect instance whose chats are archived.
    capture_rate
        GetTranscript calls per second, of all functions together.
    last_read_reserve
        How many of them are kept for last reads.
    shortest_interval_ms
        The least time between two reads of a live chat.
    message_waiting_ms
        How long a customer's message waits before there is an event of it; never one if 0.
    live_source
        How a live chat is followed: by its participant's websocket, or by reads alone.
    connection_rate
        CreateParticipantConnection calls per second, of all shards together.
    capture_shards
        Over how many shards capture's chats and rates are divided.
    contact_flow_id
        The flow of chats that pages start without naming one.
    allowed_flows, allowed_attributes
        Ids of flows and names of contact attributes that pages may name, beside it.
    content_policy
        What documents may hold of contents and names.
    document_retention_days, row_retention_days
        After how many days documents, and rows, are removed; never if 0.
    allowed_origins
        Of pages that may start chats; none if empty.
    vacuum_days
        How long Athena's VACUUM keeps older snapshots; 0 where Glue's optimizers drop them.
    """

    instance_arn: str
    chats_table: str
    schedule_table: str
    document_bucket: str
    lake_bucket: str
    database: str
    key_arn: str
    export_bucket: str
    export_prefix: str
    publish_queue_url: str
    workgroup: str
    contact_flow_id: str
    allowed_flows: tuple[str, ...]
    allowed_attributes: tuple[str, ...]
    allowed_origins: tuple[str, ...]
    capture_rate: float
    last_read_reserve: float
    shortest_interval_ms: int
    message_waiting_ms: int
    live_source: LiveSource
    connection_rate: float
    capture_shards: int
    content_policy: ContentPolicy
    backfill_queue_url: str = ""
    backfill_dead_letters_url: str = ""
    vacuum_days: int = 0
    document_retention_days: int = 0
    row_retention_days: int = 0

    @property
    def instance_id(self) -> str:
        """The last segment of the instance's ARN."""
        return instance_id(self.instance_arn) or ""

    @property
    def own_capture_rate(self) -> float:
        """GetTranscript calls per second that capture itself may make.

        Raises
        ------
        ReserveTooLarge
            The reserve leaves it none.
        """
        self.check_rates()
        return self.capture_rate - self.last_read_reserve

    def check_rates(self) -> None:
        """Check that the reserve is less than the rate that it is part of.

        Raises
        ------
        ReserveTooLarge
            It is not.
        """
        if self.last_read_reserve >= self.capture_rate > 0:
            raise ReserveTooLarge(self.last_read_reserve, self.capture_rate)

    @classmethod
    def from_environment(cls) -> Settings:
        """Read the variables that the template sets.

        Raises
        ------
        SettingMissing
            One that every function needs is missing, or a number is none.
        SettingNotAllowed
            One has a value that the template does not allow.
        """
        return cls(
            instance_arn=_required("CONNECT_INSTANCE_ARN"),
            chats_table=_required("CHATS_TABLE"),
            schedule_table=_required("SCHEDULE_TABLE"),
            document_bucket=_required("DOCUMENT_BUCKET"),
            lake_bucket=_required("LAKE_BUCKET"),
            database=_required("DATABASE"),
            key_arn=_required("KEY_ARN"),
            export_bucket=os.environ.get("EXPORT_BUCKET", ""),
            export_prefix=os.environ.get("EXPORT_PREFIX", ""),
            publish_queue_url=os.environ.get("PUBLISH_QUEUE_URL", ""),
            workgroup=os.environ.get("WORKGROUP", ""),
            contact_flow_id=os.environ.get("CONTACT_FLOW_ID", ""),
            allowed_flows=_list("ALLOWED_FLOWS"),
            allowed_attributes=_list("ALLOWED_ATTRIBUTES"),
            allowed_origins=_list("ALLOWED_ORIGINS"),
            capture_rate=_number("CAPTURE_RATE"),
            last_read_reserve=_number("LAST_READ_RESERVE"),
            shortest_interval_ms=int(_number("SHORTEST_INTERVAL_S") * 1000),
            message_waiting_ms=int(_number("MESSAGE_WAITING_S") * 1000),
            live_source=_live_source("LIVE_SOURCE"),
            connection_rate=_number("CONNECTION_RATE", "3"),
            capture_shards=_count("CAPTURE_SHARDS"),
            backfill_queue_url=os.environ.get("BACKFILL_QUEUE_URL", ""),
            backfill_dead_letters_url=os.environ.get("BACKFILL_DEAD_LETTERS_URL", ""),
            vacuum_days=int(_number("VACUUM_DAYS")),
            content_policy=_content_policy("CONTENT_POLICY"),
            document_retention_days=int(_number("DOCUMENT_RETENTION_DAYS")),
            row_retention_days=int(_number("ROW_RETENTION_DAYS")),
        )


def _required(name: str) -> str:
    if value := os.environ.get(name):
        return value
    raise SettingMissing(name)


def _number(name: str, default: str = "0") -> float:
    try:
        return float(os.environ.get(name, default))
    except ValueError:
        raise SettingMissing(name) from None


def _count(name: str) -> int:
    """Return a number of things, of which there is one at least."""
    number = _number(name, "1")
    if not (number.is_integer() and number >= 1):
        raise SettingNotAllowed(name, "a whole number, 1 or more")
    return int(number)


def _list(name: str) -> tuple[str, ...]:
    return tuple(filter(None, os.environ.get(name, "").split(",")))


def _live_source(name: str) -> LiveSource:
    match os.environ.get(name, "websocket"):
        case "websocket":
            return "websocket"
        case "polling":
            return "polling"
    raise SettingNotAllowed(name, "websocket or polling")


def _content_policy(name: str) -> ContentPolicy:
    try:
        return ContentPolicy(os.environ.get(name, ContentPolicy.FULL))
    except ValueError:
        raise SettingNotAllowed(name, "full, redacted or none") from None
