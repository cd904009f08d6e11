"""Which customer waits for whom: the oldest message not seen, and the oldest not answered."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatlake.capture.customer_waits import customer_waits
from chatlake.capture.waiting_customers import WaitingCustomers
from chatlake.documents.document import Document, merge
from chatlake.sources.get_transcript import from_response
from chatlake.tables.flatten import flatten
from local.chats import scripts

EVENT = "application/vnd.amazonaws.connect.event.participant"
ROLES = {"c": "CUSTOMER", "a": "AGENT", "b": "AGENT", "s": "SYSTEM", "bot": "CUSTOM_BOT"}
ROLES |= {"boss": "SUPERVISOR"}
# 2026-09-01T10:00:00Z.
BEGAN_MS = 1_788_256_800_000
READ_AFTER_S = 50

type Item = dict[str, Any]


def item(at_s: int, sender: str, **members: Any) -> Item:
    return {
        "Id": f"m{at_s}",
        "AbsoluteTime": time(at_s),
        "ParticipantId": sender,
        "ParticipantRole": ROLES[sender],
        **members,
    }


def time(at_s: int) -> str:
    return f"2026-09-01T10:{at_s // 60:02}:{at_s % 60:02}.000Z"


def message(at_s: int, sender: str, read_by: str = "", got_by: str = "", **members: Any) -> Item:
    told = [("ReadTimestamp", who) for who in filter(None, [read_by])]
    told += [("DeliveredTimestamp", who) for who in filter(None, [got_by])]
    receipts = [{"RecipientParticipantId": who, name: time(at_s + 1)} for name, who in told]
    metadata = {"MessageId": f"m{at_s}", "Receipts": receipts}
    return item(at_s, sender, Type="MESSAGE", **{"MessageMetadata": metadata, **members})


def came(at_s: int, who: str, what: str = "joined") -> Item:
    return item(at_s, who, Type="EVENT", ContentType=f"{EVENT}.{what}")


def document(*items: Item, read_after_s: int | None = READ_AFTER_S) -> Document:
    if read_after_s is None:
        return from_response({"InitialContactId": "c1", "Transcript": list(items)})
    at = BEGAN_MS + read_after_s * 1000
    response = {"InitialContactId": "c1", "Transcript": list(items)}
    return from_response(response, read_at=at, whole=True, reached=True, observed_at=at)


def waits(*items: Item) -> dict[str, tuple[str, int]]:
    """Of each kind that there is, the message and how many seconds it has waited."""
    found = customer_waits(document(*items))
    return {wait.kind: (wait.item_id, wait.waited_ms // 1000) for wait in found}


# An agent whose client reports, as one of the customer's first messages shows.
TALKING = [came(1, "c"), came(2, "a"), message(3, "c", read_by="a"), message(4, "a")]


def test_the_oldest_message_that_nobody_saw_or_answered_waits_since_it_was_sent() -> None:
    assert waits(*TALKING) == {}
    waiting = [*TALKING, message(10, "c"), message(20, "c")]
    assert waits(*waiting) == {"unseen": ("m10", 40), "unanswered": ("m10", 40)}


def test_what_is_read_is_seen_and_not_answered() -> None:
    assert waits(*TALKING, message(10, "c", read_by="a")) == {"unanswered": ("m10", 40)}


def test_what_is_delivered_is_not_seen() -> None:
    assert waits(*TALKING, message(10, "c", got_by="a"))["unseen"] == ("m10", 40)


def test_whoever_read_a_later_message_has_seen_those_before() -> None:
    found = waits(*TALKING, message(10, "c"), message(11, "c", read_by="a"), message(12, "c"))
    assert found["unseen"] == ("m12", 38)
    assert found["unanswered"] == ("m10", 40)


def test_a_receipt_of_its_own_counts_as_those_that_a_message_carries() -> None:
    read = item(12, "a", Type="MESSAGE_READ", MessageMetadata={"MessageId": "m10"})
    assert waits(*TALKING, message(10, "c"), read) == {"unanswered": ("m10", 40)}


def test_a_reply_shows_that_what_it_does_not_cross_was_seen() -> None:
    assert waits(*TALKING, message(10, "c"), message(12, "a")) == {}
    crossed = [*TALKING, message(10, "c"), message(11, "a")]
    assert waits(*crossed) == {"unseen": ("m10", 40)}


def test_a_file_answers_too() -> None:
    assert waits(*TALKING, message(10, "c"), item(15, "a", Type="ATTACHMENT")) == {}


@pytest.mark.parametrize(
    ("answer", "answers"),
    [
        (message(15, "bot"), True),
        (message(15, "s", DisplayName="BOT"), True),
        (message(15, "boss"), True),
        (message(15, "s"), False),
        (message(15, "s", DisplayName="SYSTEM_MESSAGE"), False),
        (came(15, "s"), False),
        (item(15, "a", Type="EVENT", ContentType="application/vnd…event.typing"), False),
    ],
)
def test_a_bot_answers_and_a_flow_does_not(answer: Item, *, answers: bool) -> None:
    """Whatever a flow says, nobody has read what the customer wrote."""
    found = waits(came(1, "c"), message(10, "c"), answer)
    assert found == ({} if answers else {"unanswered": ("m10", 40)})


def test_before_an_agent_comes_a_message_waits_for_an_answer_alone() -> None:
    queued = [came(1, "c"), message(10, "c")]
    assert waits(*queued) == {"unanswered": ("m10", 40)}
    # The flow's greeting was delivered to the agent, whose client so reports.
    attended = [*queued, came(30, "a"), message(31, "s", got_by="a")]
    assert waits(*attended) == {"unseen": ("m10", 20), "unanswered": ("m10", 40)}


def test_a_message_waits_for_the_agent_who_came_after_another_has_left() -> None:
    transferred = [*TALKING, came(9, "a", "left"), message(10, "c"), came(20, "b")]
    assert waits(*transferred) == {"unanswered": ("m10", 40)}
    assert waits(*transferred, message(21, "s", got_by="b"))["unseen"] == ("m10", 30)


def test_who_was_seen_by_an_agent_that_has_left_was_seen() -> None:
    seen = [*TALKING, message(10, "c", read_by="a"), came(11, "a", "left"), came(20, "b")]
    assert waits(*seen, message(21, "s", got_by="b")) == {"unanswered": ("m10", 40)}


@pytest.mark.parametrize(
    "items",
    [
        pytest.param([came(1, "c"), came(2, "a")], id="no receipt of the agent's client"),
        pytest.param([*TALKING, came(5, "b")], id="three participants"),
        pytest.param([*TALKING, came(5, "boss")], id="a supervisor"),
    ],
)
def test_where_nobody_could_know_of_a_reading_none_is_missed(items: list[Item]) -> None:
    assert waits(*items, message(10, "c")) == {"unanswered": ("m10", 40)}


@pytest.mark.parametrize(
    "items",
    [
        pytest.param([message(10, "c"), came(20, "boss")], id="since a supervisor has come"),
        pytest.param(
            [came(5, "boss"), message(10, "c"), came(20, "boss", "left")],
            id="of what was sent while one was there",
        ),
    ],
)
def test_no_reading_is_missed_that_a_supervisor_prevents(items: list[Item]) -> None:
    assert waits(*TALKING, *items) == {"unanswered": ("m10", 40)}


@pytest.mark.parametrize("item_id", ["before m10", "then"])
def test_what_is_said_at_the_same_moment_answers_nothing(item_id: str) -> None:
    crossing = {**message(10, "bot"), "Id": item_id}
    assert waits(*TALKING, message(10, "c"), crossing)["unanswered"] == ("m10", 40)


def test_receipts_may_name_a_message_by_an_id_of_its_own() -> None:
    sent = {**message(10, "c"), "Id": "item-10"}
    told = {**message(10, "c", read_by="a"), "Id": "item-12", "Type": "MESSAGEMETADATA"}
    assert waits(*TALKING, sent, told) == {"unanswered": ("item-10", 40)}


def test_a_reading_of_another_customer_or_of_a_bot_is_no_agents() -> None:
    joined = [*TALKING, message(10, "c", read_by="bot"), message(12, "bot")]
    assert waits(*joined)["unseen"] == ("m10", 40)


def test_whoever_reads_and_has_no_item_of_its_own_is_an_agent() -> None:
    assert "unseen" not in waits(*TALKING, message(10, "c", read_by="somebody"))


@pytest.mark.parametrize("what", ["left", "autodisconnection"])
def test_for_a_customer_who_has_gone_nothing_waits(what: str) -> None:
    late = item(22, "c", Type="MESSAGE_READ", MessageMetadata={"MessageId": "m4"})
    assert waits(*TALKING, message(10, "c"), came(20, "c", what), late) == {}
    assert waits(*TALKING, message(10, "c"), came(20, "c", what), late, came(30, "c")) != {}


@pytest.mark.parametrize(
    "members",
    [
        {"RelatedContactId": "an earlier chat"},
        {"MessageMetadata": {"MessageProcessingStatus": "REJECTED"}},
        {"MessageMetadata": {"MessageProcessingStatus": "FAILED"}},
        {"AbsoluteTime": "soon"},
        {"AbsoluteTime": None},
    ],
)
def test_what_never_reached_an_agent_or_has_no_time_waits_for_none(members: Item) -> None:
    assert waits(*TALKING, {**message(10, "c"), **members}) == {}


def test_a_wait_is_told_as_far_as_it_was_observed() -> None:
    talk = [*TALKING, message(10, "c")]
    assert {wait.waited_ms for wait in customer_waits(document(*talk, read_after_s=10))} == {0}
    # A read that did not reach the message says only what was said.
    later = BEGAN_MS + 80_000
    response = {"InitialContactId": "c1", "Transcript": talk}
    partly = from_response(response, read_at=later, reached=False)
    found = customer_waits(merge(document(*talk), partly))
    assert {(wait.kind, wait.waited_ms) for wait in found} == {
        ("unseen", 40_000),
        ("unanswered", 70_000),
    }


def test_without_a_read_nothing_is_known() -> None:
    assert customer_waits(Document("c1")) == ()


def test_a_message_is_known_by_its_own_contact() -> None:
    [wait] = customer_waits(document(came(1, "c"), message(10, "c", ContactId="leg-2")))
    assert (wait.contact_id, wait.item_id) == ("leg-2", "m10")
    [wait] = customer_waits(document(came(1, "c"), message(10, "c")))
    assert wait.contact_id == "c1"


@given(st.permutations([*TALKING, message(10, "c"), message(20, "c"), message(30, "s")]))
def test_the_order_in_which_items_come_says_nothing(items: list[Item]) -> None:
    assert waits(*items) == {"unseen": ("m10", 40), "unanswered": ("m10", 40)}


def test_what_waits_unseen_is_what_the_rows_call_not_seen() -> None:
    """Of scripted chats of every kind, each read somewhere on its way."""
    rng = random.Random(5)
    documents = []
    for chat in scripts(seed=7, count=250, start=datetime(2026, 9, 1, tzinfo=UTC), days=1):
        at_ms = rng.randrange(int(chat.started_ms), int(chat.ended_ms))
        items = chat.transcript(datetime.fromtimestamp(at_ms / 1000, UTC))
        response = {"InitialContactId": chat.initial_contact_id, "Transcript": items}
        documents.append(from_response(response, read_at=at_ms, whole=True))
    tables = flatten(documents, published_at=datetime(2026, 9, 3, tzinfo=UTC))
    states = {
        (row["initial_contact_id"], row["message_id"], row["read_state"])
        for row in tables["read_latency"].to_pylist()
        if row["recipient_role"] == "AGENT"
    }
    unseen = {
        (document.initial_contact_id, wait.item_id, "not_seen")
        for document in documents
        for wait in customer_waits(document)
        if wait.kind == "unseen"
    }
    assert len(unseen) > 10
    assert unseen <= states


def test_the_longest_wait_is_that_of_all_live_chats() -> None:
    customers = WaitingCustomers()
    assert customers.longest_s("unseen") == 0
    customers.on_read("c1", document(*TALKING, message(10, "c")))
    customers.on_read("c2", document(came(1, "c"), message(5, "c")))
    assert customers.longest_s("unseen") == 40
    assert customers.longest_s("unanswered") == 45
    customers.on_read("c2", document(came(1, "c"), message(5, "c"), message(9, "a")))
    assert customers.longest_s("unanswered") == 40
    customers.on_gone("c1")
    assert (customers.longest_s("unseen"), customers.longest_s("unanswered")) == (0, 0)
    customers.on_read("c1", document(*TALKING, message(10, "c")))
    customers.clear()
    assert customers.longest_s("unseen") == 0
