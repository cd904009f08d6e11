"""The package's rows are those of the oracle, whatever was read of a chat, and in any company."""

from __future__ import annotations

from copy import deepcopy
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chatlake.documents.document import Document, merge
from chatlake.documents.revision import revision
from chatlake.exceptions import RejectedInput
from chatlake.sources.contact_event import from_event
from chatlake.sources.get_transcript import from_response
from chatlake.sources.s3_export import from_export
from chatlake.tables.flatten import flatten
from local.chats import Chat, scripts
from tests import oracle, strategies
from tests.oracle import Input, Row

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

type Tables = dict[str, list[Row]]

PUBLISHED_AT = datetime(2026, 9, 1, 12, 30, 0, 123456, tzinfo=UTC)


def document_of(one: Input, chat: str | None = None) -> Document:
    """The document of one input; `chat` is what is known of an event's contact from elsewhere."""
    match one.kind:
        case "response":
            return from_response(
                one.value, read_at=one.read_at, whole=one.whole, reached=one.reached
            )
        case "export":
            return from_export(one.value, read_at=one.read_at)
        case "event":
            return from_event(one.value, initial_contact_id=chat)


def documents_of(inputs: Sequence[Input]) -> list[Document]:
    """One document for each chat, merged in the order of the inputs."""
    documents: dict[str, Document] = {}
    for one, chat in zip(inputs, oracle.place(inputs), strict=True):
        document = document_of(one, chat)
        assert document.initial_contact_id == chat
        documents[chat] = merge(documents[chat], document) if chat in documents else document
    return list(documents.values())


def stored(document: Document) -> Document:
    """The document as a store gives it back."""
    return Document.from_bytes(document.to_bytes())


def package_rows(documents: Sequence[Document]) -> Tables:
    tables = flatten(documents, published_at=PUBLISHED_AT)
    return {name: table.to_pylist() for name, table in tables.items()}


def expected_rows(inputs: Sequence[Input]) -> Tables:
    return oracle.rows(inputs, published_at=PUBLISHED_AT)


def in_order(tables: Tables, *, but: Iterable[str] = ("document_revision",)) -> Tables:
    """The rows in one order, the columns `but` left out."""
    return {
        table: oracle.in_table_order(
            table, [{name: row[name] for name in row if name not in but} for row in rows]
        )
        for table, rows in tables.items()
    }


def assert_same_rows(found: Tables, expected: Tables) -> None:
    """Fail with the table, the row and the column of the first difference."""
    assert found.keys() == expected.keys()
    found, expected = in_order(found), in_order(expected)
    for table, expected_of_table in expected.items():
        for number, (row, wanted) in enumerate(zip(found[table], expected_of_table, strict=False)):
            assert list(row) == list(wanted), f"columns of {table}"
            for column, value in wanted.items():
                assert row[column] == value, (
                    f"{table}, row {number}, {column}: the package has {row[column]!r}, "
                    f"the oracle {value!r}\npackage: {row}\noracle:  {wanted}"
                )
        assert len(found[table]) == len(expected_of_table), (
            f"{table}: the package has {len(found[table])} rows, the oracle "
            f"{len(expected_of_table)}\npackage: {found[table]}\noracle:  {expected_of_table}"
        )


def read_everything(chat: Chat) -> list[Input]:
    """A scripted chat after its end: all pages, exports and contact events."""
    return [
        *(
            Input("response", page, read_at=chat.ended_ms + 1_000, whole=True)
            for page in chat.pages()
        ),
        *(Input("export", export) for export in chat.exports()),
        *(Input("event", event) for event in chat.contact_events()),
    ]


@pytest.fixture(scope="module")
def scripted_chats() -> list[Chat]:
    return list(scripts(seed=7, count=150, start=datetime(2026, 9, 1, tzinfo=UTC), days=30))


@given(strategies.one_chat(), st.booleans())
def test_any_chat_has_the_rows_of_the_oracle(inputs: list[Input], was_stored: bool) -> None:
    documents = documents_of(inputs)
    documents = [stored(document) if was_stored else document for document in documents]
    assert_same_rows(package_rows(documents), expected_rows(inputs))


@given(strategies.few_chats(), st.booleans())
def test_any_few_chats_have_the_rows_of_the_oracle(inputs: list[Input], was_stored: bool) -> None:
    documents = documents_of(inputs)
    documents = [stored(document) if was_stored else document for document in documents]
    assert_same_rows(package_rows(documents), expected_rows(inputs))


