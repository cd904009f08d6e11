"""Functions of Athena's dialect that DuckDB knows by another name, or otherwise.

What the translator makes of them is known to differ; `tests/trino/test_translation.py` asks both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlglot.expressions import Expr


def as_duckdb_has_it(node: Expr) -> Expr:
    """Return what gives in DuckDB what a function gives in Athena; other nodes as they are."""
    from sqlglot import expressions

    match node:
        case expressions.RegexpExtract():
            # Without a match it is null there, and '' here.
            matches = expressions.RegexpLike(this=node.this.copy(), expression=node.expression)
            return expressions.Case(ifs=[expressions.If(this=matches, true=node.copy())])
        case expressions.JSONExtractScalar():
            # Of an object or an array it is null there, and its text here.
            kind = expressions.Anonymous(
                this="json_type", expressions=[node.this.copy(), _path(node)]
            )
            nested = expressions.In(
                this=kind, expressions=[expressions.Literal.string(n) for n in ("ARRAY", "OBJECT")]
            )
            return expressions.Case(
                ifs=[expressions.If(this=nested, true=expressions.Null())], default=node.copy()
            )
        case expressions.SplitPart():
            # Beyond the last part it is null there, and '' here.
            parts = expressions.Anonymous(
                this="str_split", expressions=[node.this, node.args["delimiter"]]
            )
            return expressions.Anonymous(
                this="list_extract", expressions=[parts, node.args["part_index"]]
            )
        case expressions.Anonymous():
            return _by_another_name(node)
        case _:
            return node


def _by_another_name(node: Expr) -> Expr:
    from sqlglot import expressions

    match node.name.lower(), node.expressions:
        case "every", [condition]:
            return expressions.LogicalAnd(this=condition)
        case "millisecond", [moment]:
            # Those of its second there, and of its minute here.
            thousand = expressions.Literal.number(1000)
            of_minute = expressions.Anonymous(this="millisecond", expressions=[moment])
            return expressions.Paren(this=expressions.Mod(this=of_minute, expression=thousand))
        case "with_timezone", [moment, zone]:
            return expressions.Paren(this=expressions.AtTimeZone(this=moment, zone=zone))
        case _:
            return node


def _path(node: Expr) -> Expr:
    from sqlglot import expressions

    return expressions.Literal.string(node.expression.sql("duckdb").strip("'"))
