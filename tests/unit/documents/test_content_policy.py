"""What a policy leaves out is in no stored document, whatever was merged, and in whatever order."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from functools import reduce
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatlake.documents.content_policy import ContentPolicy, left_out
from chatlake.documents.document import Document, merge, rekeyed
from chatlake.documents.items import resolve
from chatlake.documents.store.folder import FolderStore
from chatlake.sources.contact_event import from_event
from chatlake.sources.get_transcript import from_response
from chatlake.sources.s3_export import from_export
from chatlake.tables.flatten import flatten
from tests import oracle, strategies

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from hypothesis.strategies import DrawFn

    from tests.oracle import Input, Object, Row

FULL, REDACTED, NONE = ContentPolicy
PUBLISHED_AT = datetime(2026, 9, 1, tzinfo=UTC)
SENT_AT = "2026-01-01T00:00:00.000Z"
READ_AT = "2026-01-01T00:00:04.000Z"
SOURCES = ("participant", "export", "redacted")


def stored_by(policy: ContentPolicy, documents: Iterable[Document]) -> Document:
    """What a store of a policy has of a chat, after these came one after the other."""

    def store(before: Document, document: Document) -> Document:
        return policy.applied(merge(policy.applied(before), policy.applied(document)))

    return reduce(store, documents, Document("c1"))


def read(source: str, *items: Object, read_at: int = 0, **header: Any) -> Document:
    if source == "participant":
        return from_response({"InitialContactId": "c1", "Transcript": items_of(items)})
    value = {"InitialContactId": "c1", "ContactId": "c1", "Transcript": items_of(items)}
    return from_export(value | header, read_at=read_at, redacted=source == "redacted")


def items_of(items: Sequence[Object]) -> list[Object]:
    return list(items)


def said(source: str, item_id: str | None = "m1", **members: Any) -> Object:
    """A message as a source has it, with the source's name wherever something may be told."""
    secret = f"SECRET of {source}"
    item: Object = {
        "Id": item_id,
        "Type": "MESSAGE",
        "AbsoluteTime": SENT_AT,
        "Content": f"{secret} content",
        "ContentType": "text/plain",
        "ParticipantId": "customer",
        "ParticipantRole": "CUSTOMER",
        "DisplayName": f"{secret} name",
        "Attachments": [
            {
                "AttachmentId": "a1",
                "AttachmentName": f"{secret} file",
                "Status": "APPROVED",
                "New": {"of": secret},
            },
            f"{secret} in no attachment",
        ],
        "MessageMetadata": {
            "MessageId": item_id,
            "Receipts": [
                {"RecipientParticipantId": "agent", "ReadTimestamp": READ_AT, "New": secret},
                f"{secret} in no receipt",
            ],
            "New": [secret],
        },
        "New": {"deep": {"er": secret}},
    }
    if item_id is None:
        del item["Id"], item["MessageMetadata"]["MessageId"]
    return {name: value for name, value in (item | members).items() if value is not ...}


@st.composite
def reads(draw: DrawFn) -> list[Document]:
    """Reads of a chat from all kinds of sources, some of them with the same items."""
    found = []
    for _ in range(draw(st.integers(1, 5))):
        source = draw(st.sampled_from(SOURCES))
        ids = draw(st.lists(st.sampled_from(("m1", "m2", None)), max_size=3))
        odd = draw(st.sampled_from((0, 1, 2, 3)))
        items = [said(source, one, **_ODDITIES[odd](source)) for one in ids]
        found.append(
            read(source, *items, read_at=draw(st.integers(0, 2)), New=f"SECRET of {source}")
        )
    return found


_ODDITIES: tuple[Callable[[str], Object], ...] = (
    lambda _: {},
    lambda source: {"AbsoluteTime": {"it": f"SECRET of {source}"}},
    lambda source: {
        "Type": "MESSAGE_READ",
        "Content": f'{{"messageId":"m2","x":"SECRET of {source}"}}',
    },
    lambda _: {"Content": ..., "DisplayName": None, "Attachments": ...},
)


