"""What one capture attempt brings: events and exports that were noted, and the transcript.

The transcript itself is read by `token_reading`, which others share.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import reduce
from typing import TYPE_CHECKING

from chatlake.capture.attended import is_attended
from chatlake.capture.capture_state import CaptureState, Token
from chatlake.capture.exports import take_exports
from chatlake.capture.token_reading import read_transcript
from chatlake.documents.document import merge, rekeyed
from chatlake.documents.lifecycle import is_ended, saw_end

if TYPE_CHECKING:
    from collections.abc import Iterable

    from chatlake.capture.capture_services import CaptureServices
    from chatlake.capture.live_chat import LiveChat
    from chatlake.capture.pagination import Sweep
    from chatlake.documents.document import Document


DAMAGED = "damaged document"
NEWER = "document of a newer format"
REFUSED = "refused export"
_PASSING_FAILURES = frozenset({DAMAGED, NEWER, REFUSED})


@dataclass(slots=True)
class Fetched:
    """What one capture attempt brought.

    Attributes
    ----------
    documents
        To be merged into that of the chat.
    done, tokens
        Names of what need not stay in the capture state, and tokens that are new to it, by name.
    read_all
        True if the whole transcript was read after the end.
    retry, export_retry
        True if the Participant Service, or S3 of an export, may answer later.
    failure
        Why the chat cannot be read; None if it can.
    calls
        How many pages of the transcript were read.
    sweep
        Where the next snapshot goes on, if this one was cut short.
    reached_at
        When the read began that came to everything that may be new, in epoch ms; None without one.
    url
        Of a websocket that may be opened now; None if no connection was made.
    """

    documents: list[Document] = field(default_factory=list)
    done: set[str] = field(default_factory=set)
    tokens: dict[str, Token] = field(default_factory=dict)
    read_all: bool = False
    retry: bool = False
    export_retry: bool = False
    failure: str | None = None
    calls: int = 0
    sweep: Sweep | None = None
    reached_at: int | None = None
    url: str | None = None


def fetch(
    state: CaptureState,
    written: Document,
    services: CaptureServices,
    live: LiveChat | None,
) -> Fetched:
    """Take all that waits and, unless its end was read, the transcript.

    `written` is what the store has of the chat, as far as its policy allows it.
    """
    chat = state.initial_contact_id
    fetched = Fetched(failure=None if state.failure in _PASSING_FAILURES else state.failure)
    if live is not None:
        fetched.documents.append(live.known)
        fetched.read_all = live.read_all
        fetched.done |= live.closed
        fetched.failure = live.failure or fetched.failure
    take_events(state, fetched)
    take_exports(state, fetched, services)
    known = reduce(
        merge,
        own_documents(fetched.documents, chat),
        written,
    )
    ended = is_ended(known)
    was_read = fetched.read_all or state.checkpoint.last_read_done
    # Until its transcript says so, a leg may have begun of which no event told.
    is_over = ended and was_read and saw_end(known)
    if not (is_over or _is_heard(state, known, services, live, ended=ended)):
        whole = ended and not was_read
        read_transcript(state, fetched, known, services, whole=whole, after_end=ended)
    return fetched


def _is_heard(
    state: CaptureState,
    known: Document,
    services: CaptureServices,
    live: LiveChat | None,
    *,
    ended: bool,
) -> bool:
    """Return whether a chat need not be read now.

    Its websocket has brought all, or it is another process's whose page is known to be there: the
    read that follows when the socket is open again brings everything.
    """
    if live is not None:
        return live.is_heard
    attended = services.listens and not ended and is_attended(known)
    return attended and any(token.kind == "participant" for token in state.tokens.values())


def own_documents(documents: Iterable[Document], chat: str) -> list[Document]:
    """Return those documents that are of a chat, not of another that was named in their place."""
    return [document for document in documents if document.initial_contact_id == chat]


def take_events(state: CaptureState, fetched: Fetched) -> None:
    """Take the contact events that wait."""
    for name, event in state.events.items():
        fetched.done.add(name)
        chat, named = state.initial_contact_id, event.initial_contact_id
        # One that came under its own contact, because nothing named its chat, stays provisional.
        is_leg = event.provisional and named != chat
        fetched.documents.append(rekeyed(event, chat) if is_leg else event)
