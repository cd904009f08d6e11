"""Values as Athena writes them into result files and answers."""

from __future__ import annotations

from typing import Any

import pytest

from local.cloud.athena_values import as_text, column_info, csv_lines
from local.trino.client import Answer, Column


@pytest.mark.parametrize(
    ("value", "type_name", "text"),
    [
        (None, "varchar", None),
        (True, "boolean", "true"),
        (12, "bigint", "12"),
        ("1.50", "decimal(10,2)", "1.50"),
        ("2026-11-02 10:00:00.000000", "timestamp(6)", "2026-11-02 10:00:00.000000"),
        ("YWI=", "varbinary", "61 62"),
        ([1, None, "x"], "array(varchar)", "[1, null, x]"),
        ({"a": 1}, "map(varchar, integer)", "{a=1}"),
    ],
)
def test_values_are_texts(value: Any, type_name: str, text: str | None) -> None:
    assert as_text(value, type_name) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.0"),
        (12.0, "12.0"),
        (0.001, "0.001"),
        (-0.00012, "-1.2E-4"),
        (1e-05, "1.0E-5"),
        (9999999.0, "9999999.0"),
        (10000000.0, "1.0E7"),
        (123456789.125, "1.23456789125E8"),
        (-1.5e300, "-1.5E300"),
        (100000000.0, "1.0E8"),
        ("NaN", "NaN"),
        ("Infinity", "Infinity"),
    ],
)
def test_doubles_are_written_as_java_writes_them(value: float | str, text: str) -> None:
    assert as_text(value, "double") == text


def test_a_result_file_has_quotes_around_all_but_null() -> None:
    columns = [Column("name", "varchar"), Column("count", "bigint")]
    answer = Answer("id", columns, [['say "hi", all\nof you', 1], [None, None], ["", 2]])
    assert csv_lines(answer) == ('"name","count"\n"say ""hi"", all\nof you","1"\n,\n"","2"\n')


@pytest.mark.parametrize(
    ("type_name", "name", "precision", "scale"),
    [
        ("varchar", "varchar", 2147483647, 0),
        ("varchar(3)", "varchar", 3, 0),
        ("real", "float", 17, 0),
        ("decimal(12,3)", "decimal", 12, 3),
        ("timestamp(6)", "timestamp", 3, 0),
        ("timestamp(6) with time zone", "timestamp with time zone", 3, 0),
        ("array(varchar)", "array", 0, 0),
    ],
)
def test_columns_have_athenas_names_of_types(
    type_name: str, name: str, precision: int, scale: int
) -> None:
    info = column_info(Column("c", type_name))
    assert (info["Type"], info["Precision"], info["Scale"]) == (name, precision, scale)