@given(reads(), st.randoms(use_true_random=False), st.sampled_from((REDACTED, NONE)))
def test_no_order_of_reads_brings_back_what_a_policy_leaves_out(
    documents: list[Document], random: Any, policy: ContentPolicy
) -> None:
    one = stored_by(policy, documents)
    random.shuffle(documents)
    other = stored_by(policy, [*documents, *documents[:2]])
    assert one.to_bytes() == other.to_bytes()
    assert merge(policy.applied(documents[0]), other).to_bytes() == other.to_bytes()
    found = re.findall(r"SECRET of (\w+)", one.to_bytes().decode())
    assert set(found) <= ({"redacted"} if policy is REDACTED else set())


@given(reads(), st.integers(0, 5), st.sampled_from((REDACTED, NONE)))
def test_what_was_stored_under_another_policy_goes_with_the_next_write(
    documents: list[Document], count: int, policy: ContentPolicy
) -> None:
    before = stored_by(FULL, documents[:count])
    after = stored_by(policy, [before, *documents])
    assert "SECRET of participant" not in after.to_bytes().decode()
    assert "SECRET of export" not in after.to_bytes().decode()
    assert policy.applied(after).to_bytes() == after.to_bytes()
    for item_id, stored in stored_by(REDACTED, documents).items.items():
        if policy is REDACTED:
            assert resolve(after.items[item_id]).get("Content") == resolve(stored).get("Content")


@given(reads())
def test_all_content_of_redacted_exports_is_kept(documents: list[Document]) -> None:
    exports = [one for one in documents if b"SECRET of redacted" in one.to_bytes()]
    kept = stored_by(REDACTED, documents).items
    for item_id, alone in stored_by(REDACTED, exports).items.items():
        item = resolve(kept[item_id])
        assert item.get("DisplayName") == resolve(alone).get("DisplayName")
        # Reports of readings name their message, whoever tells of them.
        if "messageId" not in (content := item.get("Content") or ""):
            assert content == (resolve(alone).get("Content") or "")


@pytest.mark.parametrize("policy", [REDACTED, NONE])
def test_an_item_says_what_was_left_out_of_it(policy: ContentPolicy) -> None:
    tables = flatten(
        [stored_by(policy, [read("export", said("export"))])], published_at=PUBLISHED_AT
    )
    [message] = tables["messages"].to_pylist()
    [attachment] = tables["attachments"].to_pylist()
    assert (message["content"], message["display_name"]) == (None, None)
    assert json.loads(message["extra"]) == {"chatlake:LeftOut": ["Content", "DisplayName"]}
    assert attachment["attachment_name"] is None
    assert json.loads(attachment["extra"]) == {"chatlake:LeftOut": ["AttachmentName"]}


def test_an_item_that_had_nothing_says_nothing() -> None:
    joined = {"Id": "e1", "Type": "EVENT", "AbsoluteTime": SENT_AT, "ParticipantId": "agent"}
    document = stored_by(NONE, [read("participant", joined)])
    assert resolve(document.items["e1"]) == joined
    assert left_out(document) == set()


def test_what_a_redacted_export_has_is_not_said_to_be_left_out() -> None:
    documents = [read("participant", said("participant")), read("redacted", said("redacted"))]
    document = stored_by(REDACTED, documents[:1])
    assert left_out(document) == {"m1"}
    document = stored_by(REDACTED, [document, documents[1]])
    assert left_out(document) == set()
    assert resolve(document.items["m1"])["Content"] == "SECRET of redacted content"
    assert "chatlake:LeftOut" not in resolve(document.items["m1"])


def test_a_redacted_export_is_nothing_special_under_none() -> None:
    redacted = stored_by(REDACTED, [read("redacted", said("redacted"))])
    assert "SECRET" in redacted.to_bytes().decode()
    assert "SECRET" not in stored_by(NONE, [redacted]).to_bytes().decode()


