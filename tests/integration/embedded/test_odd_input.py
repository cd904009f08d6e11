"""Odd but legal input is taken in, and becomes exactly these rows."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc
import pytest

from chatlake.documents.revision import ROW_FORMAT
from tests.lake_folder import (
    LakeFolder,
    comparable,
    dumped,
    expected_rows,
    export,
    message,
    page,
)

if TYPE_CHECKING:
    from tests.lake_folder import Chatlake
    from tests.oracle import Object, Row

SENT_AT = datetime.fromisoformat("2026-09-01T10:00:00")
MESSAGE_ROW = {
    "instance_id": None,
    "initial_contact_id": "c1",
    "chat_day": date(2026, 9, 1),
    "contact_id": "c1",
    "related_contact_id": None,
    "item_id": "m1",
    "item_type": "MESSAGE",
    "content_type": "text/plain",
    "content": "hello",
    "participant_id": "customer",
    "participant_role": "CUSTOMER",
    "display_name": "Jane",
    "sent_at": SENT_AT,
    "processing_status": None,
    "attachment_count": 0,
    "receipt_count": 0,
    "extra": None,
}
RECEIPT_ROW = {
    "instance_id": None,
    "initial_contact_id": "c1",
    "chat_day": date(2026, 9, 1),
    "contact_id": "c1",
    "message_id": "m1",
    "sender_participant_id": "customer",
    "sender_role": "CUSTOMER",
    "recipient_participant_id": "agent",
    "recipient_role": None,
    "sent_at": SENT_AT,
    "delivered_at": None,
    "read_at": None,
    "delivery_latency_ms": None,
    "read_latency_ms": None,
    "extra": None,
}
CONTACT_ROW = {
    "instance_id": None,
    "initial_contact_id": "c1",
    "chat_day": date(2026, 9, 1),
    "contact_id": "c1",
    "previous_contact_id": None,
    "related_contact_id": None,
    "channel": "CHAT",
    "initiation_method": None,
    "disconnect_reason": None,
    "initiated_at": None,
    "enqueued_at": None,
    "connected_to_agent_at": None,
    "disconnected_at": None,
    "queue_arn": None,
    "agent_arn": None,
    "customer_id": None,
    "subtype": None,
    "hierarchy_groups": None,
    "tags": None,
    "segment_attributes": None,
    "chat_metrics": None,
    "sources": "participant",
    "receipts_available": True,
    # Of a file: the newest time in it.
    "receipts_observed_until": SENT_AT,
    "complete": False,
    "message_count": 1,
    "receipt_count": 0,
    "row_format": ROW_FORMAT,
    "extra": None,
}


def item(item_id: str | None = "m1", **members: Any) -> Object:
    return message(item_id, **{"Content": "hello", "DisplayName": "Jane", **members})


def row(**columns: Any) -> Row:
    return MESSAGE_ROW | columns


def at(text: str) -> datetime:
    """An instant as tables have it: UTC, without a zone."""
    return datetime.fromisoformat(text).astimezone(UTC).replace(tzinfo=None)


def take_all(lake: LakeFolder, *values: Object) -> dict[str, list[Row]]:
    """Import values that none may be rejected of; the rows are also the oracle's."""
    summary = lake.take(*values)
    assert (summary.rejected, summary.upserted.failed, summary.outcome.failed) == ([], {}, {})
    rows = comparable(lake.rows())
    assert rows == expected_rows(*values)
    assert lake.differences() == []
    assert lake.take(*values).outcome.published == set()
    return rows


def test_an_ordinary_chat_has_these_rows(lake: LakeFolder) -> None:
    rows = take_all(lake, page("c1", item()))
    assert rows == {
        "messages": [MESSAGE_ROW],
        "receipts": [],
        "attachments": [],
        "read_latency": [],
        "contacts": [CONTACT_ROW],
    }


def test_lone_surrogates_become_replacement_characters_and_stay_in_extra(lake: LakeFolder) -> None:
    rows = take_all(
        lake,
        page(
            "c1",
            item(
                "m\ud800",
                Content="\udc00 half \ud83d",
                DisplayName="\U0001f600",
                ParticipantId="\udfffp",
                Odd={"\ud800": "\udbff"},
            ),
        ),
    )
    assert rows["messages"] == [
        row(
            item_id="m\ufffd",
            content="\ufffd half \ufffd",
            display_name="\U0001f600",
            participant_id="\ufffdp",
            extra=r'{"Content":"\udc00 half \ud83d","Id":"m\ud800","Odd":{"\ud800":"\udbff"},'
            r'"ParticipantId":"\udfffp"}',
        )
    ]