@given(strategies.few_chats())
def test_chats_flattened_together_have_the_rows_that_each_has_alone(inputs: list[Input]) -> None:
    documents = documents_of(inputs)
    alone = [package_rows([document]) for document in documents]
    by_table = {table: [row for tables in alone for row in tables[table]] for table in alone[0]}
    together = package_rows(documents)
    assert in_order(together, but=()) == in_order(by_table, but=())


@given(strategies.few_chats())
def test_the_order_of_the_documents_does_not_matter(inputs: list[Input]) -> None:
    documents = documents_of(inputs)
    assert package_rows(documents) == package_rows(documents[::-1])


@given(strategies.few_chats())
def test_rows_come_by_chat_and_then_by_time(inputs: list[Input]) -> None:
    times = {
        "messages": "sent_at",
        "receipts": "sent_at",
        "attachments": "sent_at",
        "read_latency": "sent_at",
        "contacts": "initiated_at",
    }
    last = datetime.max  # noqa: DTZ901
    for table, rows in package_rows(documents_of(inputs)).items():
        order = [
            (row["initial_contact_id"], row[times[table]] is None, row[times[table]] or last)
            for row in rows
        ]
        assert order == sorted(order), table


@given(strategies.one_chat())
def test_no_row_has_half_a_surrogate_pair(inputs: list[Input]) -> None:
    for rows in package_rows(documents_of(inputs)).values():
        str(rows).encode()  # would raise
        for row in rows:
            "".join(value for value in row.values() if isinstance(value, str)).encode()


@given(strategies.one_chat())
def test_every_row_has_its_required_columns_and_its_own_key(inputs: list[Input]) -> None:
    keys = {
        "messages": ("initial_contact_id", "item_id"),
        "receipts": ("initial_contact_id", "message_id", "recipient_participant_id"),
        "read_latency": ("initial_contact_id", "message_id", "recipient_participant_id"),
        "contacts": ("initial_contact_id", "contact_id"),
    }
    for table, rows in package_rows(documents_of(inputs)).items():
        required = {"initial_contact_id", "contact_id", "item_id", "message_id"}
        assert all(row[name] for row in rows for name in required & row.keys())
        if table in keys:
            found = [tuple(row[name] for name in keys[table]) for row in rows]
            assert len(found) == len(set(found)), table


@given(strategies.one_chat())
def test_the_revision_of_the_document_is_on_every_contact(inputs: list[Input]) -> None:
    for document in documents_of(inputs):
        contacts = package_rows([document])["contacts"]
        assert {row["document_revision"] for row in contacts} == {revision(document)}
        assert {row["published_at"] for row in contacts} == {PUBLISHED_AT.replace(tzinfo=None)}


@given(strategies.one_chat())
def test_inputs_are_left_as_they_were(inputs: list[Input]) -> None:
    before = deepcopy(inputs)
    package_rows(documents_of(inputs))
    assert inputs == before


def test_scripted_chats_have_the_rows_of_the_oracle(scripted_chats: list[Chat]) -> None:
    inputs = [one for chat in scripted_chats for one in read_everything(chat)]
    found = package_rows(documents_of(inputs))
    assert_same_rows(found, expected_rows(inputs))
    assert all(found.values()), "a table without rows shows nothing"


@pytest.mark.parametrize("minutes", [0, 1, 3, 10])
def test_scripted_chats_read_midway_have_the_rows_of_the_oracle(
    scripted_chats: list[Chat], minutes: int
) -> None:
    inputs = []
    for chat in scripted_chats:
        at_ms = chat.started_ms + minutes * 60_000
        pages = chat.pages(datetime.fromtimestamp(at_ms / 1000, UTC), page_size=7)
        inputs += [Input("response", page, read_at=at_ms) for page in pages]
        inputs += [Input("export", export) for export in chat.exports()[:1]]
    assert_same_rows(package_rows(documents_of(inputs)), expected_rows(inputs))


