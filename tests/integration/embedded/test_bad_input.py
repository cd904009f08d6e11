"""What cannot be taken in is named with its place and reason; all the rest goes in."""

from __future__ import annotations

import gzip
import io
import os
import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from chatlake.embedded.archive import EmbeddedArchive
from chatlake.embedded.import_files import import_files
from chatlake.embedded.transcript_files import find_files
from chatlake.progress import NoProgress
from tests.lake_folder import (
    CANARY,
    LakeFolder,
    comparable,
    dumped,
    expected_rows,
    export,
    message,
    new_lake,
    page,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chatlake.embedded.transcript_files import Rejection
    from tests.lake_folder import Chatlake

NOBODY = 65534


def line(chat: str) -> bytes:
    return dumped(page(chat, message()))


def cut_after_whole_lines(*lines: bytes) -> bytes:
    """A .gz file whose end was lost: these lines are whole, the next one is not."""
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0) as file:
        file.write(b"".join(line + b"\n" for line in lines))
        file.flush()
        whole = len(buffer.getvalue())
        file.write(line("lost") * 20)
    return buffer.getvalue()[: whole + 20]


def with_wrong_checksum(data: bytes) -> bytes:
    zipped = bytearray(gzip.compress(data, mtime=0))
    zipped[-8] ^= 1
    return bytes(zipped)


def nested(levels: int) -> bytes:
    return b'{"InitialContactId":"deep","Transcript":[{"Id":"1","Unknown":%b%b}]}' % (
        b"[" * levels,
        b"]" * levels,
    )


@dataclass(frozen=True)
class Bad:
    """A file, the line on which it should be said to be bad, and the reason."""

    data: bytes
    line: int | None
    reason: str


GOOD = line("good")
SAID = f'"Content":"{CANARY}","DisplayName":"{CANARY}"'.encode()