@pytest.mark.parametrize("policy", [REDACTED, NONE])
def test_latencies_are_what_they_are_with_all_content(policy: ContentPolicy) -> None:
    def latency(of: ContentPolicy) -> list[Row]:
        reads = [read(source, said(source)) for source in SOURCES]
        rows = flatten([stored_by(of, reads)], published_at=PUBLISHED_AT)[
            "read_latency"
        ].to_pylist()
        return [{**row, "message_length": None} for row in rows]

    assert latency(policy) == latency(FULL)
    assert latency(policy)[0]["read_latency_ms"] == 4_000


@pytest.mark.parametrize("policy", [REDACTED, NONE])
def test_a_report_of_a_reading_names_its_message_still(policy: ContentPolicy) -> None:
    report = {
        "Id": "r1",
        "Type": "MESSAGE_READ",
        "AbsoluteTime": READ_AT,
        "ParticipantId": "agent",
        "Content": '{"messageId":"m1","text":"SECRET"}',
    }
    message = said("participant", MessageMetadata=...)
    document = stored_by(policy, [read("participant", message, report)])
    [receipt] = flatten([document], published_at=PUBLISHED_AT)["receipts"].to_pylist()
    assert (receipt["message_id"], receipt["read_latency_ms"]) == ("m1", 4_000)
    assert "SECRET" not in document.to_bytes().decode()


def test_no_digest_of_content_is_an_id() -> None:
    """Ids of items without one are digests; of what is kept, so that nobody can guess at it."""
    [yes] = stored_by(NONE, [read("export", said("export", None, Content="yes"))]).items
    [no] = stored_by(NONE, [read("export", said("export", None, Content="no"))]).items
    assert yes == no
    [full] = stored_by(FULL, [read("export", said("export", None, Content="yes"))]).items
    assert full != yes


def test_a_leg_that_moves_loses_what_it_must() -> None:
    leg = replace(read("participant", said("participant")), initial_contact_id="leg")
    moved = rekeyed(leg, "c1")
    assert "SECRET" not in stored_by(NONE, [moved]).to_bytes().decode()


@pytest.mark.parametrize("policy", [REDACTED, NONE])
def test_a_store_keeps_nothing_that_its_policy_forbids(
    tmp_path: Path, policy: ContentPolicy
) -> None:
    """Whoever changes a document, and forgets of the policy."""
    FolderStore(tmp_path).update("c1", lambda _: read("export", said("export")))
    store = FolderStore(tmp_path, policy)
    stored, differs = store.update("c1", lambda before: before or Document("c1"))
    assert differs
    assert "SECRET" not in stored.document.to_bytes().decode()
    [file] = tmp_path.rglob("*.json")
    assert "SECRET" not in file.read_text()


# --- the rows of what is kept are those of the oracle ---


@given(strategies.one_chat())
def test_rows_are_those_of_the_oracle_for_what_is_kept(inputs: list[Input]) -> None:
    inputs = [tame(one) for one in inputs]
    chats: dict[str, list[Document]] = {}
    for one, chat in zip(inputs, oracle.place(inputs), strict=True):
        chats.setdefault(chat, []).append(document_of(one, chat))
    documents = [reduce(merge, map(NONE.applied, of_chat)) for of_chat in chats.values()]
    found = flatten(documents, published_at=PUBLISHED_AT)
    wanted = oracle.rows([bare(one) for one in inputs], published_at=PUBLISHED_AT)
    for table, rows in wanted.items():
        assert in_order(table, found[table].to_pylist()) == in_order(table, rows), table


def in_order(table: str, rows: list[Row]) -> list[Row]:
    return oracle.in_table_order(
        table, [{n: row[n] for n in row if n != "document_revision"} for row in rows]
    )


def document_of(one: Input, chat: str) -> Document:
    match one.kind:
        case "response":
            return from_response(
                one.value, read_at=one.read_at, whole=one.whole, reached=one.reached
            )
        case "export":
            return from_export(one.value, read_at=one.read_at)
        case "event":
            return from_event(one.value, initial_contact_id=chat)


