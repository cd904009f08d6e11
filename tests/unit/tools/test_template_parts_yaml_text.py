"""What is written as YAML is read as what it was."""

from __future__ import annotations

from typing import Any

import pytest
from samtranslator.yaml_helper import yaml_parse  # type: ignore[import-untyped, unused-ignore]

from tools.template_parts.yaml_text import attribute, block, either, ref, sub


def read(value: Any, indent: int = 0) -> Any:
    return yaml_parse("\n".join(block({"value": value}, indent)))["value"]


@pytest.mark.parametrize(
    "text",
    ["a text", "*", "false", "Null", "2012-10-17", "", "a: b", "a #b", "#*", "s3:GetObject", "yes"],
)
def test_a_text_stays_a_text(text: str) -> None:
    assert read(text) == text
    assert read([text, text]) == [text, text]
    # A word that YAML takes for something else is none as a name, either.
    assert read({text or "x": {text or "x": text}}) == {text or "x": {text or "x": text}}


def test_intrinsic_functions_have_their_long_form() -> None:
    assert read(ref("A")) == {"Ref": "A"}
    assert read([attribute("A.Arn")]) == [{"Fn::GetAtt": ["A", "Arn"]}]
    text = sub("arn:${AWS::Partition}:s3:::${Bucket}/*", Bucket=either("C", ref("A"), ref("B")))
    bucket = {"Fn::If": ["C", {"Ref": "A"}, {"Ref": "B"}]}
    long = {"Fn::Sub": ["arn:${AWS::Partition}:s3:::${Bucket}/*", {"Bucket": bucket}]}
    assert read([text, {"Resource": text}]) == [long, {"Resource": long}]


def test_what_is_left_out_otherwise_has_no_value() -> None:
    assert read(either("C", {"A": "b"})) == {"Fn::If": ["C", {"A": "b"}, {"Ref": "AWS::NoValue"}]}


def test_what_does_not_fit_in_a_line_is_in_several() -> None:
    long = [f"dynamodb:Action{number}" for number in range(12)]
    lines = list(block({"Statement": [{"Action": long, "Resource": sub("a${B}")}]}, 4))
    assert max(map(len, lines)) <= 100
    assert yaml_parse("\n".join(lines))["Statement"][0]["Action"] == long