def test_every_spelling_of_a_time_is_read_as_the_oracle_reads_it() -> None:
    spellings = (
        *strategies.INSTANTS,
        *strategies.ODD_INSTANTS,
        *strategies.UNREADABLE_INSTANTS,
        *strategies.PLACEHOLDERS,
    )
    items = [
        {
            "Id": f"m{number}",
            "AbsoluteTime": spelling,
            "MessageMetadata": {
                "Receipts": [{"DeliveredTimestamp": spelling, "ReadTimestamp": spelling}]
            },
        }
        for number, spelling in enumerate(spellings)
    ]
    events = [
        {
            "time": spelling,
            "detail": {
                "eventType": "INITIATED",
                "contactId": f"leg{number}",
                "initialContactId": "c1",
                "initiationTimestamp": spelling,
                "agentInfo": {"connectedToAgentTimestamp": spelling},
            },
        }
        for number, spelling in enumerate(spellings)
    ]
    inputs = [
        Input("response", {"InitialContactId": "c1", "Transcript": items}),
        *(Input("event", event) for event in events),
    ]
    found = package_rows(documents_of(inputs))
    assert_same_rows(found, expected_rows(inputs))
    unread = {row["item_id"] for row in found["messages"] if row["sent_at"] is None}
    assert {spellings[int(item_id[1:])] for item_id in unread} == {
        *strategies.UNREADABLE_INSTANTS,
        "1970-01-01",
    }


def test_every_odd_text_number_and_name_is_kept_as_the_oracle_keeps_it() -> None:
    texts, numbers, names = strategies.ODD_TEXTS, strategies.ODD_NUMBERS, strategies.ODD_NAMES
    unknown = {
        "Numbers": [float(number) for number in numbers],
        "Texts": list(texts),
        "Names": dict(zip(names, numbers, strict=False)),
        **dict.fromkeys(names, "at the top"),
    }
    items = [
        {"Id": f"m{n}", "Content": text, "ParticipantId": text, "ContactId": text, **unknown}
        for n, text in enumerate(texts)
    ]
    nameless: list[oracle.Object] = [{"Id": text, **unknown, "Number": 1} for text in texts]
    inputs = [Input("export", {"ContactId": "c1", "Transcript": [*items, *nameless], **unknown})]
    assert_same_rows(package_rows(documents_of(inputs)), expected_rows(inputs))


def test_no_chats_give_five_tables_without_rows() -> None:
    assert package_rows([]) == {table: [] for table in oracle.COLUMNS}
    assert {
        name: tuple(table.column_names)
        for name, table in flatten([], published_at=PUBLISHED_AT).items()
    } == (oracle.COLUMNS)


@given(
    st.sampled_from(("response", "export", "event")),
    st.fixed_dictionaries(
        {},
        optional={
            "InitialContactId": st.sampled_from(("c1", "", None, 5, "\ud800", ["c1"])),
            "ContactId": st.sampled_from(("c2", "", None, 5, {}, "\udfff")),
            "Transcript": st.one_of(
                st.sampled_from((None, {}, "", [None], [{}, "item"], [[]], [{}])),
                st.lists(strategies.items(("c1", "c2")), max_size=2),
            ),
            "detail": st.one_of(
                st.sampled_from((None, [], "", {})),
                st.fixed_dictionaries(
                    {},
                    optional={
                        name: st.sampled_from(("c1", "", None, 5))
                        for name in (
                            *("contactId", "ContactId", "initialContactId", "InitialContactId"),
                            *("eventType", "EventType"),
                        )
                    },
                ),
            ),
        },
    ),
)
@example("response", {"Transcript": [{"ContactId": "c1"}, {"ContactId": "c2"}]})
@example("response", {"Transcript": [{"ContactId": "\ud800"}, {"ContactId": "\ufffd"}]})
@example("response", {"Transcript": []})
@example("export", {"InitialContactId": "c1", "Transcript": []})
@example("event", {"detail": {"contactId": "c1"}})
def test_what_the_rules_give_no_place_is_rejected_and_all_else_is_not(
    kind: str, value: oracle.Object
) -> None:
    one = Input(kind, value)  # type: ignore[arg-type]
    try:
        (chat,) = oracle.place([one])
    except oracle.Rejected:
        with pytest.raises(RejectedInput):
            document_of(one)
    else:
        assert document_of(one).initial_contact_id == chat


def test_an_event_that_names_its_chat_is_believed_over_what_was_known() -> None:
    event = {"detail": {"contactId": "c2", "eventType": "QUEUED", "initialContactId": "c1"}}
    assert from_event(event, initial_contact_id="other").initial_contact_id == "c1"


def test_an_event_that_does_not_name_its_chat_goes_to_the_one_that_is_known() -> None:
    event = {"detail": {"contactId": "c2", "eventType": "QUEUED"}}
    assert from_event(event, initial_contact_id="c1").initial_contact_id == "c1"