def tame(one: Input) -> Input:
    """An input that has each item once, and no structure where a plain value belongs.

    Which of two versions wins within one read, or in what of an odd value, is told by the whole.
    """
    if one.kind == "event":
        return one
    items: list[Object] = []
    for raw in one.value["Transcript"]:
        item = plain(raw, but=("MessageMetadata", "Attachments"))
        if isinstance(metadata := item.get("MessageMetadata"), dict):
            metadata = plain(metadata, but=("Receipts",))
            receipts = metadata.pop("Receipts", None)
            if isinstance(receipts, list):
                once = {repr(r.get("RecipientParticipantId")): r for r in receipts if is_object(r)}
                # Without a readable recipient they are one.
                named = {k: r for k, r in once.items() if isinstance(r.get(RECIPIENT), str)}
                metadata["Receipts"] = [plain(r) for r in named.values() if r[RECIPIENT]]
            item["MessageMetadata"] = metadata
        if isinstance(item.get("Id"), str) and item["Id"] in {i.get("Id") for i in items}:
            continue
        items.append(item)
    return replace(one, value={**one.value, "Transcript": items})


RECIPIENT = "RecipientParticipantId"


def is_object(value: object) -> bool:
    return isinstance(value, dict)


def plain(members: Object, but: tuple[str, ...] = ()) -> Object:
    return {n: v for n, v in members.items() if n in but or not isinstance(v, dict | list)}


def bare(one: Input) -> Input:
    """An input as a service would give it that is told nothing of contents and names."""
    if one.kind == "event":
        return one
    items = [bare_item(item) for item in one.value["Transcript"]]
    names = ("Version", "AWSAccountId", "InstanceId", "InitialContactId", "ContactId", "NextToken")
    header = only(one.value, names if one.kind == "export" else tuple(one.value))
    return replace(one, value={**header, "Transcript": items})


def bare_item(item: Object) -> Object:
    names: tuple[str, ...] = (
        "Id",
        "Type",
        "AbsoluteTime",
        "ContentType",
        "ParticipantId",
        "ParticipantRole",
    )
    kept = only(item, (*names, "ContactId", "RelatedContactId"))
    metadata: Any = item.get("MessageMetadata")
    attachments: Any = item.get("Attachments")
    if is_object(metadata):
        names = ("MessageId", "MessageProcessingStatus", "MessageCompleted", "ChunkNumber")
        kept["MessageMetadata"] = only(metadata, names)
        if "Receipts" in metadata:
            names = ("RecipientParticipantId", "DeliveredTimestamp", "ReadTimestamp")
            receipts = [only(receipt, names) for receipt in metadata["Receipts"]]
            kept["MessageMetadata"]["Receipts"] = receipts
    if isinstance(attachments, list):
        kept["Attachments"] = [bare_attachment(one) for one in attachments if is_object(one)]
    lost = [name for name in ("Content", "DisplayName") if item.get(name) is not None]
    message = None
    if item.get("Type") in ("MESSAGE_READ", "MESSAGE_DELIVERED"):
        message = named_by(item.get("Content"))
    if message is not None:
        kept["Content"] = json.dumps(
            {"messageId": message}, separators=(",", ":"), ensure_ascii=False
        )
        lost.remove("Content")
    if lost:
        kept["chatlake:LeftOut"] = lost
    return kept


def bare_attachment(attachment: Object) -> Object:
    kept = only(attachment, ("AttachmentId", "ContentType", "Status"))
    if attachment.get("AttachmentName") is not None:
        kept["chatlake:LeftOut"] = ["AttachmentName"]
    return kept


def only(members: Object, names: tuple[str, ...]) -> Object:
    return {
        name: value
        for name, value in members.items()
        if name in names and value is not None and not isinstance(value, dict | list)
    }


def named_by(content: Any) -> str | None:
    try:
        told = json.loads(re.sub("[\ud800-\udfff]", "\ufffd", content))
        named = told["messageId"]
    except (TypeError, ValueError, KeyError, IndexError):
        return None
    if not isinstance(named, str) or not named:
        return None
    return re.sub("[\ud800-\udfff]", "\ufffd", named)
