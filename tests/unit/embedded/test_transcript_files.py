"""Files of transcripts: which are found, and what is read from them."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatlake.embedded.transcript_files import SUFFIXES, Rejection, Value, find_files, read_values

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

MARK = b"\xef\xbb\xbf"
suffixes = pytest.mark.parametrize("suffix", SUFFIXES)


def write(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def values(path: Path) -> list[Any]:
    """The values of a file in which nothing is wrong."""
    found = list(read_values(path, lambda _: None))
    assert [one for one in found if isinstance(one, Rejection)] == []
    return [one.json for one in found if isinstance(one, Value)]


def lines_of(found: Iterable[Value | Rejection]) -> list[tuple[type, int | None]]:
    return [(type(one), one.line) for one in found]


class TestFinding:
    def test_a_folder_gives_all_transcripts_below_it_sorted(self, tmp_path: Path) -> None:
        wanted = [write(tmp_path / "b" / f"x{suffix}", b"") for suffix in SUFFIXES]
        wanted.append(write(tmp_path / "a" / "deep" / "er" / "y.json", b""))
        for other in ("notes.txt", "data.json.bak", "json", "x.gz", "y.JSON", "z.jsonl.zip"):
            write(tmp_path / "b" / other, b"")
        assert find_files([str(tmp_path)]) == (sorted(wanted), [])

    def test_a_file_named_in_several_ways_is_found_once(self, tmp_path: Path) -> None:
        file = write(tmp_path / "a" / "x.json", b"")
        names = [tmp_path, tmp_path / "a", file, tmp_path / "*" / "x.json", f"{tmp_path}/**/*.json"]
        assert find_files(map(str, names)) == ([file], [])

    def test_a_glob_may_match_folders(self, tmp_path: Path) -> None:
        files = [write(tmp_path / folder / "x.json", b"") for folder in ("day-1", "day-2")]
        write(tmp_path / "other" / "x.json", b"")
        assert find_files([f"{tmp_path}/day-*"]) == (files, [])

    def test_a_name_that_is_there_is_not_a_glob(self, tmp_path: Path) -> None:
        file = write(tmp_path / "x[1].json", b"")
        write(tmp_path / "x1.json", b"")
        assert find_files([str(file)]) == ([file], [])

    def test_a_relative_path_stays_relative(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write(tmp_path / "a" / "x.json", b"")
        monkeypatch.chdir(tmp_path)
        [found], _ = find_files(["a"])
        assert str(found) == "a/x.json"

    def test_a_lake_below_a_folder_is_left_out_and_only_a_lake(self, tmp_path: Path) -> None:
        for name in ("lake/documents/c1.json", "lake/warehouse/v1.json", "lake/catalog.db"):
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).touch()
        (tmp_path / "other" / "documents").mkdir(parents=True)
        for name in ("other/catalog.db", "other/documents/c2.json"):
            (tmp_path / name).touch()
        assert find_files([str(tmp_path)]) == ([tmp_path / "other/documents/c2.json"], [])

    def test_an_empty_folder_is_no_fault(self, tmp_path: Path) -> None:
        assert find_files([str(tmp_path)]) == ([], [])

    def test_what_is_not_there_is_named_and_the_rest_found(self, tmp_path: Path) -> None:
        file = write(tmp_path / "x.json", b"")
        missing = str(tmp_path / "y.json")
        reason = "there is no such file or folder"
        assert find_files([missing, str(file)]) == ([file], [Rejection(missing, None, reason)])


class TestReading:
    @suffixes
    def test_a_value_has_its_place_and_its_size(self, tmp_path: Path, suffix: str) -> None:
        file = write(tmp_path / f"x{suffix}", b'{"a":1}\n')
        [value] = read_values(file, lambda _: None)
        size = len(b'{"a":1}\n')
        assert value == Value(str(file), 1, {"a": 1}, size)

    @pytest.mark.parametrize("suffix", [".jsonl", ".jsonl.gz"])
    def test_lines_are_counted_blank_and_broken_ones_too(self, tmp_path: Path, suffix: str) -> None:
        file = write(tmp_path / f"x{suffix}", b'1\n\n  \n{"\n5\r\n\n[7]')
        found = list(read_values(file, lambda _: None))
        assert lines_of(found) == [(Value, 1), (Rejection, 4), (Value, 5), (Value, 7)]

    @pytest.mark.parametrize("suffix", [".json", ".json.gz"])
    def test_a_value_may_take_many_lines(self, tmp_path: Path, suffix: str) -> None:
        value = {"a": [1, {"b": None}], "c": "d"}
        file = write(tmp_path / f"x{suffix}", json.dumps(value, indent=4).encode() + b"\n\n")
        assert values(file) == [value]

    @pytest.mark.parametrize(
        ("text", "line"),
        [
            (b"oops", 1),
            (b"\n\n\noops", 4),
            (b'{\n "a": 1,\n "b" 2\n}', 3),
            (b"[1,\n2,\n", 2),
            (b"[1,\n2\n", 2),
            (b'{"a":\n"\\ud800",\n oops}', 3),
            (b'{"a":\n\n"\xff"}', 3),
            (b"{}\n\n{}", 3),
        ],
    )
    def test_broken_json_is_named_with_the_line_it_breaks_on(
        self, tmp_path: Path, text: bytes, line: int
    ) -> None:
        found = list(read_values(write(tmp_path / "x.json", text), lambda _: None))
        assert lines_of(found) == [(Rejection, line)]

    def test_a_line_that_is_cut_short_is_named_by_its_own_number(self, tmp_path: Path) -> None:
        file = write(tmp_path / "x.jsonl", b'[1]\n{"a":\n[2]\n[3')
        assert lines_of(read_values(file, lambda _: None)) == [
            (Value, 1),
            (Rejection, 2),
            (Value, 3),
            (Rejection, 4),
        ]

    @suffixes
    def test_a_byte_order_mark_is_skipped_where_it_belongs(
        self, tmp_path: Path, suffix: str
    ) -> None:
        assert values(write(tmp_path / f"x{suffix}", MARK + b"[1]")) == [[1]]
        twice = list(read_values(write(tmp_path / f"x{suffix}", MARK * 2 + b"[1]"), lambda _: None))
        assert lines_of(twice) == [(Rejection, 1)]

    def test_a_compressed_file_may_have_several_members(self, tmp_path: Path) -> None:
        file = tmp_path / "x.jsonl.gz"
        file.write_bytes(gzip.compress(b"1\n2") + gzip.compress(b"3\n4\n"))
        assert values(file) == [1, 23, 4]

    def test_line_ends_within_strings_and_odd_ones_part_no_values(self, tmp_path: Path) -> None:
        line = '{"a":"\u2028\u0085\x0c"}'.encode().replace(b"\x0c", b"\\f")
        assert (
            values(write(tmp_path / "x.jsonl", line + b"\n" + line))
            == [{"a": "\u2028\u0085\x0c"}] * 2
        )

    @suffixes
    @pytest.mark.parametrize("text", [b"", b"\n", b" \t\r\n \n", MARK])
    def test_a_file_without_a_value_is_named(
        self, tmp_path: Path, suffix: str, text: bytes
    ) -> None:
        file = write(tmp_path / f"x{suffix}", text)
        assert list(read_values(file, lambda _: None)) == [
            Rejection(str(file), None, "it is empty")
        ]

    def test_a_file_that_is_not_there_is_named(self, tmp_path: Path) -> None:
        file = tmp_path / "x.json"
        assert list(read_values(file, lambda _: None)) == [
            Rejection(str(file), None, "it vanished before it was read")
        ]

    def test_values_come_as_they_are_read(self, tmp_path: Path) -> None:
        """What is whole at the beginning of a file goes in, whatever comes after it."""
        whole = gzip.compress(b"".join(b"[%d]\n" % number for number in range(50_000)))
        file = tmp_path / "x.jsonl.gz"
        file.write_bytes(whole[: len(whole) // 2])
        *read, last = read_values(file, lambda _: None)
        assert len(read) > 1000
        assert [one.json for one in read if isinstance(one, Value)] == [
            [number] for number in range(len(read))
        ]
        assert last == Rejection(
            str(file), len(read) + 1, "the compressed file ends early: it was cut off"
        )

    @suffixes
    def test_progress_is_told_in_bytes_of_the_file_on_disk(
        self, tmp_path: Path, suffix: str
    ) -> None:
        file = write(tmp_path / f"x{suffix}", b'["some text"]' + b" \n" * 100_000)
        steps: list[int] = []
        list(read_values(file, steps.append))
        trailer = 8 if suffix.endswith(".gz") else 0
        size = file.stat().st_size
        assert size - trailer <= sum(steps) <= size
        assert all(step >= 0 for step in steps)

    @given(st.lists(st.binary(max_size=12), max_size=6))
    def test_any_bytes_are_values_or_rejections_each_on_a_line_of_its_own(
        self, tmp_path_factory: pytest.TempPathFactory, lines: list[bytes]
    ) -> None:
        file = tmp_path_factory.getbasetemp() / "any.jsonl"
        file.write_bytes(b"\n".join(lines))
        found = list(read_values(file, lambda _: None))
        text = b"\n".join(lines)
        numbers = [one.line for one in found if one.line is not None]
        blank = [
            not line.removeprefix(MARK if n == 0 else b"").strip()
            for n, line in enumerate(text.split(b"\n"))
        ]
        assert numbers == [n + 1 for n, is_blank in enumerate(blank) if not is_blank]
        assert bool(numbers) is not (len(found) == 1 and found[0].line is None)

    def test_a_rejection_says_where_and_why(self) -> None:
        assert str(Rejection("a.json", None, "it is empty")) == "a.json: it is empty"
        assert str(Rejection("a.jsonl", 3, "it is a list")) == "a.jsonl:3: it is a list"
