"""Does what it is told, and tells what it finds."""

from __future__ import annotations

import importlib
import os
import sys
import time
from typing import Any

from dates import dates  # type: ignore[import-not-found]


def handler(event: dict[str, Any], context: Any) -> Any:
    misbehave(event)
    match event.get("do"):
        case "import":
            return importlib.import_module(event["module"]).__file__
        case "fill":
            return len(bytearray(event["megabytes"] << 20))
        case "time":
            remaining_ms = context.get_remaining_time_in_millis()
            return time.time(), time.time_ns(), remaining_ms, dates()
        case "environment":
            return dict(os.environ)
        case "path":
            return sys.path
    print("probed", os.environ["AWS_LAMBDA_FUNCTION_NAME"])
    return {"pid": os.getpid(), "memory": context.memory_limit_in_mb}


def misbehave(event: dict[str, Any]) -> None:
    match event.get("do"):
        case "sleep":
            time.sleep(event["seconds"])
        case "spin":
            while True:
                time.sleep(0.01)
        case "exit":
            os._exit(3)
        case "fail":
            raise RuntimeError("as told")
