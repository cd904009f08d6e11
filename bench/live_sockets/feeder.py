"""What a stack is told while chats go on: their tokens, and contact events as Track notes them."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Any, cast

from bench.live_sockets.archive import SEALED, archive
from bench.live_sockets.clock import follow
from bench.live_sockets.service_process import BEHAVIOUR, Service
from chatlake.capture.capture_state import Token
from chatlake.capture.chat_resolver import ChatResolver
from chatlake.capture.schedule import FIRST_SNAPSHOT_AFTER_MS
from chatlake.capture.track import TrackServices, track
from chatlake.chat_state.leg_cache import with_leg_cache
from chatlake.timestamps import now_ms
from local.clock import Clock
from local.participant_service.timeline import ContactEvent, happenings
from local.scripted.chat import Chat

_NOTED = frozenset({"INITIATED", "DISCONNECTED"})


@contextmanager
def running(chats: Sequence[Chat], clock: Clock, service: Service, storage: str) -> Iterator[int]:
    """Tell of chats in a process of its own; what is past is told before the block begins."""
    context = get_context("fork")
    ours, theirs = context.Pipe()
    process = context.Process(
        target=_tell, args=(chats, clock, service, storage, theirs), daemon=True
    )
    process.start()
    try:
        ours.recv()
        yield process.pid or 0
    finally:
        process.kill()
        process.join()


def _tell(chats: Sequence[Chat], clock: Clock, service: Service, storage: str, ready: Any) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    follow(clock)
    state = archive(storage)
    services = TrackServices(
        schedule=state.schedule,
        chat_resolver=ChatResolver(with_leg_cache(state.chats), cast("Any", None), "instance"),
        export_bucket="",
        export_prefix="",
        instance_id=chats[0].instance_id,
    )
    begun_ms, is_ready = now_ms(), False
    for at_ms, thing in _in_order(chats):
        if at_ms > begun_ms and not is_ready:
            is_ready = True
            ready.send(None)
        if (wait_ms := at_ms - now_ms()) > 0:
            time.sleep(wait_ms / 1000)
        if isinstance(thing, str):
            token = Token("participant", SEALED.seal(service.token(thing), thing))
            state.schedule.add_token(thing, token, due_at=now_ms() + FIRST_SNAPSHOT_AFTER_MS)
        else:
            track(thing.event, services)
    ready.send(None)


def _in_order(chats: Iterable[Chat]) -> Iterator[tuple[int, ContactEvent | str]]:
    """Yield contact events, and after the first of each chat the chat for its token."""
    for at_ms, thing in happenings(chats, BEHAVIOUR):
        if isinstance(thing, ContactEvent) and thing.event_type in _NOTED:
            yield at_ms, thing
            if thing.event_type == "INITIATED" and thing.contact_id == thing.initial_contact_id:
                yield at_ms, thing.contact_id
