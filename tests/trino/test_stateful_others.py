"""Others write with Trino to the deployed tables, between any two of our steps."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from hypothesis import Phase, settings

from tests.others.foreign import NOBODY, OthersAmongOurs
from tests.stateful.reads import CHAT, OTHER_CHAT, READS, READS_OF
from tests.stateful.world import World
from tests.trino.with_trino import TrinoOthers

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.others.protocol import Others
    from tests.trino.shared_lake import SharedLake

pytestmark = pytest.mark.trino


class DeployedWorld(World):
    """A world whose tables are in Glue and on S3."""

    def __init__(self, lake: SharedLake) -> None:
        super().__init__()
        self.lake = lake.archive.lake
        self.catalog = lake.archive.lake._catalog


class OthersInAthena(OthersAmongOurs):
    """The tables of a deployed archive."""

    make_lake: ClassVar[Callable[..., SharedLake]]

    def make_world(self) -> World:
        self.deployed = type(self).make_lake()
        return DeployedWorld(self.deployed)

    def make_others(self) -> Others:
        assert self.world.catalog is not None
        return TrinoOthers(self.deployed, self.world.catalog)


@pytest.fixture(scope="module", autouse=True)
def lakes_of_examples(make_lake: Callable[[], SharedLake]) -> None:
    OthersInAthena.make_lake = staticmethod(make_lake)


def test_each_thing_that_others_can_do_between_two_publications(lakes_of_examples: None) -> None:
    machine = OthersInAthena()
    reads = [(chat, read) for chat in (CHAT, OTHER_CHAT) for read in sorted(READS)]
    steps: list[Callable[[], object]] = []

    def publish(some: list[tuple[str, str]]) -> None:
        machine.upsert(*(READS_OF[chat][read] for chat, read in some))
        machine.publish()

    for table in ("messages", "receipts"):
        of_table: list[tuple[Callable[..., object], dict[str, Any]]] = [
            (machine.others_fill_a_column_of_theirs, {"chat": CHAT, "name": "marks", "which": 0}),
            (machine.others_insert, {"chat": NOBODY, "day": 3}),
            (machine.others_move_rows, {"chat": OTHER_CHAT, "day": 5}),
            (machine.others_refer, {"name": "trial", "day": 2}),
            (machine.others_partition, {"which": 0}),
            (machine.others_delete, {"chat": CHAT, "copying": False}),
            (
                machine.others_fill_a_column_of_theirs,
                {"chat": NOBODY, "name": "labels", "which": 0},
            ),
            (machine.others_compact, {}),
            (machine.others_keep_order, {"what": "expire_snapshots"}),
            (machine.others_insert, {"chat": CHAT, "day": 7}),
            (machine.others_partition, {"which": 1}),
            (machine.others_merge, {"chat": OTHER_CHAT, "column": 3, "day": 6}),
            (machine.others_keep_order, {"what": "sort_by"}),
            (machine.others_refer, {"name": "trial", "day": 2}),
            (machine.others_keep_order, {"what": "remove_orphans"}),
            (machine.others_keep_order, {"what": "remove_properties"}),
            (lambda table: machine.others_drop((table, "marks")), {}),
        ]
        steps += [partial(step, table=table, **given) for step, given in of_table]
    try:
        for number, step in enumerate(steps):
            step()
            if number % 3 == 2:
                publish([reads[number % len(reads)]])
        machine.others_rename(("contacts", "channel"))
        publish(reads[1::2])
        machine.an_erasure_begins(OTHER_CHAT, 10_000)
    finally:
        machine.teardown()


TestOthers: Any = pytest.mark.timeout(1800)(OthersInAthena.TestCase)
TestOthers.settings = settings(
    # A step takes a second. The same examples each time, and none made smaller.
    max_examples=max(settings().max_examples // 6, 1),
    stateful_step_count=12,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    print_blob=False,
)