def test_nul_stays_in_contents_and_in_ids(lake: LakeFolder) -> None:
    chat = "c\x001"
    rows = take_all(
        lake,
        page(
            chat,
            item("m\x00", ContactId=chat, Content="a\x00b\x00", DisplayName="\x00"),
            item("m", ContactId=chat, Content="\x00" * 3),
        ),
        page("c", item()),
    )
    assert rows["messages"][1:] == [
        row(initial_contact_id=chat, contact_id=chat, item_id="m", content="\x00" * 3),
        row(
            initial_contact_id=chat,
            contact_id=chat,
            item_id="m\x00",
            content="a\x00b\x00",
            display_name="\x00",
        ),
    ]
    lake.erase(chat)
    assert {r["initial_contact_id"] for r in lake.rows()["messages"]} == {"c"}


TIMES = {
    "2026-09-01T10:00:00Z": "2026-09-01T10:00:00Z",
    "2026-09-01T10:00:00": "2026-09-01T10:00:00Z",
    "2026-09-01T10:00:00.5Z": "2026-09-01T10:00:00.500Z",
    "2026-09-01T10:00:00.123456Z": "2026-09-01T10:00:00.123456Z",
    "2026-09-01T10:00:00.123456789Z": "2026-09-01T10:00:00.123456Z",
    "2026-09-01T10:00:00.9999999999999999999Z": "2026-09-01T10:00:00.999999Z",
    "2026-09-01 10:00:00z": "2026-09-01T10:00:00Z",
    "2026-09-01T10:00:00+05:30": "2026-09-01T04:30:00Z",
    "2026-09-01T00:30:00+01:00": "2026-08-31T23:30:00Z",
    "2026-08-31T23:30:00-01:00": "2026-09-01T00:30:00Z",
    "1969-12-31T23:59:59.999999Z": "1969-12-31T23:59:59.999999Z",
    "0001-01-01T00:00:00Z": "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999999Z": "9999-12-31T23:59:59.999999Z",
}
UNREADABLE_TIMES = (
    "yesterday",
    "",
    "2026-09-01",
    "2026-02-30T10:00:00Z",
    "2026-09-01T24:00:00Z",
    "2026-09-01T23:59:60Z",
    "10000-01-01T00:00:00Z",
    "0000-01-01T00:00:00Z",
    "0001-01-01T00:00:00+00:01",
    "2026-09-01T10:00:00+0100",
    " 2026-09-01T10:00:00Z",
    1767225600,
    None,
    ["2026-09-01T10:00:00Z"],
)


def test_times_of_every_readable_form_are_instants_to_the_microsecond(lake: LakeFolder) -> None:
    items = [item(f"m{n:02}", AbsoluteTime=text) for n, text in enumerate(TIMES)]
    rows = take_all(lake, page("c1", *items))
    read = {r["item_id"]: r["sent_at"] for r in rows["messages"]}
    assert read == {f"m{n:02}": at(instant) for n, instant in enumerate(TIMES.values())}
    assert {r["extra"] for r in rows["messages"]} == {None}


def test_times_that_cannot_be_read_are_null_and_stay_in_extra(lake: LakeFolder) -> None:
    items = [item(f"m{n:02}") | {"AbsoluteTime": value} for n, value in enumerate(UNREADABLE_TIMES)]
    rows = take_all(lake, page("c1", *items))
    assert {r["sent_at"] for r in rows["messages"]} == {None}
    extras = {r["item_id"]: r["extra"] for r in rows["messages"]}
    assert extras["m00"] == '{"AbsoluteTime":"yesterday"}'
    assert extras["m01"] == '{"AbsoluteTime":""}'
    assert extras["m11"] == '{"AbsoluteTime":1767225600}'
    assert extras["m12"] is None
    assert extras["m13"] == '{"AbsoluteTime":["2026-09-01T10:00:00Z"]}'


