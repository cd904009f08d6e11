"""Where moto spends most of a request's time on what could be known before."""

from __future__ import annotations

import time
from functools import cache
from typing import Any

import moto.backends
import moto.sqs.models
from moto.moto_server.werkzeug_app import DomainDispatcherApplication


def apply() -> None:
    """Let moto's server remember which services there are, and tell the time in one step."""
    # Looked up in the file system, service by service, at each request.
    names = frozenset(moto.backends.list_of_moto_modules())
    moto.backends.list_of_moto_modules = lambda: names
    # All addresses of AWS are tried one after the other, at each request.
    DomainDispatcherApplication.get_backend_for_host = cache(  # type: ignore[method-assign]
        DomainDispatcherApplication.get_backend_for_host
    )
    # Asked for each message of a queue whenever one is sent or received.
    models: Any = moto.sqs.models
    models.unix_time = time.time
    models.unix_time_millis = lambda: time.time() * 1000
