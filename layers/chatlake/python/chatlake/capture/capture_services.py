"""What a capture attempt works with, made once by the function."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chatlake.aws_clients.counters import Counters
from chatlake.capture.token_candidates import LearnedAfterEnd

if TYPE_CHECKING:
    from collections.abc import Callable

    from chatlake.aws_clients.metric_names import Metric
    from chatlake.capture.participant_client import ParticipantClient
    from chatlake.capture.schedule import CaptureSchedule
    from chatlake.capture.token_cipher import TokenCipher
    from chatlake.chat_state import ChatState, PublishQueue
    from chatlake.documents.document import Document
    from chatlake.documents.store import DocumentStore


@dataclass(frozen=True, slots=True)
class CaptureServices:
    """What a capture attempt works with.

    Attributes
    ----------
    read_export
        Returns the bytes of the export under a key; None if there is no such object.
    recordings_of
        Returns what a contact's record lists as its recordings; asked only where the store's policy
        keeps the content of redacted exports alone.
    exports_come
        Whether the instance's exports are read, which have every message once more.
    warn
        Takes the metric of what went wrong, the chat, and why.
    listens
        Whether the websockets of live chats are opened.
    may_go_on
        Whether there is time for another page.
    on_read
        Takes a live chat that was read, and all that is known of it.
    on_still
        Takes a live chat that is listened to, what is known of it, and until when nothing further
        came, in epoch milliseconds.
    on_gone
        Takes a chat that is not live any more, as far as this process knows.
    """

    schedule: CaptureSchedule
    chats: ChatState
    store: DocumentStore
    token_cipher: TokenCipher
    service: ParticipantClient
    read_export: Callable[[str], bytes | None]
    publish_queue: PublishQueue
    warn: Callable[[Metric, str, str], None]
    recordings_of: Callable[[str], object] = lambda _: None
    exports_come: bool = True
    listens: bool = False
    may_go_on: Callable[[], bool] = lambda: True
    on_read: Callable[[str, Document], None] = lambda *_: None
    on_still: Callable[[str, Document, int], None] = lambda *_: None
    on_gone: Callable[[str], None] = lambda _: None
    counters: Counters = field(default_factory=Counters)
    tokens_after_end: LearnedAfterEnd = field(default_factory=LearnedAfterEnd)

    def note(self, problem: Metric, chat: str, reason: str) -> None:
        """Count a problem and say which chat has it."""
        self.counters.add(problem)
        self.warn(problem, chat, reason)