def test_items_without_an_id_are_known_by_what_they_hold(lake: LakeFolder) -> None:
    delivered = {"RecipientParticipantId": "agent", "DeliveredTimestamp": "2026-09-01T10:00:01Z"}
    first = {"Type": "EVENT", "Content": "a", "AbsoluteTime": "2026-09-01T10:00:00.000Z"}
    other = first | {"Content": "b"}
    grown = first | {"MessageMetadata": {"Receipts": [delivered]}}

    rows = take_all(
        lake, page("c1", first, other, first), page("c1", grown), page("c1", first | {"Id": ""})
    )

    digests = {
        hashlib.sha256(
            b'{"AbsoluteTime":"2026-09-01T10:00:00.000Z","Content":"%b"%b,"Type":"EVENT"}' % parts
        ).hexdigest()
        for parts in (
            (b"a", b""),
            (b"b", b""),
            (b"a", b',"MessageMetadata":{}'),
            (b"a", b',"Id":""'),
        )
    }
    assert {r["item_id"] for r in rows["messages"]} == {f"sha256:{digest}" for digest in digests}
    assert [r["delivery_latency_ms"] for r in rows["receipts"]] == [1000]


def test_one_id_with_two_contents_is_one_item(lake: LakeFolder) -> None:
    rows = take_all(lake, page("c1", item(Content="a"), item(Content="b")))
    assert rows["messages"] == [row(content="b")]
    rows = take_all(lake, page("c1", item(Content="b"), item(Content="a")))
    assert rows["messages"] == [row(content="b")]


def test_one_id_in_two_chats_is_two_items(lake: LakeFolder) -> None:
    rows = take_all(lake, page("c1", item()), page("c2", item(Content="other")))
    assert [(r["initial_contact_id"], r["content"]) for r in rows["messages"]] == [
        ("c1", "hello"),
        ("c2", "other"),
    ]


@pytest.mark.parametrize("receipts", [[], None])
def test_an_empty_list_of_receipts_is_no_receipt(lake: LakeFolder, receipts: object) -> None:
    rows = take_all(
        lake, page("c1", item(MessageMetadata={"MessageId": "m1", "Receipts": receipts}))
    )
    assert rows["receipts"] == []
    assert rows["messages"] == [MESSAGE_ROW]


def test_receipts_without_a_recipient_are_one_row_without_one(lake: LakeFolder) -> None:
    receipts: list[Object] = [
        {"DeliveredTimestamp": "2026-09-01T10:00:02Z"},
        {"RecipientParticipantId": "", "DeliveredTimestamp": "2026-09-01T10:00:01Z"},
        {"RecipientParticipantId": None, "ReadTimestamp": "2026-09-01T09:59:59.9995Z"},
        {"RecipientParticipantId": "agent"},
    ]
    rows = take_all(lake, page("c1", item(MessageMetadata={"Receipts": receipts})))
    assert rows["receipts"] == [
        RECEIPT_ROW,
        RECEIPT_ROW
        | {
            "recipient_participant_id": None,
            "delivered_at": at("2026-09-01T10:00:01Z"),
            "read_at": at("2026-09-01T09:59:59.999500Z"),
            "delivery_latency_ms": 1000,
            "read_latency_ms": -1,
        },
    ]
    assert rows["messages"] == [row(receipt_count=2)]


def test_receipts_of_odd_shapes_stay_in_extra(lake: LakeFolder) -> None:
    odd = [5, "x", None, {"RecipientParticipantId": 7, "ReadTimestamp": "never", "New": [1]}]
    rows = take_all(lake, page("c1", item(MessageMetadata={"Receipts": odd})))
    assert rows["messages"] == [
        row(receipt_count=1, extra='{"MessageMetadata":{"Receipts":[5,"x",null]}}')
    ]
    assert rows["receipts"] == [
        RECEIPT_ROW
        | {
            "recipient_participant_id": None,
            "extra": '{"New":[1],"ReadTimestamp":"never","RecipientParticipantId":7}',
        }
    ]


def test_receipts_in_items_of_their_own_are_receipts_of_their_message(lake: LakeFolder) -> None:
    reports = [
        {
            "Id": f"r{n}",
            "Type": item_type,
            "AbsoluteTime": "2026-09-01T10:00:09Z",
            "MessageMetadata": {
                "MessageId": "m1",
                "Receipts": [{"RecipientParticipantId": "agent", **times}],
            },
        }
        for n, (item_type, times) in enumerate(
            [
                ("MESSAGEMETADATA", {"DeliveredTimestamp": "2026-09-01T10:00:01Z"}),
                ("MESSAGE_METADATA", {"ReadTimestamp": "2026-09-01T10:00:02Z"}),
                ("MESSAGE_READ", {"ReadTimestamp": "2026-09-01T10:00:01Z"}),
            ]
        )
    ]
    rows = take_all(lake, page("c1", item(), *reports))
    assert [r["item_id"] for r in rows["messages"]] == ["m1", "r2"]
    assert rows["receipts"] == [
        RECEIPT_ROW
        | {
            "delivered_at": at("2026-09-01T10:00:01Z"),
            "read_at": at("2026-09-01T10:00:01Z"),
            "delivery_latency_ms": 1000,
            "read_latency_ms": 1000,
        }
    ]


