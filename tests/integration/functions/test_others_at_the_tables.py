"""What the functions do where others have changed the tables of a stack."""

from __future__ import annotations

import json
from types import ModuleType
from typing import Any

import pyarrow as pa
import pytest
from pyiceberg.table import Table

from chatlake.documents.document import Document
from chatlake.exceptions import RejectedInput, TableDiffers
from chatlake.sources.get_transcript import from_response
from chatlake.tables import schema
from tests.aws import Aws
from tests.clock import skip_waiting
from tests.functions import Load, call
from tests.lake_folder import message, page
from tests.metric_blobs import blobs, values

pytestmark = pytest.mark.filterwarnings("ignore:No application metrics:UserWarning")

CHAT, OTHER = "c1", "c2"


@pytest.fixture
def publish(load: Load) -> ModuleType:
    call(load("tables"), {})
    return load("publish")


def documents(*chats: str) -> list[Document]:
    return [from_response(page(chat, message("m1"), message("m2"))) for chat in chats]


def announce(publish: ModuleType, *some: Document) -> Any:
    for document in some:
        chat = document.initial_contact_id
        publish.archive.store.update(chat, lambda _, new=document: new)
        publish.archive.chats.legs.add({chat: chat}, provisional=False)
    return publish_chats(publish, *(document.initial_contact_id for document in some))


def publish_chats(publish: ModuleType, *chats: str) -> Any:
    bodies = [json.dumps({"initial_contact_id": chat}) for chat in chats]
    records = [{"messageId": f"{n}", "body": body} for n, body in enumerate(bodies)]
    return call(publish, {"Records": records})["batchItemFailures"]


def table(function: ModuleType, of: schema.Table) -> Table:
    catalog: Table = function.archive.lake.load_as_it_is(of)
    return catalog


def chats_in(function: ModuleType, of: schema.Table) -> list[str]:
    rows = table(function, of).scan().to_arrow()
    return sorted(set(rows.column("initial_contact_id").to_pylist()))


def in_queue(aws: Aws, function: ModuleType) -> list[str]:
    sqs = aws.client("sqs")
    url = function.archive.settings.publish_queue_url
    found: list[str] = []
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        found += [json.loads(message["Body"])["initial_contact_id"] for message in messages]
    return sorted(found)


def test_a_renamed_column_fails_the_batch_with_the_statement_and_counts_for_the_alarm(
    publish: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    with table(publish, schema.MESSAGES).update_schema() as update:
        update.rename_column("content", "text")
    said = "CHANGE COLUMN text content string"
    with pytest.raises(TableDiffers, match=said):
        announce(publish, *documents(CHAT))
    log = capsys.readouterr().out
    assert values(blobs(log), "TablesDiffering") == [1]
    assert said in log
    with table(publish, schema.MESSAGES).update_schema() as update:
        update.rename_column("text", "content")
    assert publish_chats(publish, CHAT) == []
    assert chats_in(publish, schema.MESSAGES) == [CHAT]


def test_a_dropped_column_or_table_is_made_again_by_hand_and_its_chats_are_republished(
    publish: ModuleType, load: Load, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    skip_waiting(monkeypatch)
    announce(publish, *documents(CHAT, OTHER))
    tables, reconcile = load("tables"), load("reconcile")
    assert reconcile.archive.republication.after() == ""
    reconcile.archive.republication.end("")
    assert call(tables, {}) == {"Database": tables.settings.database}
    assert reconcile.archive.republication.after() is None
    with table(publish, schema.MESSAGES).update_schema() as update:
        update.delete_column("content")
    call(tables, {})
    assert reconcile.archive.republication.after() == ""
    call(reconcile, {})
    assert in_queue(aws, publish) == [CHAT, OTHER]
    assert publish_chats(publish, CHAT, OTHER) == []
    rows = table(publish, schema.MESSAGES).scan().to_arrow()
    assert rows.column("content").null_count == 0
    assert rows.num_rows == 4


def test_rows_of_an_earlier_version_beside_a_publication_are_queued_to_be_made_again(
    publish: ModuleType, aws: Aws
) -> None:
    announce(publish, *documents(CHAT, OTHER))
    contacts = table(publish, schema.CONTACTS)
    rows = contacts.scan().to_arrow()
    position = rows.column_names.index("row_format")
    older = rows.set_column(position, rows.field(position), pa.nulls(rows.num_rows, pa.int32()))
    contacts.overwrite(older)
    changed = from_response(page(OTHER, message("m1"), message("m2"), message("m3")))
    assert announce(publish, changed) == []
    assert in_queue(aws, publish) == [CHAT]
    assert publish_chats(publish, CHAT) == []
    formats = table(publish, schema.CONTACTS).scan().to_arrow().column("row_format")
    assert formats.null_count == 0
    announce(publish, *documents("c3"))
    assert in_queue(aws, publish) == []


@pytest.mark.parametrize("wanted", ["all", 1, [""], [1], {}])
def test_a_wrong_wish_for_a_republication_is_refused(load: Load, wanted: object) -> None:
    with pytest.raises(RejectedInput, match="republish"):
        call(load("reconcile"), {"republish": wanted})


def test_a_republication_may_be_asked_for_of_all_chats_or_of_some(
    publish: ModuleType, load: Load, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    skip_waiting(monkeypatch)
    announce(publish, *documents(CHAT, OTHER))
    reconcile = load("reconcile")
    reconcile.archive.republication.end("")
    answered = call(reconcile, {"republish": [OTHER, "nobody"]})
    assert answered == {"ChatsRepublished": 1, "unknown": ["nobody"]}
    assert in_queue(aws, publish) == [OTHER]
    table(publish, schema.MESSAGES).delete(f"initial_contact_id == '{OTHER}'")
    assert publish_chats(publish, CHAT, OTHER) == []
    assert chats_in(publish, schema.MESSAGES) == [CHAT, OTHER]
    assert call(reconcile, {"republish": True})["ChatsRepublished"] == 2
    assert in_queue(aws, publish) == [CHAT, OTHER]


def test_erase_names_the_tag_that_holds_rows_with_the_statement_that_drops_it(
    publish: ModuleType, load: Load
) -> None:
    announce(publish, *documents(CHAT))
    messages = table(publish, schema.MESSAGES)
    snapshot = messages.current_snapshot()
    assert snapshot is not None
    messages.manage_snapshots().create_tag(snapshot.snapshot_id, "audit").commit()
    erase = load("erase")
    database = erase.archive.settings.database
    assert call(erase, {"contact_ids": [CHAT]})["still_held"] == [
        {
            "table": "messages",
            "tag": "audit",
            "drop": f"ALTER TABLE `{database}`.`messages` DROP TAG `audit`",
        }
    ]
