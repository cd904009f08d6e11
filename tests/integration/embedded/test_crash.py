"""Commands that are killed at any moment, and then run again: the lake is as if they had not been.

Moments are spread over the whole of a run, by the processor time that it takes undisturbed.
CHATLAKE_CHAOS_SEED chooses others. `make chaos` adds more of them, and kill -9 from outside.
"""

from __future__ import annotations

import os
import shutil
import time
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from random import Random
from typing import TYPE_CHECKING

import pytest

from chatlake.embedded.archive import EmbeddedArchive
from tests.lake_folder import (
    LakeFolder,
    Rows,
    comparable,
    expected_rows,
    new_lake,
)
from tests.processes import (
    KILLED,
    KILLED_FROM_OUTSIDE,
    begin,
    command,
    import_in_small_batches,
    rebuild_in_small_batches,
)
from tests.rounds import chats_of, first_round, second_round

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from local.chats import Chat

SEED = int(os.environ.get("CHATLAKE_CHAOS_SEED", "1"))
# Of the chats: several with two legs, with attachments, and one that continues an earlier one.
CHATS_SEED = 11


@dataclass
class Scene:
    """A lake as it was before a command that gets killed, and what it holds in the end."""

    lake: LakeFolder
    chats: list[Chat]
    rows: Rows

    @property
    def log(self) -> Path:
        return self.lake.path.parent / "log"

    def importing(self, path: Path) -> Callable[[], object]:
        return partial(import_in_small_batches, self.lake, path)

    def rebuilding(self) -> Callable[[], object]:
        return partial(rebuild_in_small_batches, self.lake)

    def erasing(self) -> Callable[[], object]:
        return partial(command, "--lake", self.lake.path, "erase", *self.to_erase, "--purge")

    def save(self, name: str) -> None:
        """Keep the lake as it now is under a name."""
        shutil.copytree(self.lake.path, self._saved(name))

    def restore(self, name: str) -> None:
        """Make the lake what it was when it was kept under a name; nothing if it never was."""
        shutil.rmtree(self.lake.path, ignore_errors=True)
        if self._saved(name).exists():
            shutil.copytree(self._saved(name), self.lake.path)

    def _saved(self, name: str) -> Path:
        return self.lake.path.parent / f"saved-{name}"

    def kill_at(
        self,
        moments: list[float],
        before: str,
        work: Callable[[], object],
        check: Callable[[int], None],
    ) -> None:
        """Run a command on the same lake again and again, killed at moments: shares of a run."""
        self.restore(before)
        undisturbed = begin(self.log, work)
        undisturbed.must_end_well()
        whole_s = undisturbed.cpu_s
        killed = 0
        for number, moment in enumerate(moments):
            self.restore(before)
            process = begin(self.log, work, kill_after_s=moment * whole_s)
            code = process.end()
            assert code in {0, KILLED}, process.said
            killed += code == KILLED
            with noted(f"killed after {moment:.4f} of a run of {whole_s:.3f} s"):
                check(number)
        assert killed > len(moments) / 3, "most of them came to their end before"

    def kill_from_outside(
        self,
        moments: list[float],
        before: str,
        work: Callable[[], object],
        check: Callable[[int], None],
    ) -> None:
        """Do the same with kill -9 at moments of the clock on the wall."""
        self.restore(before)
        began = time.monotonic()
        begin(self.log, work).must_end_well()
        whole_s = time.monotonic() - began
        for number, moment in enumerate(moments):
            self.restore(before)
            process = begin(self.log, work)
            time.sleep(moment * whole_s)
            process.kill()
            assert process.end() in {0, KILLED_FROM_OUTSIDE}, process.said
            with noted(f"killed after {moment:.4f} of a run of {whole_s:.3f} s"):
                check(number)

    # What must hold when the command was run again.

    def check_import(self, _: int) -> None:
        summary = self.lake.import_files(self.lake.inbox)
        assert summary.rejected == []
        assert summary.upserted.failed | summary.outcome.failed == {}
        assert_rows(self.lake, self.rows)

    @cached_property
    def to_erase(self) -> set[str]:
        """Chats that no other chat continues, for that one has items of theirs."""
        continued = {
            item["RelatedContactId"]
            for chat in self.chats
            for item in chat.transcript()
            if "RelatedContactId" in item
        }
        ids = [chat.initial_contact_id for chat in self.chats]
        return set([one for one in ids if one not in continued][::3])

    @property
    def legs_to_erase(self) -> set[str]:
        return {
            leg.contact_id
            for chat in self.chats
            if chat.initial_contact_id in self.to_erase
            for leg in chat.legs
        }

    def check_erasure(self, _: int) -> None:
        erasure = self.lake.erase(*self.to_erase, purge=True)
        assert erasure.erased | erasure.already_erased == self.to_erase
        expected = {
            table: [row for row in rows if row["initial_contact_id"] not in self.to_erase]
            for table, rows in self.rows.items()
        }
        assert_rows(self.lake, expected)
        assert ids_in_files(self.lake, self.legs_to_erase) == set()
        self.lake.import_files(self.lake.inbox)
        assert_rows(self.lake, expected)
        assert ids_in_files(self.lake, self.legs_to_erase) == set()

    def check_rebuilding(self, number: int) -> None:
        # Either goes on with what was left.
        if number % 2:
            assert self.lake.rebuild() == {}
        else:
            self.lake.import_files(self.lake.inbox / "first.jsonl")
        assert_rows(self.lake, self.rows)

    def check_purging(self, _: int) -> None:
        assert_rows(self.lake, self.rows)
        purge(self.lake.path)
        assert_rows(self.lake, self.rows)
        needed = {
            task.file.file_path
            for table in self.lake.tables().values()
            for task in table.scan().plan_files()
        }
        assert set(map(str, self.lake.path.rglob("*.parquet"))) == needed


