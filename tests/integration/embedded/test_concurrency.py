"""Several processes at work on one lake at once."""

from __future__ import annotations

import hashlib
import json
import time
from collections import defaultdict
from functools import partial
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import pytest

from chatlake.documents.document import Document
from chatlake.documents.store.folder import FolderStore
from chatlake.documents.upsert import upsert
from chatlake.embedded.archive import EmbeddedArchive
from chatlake.embedded.import_files import to_document
from chatlake.tables.publish import publish
from tests.lake_folder import comparable, expected_rows
from tests.processes import begin, import_in_small_batches, together
from tests.rounds import chats_of, first_round, second_round

if TYPE_CHECKING:
    from tests.lake_folder import LakeFolder
    from tests.oracle import Object

# Of the chats: several with two legs, with attachments, and some that continue earlier ones.
CHATS_SEED = 22


@pytest.mark.parametrize("count", [2, *(pytest.param(n, marks=pytest.mark.world) for n in (4, 8))])
def test_imports_at_once_of_inputs_half_in_common_take_all_in_once(
    lake: LakeFolder, count: int
) -> None:
    chats = chats_of(seed=CHATS_SEED, count=24)
    values = [*first_round(chats), *second_round(chats)]
    Random(count).shuffle(values)
    common, own = values[::2], values[1::2]
    lake.write("common.jsonl", *common)
    start = together(count)
    imports = []
    for number in range(count):
        lake.write(f"{number}.jsonl", *own[number::count])
        files = [lake.inbox / f"{name}.jsonl" for name in ("common", number)]
        work = partial(import_in_small_batches, lake, *files)
        imports.append(begin(lake.inbox / f"{number}.log", work, barrier=start))
    for one in imports:
        one.must_end_well()
    assert lake.differences() == []
    assert comparable(lake.rows()) == expected_rows(*values)


@pytest.mark.parametrize("count", [2, *(pytest.param(n, marks=pytest.mark.world) for n in (4, 8))])
def test_publishers_at_once_without_the_lock_of_a_lake_end_with_the_newest_documents(
    lake: LakeFolder, count: int
) -> None:
    chats = chats_of(seed=CHATS_SEED, count=16)
    lake.take(*first_round(chats))
    changes = second_round(chats)
    Random(count).shuffle(changes)
    (lake.inbox / "changes.json").write_text(json.dumps(changes))
    start = together(count + 2)
    half = len(changes) // 2
    writers = [
        begin(
            lake.inbox / f"writer-{number}.log",
            partial(change_documents, lake, changes[part], str(number)),
            barrier=start,
        )
        for number, part in enumerate((slice(half), slice(half, None)))
    ]
    publishers = [
        begin(
            lake.inbox / f"publisher-{number}.log",
            partial(publish_what_waits, lake, number),
            barrier=start,
        )
        for number in range(count)
    ]
    for one in (*writers, *publishers):
        one.must_end_well()
    with EmbeddedArchive(lake.path) as archive:
        assert archive.chats.queue.waiting() == set()
        assert archive.chats.queue.total_size() == 0
    assert lake.differences() == []
    assert comparable(lake.rows()) == expected_rows(*first_round(chats), *changes)


def change_documents(lake: LakeFolder, changes: list[Object], name: str) -> None:
    """Take reads in one by one, and say when all are in."""
    with EmbeddedArchive(lake.path) as archive:
        for change in changes:
            result = upsert([to_document(change)], store=archive.store, chats=archive.chats)
            archive.publish_queue.send(result.to_publish)
            time.sleep(0.02)
    (lake.inbox / f"writer-{name}.done").touch()


def publish_what_waits(lake: LakeFolder, number: int) -> None:
    """Publish random batches of what waits, whoever else is at the same chats, to the end."""
    random = Random(number)
    with EmbeddedArchive(lake.path) as archive:
        while True:
            done = len(list(lake.inbox.glob("writer-*.done"))) == 2
            batch = archive.chats.queue.peek(most_chats=1000, most_bytes=10**9)
            if not batch and done:
                return
            batch = random.sample(batch, -(-len(batch) // 2))
            outcome = publish(
                {queued.initial_contact_id for queued in batch},
                store=archive.store,
                chats=archive.chats,
                lake=archive.lake,
                announce=archive.publish_queue.send,
            )
            assert not outcome.failed
            archive.chats.queue.acknowledge(
                q for q in batch if q.initial_contact_id not in outcome.moved
            )


WRITERS = 8
CHANGES = 40


def test_documents_that_many_processes_change_at_once_lose_no_change(tmp_path: Path) -> None:
    start = together(WRITERS)
    writers = [
        begin(
            tmp_path / f"{number}.log",
            partial(merge_items, tmp_path, number),
            barrier=start,
        )
        for number in range(WRITERS)
    ]
    for one in writers:
        one.must_end_well()
    stored = FolderStore(tmp_path / "documents").read("chat")
    assert stored is not None
    assert set(stored.document.items) == {
        f"{number}-{change}" for number in range(WRITERS) for change in range(CHANGES)
    }
    contents = defaultdict[str, set[str]](set)
    for number in range(WRITERS):
        for tag, digest in json.loads((tmp_path / f"{number}.json").read_text()):
            contents[tag].add(digest)
    assert {tag for tag, digests in contents.items() if len(digests) > 1} == set()
    # As many as there were changes: no content had two tags either.
    assert len(contents) == WRITERS * CHANGES


def merge_items(folder: Path, number: int) -> None:
    """Add items to a document, and write down every state of it that was seen, with its tag."""
    store = FolderStore(folder / "documents")
    seen: list[tuple[str, str]] = []
    for change in range(CHANGES):
        item_id = f"{number}-{change}"
        item: Object = {
            item_id: {"versions": [{"source": "export", "read_at": 0, "item": {"Id": item_id}}]}
        }
        stored, differs = store.update("chat", partial(with_items, item))
        assert differs
        seen.append((stored.tag, digest_of(stored.document)))
        read = store.read("chat")
        assert read is not None
        assert read.document.items.keys() >= stored.document.items.keys()
        seen.append((read.tag, digest_of(read.document)))
    store.close()
    (folder / f"{number}.json").write_text(json.dumps(seen))


def with_items(items: Object, known: Document | None) -> Document:
    return Document("chat", items={**(known.items if known else {}), **items})


def digest_of(document: Document) -> str:
    return hashlib.sha256(document.to_bytes()).hexdigest()
