"""Calls of functions, as the local cloud has recorded them: by logical ids, and no other ids."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.cloud.call_record import FILE_NAME

RECORD = Path(__file__).with_name("calls.json")
"""The calls that the worlds were seen to make: `python -m tests.policies.recorded FOLDER…`."""

_TYPES = {
    "bucket": "AWS::S3::Bucket",
    "database": "AWS::Glue::Database",
    "key": "AWS::KMS::Key",
    "queue": "AWS::SQS::Queue",
    "table": "AWS::DynamoDB::Table",
    "workgroup": "AWS::Athena::WorkGroup",
}
# How many folders below those of the stack's own buckets are told: what is in them differs.
_KEPT = {"documents": 0, "erasures": 0, "tables": 1}
_FUNCTION = "AWS::Lambda::Function"


@dataclass(frozen=True, order=True)
class Call:
    """One operation by a function; `on` is JSON of what it is done to."""

    function: str
    service: str
    operation: str
    on: str

    @property
    def values(self) -> dict[str, Any]:
        """What it is done to."""
        found: dict[str, Any] = json.loads(self.on)
        return found

    def __str__(self) -> str:
        return f"{self.function}: {self.service} {self.operation} {self.on}"


def of_file(path: Path) -> set[Call]:
    """Return the calls of one local cloud."""
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    names = {
        (line["type"], line["physical"].rpartition("/")[2]): line["logical"]
        for line in lines
        if "type" in line
    }
    return {
        Call(
            names.get((_FUNCTION, line["by"]), line["by"]),
            line["service"],
            line["operation"],
            json.dumps(_named(line["service"], line["on"], names), sort_keys=True),
        )
        for line in lines
        if "by" in line
    }


def _named(service: str, on: dict[str, Any], names: dict[tuple[str, str], str]) -> dict[str, Any]:
    """Return what a call is done to, with logical ids in the place of names."""
    named = dict(on)
    for kind, type_name in _TYPES.items():
        # A table of Glue, and an object of S3, has the name that it has.
        if kind not in on or (kind, service) in {("table", "glue"), ("key", "s3")}:
            continue
        physical = str(on[kind]).rpartition("/")[2]
        named[kind] = names.get((type_name, physical), on[kind])
    if service == "s3" and "key" in on:
        folder, *others = str(on["key"]).split("/")
        if folder in _KEPT:
            named["key"] = "/".join([folder, *others[: _KEPT[folder]], "0"])
    return named


def checked_in() -> set[Call]:
    """Return the calls that are written down."""
    return {Call(*call) for call in json.loads(RECORD.read_text(encoding="utf-8"))}


def write(found: Iterable[Call]) -> None:
    """Write calls down, a line each."""
    lines = [
        json.dumps([call.function, call.service, call.operation, call.on])
        for call in sorted(set(found))
    ]
    text = "[\n  " + ",\n  ".join(lines) + "\n]\n"
    RECORD.write_text(text, encoding="utf-8")


def main() -> None:
    """Write down what is recorded below some folders, beside what was."""
    folders = map(Path, sys.argv[1:])
    files = [path for folder in folders for path in folder.rglob(FILE_NAME)]
    found = [call for path in files for call in of_file(path)]
    write([*(checked_in() if RECORD.exists() else ()), *found])


if __name__ == "__main__":
    main()