def test_a_receipt_of_a_message_that_is_not_there_has_no_latency(lake: LakeFolder) -> None:
    receipt = {"RecipientParticipantId": "agent", "ReadTimestamp": "2026-09-01T10:00:02Z"}
    report = {
        "Id": "r1",
        "Type": "MESSAGEMETADATA",
        "MessageMetadata": {"MessageId": "gone", "Receipts": [receipt]},
    }
    rows = take_all(lake, page("c1", report))
    assert rows["receipts"] == [
        RECEIPT_ROW
        | {
            "message_id": "gone",
            "chat_day": None,
            "sender_participant_id": None,
            "sender_role": None,
            "sent_at": None,
            "read_at": at("2026-09-01T10:00:02Z"),
        }
    ]
    assert rows["messages"] == []


def test_attachments_have_a_row_each(lake: LakeFolder) -> None:
    files = [
        {"AttachmentId": "f1", "AttachmentName": "a.pdf", "Status": "IN_PROGRESS"},
        {"AttachmentId": "f1", "AttachmentName": "a.pdf", "Status": "APPROVED", "Pages": 3},
        {"AttachmentName": "b.png", "ContentType": "image/png"},
        {"AttachmentName": "c.png", "ContentType": 5},
        "not an object",
    ]
    rows = take_all(lake, page("c1", item(Type="ATTACHMENT", Attachments=files)))
    found = {
        (r["attachment_id"], r["attachment_name"], r["content_type"], r["status"], r["extra"])
        for r in rows["attachments"]
    }
    assert found == {
        ("f1", "a.pdf", None, "APPROVED", '{"Pages":3}'),
        (None, "b.png", "image/png", None, None),
        (None, "c.png", None, None, '{"ContentType":5}'),
    }
    assert rows["messages"] == [
        row(item_type="ATTACHMENT", attachment_count=3, extra='{"Attachments":["not an object"]}')
    ]


def test_members_of_other_types_are_null_and_stay_in_extra(lake: LakeFolder) -> None:
    rows = take_all(
        lake,
        page(
            "c1",
            {
                "Id": 5,
                "Type": ["MESSAGE"],
                "Content": {"text": "x"},
                "DisplayName": 1.5,
                "New": True,
            },
        ),
    )
    [only] = rows["messages"]
    assert only["item_id"].startswith("sha256:")
    assert (only["item_type"], only["content"], only["display_name"]) == (None, None, None)
    assert only["extra"] == (
        '{"Content":{"text":"x"},"DisplayName":1.5,"Id":5,"New":true,"Type":["MESSAGE"]}'
    )


def test_a_chat_without_an_initial_contact_is_that_of_its_only_one(lake: LakeFolder) -> None:
    rows = take_all(lake, page(None, item(ContactId="c9"), item("m2")))
    assert {r["initial_contact_id"] for r in rows["messages"]} == {"c9"}
    assert {r["contact_id"] for r in rows["messages"]} == {"c9"}


def test_an_export_tells_the_instance_and_keeps_what_is_unknown(lake: LakeFolder) -> None:
    arn = "arn:aws:connect:eu-west-1:111122223333:instance/i-1"
    rows = take_all(lake, export("c2", item(), chat="c1", InstanceId=arn, Newer={"a": [None]}))
    assert rows["messages"] == [row(instance_id="i-1", contact_id="c2")]
    assert rows["contacts"] == [
        CONTACT_ROW
        | {
            "instance_id": "i-1",
            "sources": "export",
            "receipts_available": False,
            "receipts_observed_until": None,
            "message_count": 0,
        },
        CONTACT_ROW
        | {
            "instance_id": "i-1",
            "contact_id": "c2",
            "sources": "export",
            "receipts_available": False,
            "receipts_observed_until": None,
            "complete": True,
            "extra": '{"Newer":{"a":[null]}}',
        },
    ]


def test_items_of_an_earlier_chat_are_flagged_and_count_nowhere(lake: LakeFolder) -> None:
    receipt = {"RecipientParticipantId": "agent", "ReadTimestamp": "2026-09-01T10:00:02Z"}
    rows = take_all(
        lake,
        page(
            "c1",
            item("old", RelatedContactId="past", MessageMetadata={"Receipts": [receipt]}),
            item("new", ContactId="c1"),
        ),
    )
    assert rows["messages"] == [
        row(item_id="new"),
        row(item_id="old", contact_id="past", related_contact_id="past", chat_day=None),
    ]
    assert rows["receipts"] == []
    assert rows["contacts"] == [
        CONTACT_ROW | {"receipts_observed_until": at("2026-09-01T10:00:02Z")}
    ]