BAD = {
    # compressed
    "cut.json.gz": Bad(gzip.compress(GOOD)[:-20], None, "it was cut off"),
    "cut.jsonl.gz": Bad(cut_after_whole_lines(line("whole-1"), line("whole-2")), 3, "was cut off"),
    "not-compressed.json.gz": Bad(GOOD, None, "not a gzip file, or damaged"),
    "not-compressed.jsonl.gz": Bad(GOOD, None, "not a gzip file, or damaged"),
    "wrong-checksum.json.gz": Bad(with_wrong_checksum(GOOD), None, "not a gzip file, or damaged"),
    "zeros.json.gz": Bad(bytes(100), None, "not a gzip file, or damaged"),
    "garbled.json.gz": Bad(
        gzip.compress(GOOD)[:15] + b"garbled" * 9, None, "not a gzip file, or damaged"
    ),
    # nothing in it
    "empty.json": Bad(b"", None, "it is empty"),
    "empty.jsonl": Bad(b"", None, "it is empty"),
    "no-bytes.json.gz": Bad(b"", None, "it is empty"),
    "empty.jsonl.gz": Bad(gzip.compress(b""), None, "it is empty"),
    "blank.json": Bad(b" \t\r\n\n  ", None, "it is empty"),
    "blank.jsonl": Bad(b"\n \n\r\n", None, "it is empty"),
    "only-a-mark.json": Bad(b"\xef\xbb\xbf\n", None, "it is empty"),
    # not JSON
    "pretty.json": Bad(
        b'{\n  "InitialContactId": "x",\n  %b,\n  oops\n}' % SAID, 4, "invalid JSON"
    ),
    "lines.jsonl": Bad(
        b"%b\n\n{%b\n%b\n" % (line("before"), SAID, line("after")), 3, "invalid JSON"
    ),
    "two-values.json": Bad(GOOD + b"\n" + GOOD, 2, "invalid JSON"),
    "cut.json": Bad(GOOD[: len(GOOD) // 2], 1, "invalid JSON"),
    "cut-at-escape.json": Bad(b'{\n%b,\n"a":"\\u00' % SAID, 3, "invalid JSON"),
    "wrong-escape.json": Bad(b'{\n%b,\n"a":"\\u0041\\q"}' % SAID, 3, "invalid JSON"),
    "not-a-number.json": Bad(b'{"Transcript":[],\n"a":NaN}', 2, "invalid JSON"),
    "too-large.json": Bad(b'{"Transcript":[],\n"a":1e999}', 2, "invalid JSON"),
    "word.json": Bad(CANARY.encode(), 1, "invalid JSON"),
    "second-mark.jsonl": Bad(b"%b\n\xef\xbb\xbf%b" % (line("1st"), GOOD), 2, "invalid JSON"),
    # not UTF-8
    "utf-16.json": Bad(GOOD.decode().encode("utf-16"), 1, "it is not UTF-8"),
    "utf-16-without-mark.json": Bad(GOOD.decode().encode("utf-16-le"), 1, "invalid JSON"),
    "latin-1.json": Bad(b'{\n%b,\n"a": "\xe4"}' % SAID, 3, "it is not UTF-8"),
    "latin-1.jsonl": Bad(b'%b\n{%b,"a":"\xe4"}' % (line("utf-8"), SAID), 2, "it is not UTF-8"),
    "latin-1-and-escape.json": Bad(b'{\n%b,\n"a": "\\u0041\n\xe4"}' % SAID, 4, "it is not UTF-8"),
    "bytes-of-a-surrogate.json": Bad(b'{%b,"a":"\\u0041\xed\xa0\x80"}' % SAID, 1, "not UTF-8"),
    # too deep
    "lists.json": Bad(nested(5000), 1, "nests deeper than"),
    "lists-and-escape.json": Bad(nested(5000).replace(b"deep", b"d\\u0065ep"), 1, "nests deeper"),
    "objects.json": Bad(b'{"a":' * 5000 + b"1" + b"}" * 5000, 1, "nests deeper than"),
    "just-too-deep.json": Bad(nested(238), 1, "nests deeper than"),
    "deep-line.jsonl": Bad(b"%b\n%b\n" % (line("shallow"), nested(5000)), 2, "nests deeper than"),
    # JSON of another shape
    "list.json": Bad(b"[%b]" % GOOD, 1, "it is a list, not an object"),
    "string.json": Bad(dumped(CANARY), 1, "it is a string, not an object"),
    "number.json": Bad(b"42", 1, "it is a number, not an object"),
    "null.json": Bad(b"null", 1, "it is null, not an object"),
    "true.json": Bad(b"true", 1, "it is true, not an object"),
    "other.json": Bad(dumped({"Messages": [CANARY]}), 1, "it has no list Transcript"),
    "transcript-object.json": Bad(dumped({"Transcript": {"a": CANARY}}), 1, "no list Transcript"),
    "transcript-null.json": Bad(dumped(page("x") | {"Transcript": None}), 1, "no list Transcript"),
    "element.json": Bad(
        dumped({"InitialContactId": "x", "Transcript": [message(), CANARY]}),
        1,
        "item 1 of its Transcript is not an object",
    ),
    "element-null.jsonl": Bad(
        b"%b\n%b" % (line("fine"), dumped({"InitialContactId": "x", "Transcript": [None]})),
        2,
        "item 0 of its Transcript is not an object",
    ),
    "element-of-export.json": Bad(
        dumped({"ContactId": "x", "Transcript": [[CANARY]]}), 1, "item 0 of its Transcript"
    ),
    "export-without-transcript.json": Bad(dumped({"ContactId": "x"}), 1, "no list Transcript"),
    "export-of-a-number.json": Bad(dumped(export("x") | {"ContactId": 5}), 1, "no ContactId"),
    # of no chat
    "several-contacts.json": Bad(
        dumped(page(None, message("1", ContactId="a"), message("2", ContactId="b"))),
        1,
        "it has no InitialContactId, and its items name 2 contacts",
    ),
    "no-contact.json": Bad(dumped(page(None, message())), 1, "its items name no contacts"),
    "no-contact-text.json": Bad(
        dumped(page(None, message(ContactId=7), InitialContactId=["x"])), 1, "name no contacts"
    ),
    "only-earlier-contacts.json": Bad(
        dumped(page(None, message(RelatedContactId="a"))), 1, "name no contacts"
    ),
}
WHOLE_LINES = ("whole-1", "whole-2", "before", "after", "1st", "utf-8", "shallow", "fine")


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> tuple[LakeFolder, dict[str, Rejection]]:
    """A lake after one import of all the bad files and a good one; the rejections by file name."""
    lake = new_lake(tmp_path_factory.mktemp("bad"))
    for name, bad in BAD.items():
        (lake.inbox / name).write_bytes(bad.data)
    lake.write("good.json", page("good", message()))
    summary = lake.import_files(lake.inbox)
    assert summary.files == len(BAD) + 1
    rejected = {Path(rejection.file).name: rejection for rejection in summary.rejected}
    assert len(rejected) == len(summary.rejected), "a file was named twice"
    return lake, rejected


@pytest.mark.parametrize("name", BAD)
def test_a_bad_input_is_named_with_its_line_and_the_reason(
    name: str, imported: tuple[LakeFolder, dict[str, Rejection]]
) -> None:
    lake, rejected = imported
    assert rejected[name].file == str(lake.inbox / name)
    assert rejected[name].line == BAD[name].line
    assert BAD[name].reason in rejected[name].reason
    assert CANARY not in str(rejected[name])


def test_beside_bad_inputs_all_others_go_in(
    imported: tuple[LakeFolder, dict[str, Rejection]],
) -> None:
    lake, rejected = imported
    assert set(rejected) == set(BAD)
    good = [page(chat, message()) for chat in ("good", *WHOLE_LINES)]
    assert comparable(lake.rows()) == expected_rows(*good)
    assert lake.differences() == []


def test_bad_inputs_are_told_line_by_line_and_end_with_1(
    lake: LakeFolder, chatlake: Chatlake
) -> None:
    lake.write("a.jsonl", page("c1", message()), ["x"], page("c2", message()), {"x": CANARY})
    lake.write_bytes("b.json", b"")

    ran = chatlake("import", lake.inbox)

    assert ran.code == 1
    assert ran.out == ""
    assert ran.err.splitlines()[-5:] == [
        "2 transcripts in 2 files, 3 rejected: chats 2 new, 0 changed, 0 unchanged.",
        f"2 chats published to {lake.path}.",
        f"Rejected: {lake.inbox}/a.jsonl:2: it is a list, not an object",
        f"Rejected: {lake.inbox}/a.jsonl:4: it has no list Transcript: neither a GetTranscript "
        "response nor an export",
        f"Rejected: {lake.inbox}/b.json: it is empty",
    ]
    assert CANARY not in ran.err


def test_very_many_bad_inputs_are_counted_after_the_first_thousand(
    lake: LakeFolder, chatlake: Chatlake
) -> None:
    lake.write("a.jsonl", *[[]] * 1005)
    ran = chatlake("import", lake.inbox)
    assert sum(said.startswith("Rejected: ") for said in ran.err.splitlines()) == 1000
    assert ran.err.splitlines()[-1] == "… and 5 more like these"
    assert ran.code == 1


@pytest.mark.parametrize("suffix", [".json", ".json.gz", ".jsonl", ".jsonl.gz"])
def test_a_byte_order_mark_is_no_fault(lake: LakeFolder, suffix: str) -> None:
    file = lake.write_bytes(f"marked{suffix}", b"\xef\xbb\xbf" + line("c1"))
    assert lake.import_files(file).rejected == []
    assert comparable(lake.rows()) == expected_rows(page("c1", message()))


def test_json_that_nests_as_deep_as_it_may_goes_in(lake: LakeFolder, chatlake: Chatlake) -> None:
    lake.import_files(lake.write_bytes("deep.json", nested(237)))
    [row] = lake.rows()["messages"]
    assert row["extra"] == '{"Unknown":' + "[" * 237 + "]" * 237 + "}"
    assert chatlake("verify").code == 0


# --- paths


def test_paths_that_lead_nowhere_are_named(lake: LakeFolder, chatlake: Chatlake) -> None:
    good = lake.write("good.json", page("c1", message()))
    text = lake.write_bytes("notes.txt", b"hello")
    dangling = lake.inbox / "dangling.json"
    dangling.symlink_to("nowhere")
    missing, unmatched = lake.inbox / "missing.json", lake.inbox / "none-*.json"
    too_long = lake.inbox / ("x" * 300 + ".json")

    ran = chatlake("import", missing, unmatched, text, dangling, too_long, good)

    assert ran.code == 1
    assert [said for said in ran.err.splitlines() if said.startswith("Rejected")] == [
        f"Rejected: {missing}: there is no such file or folder",
        f"Rejected: {unmatched}: there is no such file or folder",
        f"Rejected: {text}: its name does not end in .json, .json.gz, .jsonl, .jsonl.gz",
        f"Rejected: {dangling}: there is no such file or folder",
        f"Rejected: {too_long}: it cannot be read (File name too long)",
    ]
    assert "1 chat published" in ran.err


def test_a_glob_that_matches_a_dangling_link_ends(lake: LakeFolder) -> None:
    for name in ("a.json", "*.json"):
        (lake.inbox / name).symlink_to("nowhere")
    summary = lake.import_files(lake.inbox / "[a*].json")
    assert sorted(rejection.file for rejection in summary.rejected) == [
        str(lake.inbox / "*.json"),
        str(lake.inbox / "a.json"),
    ]


def test_a_file_that_vanishes_after_it_was_found_is_named(lake: LakeFolder) -> None:
    gone = lake.write("gone.json", page("c1", message()))
    folder = lake.write("now-a-folder.json", page("c2", message()))
    lake.write("stays.json", page("c3", message()))

    files, rejected = find_files([str(lake.inbox)])
    gone.unlink()
    folder.unlink()
    folder.mkdir()
    with EmbeddedArchive(lake.path, create=True) as home:
        summary = import_files(files, home, NoProgress(), rejected)

    assert [str(rejection) for rejection in summary.rejected] == [
        f"{gone}: it vanished before it was read",
        f"{folder}: it cannot be read (Is a directory)",
    ]
    assert summary.outcome.published == {"c3"}


# --- what must not be read


@contextmanager
def without_privileges() -> Iterator[None]:
    """Be nobody for a while, because root may read everything."""
    if os.getuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def own_lake() -> Iterator[LakeFolder]:
    """A lake and an inbox that belong to nobody, in a folder that everyone may enter."""
    folder = Path(tempfile.mkdtemp(prefix="chatlake-test-"))
    try:
        lake = new_lake(folder / "home")
        # Whatever an import loads only when it is used must be loaded while files can be read.
        new_lake(folder / "warm-up").take(page("c1", message()))
        yield lake
    finally:
        for path in folder.rglob("*"):
            path.chmod(0o700)
        shutil.rmtree(folder)


def give_away(folder: Path) -> None:
    folder.parent.chmod(0o755)
    if os.getuid() == 0:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, NOBODY, NOBODY)


def test_files_and_folders_that_may_not_be_read_are_named(own_lake: LakeFolder) -> None:
    lake = own_lake
    lake.write("good.json", page("c1", message()))
    file = lake.write("secret.json", page("c2", message()))
    folder = lake.write("locked/inside.json", page("c3", message())).parent
    deeper = lake.write("open/locked/inside.json", page("c4", message())).parent
    give_away(lake.inbox.parent)
    for path in (file, folder, deeper):
        path.chmod(0)

    with without_privileges():
        summary = lake.import_files(lake.inbox, folder / "inside.json")

    assert sorted(str(rejection) for rejection in summary.rejected) == [
        f"{folder}/inside.json: no permission to read it",
        f"{folder}: no permission to read it",
        f"{deeper}: no permission to read it",
        f"{file}: no permission to read it",
    ]
    assert comparable(lake.rows()) == expected_rows(page("c1", message()))


def test_a_lake_that_may_not_be_written_is_one_line(
    own_lake: LakeFolder, chatlake: Chatlake, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = own_lake.write("good.json", page("c1", message()))
    give_away(own_lake.inbox.parent)
    closed = own_lake.inbox.parent / "closed"
    closed.mkdir(mode=0o555)

    with without_privileges():
        ran = chatlake("import", file, "--lake", closed / "lake")

    assert (ran.code, ran.out) == (1, "")
    assert ran.err == f"Error: {closed}/lake: Permission denied\n"


# --- documents that were damaged in the lake


def another_chats(document: Path) -> bytes:
    other = next(path for path in document.parent.parent.glob("??/other.json"))
    return other.read_bytes()


DAMAGES = {
    "emptied": lambda document: b"",
    "cut": lambda document: document.read_bytes()[:-30],
    "overwritten": lambda document: CANARY.encode() * 20,
    "bytes": lambda document: bytes(range(256)),
    "of another shape": lambda document: dumped({"Transcript": [message()]}),
    "with a member too many": lambda document: b'{"more":1,' + document.read_bytes()[1:],
    "of another chat": another_chats,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_chat_whose_document_is_damaged_fails_alone(
    lake: LakeFolder, chatlake: Chatlake, damage: str
) -> None:
    lake.take(page("bad", message()), page("other", message()))
    [document] = [path for path in lake.documents() if path.stem == "bad"]
    document.write_bytes(DAMAGES[damage](document))
    file = lake.write("more.jsonl", *(page(chat, message("m2")) for chat in ("bad", "other")))

    ran = chatlake("import", file)

    assert ran.code == 1
    [failed] = [said for said in ran.err.splitlines() if said.startswith("Failed: ")]
    assert failed.startswith("Failed: the document of chat bad is damaged (")
    assert CANARY not in ran.err
    counts = {row["contact_id"]: row["message_count"] for row in lake.rows()["contacts"]}
    assert counts == {"bad": 1, "other": 2}

    document.unlink()
    lake.import_files(lake.inbox)
    both = [page(chat, message(), message("m2")) for chat in ("bad", "other")]
    assert comparable(lake.rows()) == expected_rows(*both)


def test_a_damaged_document_of_a_leg_fails_alone(lake: LakeFolder) -> None:
    leg = export("c2", message("m2"))
    whole = page("c1", message("m1"), message("m3", ContactId="c2"))
    lake.take(leg)
    [document] = lake.documents()
    document.write_bytes(b"damaged")

    summary = lake.take(whole, page("c3", message()))

    assert set(summary.upserted.failed) == {"c2"}
    assert summary.outcome.published == {"c1", "c3"}

    document.unlink()
    lake.take(leg, whole)
    assert comparable(lake.rows()) == expected_rows(leg, whole, page("c3", message()))


def test_a_leg_is_kept_while_the_document_of_its_chat_is_damaged(lake: LakeFolder) -> None:
    leg = export("c2", message("m2"))
    whole = page("c1", message("m1"), message("m3", ContactId="c2"))
    lake.take(leg, page("c1", message("m1")))
    [document] = [path for path in lake.documents() if path.stem == "c1"]
    document.write_bytes(b"damaged")

    assert set(lake.take(whole).upserted.failed) == {"c1"}
    assert [row["initial_contact_id"] for row in lake.rows()["messages"]] == ["c1", "c2"]

    document.unlink()
    lake.take(whole)
    assert comparable(lake.rows()) == expected_rows(leg, whole)
