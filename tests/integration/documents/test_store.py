"""Stores of documents: S3 and a folder keep one contract."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from chatlake.documents.document import Document, merge
from chatlake.documents.store import StoredDocument
from chatlake.documents.store.folder import FolderStore
from chatlake.documents.store.s3 import S3Store
from chatlake.exceptions import DamagedDocument, DocumentContested
from chatlake.sources.get_transcript import from_response
from tests.aws import Aws

if TYPE_CHECKING:
    from chatlake.documents.store import DocumentStore

ODD = ("c1", "a b/../c", "ü😀", "UPPER", "upper", "%2F", "+", "x" * 300, "y" * 300, "nul\x00")


@dataclass(frozen=True)
class Place:
    """Where documents are: gives a store of its own to each writer, and damages documents."""

    open: Callable[[], DocumentStore]
    write: Callable[[str, bytes], None]


@pytest.fixture(params=["s3", "folder"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    if request.param == "s3":
        aws: Aws = request.getfixturevalue("aws")
        bucket, s3 = aws.bucket(), aws.client("s3")

        def put(chat: str, data: bytes) -> None:
            found = s3.list_objects_v2(Bucket=bucket)["Contents"]
            [key] = [o["Key"] for o in found if o["Key"].endswith(f"/{chat}.json")]
            s3.put_object(Bucket=bucket, Key=key, Body=data)

        yield Place(lambda: S3Store(s3, bucket), put)
        return
    with ExitStack() as stack:

        def store() -> FolderStore:
            opened = FolderStore(tmp_path / "documents")
            stack.callback(opened.close)
            return opened

        def write(chat: str, data: bytes) -> None:
            [path] = tmp_path.glob(f"documents/*/{chat}.json")
            path.write_bytes(data)

        yield Place(store, write)


def document(chat: str, *items: str) -> Document:
    listed = [{"Id": item, "Type": "MESSAGE"} for item in items]
    return from_response({"InitialContactId": chat, "Transcript": listed})


def adding(added: Document) -> Callable[[Document | None], Document]:
    return lambda known: added if known is None else merge(known, added)


def test_what_was_written_is_read_back(place: Place) -> None:
    store = place.open()
    assert store.read("c1") is None
    stored, differs = store.update("c1", adding(document("c1", "m1")))
    assert differs
    assert stored.size == len(document("c1", "m1").to_bytes())
    assert store.read("c1") == stored
    assert store.tags(["c1", "c2"]) == {"c1": stored.tag}
    assert store.read_many(["c1", "c2"]) == {"c1": stored}


def test_writing_the_same_again_changes_nothing(place: Place) -> None:
    store = place.open()
    first, _ = store.update("c1", adding(document("c1", "m1")))
    again, differs = store.update("c1", adding(document("c1", "m1")))
    assert not differs
    assert again == first


def test_a_change_has_another_tag(place: Place) -> None:
    store = place.open()
    tags = {store.update("c1", adding(document("c1", str(n))))[0].tag for n in range(5)}
    assert len(tags) == 5


def test_writers_at_once_lose_nothing(place: Place) -> None:
    def write(writer: int) -> None:
        store = place.open()
        for turn in range(4):
            store.update("c1", adding(document("c1", f"m{writer}-{turn}")))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    stored = place.open().read("c1")
    assert stored is not None
    assert stored.document.items.keys() == {f"m{w}-{t}" for w in range(4) for t in range(4)}


def test_ids_of_any_kind_have_documents_of_their_own(place: Place) -> None:
    store = place.open()
    for chat in ODD:
        store.update(chat, adding(document(chat, "m1")))
    for chat in ODD:
        stored = store.read(chat)
        assert stored is not None
        assert stored.document.initial_contact_id == chat
    found = [s.document.initial_contact_id for s in store if isinstance(s, StoredDocument)]
    assert sorted(found) == sorted(ODD)
    assert store.tags(ODD).keys() == set(ODD)


def test_a_document_is_deleted_in_the_state_that_was_seen_only(place: Place) -> None:
    store = place.open()
    before, _ = store.update("c1", adding(document("c1", "m1")))
    after, _ = store.update("c1", adding(document("c1", "m2")))
    assert not store.delete("c1", before.tag)
    assert store.read("c1") == after
    assert store.delete("c1", after.tag)
    assert store.read("c1") is None
    assert store.delete("c1", after.tag)
    assert store.delete("c1")
    assert store.delete("never there")


def test_a_deleted_document_begins_anew(place: Place) -> None:
    store = place.open()
    store.update("c1", adding(document("c1", "m1")))
    assert store.delete("c1")
    stored, differs = store.update("c1", adding(document("c1", "m2")))
    assert differs
    assert stored.document.items.keys() == {"m2"}


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"format": 99}', b"\xff", b'{"format":1}'])
def test_a_damaged_document_is_named_and_left_alone(place: Place, data: bytes) -> None:
    store = place.open()
    for chat in ("c1", "c2"):
        store.update(chat, adding(document(chat, "m1")))
    place.write("c1", data)
    with pytest.raises(DamagedDocument, match="c1"):
        store.read("c1")
    with pytest.raises(DamagedDocument):
        store.update("c1", adding(document("c1", "m2")))
    assert isinstance(store.read_many(["c1", "c2"])["c1"], DamagedDocument)
    found = list(store)
    [damaged] = [one for one in found if isinstance(one, DamagedDocument)]
    assert damaged.initial_contact_id == "c1"
    [sound] = [one for one in found if isinstance(one, StoredDocument)]
    assert sound.document.initial_contact_id == "c2"
    assert store.tags(["c1"]).keys() == {"c1"}


def test_another_chats_document_is_not_taken_for_ones_own(place: Place) -> None:
    store = place.open()
    store.update("c1", adding(document("c1", "m1")))
    place.write("c1", document("c2", "m1").to_bytes())
    with pytest.raises(DamagedDocument, match="another chat"):
        store.read("c1")


def test_a_document_that_is_deleted_while_it_is_changed_is_not_brought_back(aws: Aws) -> None:
    bucket = aws.bucket()
    store, other = S3Store(aws.client("s3"), bucket), S3Store(aws.client("s3"), bucket)
    store.update("c1", adding(document("c1", "old")))
    seen: list[Document | None] = []

    def change(known: Document | None) -> Document:
        if not seen:
            other.delete("c1")
        seen.append(known)
        return adding(document("c1", "new"))(known)

    stored, _ = store.update("c1", change)
    assert stored.document.items.keys() == {"new"}
    assert [known is None for known in seen] == [False, True]


def test_a_writer_who_is_never_first_says_so(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    bucket = aws.bucket()
    store, other = S3Store(aws.client("s3"), bucket), S3Store(aws.client("s3"), bucket)
    monkeypatch.setattr("time.sleep", lambda _: None)
    turns = iter(range(100))

    def change(known: Document | None) -> Document:
        other.update("c1", adding(document("c1", f"other-{next(turns)}")))
        return adding(document("c1", "mine"))(known)

    with pytest.raises(DocumentContested, match="nothing is lost"):
        store.update("c1", change)
    stored = other.read("c1")
    assert stored is not None
    assert "mine" not in stored.document.items


def test_no_version_of_a_deleted_document_stays(aws: Aws) -> None:
    bucket, s3 = aws.bucket(), aws.client("s3")
    store = S3Store(s3, bucket)
    # One name is the other's beginning.
    for item in ("m1", "m2"):
        store.update("c", adding(document("c", item)))
    kept, _ = store.update("c.json", adding(document("c.json", "m1")))
    store.delete("c")
    assert store.delete_versions("c") == 3
    assert store.delete_versions("c") == 0
    left: dict[str, Any] = s3.list_object_versions(Bucket=bucket)
    assert len(left["Versions"]) == 1
    assert store.read("c.json") == kept


def test_a_bucket_that_refuses_is_no_empty_store(aws: Aws) -> None:
    class Refusing:
        def __getattr__(self, name: str) -> Any:
            def refuse(**_: Any) -> Any:
                response: Any = {
                    "Error": {"Code": "AccessDenied"},
                    "ResponseMetadata": {"HTTPStatusCode": 403},
                }
                raise ClientError(response, name)

            return refuse

    store = S3Store(Refusing(), "bucket")  # type: ignore[arg-type]
    for ask in (
        lambda: store.read("c1"),
        lambda: store.tags(["c1"]),
        lambda: store.delete("c1"),
        lambda: store._put("key", b"", None),
    ):
        with pytest.raises(ClientError):
            ask()
