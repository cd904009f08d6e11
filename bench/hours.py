"""Asks for one day's hours, of the lake or of the JSON, and says what was read for it.

`python -m bench.hours {lake,json} FOLDER DAY`, in a process of its own: the kernel counts the bytes
that a process reads, whether from the disk or from memory.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from time import perf_counter

import duckdb

from chatlake.analytics.duckdb_engine import connect

_FROM_JSON = Path(__file__).parent / "sql/hourly_from_json.sql"
_FROM_LAKE = """
SELECT hour, sender_role, sum(messages_read) AS messages_read
FROM read_latency_hourly
WHERE chat_day = DATE '{day}'
GROUP BY ALL
HAVING sum(messages_read) > 0
ORDER BY ALL
"""
_READ = re.compile(r"Total Files Read:\s*(\d+)")


def main() -> None:
    kind, folder, day = sys.argv[1:]
    if kind == "lake":
        with connect(Path(folder)) as connection:
            sql = _FROM_LAKE.format(day=day)
            asked = _ask(connection, sql)
            [(_, plan)] = connection.execute(f"EXPLAIN ANALYZE {sql}").fetchall()
            # One scan after the other; the same file read for two of them counts twice.
            asked["files"] = sum(map(int, _READ.findall(plan)))
            asked["files in all"] = sum(1 for _ in Path(folder).rglob("*.parquet"))
    else:
        files = sorted(Path(folder).glob("*.jsonl"))
        with duckdb.connect() as connection:
            connection.execute("SET TimeZone = 'UTC'")
            sql = _FROM_JSON.read_text("utf-8").format(pages=f"{folder}/*.jsonl", day=day)
            asked = _ask(connection, sql)
        asked["files"] = asked["files in all"] = len(files)
    print(json.dumps(asked, default=str))


def _ask(connection: duckdb.DuckDBPyConnection, sql: str) -> dict[str, object]:
    before, started = _bytes_read(), perf_counter()
    rows = [
        (str(hour), role, int(read)) for hour, role, read, *_ in connection.execute(sql).fetchall()
    ]
    return {
        "rows": rows,
        "seconds": perf_counter() - started,
        "bytes": _bytes_read() - before,
    }


def _bytes_read() -> int:
    fields = dict(
        line.split(": ") for line in Path("/proc/self/io").read_text("ascii").splitlines()
    )
    return int(fields["rchar"])


if __name__ == "__main__":
    main()
