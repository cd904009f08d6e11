"""What a role may do with the state of chats, tokens, queues, events and Connect."""

from __future__ import annotations

from tools.template_parts.statement import (
    CHATS,
    KEY,
    SCHEDULE,
    Statement,
    arn,
    one_or_all,
    service,
    words,
)
from tools.template_parts.yaml_text import attribute, ref, sub

_LEADING_KEYS = "dynamodb:LeadingKeys"
# By which a sealed token is told from all else that the key encrypts.
_OF_A_TOKEN = {"Null": {"kms:EncryptionContext:initial_contact_id": "false"}}


# --- logs, queues, events -------------------------------------------------------------------------


def own_logs() -> Statement:
    """Return what Lambda needs to write a function's log; the stack makes the group."""
    actions = ("logs:CreateLogStream", "logs:PutLogEvents")
    return Statement("WriteLogs", "the stack's log group", actions, (attribute("Logs.Arn"),))


def own_network() -> Statement:
    """Return what Lambda needs to put a function into subnets."""
    return Statement(
        "JoinNetwork",
        "network interfaces",
        words(
            "ec2",
            "AssignPrivateIpAddresses CreateNetworkInterface DeleteNetworkInterface "
            "UnassignPrivateIpAddresses",
        ),
        tuple(arn("ec2", f"{of}/*") for of in ("network-interface", "security-group", "subnet")),
        when="HasSubnets",
    )


def see_network() -> Statement:
    """Return what Lambda looks at for that; EC2 lets nobody see a part."""
    actions = words("ec2", "DescribeNetworkInterfaces DescribeSubnets")
    return Statement("SeeNetwork", "all of the account", actions, ("*",), when="HasSubnets")


def send(name: str, queue: str, on: str) -> Statement:
    """Return what puts messages into a queue."""
    return Statement(name, on, ("sqs:SendMessage",), (attribute(f"{queue}.Arn"),))


def take(queue: str, on: str) -> Statement:
    """Return what Lambda needs to take messages from a queue for a function."""
    actions = ("sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage")
    return Statement("TakeFromQueue", on, actions, (attribute(f"{queue}.Arn"),))


def tell_of_waiting() -> Statement:
    """Return what sends events of customers who wait."""
    said = {"events:source": "chatlake", "events:detail-type": "Message Waiting"}
    return Statement(
        "TellOfWaiting",
        "the default bus, events `Message Waiting` of source `chatlake`",
        ("events:PutEvents",),
        (arn("events", "event-bus/default"),),
        {"StringEquals": said},
        when="TellsOfWaiting",
    )


# --- state of chats -------------------------------------------------------------------------------


def chat_items(name: str, actions: str, kinds: str) -> Statement:
    """Return what is done to items of the table of chats whose keys begin with these words."""
    found = kinds.split()
    return Statement(
        name,
        f"chats, items {', '.join(f'`{kind}#…`' for kind in found)}",
        words("dynamodb", actions),
        (arn("dynamodb", "table/${Table}", Table=CHATS),),
        {"ForAllValues:StringLike": {_LEADING_KEYS: [f"{kind}#*" for kind in found]}},
    )


def protect_tables() -> Statement:
    """Return what protects the tables against deletion."""
    return Statement(
        "ProtectTables",
        "chats and schedule themselves",
        words("dynamodb", "DescribeTable UpdateTable"),
        tuple(arn("dynamodb", "table/${Table}", Table=table) for table in (CHATS, SCHEDULE)),
    )


def older_due() -> Statement:
    """Return what finds chats that version 0.2 has left in its schedule."""
    index = arn("dynamodb", "table/${Table}/index/due", Table=CHATS)
    return Statement("FindOlderDue", "chats, index `due`", ("dynamodb:Query",), (index,))


def schedule(actions: str) -> Statement:
    """Return what is done to all items of the capture schedule."""
    return Statement(
        "KeepSchedule",
        "schedule",
        words("dynamodb", actions),
        (arn("dynamodb", "table/${Table}", Table=SCHEDULE),),
    )


def schedule_of_chats(actions: str) -> Statement:
    """Return what is done to items of chats in the schedule, not to those of Capture itself."""
    return Statement(
        "NoteInSchedule",
        "schedule, but no item `#…`",
        words("dynamodb", actions),
        (arn("dynamodb", "table/${Table}", Table=SCHEDULE),),
        {"ForAllValues:StringNotLike": {_LEADING_KEYS: ["#*"]}},
    )


def reserve() -> Statement:
    """Return what takes a place in the reserve of last reads."""
    return Statement(
        "TakePlace",
        "schedule, item `#reserve`",
        ("dynamodb:UpdateItem",),
        (arn("dynamodb", "table/${Table}", Table=SCHEDULE),),
        {"ForAllValues:StringEquals": {_LEADING_KEYS: ["#reserve"]}},
    )


def due() -> Statement:
    """Return what finds chats that are due."""
    index = arn("dynamodb", "table/${Table}/index/due", Table=SCHEDULE)
    return Statement("FindDue", "schedule, index `due`", ("dynamodb:Query",), (index,))


# --- keys -----------------------------------------------------------------------------------------


def key_by(services: str, *, writes: bool = False) -> Statement:
    """Return what lets services encrypt and decrypt for a role; none of it opens a token."""
    found = services.split()
    names = tuple(map(service, found))
    return Statement(
        "UseKeyThroughServices",
        f"the key, through {' and '.join(found)}",
        ("kms:Decrypt", "kms:GenerateDataKey") if writes else ("kms:Decrypt",),
        (KEY,),
        {"StringEquals": {"kms:ViaService": one_or_all(names)}},
    )


def seal_tokens() -> Statement:
    """Return what seals tokens."""
    return Statement("SealTokens", "the key, tokens", ("kms:Encrypt",), (KEY,), _OF_A_TOKEN)


def open_tokens() -> Statement:
    """Return what opens tokens."""
    return Statement("OpenTokens", "the key, tokens", ("kms:Decrypt",), (KEY,), _OF_A_TOKEN)


# --- Connect --------------------------------------------------------------------------------------


def connect(name: str, action: str, part: str, on: str) -> Statement:
    """Return what is asked of the instance: of a part of it, or of itself."""
    where = sub(f"${{ConnectInstanceArn}}/{part}/*") if part else ref("ConnectInstanceArn")
    return Statement(name, on, (f"connect:{action}",), (where,))
