"""Print docs/data-dictionary.md, made from the schema."""

from __future__ import annotations

from chatlake.tables import schema

_HEAD = """\
# Data dictionary

The tables of the lake, column by column. This page is generated from the schema,
`tables/schema` (`make docs`); exactly which rows there are is in the [row rules](row-rules.md).

All tables are Apache Iceberg v2 in the database `{namespace}`: Parquet with zstd, partitioned by
day (UTC), hidden, so a filter on the time itself prunes. Timestamps are in UTC, to the
microsecond. Every column may be null unless it says *required*: the service promises nothing.
Types, roles, statuses and methods are the service's own words, also those not listed here.
"""


def main() -> None:
    """Write the page to standard output."""
    print(_HEAD.format(namespace=schema.NAMESPACE))
    for table in schema.TABLES:
        print(f"## {table.name}\n\n{table.doc}\n")
        print(f"Partitioned by day of `{table.partition_by}`, sorted by {_names(table.sort_by)}.")
        print(f"Within a chat a row is identified by {_names(table.key)}.\n")
        print("| column | type | what it is |\n|---|---|---|")
        for column in table.columns:
            required = ", required" if column.required else ""
            print(f"| `{column.name}` | {column.type}{required} | {column.doc} |")
        print()


def _names(columns: tuple[str, ...]) -> str:
    return ", ".join(f"`{column}`" for column in columns)


if __name__ == "__main__":
    main()
