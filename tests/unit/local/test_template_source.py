"""A template as it is written is read anew for each who asks, though it is parsed only once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.template_source import read_source

if TYPE_CHECKING:
    from pathlib import Path


def test_a_template_is_as_it_is_written_whatever_was_done_with_what_was_read_before(
    tmp_path: Path,
) -> None:
    path = tmp_path / "template.yaml"
    path.write_text("Resources: {A: {Type: AWS::SNS::Topic}}\nDay: 2026-11-27\n")
    first = read_source(path)
    assert first == {"Resources": {"A": {"Type": "AWS::SNS::Topic"}}, "Day": "2026-11-27"}
    first["Resources"].clear()
    assert read_source(path)["Resources"].keys() == {"A"}
    path.write_text("Resources: {B: {Type: AWS::SNS::Topic}}\n")
    assert read_source(path)["Resources"].keys() == {"B"}