ODD_IDS = (
    "a/b",
    "../../escape",
    "..",
    ".",
    "/etc/passwd",
    " ",
    " padded ",
    "Ab-CD",
    "ab-cd",
    "aB-cd",
    "new\nline",
    "\U0001f600",
    "caf\u00e9",
    "cafe\u0301",
    "x" * 256,
    "\U0001f600" * 256,
    "con",
    "-rf",
    "*",
    "%2e%2e",
    "a.json",
    "sha256_" + "0" * 64,
    "';DROP TABLE legs;--",
)


def test_ids_of_any_kind_keep_their_chats_apart_and_inside_the_folder(lake: LakeFolder) -> None:
    values = [page(chat, item(ContactId=chat, Content=chat)) for chat in ODD_IDS]
    rows = take_all(lake, *values)
    assert {r["initial_contact_id"] for r in rows["messages"]} == set(ODD_IDS)
    assert all(r["initial_contact_id"] == r["contact_id"] == r["content"] for r in rows["messages"])

    assert len(lake.documents()) == len(ODD_IDS)
    outside = [
        path
        for path in lake.path.parent.rglob("*")
        if not path.is_relative_to(lake.path) and not path.is_relative_to(lake.inbox)
    ]
    assert outside == []
    # Two names that differ by case alone are one file on some systems.
    assert len({path.name.lower() for path in lake.documents()}) == len(ODD_IDS)

    lake.take(*(page(chat, item("m2", ContactId=chat)) for chat in ODD_IDS))
    assert len(lake.rows()["messages"]) == 2 * len(ODD_IDS)
    assert lake.differences() == []


def test_odd_ids_are_erased_by_their_own_name_only(lake: LakeFolder, chatlake: Chatlake) -> None:
    lake.take(*(page(chat, item(ContactId=chat)) for chat in ODD_IDS))
    going = ("..", "ab-cd", "caf\u00e9", "\U0001f600" * 256, "new\nline")
    ran = chatlake("erase", "--purge", *going)
    assert (ran.code, f"{len(going)} chats erased." in ran.err) == (0, True)
    assert {r["initial_contact_id"] for r in lake.rows()["messages"]} == set(ODD_IDS) - set(going)
    assert lake.differences() == []


# Small itself: the peak of a process begins at the size of the one that started it.
MEASURED = """
import os, subprocess, sys
process = subprocess.Popen(sys.argv[1:])
_, status, usage = os.wait4(process.pid, 0)
process.returncode = os.waitstatus_to_exitcode(status)
print(usage.ru_maxrss)
sys.exit(process.returncode)
"""


@pytest.mark.parametrize(
    ("count", "most_mb"), [(2_000, 500), pytest.param(10_000, 1536, marks=pytest.mark.world)]
)
def test_a_chat_of_thousands_of_long_messages_stays_within_memory(
    lake: LakeFolder, count: int, most_mb: int
) -> None:
    size = 16_384
    with (lake.inbox / "long.json").open("wb") as file:
        file.write(b'{"InitialContactId":"c1","Transcript":[')
        for number in range(count):
            content = f"{number:08}".ljust(size, "x")
            second = f"2026-09-01T{number // 3600:02}:{number // 60 % 60:02}:{number % 60:02}Z"
            file.write(b"," if number else b"")
            file.write(dumped(item(f"m{number}", Content=content, AbsoluteTime=second)))
        file.write(b"]}")

    command = str(Path(sys.executable).with_name("chatlake"))
    arguments = ("--lake", str(lake.path), "import", str(lake.inbox / "long.json"))
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, command, *arguments],
        check=True,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    # 32 or 160 MB of text, which are in memory as file, parsed, as document and as rows.
    assert int(done.stdout) < most_mb * 2**10, f"{int(done.stdout) // 1024} MB"
    contents = lake.tables()["messages"].scan(selected_fields=("content",)).to_arrow()
    assert contents.num_rows == count
    column = contents.column("content")
    assert pc.sum(pc.binary_length(column)).as_py() == size * count
    assert pc.count_distinct(column).as_py() == count
    files = list(lake.path.glob("warehouse/**/*.parquet"))
    assert max(path.stat().st_size for path in files) < 64 * 2**20
