"""Every way to ask for the time, and what can be done with the answers."""

# ruff: noqa: DTZ002, DTZ003, DTZ005, DTZ007, DTZ011

from __future__ import annotations

import calendar
import datetime
import time
from typing import Any


def dates() -> dict[str, Any]:
    now = datetime.datetime.now(datetime.UTC)
    made = datetime.datetime(2026, 11, 2, 10, tzinfo=datetime.UTC)
    return {
        "now": now.timestamp(),
        "seconds": [
            datetime.datetime.now().timestamp(),
            datetime.datetime.today().timestamp(),
            datetime.datetime.utcnow().replace(tzinfo=datetime.UTC).timestamp(),
            calendar.timegm(time.gmtime()) + 1,
            calendar.timegm(time.localtime()) + 1,
        ],
        "today": datetime.date.today().isoformat(),
        "made": made.isoformat(),
        "read": datetime.datetime.fromisoformat("2026-11-02T10:00:00Z").isoformat(),
        "parsed": datetime.datetime.strptime("2026-11-02 10", "%Y-%m-%d %H").isoformat(),
        "epoch": time.gmtime(0).tm_year,
        # As C code knows it, which makes what comes out of JSON, Parquet and AWS.
        "of C": [type(one) is type(made + datetime.timedelta(1)) for one in (now, made)],
        "instances": [
            isinstance(now, datetime.datetime),
            isinstance(now, datetime.date),
            isinstance(made + datetime.timedelta(1), datetime.datetime),
            isinstance(now.date(), datetime.date),
            not isinstance(now.date(), datetime.datetime),
            not isinstance("now", datetime.datetime),
            issubclass(datetime.datetime, datetime.date),
        ],
    }