@contextmanager
def noted(text: str) -> Iterator[None]:
    try:
        yield
    except BaseException as error:
        error.add_note(text)
        raise


# One moment of six in the gate, the others between them in `make worlds`.
of_six_parts = pytest.mark.parametrize(
    "part", [0, *(pytest.param(part, marks=pytest.mark.world) for part in range(1, 6))]
)


def moments(count: int, *, part: int = 0, of: int = 1) -> list[float]:
    """Shares of a run, spread evenly over it but for chance; or one part of them."""
    random = Random(f"{SEED}/{count}")
    return [(number + random.random()) / count for number in range(count)][part::of]


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """A lake that is kept as it was after each of two rounds of reads, and their files."""
    lake = new_lake(tmp_path_factory.mktemp("crash"))
    chats = chats_of(seed=CHATS_SEED, count=12)
    first = lake.write("first.jsonl", *first_round(chats))
    second = lake.write("second.jsonl", *second_round(chats))
    scene = Scene(lake, chats, {})
    lake.import_files(first)
    scene.save("first round")
    lake.import_files(second)
    scene.save("both rounds")
    scene.rows = lake.rows()
    assert comparable(scene.rows) == expected_rows(*first_round(chats), *second_round(chats))
    return scene


def assert_rows(lake: LakeFolder, expected: Rows) -> None:
    assert lake.differences() == []
    rows = lake.rows()
    for table in expected:
        assert rows[table] == expected[table], table


def ids_in_files(lake: LakeFolder, contact_ids: set[str]) -> set[tuple[str, str]]:
    """Where contacts can still be read in the lake's files, or in their names."""
    found = set()
    for path in lake.path.rglob("*"):
        data = path.read_bytes() if path.is_file() else b""
        name = str(path.relative_to(lake.path))
        found |= {(name, one) for one in contact_ids if one in name or one.encode() in data}
    return found


def purge(lake: Path) -> None:
    with EmbeddedArchive(lake) as archive:
        archive.purge()


@of_six_parts
def test_an_import_that_is_killed_and_run_again_loses_and_doubles_nothing(
    scene: Scene, part: int
) -> None:
    work = scene.importing(scene.lake.inbox)
    scene.kill_at(moments(25, part=part, of=6), "nothing", work, scene.check_import)


@pytest.mark.world
@pytest.mark.parametrize("part", range(6))
def test_an_import_of_changes_that_is_killed_and_run_again_loses_and_doubles_nothing(
    scene: Scene, part: int
) -> None:
    work = scene.importing(scene.lake.inbox / "second.jsonl")
    scene.kill_at(moments(25, part=part, of=6), "first round", work, scene.check_import)


@of_six_parts
def test_an_erasure_that_is_killed_and_run_again_leaves_nothing_of_its_chats(
    scene: Scene, part: int
) -> None:
    work = scene.erasing()
    scene.kill_at(moments(12, part=part, of=6), "both rounds", work, scene.check_erasure)


@of_six_parts
def test_a_rebuilding_that_is_killed_can_be_gone_on_with(scene: Scene, part: int) -> None:
    work = scene.rebuilding()
    scene.kill_at(moments(12, part=part, of=6), "both rounds", work, scene.check_rebuilding)


@pytest.mark.world
def test_a_purge_that_is_killed_deletes_nothing_that_is_needed(scene: Scene) -> None:
    work = partial(purge, scene.lake.path)
    scene.kill_at(moments(6), "both rounds", work, scene.check_purging)


@pytest.mark.chaos
@pytest.mark.parametrize("part", range(10))
def test_kill_9_of_an_import(scene: Scene, part: int) -> None:
    work = scene.importing(scene.lake.inbox)
    some = moments(100, part=part, of=10)
    scene.kill_from_outside(some, "first round", work, scene.check_import)


@pytest.mark.chaos
@pytest.mark.parametrize("part", range(5))
def test_kill_9_of_an_erasure(scene: Scene, part: int) -> None:
    work = scene.erasing()
    some = moments(50, part=part, of=5)
    scene.kill_from_outside(some, "both rounds", work, scene.check_erasure)


@pytest.mark.chaos
@pytest.mark.parametrize("part", range(5))
def test_kill_9_of_a_rebuilding(scene: Scene, part: int) -> None:
    some = moments(50, part=part, of=5)
    scene.kill_from_outside(some, "both rounds", scene.rebuilding(), scene.check_rebuilding)


@pytest.mark.chaos
@pytest.mark.parametrize("part", range(2))
def test_kill_9_of_a_purge(scene: Scene, part: int) -> None:
    work = partial(purge, scene.lake.path)
    some = moments(20, part=part, of=2)
    scene.kill_from_outside(some, "both rounds", work, scene.check_purging)


@pytest.mark.chaos
@pytest.mark.parametrize("number", range(15))
def test_kill_9_of_some_of_several_imports_at_once(scene: Scene, number: int) -> None:
    random = Random(f"{SEED}/{number}")
    scene.restore("nothing")
    work = scene.importing(scene.lake.inbox)
    imports = [begin(scene.log.with_suffix(f".{each}"), work) for each in range(4)]
    for process in imports[:3]:
        time.sleep(random.random())
        process.kill()
        assert process.end() in {0, KILLED_FROM_OUTSIDE}, process.said
    imports[3].must_end_well()
    scene.check_import(number)
