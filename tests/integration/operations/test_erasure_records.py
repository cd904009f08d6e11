"""Every erasure leaves a record: who asked for what, and when the last bytes of it were gone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from chatlake.exceptions import TableDiffers
from chatlake.operations.optimizer_runs import failed_optimizers
from chatlake.tables import schema
from tests.functions import Load, call
from tests.lake_folder import CANARY, message, page
from tests.metric_blobs import blobs, values
from tests.small_stack import SmallStack, small_stack

if TYPE_CHECKING:
    from types import ModuleType

    from tests.aws import Aws

WHO = "arn:aws:sts::111122223333:assumed-role/Privacy/jane"

pytestmark = pytest.mark.filterwarnings("ignore:No application metrics:UserWarning")


@pytest.fixture
def stack(aws: Aws, load: Load, monkeypatch: pytest.MonkeyPatch) -> Iterator[SmallStack]:
    with small_stack(aws, load, monkeypatch) as made:
        made.take(page("c1", message(), ContactId=None), page("c2", message()))
        yield made


@pytest.fixture
def erase(load: Load, stack: SmallStack) -> Any:
    assert stack.archive is not None
    function: Any = load("erase")
    # moto has none.
    function.failed_optimizers = lambda *_, **__: []
    return function


def objects(aws: Aws, stack: SmallStack) -> dict[str, dict[str, Any]]:
    """Records by their keys, without the prefix."""
    s3, bucket = aws.client("s3"), stack.settings.document_bucket
    found = s3.list_objects_v2(Bucket=bucket, Prefix="erasures/").get("Contents", [])
    return {
        one["Key"].removeprefix("erasures/"): json.loads(
            s3.get_object(Bucket=bucket, Key=one["Key"])["Body"].read()
        )
        for one in found
    }


def expire(stack: SmallStack) -> None:
    """What Glue's retention does in its time."""
    for table in schema.TABLES:
        loaded = stack.archive.lake.load_as_it_is(table)
        if loaded.current_snapshot() is not None:
            loaded.maintenance.expire_snapshots().older_than(datetime.now()).commit()  # noqa: DTZ005


def test_the_record_says_who_erased_what_and_when_the_bytes_were_gone(
    aws: Aws, stack: SmallStack, erase: ModuleType
) -> None:
    answer = call(erase, {"contact_ids": ["c1", "nobody"], "requested_by": WHO})
    [(name, record)] = objects(aws, stack).items()
    assert name.startswith("open/")
    assert answer["record"] == (
        f"s3://{stack.settings.document_bucket}/erasures/{name.replace('open/', 'done/')}"
    )
    assert record["requested_by"] == WHO
    assert record["contact_ids"] == ["c1", "nobody"]
    assert (record["erased"], record["unknown"]) == (["c1"], ["nobody"])
    assert record["requested_at"] <= record["rows_gone_at"]
    assert record["bytes_gone_at"] is None
    # The day after nothing has expired yet.
    call(erase, {"upkeep": True})
    assert [*objects(aws, stack)] == [name]
    expire(stack)
    call(erase, {"upkeep": True})
    [(done, closed)] = objects(aws, stack).items()
    assert done == name.replace("open/", "done/")
    assert closed["bytes_gone_at"] >= record["rows_gone_at"]
    assert {**closed, "bytes_gone_at": None} == record
    assert CANARY not in json.dumps(closed)


def test_an_erasure_that_is_cut_off_has_its_record_too(
    aws: Aws, stack: SmallStack, erase: ModuleType
) -> None:
    erase.archive.lake.load = lambda _: (_ for _ in ()).throw(TableDiffers("messages", "x", "y"))
    with pytest.raises(TableDiffers):
        call(erase, {"contact_ids": ["c1"], "requested_by": WHO})
    [record] = objects(aws, stack).values()
    assert (record["contact_ids"], record["rows_gone_at"]) == (["c1"], None)
    expire(stack)
    call(erase, {"upkeep": True})
    [name] = objects(aws, stack)
    assert name.startswith("open/")


@pytest.mark.parametrize("who", [None, WHO])
def test_whoever_invokes_the_function_may_say_who_asked(
    aws: Aws, stack: SmallStack, erase: ModuleType, who: str | None
) -> None:
    call(erase, {"contact_ids": ["c1"]} | ({"requested_by": who} if who else {}))
    [record] = objects(aws, stack).values()
    assert record["requested_by"] == who


# --- optimizers


class Glue:
    """Glue, as far as its optimizers go."""

    def __init__(self, **runs: str) -> None:
        self.runs = runs

    def get_table_optimizer(self, **asked: str) -> dict[str, Any]:
        if self.runs.get("gone") == asked["TableName"]:
            raise ClientError({"Error": {"Code": "EntityNotFoundException"}}, "GetTableOptimizer")
        if "denied" in self.runs:
            raise ClientError({"Error": {"Code": "AccessDeniedException"}}, "GetTableOptimizer")
        assert (asked["CatalogId"], asked["DatabaseName"]) == ("111122223333", "chatlake")
        run = self.runs.get(f"{asked['TableName']}_{asked['Type']}")
        return {"TableOptimizer": {"lastRun": {"eventType": run}} if run else {}}


def failed(glue: Glue) -> list[str]:
    return failed_optimizers(glue, account="111122223333", database="chatlake")  # type: ignore[arg-type]


def test_an_optimizer_whose_last_run_failed_is_named() -> None:
    assert failed(Glue(messages_retention="failed", receipts_compaction="completed")) == [
        "messages retention"
    ]
    assert failed(Glue(gone="messages", contacts_orphan_file_deletion="failed")) == [
        "contacts orphan_file_deletion"
    ]
    with pytest.raises(ClientError):
        failed(Glue(denied="all"))


@pytest.mark.parametrize(
    ("runs", "count"), [({}, [0.0]), ({"messages_retention": "failed"}, [1.0])]
)
def test_failed_optimizers_are_a_metric(
    erase: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    runs: dict[str, str],
    count: list[float],
) -> None:
    monkeypatch.setattr(erase, "failed_optimizers", lambda *_, **__: failed(Glue(**runs)))
    capsys.readouterr()
    call(erase, {"upkeep": True})
    assert values(blobs(capsys.readouterr().out), "OptimizersFailed") == count


def test_a_region_without_optimizers_or_a_refusal_stops_nothing(
    erase: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(erase, "failed_optimizers", lambda *_, **__: failed(Glue(denied="all")))
    capsys.readouterr()
    assert call(erase, {"upkeep": True}) == {}
    assert values(blobs(capsys.readouterr().out), "OptimizersFailed") == []
