"""Backfill: chats of the past become documents, from their exports and what a search tells of them.

There is no token of them and no quota on exports, so nothing of it passes through the schedule.
Only where no content may be kept but that of redacted exports, Connect is asked about each.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import batched
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from chatlake.aws_clients.clients import error_code
from chatlake.aws_clients.counters import Counters
from chatlake.aws_clients.metric_names import Metric
from chatlake.capture.exports import transcript_of
from chatlake.documents.document import rekeyed
from chatlake.documents.upsert import upsert
from chatlake.exceptions import (
    ChatlakeError,
    DocumentContested,
    OutOfTime,
    RecordUnavailable,
    RejectedInput,
)
from chatlake.identifiers import instance_id
from chatlake.json_codec import dumps, loads
from chatlake.sources.contact_event import from_event
from chatlake.sources.s3_export import from_export

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from chatlake.chat_state import ChatState, PublishQueue
    from chatlake.documents.document import Document
    from chatlake.documents.store import DocumentStore
    from chatlake.documents.upsert import UpsertResult
    from chatlake.json_codec import JsonObject

_THREADS = 8
_CHATS_AT_ONCE = 10
# Six hours of it at least; what then fails five times more is a dead letter.
_MOST_AGAIN = 100


@dataclass(frozen=True, slots=True)
class PastContact:
    """One contact of the past, as a message of the backfill queue names it.

    Attributes
    ----------
    run
        The name of the backfill.
    export
        The key of its export; None if there is none.
    event
        What a search tells of it, as an event; None if it was not searched.
    again
        How often there was no time for it, so that it was put into the queue once more.
    """

    run: str
    export: str | None = None
    event: JsonObject | None = None
    again: int = 0

    def to_body(self, **more: str) -> str:
        """Write it as the body of a message, perhaps with more beside it."""
        members: JsonObject = {"run": self.run, "export": self.export, "event": self.event, **more}
        if self.again:
            members["again"] = self.again
        said = {name: value for name, value in members.items() if value is not None}
        return dumps(said).decode()

    @classmethod
    def from_body(cls, body: str) -> PastContact:
        """Read the body of a message.

        Raises
        ------
        RejectedInput
            It names no contact.
        """
        try:
            found = loads(body.encode())
        except ValueError:
            found = None
        match found:
            case {"run": str(run)}:
                export, event, again = found.get("export"), found.get("event"), found.get("again")
                if isinstance(export, str) or isinstance(event, dict):
                    export = export if isinstance(export, str) else None
                    return cls(run, export, event, again if isinstance(again, int) else 0)
        message = "the message names neither an export nor an event"
        raise RejectedInput(message)


@dataclass(frozen=True, slots=True)
class BackfillServices:
    """What a backfill works with.

    Attributes
    ----------
    instance_id
        Exports of another instance are rejected.
    read_export
        Returns an export's bytes and when it was written, in epoch ms; None if it is not there.
    is_redacted
        Tells whether an export was redacted, by its key, what it holds, what else is known of its
        chat, and when it was written; as `PastRecords`.
    warn
        Takes what went wrong with an export, its key and the reason.
    """

    store: DocumentStore
    chats: ChatState
    publish_queue: PublishQueue
    instance_id: str
    read_export: Callable[[str], tuple[bytes, int] | None]
    is_redacted: Callable[[str, JsonObject, Iterable[Document], int], bool] = lambda *_: False
    warn: Callable[[Metric, str, str], None] = lambda *_: None
    counters: Counters = field(default_factory=Counters)


@dataclass(slots=True)
class BackfillOutcome:
    """What became of messages, by their ids.

    Attributes
    ----------
    failed
        Those that may succeed when they come again.
    unfinished
        Those that there was no time for, as they are to be put into the queue again.
    rejected
        Why others never will.
    """

    failed: set[str] = field(default_factory=set)
    unfinished: dict[str, PastContact] = field(default_factory=dict)
    rejected: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class _Read:
    """What a message has led to."""

    message: str
    documents: list[Document] = field(default_factory=list)
    rejected: str | None = None
    failed: bool = False
    unfinished: bool = False

    @property
    def comes_again(self) -> bool:
        """Whether nothing of it is to be stored now."""
        return self.failed or self.unfinished


def backfill(contacts: Mapping[str, PastContact], services: BackfillServices) -> BackfillOutcome:
    """Store what exports and searches tell, and have the chats published.

    Parameters
    ----------
    contacts
        By the id of the message that names each.

    Raises
    ------
    MessageRefused
        The publish queue did not take a chat: all of it is to be done again, which does no harm.
    """
    outcome = BackfillOutcome()
    with ThreadPoolExecutor(_THREADS) as threads:
        reads = list(threads.map(partial(_read, services), contacts.keys(), contacts.values()))
        for read in reads:
            if read.rejected is not None:
                outcome.rejected[read.message] = read.rejected
            if read.failed:
                outcome.failed.add(read.message)
            if read.unfinished:
                contact = contacts[read.message]
                outcome.unfinished[read.message] = replace(contact, again=contact.again + 1)
        by_chat = _by_chat(reads)
        parts = batched(by_chat, _CHATS_AT_ONCE, strict=False)
        works = [
            threads.submit(_store, [by_chat[chat] for chat in part], services) for part in parts
        ]
        for work in works:
            outcome.failed |= work.result()
    # What comes again is rejected then, if it must be.
    again = outcome.failed | outcome.unfinished.keys()
    outcome.rejected = {
        message: why for message, why in outcome.rejected.items() if message not in again
    }
    counters = services.counters
    counters.add(Metric.BACKFILL_REJECTED, len(outcome.rejected))
    counters.add(Metric.CONTACTS_BACKFILLED, len(contacts) - len(again) - len(outcome.rejected))
    return outcome


def _read(services: BackfillServices, message: str, contact: PastContact) -> _Read:
    read = _Read(message)
    if contact.event is not None:
        try:
            read.documents.append(from_event(contact.event))
        except RejectedInput as error:
            read.rejected = str(error)
    if contact.export is not None:
        try:
            _read_export(contact.export, read, services)
        except (RejectedInput, ValueError) as error:
            services.warn(Metric.BACKFILL_REJECTED, contact.export, str(error))
            read.rejected = str(error)
        except OutOfTime:
            read.unfinished = contact.again < _MOST_AGAIN
            read.failed = not read.unfinished
        except RecordUnavailable:
            read.failed = True
        except (ClientError, BotoCoreError) as error:
            services.warn(Metric.EXPORTS_UNAVAILABLE, contact.export, error_code(error))
            read.failed = True
    return read


def _read_export(key: str, read: _Read, services: BackfillServices) -> None:
    found = services.read_export(key)
    if found is None:
        services.counters.add(Metric.EXPORTS_GONE)
        return
    data, written_at = found
    value = transcript_of(data)
    # Not the present: read again, it is the same, and nothing is written.
    document = from_export(value, read_at=written_at)
    if instance_id(value.get("InstanceId")) not in {None, services.instance_id}:
        message = "it is of another instance"
        raise RejectedInput(message)
    if services.is_redacted(key, value, read.documents, written_at):
        document = from_export(value, read_at=written_at, redacted=True)
    # What the search has told of its chat holds for an export that does not name it.
    for told in read.documents:
        if document.provisional and document.initial_contact_id in told.events:
            document = rekeyed(document, told.initial_contact_id)
    read.documents.append(document)


def _by_chat(reads: list[_Read]) -> dict[str, list[_Read]]:
    """Gather what is of one chat: two threads at one document would hinder each other."""
    by_chat: dict[str, list[_Read]] = {}
    for read in reads:
        if read.documents and not read.comes_again:
            chat = read.documents[-1].initial_contact_id
            by_chat.setdefault(chat, []).append(read)
    return by_chat


def _store(chats: list[list[_Read]], services: BackfillServices) -> set[str]:
    """Store the documents of some chats; return the messages that are to come again."""
    reads = [read for chat in chats for read in chat]
    documents = [document for read in reads for document in read.documents]
    try:
        result = upsert(documents, store=services.store, chats=services.chats)
    except (ClientError, BotoCoreError, DocumentContested) as error:
        reason = str(error) if isinstance(error, ChatlakeError) else error_code(error)
        services.warn(Metric.BACKFILL_FAILED, f"{len(chats)} chats", reason)
        services.counters.add(Metric.BACKFILL_FAILED, len(reads))
        return {read.message for read in reads}
    services.publish_queue.send(result.to_publish)
    if result.left_out:
        services.counters.add(Metric.CONTENT_LEFT_OUT, result.left_out)
    return _unstored(reads, result, services)


def _unstored(reads: list[_Read], result: UpsertResult, services: BackfillServices) -> set[str]:
    failed: set[str] = set()
    for chat, reason in result.failed.items():
        services.warn(Metric.UNREADABLE_DOCUMENTS, chat, reason)
        services.counters.add(Metric.UNREADABLE_DOCUMENTS)
        failed |= {
            read.message
            for read in reads
            if any(document.initial_contact_id == chat for document in read.documents)
        }
    return failed
