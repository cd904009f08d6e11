"""Republishing all chats of a deployed archive, in runs that end when their time does.

When the tables were made anew, each document is to make its rows again. What has been published
since is found unchanged, and what a run that was cut off sent twice does no harm.
"""

from __future__ import annotations

from itertools import batched
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from chatlake.chat_state import PublishQueue
    from chatlake.chat_state.republication import Republication
    from chatlake.documents.store.s3 import S3Store

_CHATS_AT_ONCE = 1000


def republish_all(
    republication: Republication,
    store: S3Store,
    publish_queue: PublishQueue,
    may_go_on: Callable[[], bool],
) -> int:
    """Go on with a republication, if one was begun; return how many chats were sent to the queue.

    Parameters
    ----------
    may_go_on
        Whether there is time for some thousand chats more.
    """
    after = republication.after()
    if after is None:
        return 0
    count = 0
    for some in batched(store.chats(after=after or None), _CHATS_AT_ONCE, strict=False):
        if not may_go_on():
            return count
        publish_queue.send(dict(some))
        count += len(some)
        last, _ = some[-1]
        if not republication.advance(after, last):
            return count
        after = last
    republication.end(after)
    return count
