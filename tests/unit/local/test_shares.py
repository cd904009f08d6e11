"""Which receipts were kept, by who ended their chats and what read them then."""

from __future__ import annotations

from local.scripted.ending import EndedBy
from local.shares import Share, shares
from local.world_script import Hook, Told
from tests.unit.local.served import CHATS

BY_AGENT = [chat for chat in CHATS if chat.ended_by is EndedBy.AGENT][:3]
BY_CUSTOMER = next(chat for chat in CHATS if chat.ended_by is EndedBy.CUSTOMER)
ALL = [*BY_AGENT, BY_CUSTOMER]
FIRST, SECOND, FOREIGN = (chat.initial_contact_id for chat in BY_AGENT)
OTHER = BY_CUSTOMER.initial_contact_id


def test_what_could_not_be_had_is_reported_and_no_more() -> None:
    told = Told(given={FIRST, SECOND, OTHER}, hooks={FIRST: Hook.FLOW, FOREIGN: Hook.FLOW})
    found = shares(ALL, told, {FIRST: (10, 9), SECOND: (4, 1), FOREIGN: (7, 3), OTHER: (2, 2)})
    assert found == {
        (EndedBy.AGENT, Hook.NONE): Share(1, 4, 4, 1),
        (EndedBy.AGENT, Hook.FLOW): Share(2, 17, 10, 9),
        (EndedBy.CUSTOMER, Hook.NONE): Share(1, 2, 2, 2),
    }
    whole = sum(found.values(), Share())
    assert whole == Share(4, 23, 16, 12)
    assert whole.kept == 12 / 16


def test_of_nothing_all_is_kept() -> None:
    found = shares(ALL, Told(), {})
    assert sum(found.values(), Share()) == Share(4, 0, 0, 0)
    assert Share().kept == 1
