"""What must never be in a log: tokens, what was said, and the names of those who said it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping

from local.scripted.chat import Chat

# The simulator's tokens are 400 characters of this alphabet; nothing else is nearly as long.
_TOKEN = re.compile(r"[A-Za-z0-9_-]{100,}")
# Shorter words may be those of a log, too.
_LEAST_NAME, _LEAST_CONTENT = 4, 12


def leaks(logs: Mapping[str, str], chats: Iterable[Chat]) -> list[str]:
    """Where something is that must not be, by file and kind, without saying it."""
    chats = list(chats)
    private = {
        "display name": _spellings(_names(chats), _LEAST_NAME),
        "content": _spellings(_contents(chats), _LEAST_CONTENT),
    }
    found = [f"{name}: token" for name, log in logs.items() if _TOKEN.search(log)]
    for kind, texts in private.items():
        assert texts
        found += [
            f"{name}: {kind}" for name, log in logs.items() if any(text in log for text in texts)
        ]
    return found


def _names(chats: Iterable[Chat]) -> Iterable[str]:
    return (
        person.name for chat in chats for person in chat.participants if person.role != "SYSTEM"
    )


def _contents(chats: Iterable[Chat]) -> Iterable[str]:
    return (item.content for chat in chats for item in chat.items if item.content is not None)


def _spellings(texts: Iterable[str], least: int) -> set[str]:
    """The texts, and how they look inside of JSON."""
    long = {text for text in texts if len(text) >= least}
    quoted = {
        json.dumps(text, ensure_ascii=plain)[1:-1] for text in long for plain in (True, False)
    }
    return long | quoted
