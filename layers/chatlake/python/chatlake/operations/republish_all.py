"""Republishing all chats of a deployed archive, in runs that end when their time does.

When the tables were made anew, each document is to make its rows again. What has been published
since is found unchanged, and what a run that was cut off sent twice does no harm.
"""

from __future__ import annotations

from itertools import batched
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from chatlake.chat_state import ChatState, PublishQueue
    from chatlake.chat_state.republication import Republication
    from chatlake.documents.store.s3 import S3Store

_CHATS_AT_ONCE = 1000


def _none(_: Collection[str]) -> Collection[str]:
    return ()


def republish_all(
    republication: Republication,
    *,
    store: S3Store,
    chats: ChatState,
    publish_queue: PublishQueue,
    may_go_on: Callable[[], bool],
    readmit: Callable[[Collection[str]], Collection[str]] = _none,
) -> int:
    """Go on with a republication, if one was begun; return how many chats were sent to the queue.

    Chats that nobody has published yet are published in their own time.

    Parameters
    ----------
    may_go_on
        Whether there is time for some thousand chats more.
    readmit
        Takes chats that nobody is known to have published; returns those to be sent as well.
    """
    after = republication.after()
    if after is None:
        return 0
    count = 0
    attempts = chats.publish_attempts
    for some in batched(store.chats(after=after or None), _CHATS_AT_ONCE, strict=False):
        if not may_go_on():
            return count
        known = attempts.read([chat for chat, _ in some])
        wanted = {chat for chat, record in known.items() if record.count}
        wanted.update(readmit([chat for chat, _ in some if chat not in wanted]))
        due = {chat: hint for chat, hint in some if chat in wanted}
        # Forgotten first: a message that came before would find the chat unchanged.
        attempts.forget_published(due)
        publish_queue.send(due)
        count += len(due)
        last, _ = some[-1]
        if not republication.advance(after, last):
            return count
        after = last
    republication.end(after)
    return count
