"""DuckDB on its own: transcript files to messages and receipts, as a user who knows it would write.

What makes it a fair peer: all cores; each file is parsed once, with explicit types, so that nothing
is inferred; all work is in SQL, none in Python; one partitioned COPY a table. Parquet is zstd of
the level that the lake's files have (1; DuckDB's own default is 3, and slower).

A second run adds its files to those of the first. Called as `python -m bench.duckdb_script`.
"""

from __future__ import annotations

import sys
from pathlib import Path

import duckdb

_SQL = Path(__file__).parent / "sql"


def main(source: Path, output: Path) -> None:
    """Write `messages` and `receipts` below a folder, partitioned by day and sorted by chat."""
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET VARIABLE files = ?", [str(source / "*.jsonl")])
        for name in ("items", "chat_days", "receipts", "messages"):
            connection.execute((_SQL / f"{name}.sql").read_text(encoding="utf-8"))
        for table in ("messages", "receipts"):
            folder = output / table
            folder.mkdir(parents=True, exist_ok=True)
            quoted = str(folder).replace("'", "''")
            connection.execute(f"""
                COPY (
                    SELECT *, sent_at::DATE AS sent_at_day
                    FROM {table}
                    ORDER BY sent_at_day, initial_contact_id, sent_at
                ) TO '{quoted}' (
                    FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1,
                    PARTITION_BY (sent_at_day), APPEND
                )
            """)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
