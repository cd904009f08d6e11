"""What commands say on standard error: progress while they run, and a summary."""

from __future__ import annotations

from contextlib import contextmanager
from shlex import quote
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from chatlake.embedded.transcript_files import SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from chatlake.embedded.import_files import ImportSummary
    from chatlake.embedded.transcript_files import Rejection
    from chatlake.operations.erase import Erasure
    from chatlake.operations.findings import Findings
    from chatlake.operations.republish import Requeued
    from chatlake.operations.status import Status
    from chatlake.tables.publish import PublishOutcome

console = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
_REJECTIONS_TO_NAME = 1000
_DAYS_TO_NAME = 10
_CHATS_TO_NAME = 100


class TerminalProgress:
    """A bar for each stage on a terminal, and a line when it is done elsewhere."""

    @contextmanager
    def stage(self, title: str, total: int | None) -> Iterator[Callable[[int], None]]:
        """Begin a stage; the function that comes with it adds to what is done."""
        if total == 0:
            yield lambda _: None
            return
        if not console.is_terminal:
            yield lambda _: None
            console.print(f"{title}: done")
            return
        columns = (
            TextColumn("{task.description:<10}"),
            BarColumn(),
            TaskProgressColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=console) as progress:
            task = progress.add_task(title, total=total)
            yield lambda done: progress.advance(task, done)
            if total is not None:
                progress.update(task, completed=total)


def print_import(summary: ImportSummary, lake_folder: Path) -> int:
    """Say what an import did; return the exit code."""
    upserted, outcome = summary.upserted, summary.outcome
    failed = {**upserted.failed, **outcome.failed}
    parts = [
        f"{len(upserted.new):,} new",
        f"{len(upserted.changed):,} changed",
        f"{len(upserted.unchanged):,} unchanged",
    ]
    if upserted.erased:
        parts.append(f"{len(upserted.erased):,} erased before and left out")
    if upserted.left_out:
        parts.append(f"{counted(upserted.left_out, 'item')} without their content")
    rejected = f", {len(summary.rejected):,} rejected" if summary.rejected else ""
    console.print(
        f"{counted(summary.transcripts, 'transcript')} in {counted(summary.files, 'file')}"
        f"{rejected}: chats {', '.join(parts)}."
    )
    console.print(f"{counted(len(outcome.published), 'chat')} published to {lake_folder}.")
    _print_some(f"Rejected: {rejection}" for rejection in summary.rejected)
    _print_some(f"Failed: {reason}" for reason in failed.values())
    return 1 if summary.rejected or failed else 0


def print_nothing_found(rejected: Iterable[Rejection]) -> int:
    """Say that an import had no file to read; return the exit code."""
    rejected = list(rejected)
    console.print(f"There are no transcript files; their names end in {', '.join(SUFFIXES)}.")
    _print_some(f"Rejected: {rejection}" for rejection in rejected)
    return 1 if rejected else 0


def print_rebuild(outcome: PublishOutcome) -> int:
    """Say what a rebuild did; return the exit code."""
    console.print(f"{counted(len(outcome.published), 'chat')} published.")
    _print_some(f"Failed: {reason}" for reason in outcome.failed.values())
    return 1 if outcome.failed else 0


def print_republished(requeued: Requeued, outcome: PublishOutcome) -> int:
    """Say which chats were published again; return the exit code."""
    code = print_rebuild(outcome)
    if requeued.unknown:
        console.print(f"Not known in this lake: {', '.join(sorted(requeued.unknown))}")
        return 1
    return code


def print_erasure(erasure: Erasure, *, purged: bool) -> int:
    """Say what became of each contact; return the exit code."""
    console.print(f"{counted(len(erasure.erased), 'chat')} erased.")
    if erasure.already_erased:
        contacts = ", ".join(sorted(erasure.already_erased))
        console.print(f"Erased before: {contacts}")
    if erasure.unknown:
        console.print(f"Not known in this lake: {', '.join(sorted(erasure.unknown))}")
    for ref in erasure.still_held:
        console.print(f"The {ref} still holds rows. Drop it: {ref.statement}")
    if erasure.erased and not purged:
        console.print(
            "Files of older snapshots still hold the rows; erase with --purge deletes them."
        )
    return 1 if erasure.unknown else 0


def print_changes_of_others(verification: Findings, place: str) -> int:
    """Say what others have changed and how to undo it; return the number of differences."""
    differences = verification.changes_of_others()
    out = Console(highlight=False, markup=False, soft_wrap=True)
    for line in differences:
        out.print(line)
    for table, columns in verification.columns_of_others.items():
        for name, values in columns.items():
            console.print(
                f"{table}: others have added the column {name}, {counted(values, 'value')}."
            )
    if verification.strangers:
        console.print(
            f"Rows of {counted(len(verification.strangers), 'id')} that no chat has are others' "
            "own: only deleting them, or rebuilding a lake, removes them."
        )
    chats = sorted(verification.chats_of_others)
    if chats:
        # A shell takes no longer list, and nobody reads it.
        named = " ".join(map(quote, chats)) if len(chats) <= _CHATS_TO_NAME else ""
        console.print(
            f"Rows of {counted(len(chats), 'chat')} are as others left them. To have them as the "
            f"documents say: chatlake {place} republish {named}".rstrip()
        )
    return len(differences)


def print_status(status: Status, lake_folder: Path) -> None:
    """Print the state of a lake to standard output."""
    out = Console(highlight=False, markup=False, soft_wrap=True)
    out.print(f"Lake {lake_folder}")
    out.print(
        f"  {counted(status.documents, 'chat')}, {counted(status.contacts, 'contact')}; "
        f"{counted(status.waiting, 'chat')} waiting to be published; "
        f"{counted(status.erased, 'contact')} erased"
    )
    newest = (
        "never" if status.published_at is None else f"{status.published_at:%Y-%m-%d %H:%M:%S} UTC"
    )
    out.print(f"  last published: {newest}")
    for table in status.tables:
        span = f"{table.first:%Y-%m-%d} to {table.last:%Y-%m-%d}" if table.first else "no times"
        out.print(f"  {table.name:<12} {table.rows:>12,} rows  {span}")
    out.print(f"  contacts whose end was not read: {status.incomplete:,}")
    out.print(f"  contacts whose receipts nobody could read: {status.without_receipts:,}")
    if status.empty_days:
        days = ", ".join(map(str, status.empty_days[:_DAYS_TO_NAME]))
        more = len(status.empty_days) - _DAYS_TO_NAME
        out.print(f"  days without any message: {days}{f' and {more:,} more' if more > 0 else ''}")


def _print_some(lines: Iterable[str]) -> None:
    lines = list(lines)
    for line in lines[:_REJECTIONS_TO_NAME]:
        console.print(line)
    if len(lines) > _REJECTIONS_TO_NAME:
        console.print(f"… and {len(lines) - _REJECTIONS_TO_NAME:,} more like these")


def counted(number: int, noun: str) -> str:
    """Write a number of things."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
