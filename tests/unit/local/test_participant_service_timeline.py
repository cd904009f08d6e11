"""What the simulated Connect sends out by itself, in order and perturbed."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime

from local.chats import scripts
from local.participant_service import Behaviour
from local.participant_service.timeline import (
    ContactEvent,
    ExportObject,
    happenings,
    perturb,
)

CHATS = list(scripts(seed=7, count=400, start=datetime(2026, 9, 1, tzinfo=UTC), days=3))
SENT = list(happenings(CHATS))
DONE = perturb(SENT, seed=3)


class TestHappenings:
    def test_come_in_order_and_are_all_that_the_chats_send(self) -> None:
        sent = list(happenings(CHATS))
        assert [at_ms for at_ms, _ in sent] == sorted(at_ms for at_ms, _ in sent)
        events = [thing for _, thing in sent if isinstance(thing, ContactEvent)]
        expected = {event["id"]: event for chat in CHATS for event in chat.contact_events()}
        assert len(events) == len(expected)
        assert {event.event_id: event.event for event in events} == expected

    def test_have_an_export_of_each_leg_some_time_after_its_end(self) -> None:
        behaviour = Behaviour(export_delay_s=(10, 20))
        exports = {
            thing.key: (at_ms, thing)
            for at_ms, thing in happenings(CHATS, behaviour)
            if isinstance(thing, ExportObject)
        }
        legs = [(chat, leg) for chat in CHATS for leg in chat.legs]
        assert len(exports) == len(legs)
        delays_ms = set()
        for chat, leg in legs:
            at_ms, thing = exports[leg.export_key]
            assert json.loads(thing.body) == chat.exports()[chat.legs.index(leg)]
            assert thing.contact_id == leg.contact_id
            delays_ms.add(at_ms - leg.disconnected_ms)
        assert 10_000 <= min(delays_ms) < max(delays_ms) <= 20_000
        assert len(delays_ms) > len(legs) / 2

    def test_have_no_exports_where_the_instance_writes_none(self) -> None:
        things = [thing for _, thing in happenings(CHATS, Behaviour(exports=False))]
        assert things
        assert all(isinstance(thing, ContactEvent) for thing in things)

    def test_are_the_same_each_time(self) -> None:
        assert list(happenings(CHATS)) == list(happenings(CHATS))


class TestPerturbedEvents:
    def test_are_the_same_for_the_same_seed(self) -> None:
        assert perturb(SENT, seed=3) == DONE
        assert perturb(SENT, seed=4) != DONE

    def test_are_delivered_but_for_those_that_are_told_lost(self) -> None:
        delivered = Counter(
            thing.event_id for _, thing in DONE.happenings if isinstance(thing, ContactEvent)
        )
        sent = {thing.event_id for _, thing in SENT if isinstance(thing, ContactEvent)}
        lost = {event.event_id for event in DONE.lost}
        twice = {event.event_id for event in DONE.repeated}
        assert lost
        assert delivered.keys() == sent - lost
        assert {event_id for event_id, times in delivered.items() if times == 2} == twice
        assert set(delivered.values()) == {1, 2}

    def test_are_late_by_90_seconds_at_most_and_never_early(self) -> None:
        sent_ms = {
            thing.event_id: at_ms for at_ms, thing in SENT if isinstance(thing, ContactEvent)
        }
        delays_ms = [
            at_ms - sent_ms[thing.event_id]
            for at_ms, thing in DONE.happenings
            if isinstance(thing, ContactEvent)
        ]
        assert 0 == min(delays_ms) < 60_000 < max(delays_ms) <= 90_000
        times = [at_ms for at_ms, _ in DONE.happenings]
        assert times == sorted(times)
        order = [thing for _, thing in DONE.happenings if isinstance(thing, ContactEvent)]
        assert [sent_ms[event.event_id] for event in order] != sorted(
            sent_ms[event.event_id] for event in order
        )

    def test_leave_the_exports_as_they_are(self) -> None:
        exports = [one for one in SENT if isinstance(one[1], ExportObject)]
        assert [one for one in DONE.happenings if isinstance(one[1], ExportObject)] == exports

    def test_are_untouched_by_shares_of_nothing(self) -> None:
        done = perturb(SENT, seed=3, late=0, twice=0, lost=0)
        assert done.happenings == SENT
        assert not done.lost + done.late + done.repeated
