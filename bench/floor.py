"""The floor: what any Python program pays that reads these files and writes Parquet.

orjson parses each line, the plain members of the items become columns as they are, and go into one
unsorted file. No rule is applied, no receipt is taken out, nothing is merged or kept as a document.
Called as `python -m bench.floor`.
"""

from __future__ import annotations

import gc
import sys
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

_MEMBERS = (
    "Id",
    "ContactId",
    "RelatedContactId",
    "Type",
    "ContentType",
    "Content",
    "ParticipantId",
    "ParticipantRole",
    "DisplayName",
    "AbsoluteTime",
)
_CHATS_AT_ONCE = 2000


def main(source: Path, output: Path) -> None:
    """Write the items of all files into one Parquet file."""
    # Parsed JSON has no cycles to look for.
    gc.disable()
    table = output / "messages"
    table.mkdir(parents=True, exist_ok=True)
    schema = pa.schema([(name, pa.string()) for name in ("InitialContactId", *_MEMBERS)])
    with pq.ParquetWriter(table / "items.parquet", schema, compression="zstd") as writer:
        for path in sorted(source.glob("*.jsonl")):
            lines = path.read_bytes().splitlines()
            for start in range(0, len(lines), _CHATS_AT_ONCE):
                chats = [orjson.loads(line) for line in lines[start : start + _CHATS_AT_ONCE]]
                items = [item for chat in chats for item in chat["Transcript"]]
                ids = [chat["InitialContactId"] for chat in chats for _ in chat["Transcript"]]
                columns = [ids, *([item.get(name) for item in items] for name in _MEMBERS)]
                writer.write_table(pa.table(columns, schema=schema))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
