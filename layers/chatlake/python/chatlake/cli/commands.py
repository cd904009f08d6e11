"""The command line: `chatlake`."""

from __future__ import annotations

import gc
import sys
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

import click

from chatlake.aws.stack_address import StackAddress
from chatlake.cli.backfill import backfill
from chatlake.cli.doctor import doctor
from chatlake.cli.options import (
    check_folder,
    content_policy_option,
    pass_lake,
    pass_place,
    place_options,
    with_period,
)
from chatlake.cli.pull import pull
from chatlake.cli.smoke import smoke
from chatlake.cli.upkeep import document, erase, rebuild, redrive, republish, status, verify
from chatlake.exceptions import ChatlakeError
from chatlake.interrupts import end_on_ctrl_c

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from chatlake.analytics.sql_files import Period


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@place_options
@click.version_option(package_name="chatlake")
def chatlake() -> None:
    """Amazon Connect chat transcripts as tables: who wrote what, and when it was read.

    A lake is a folder. Fill it with transcript files and ask it with SQL:

    \b
      chatlake import transcripts/
      chatlake query "SELECT count(*) FROM messages"
      chatlake query --named read_latency_by_role

    Or it is a stack that is deployed in AWS, which fills itself:

    \b
      chatlake --stack prod status
      chatlake --stack prod query --named read_latency_by_role
    """


@chatlake.command("import")
@click.argument("paths", nargs=-1, required=True, metavar="PATH…")
@content_policy_option
@pass_lake
def import_(lake_folder: Path, paths: tuple[str, ...], content_policy: str) -> int:
    """Import transcript files into the lake.

    PATH is a file, a folder with all below it, or a quoted glob. Files end in .json (one value)
    or .jsonl (one a line), either with .gz. A value is a response of GetTranscript
    (InitialContactId, Transcript; pages of one chat in any order, over any files) or a transcript
    that Connect exported to S3. Importing the same again changes nothing.

    \b
      chatlake import transcripts/ 'more/2026-11-*.jsonl.gz'

    Exit code: 0 all is in, 1 some input was rejected (and named; the rest is in).
    """
    from chatlake.cli.console import TerminalProgress, print_import, print_nothing_found
    from chatlake.documents.content_policy import ContentPolicy
    from chatlake.embedded.archive import EmbeddedArchive
    from chatlake.embedded.import_files import import_files
    from chatlake.embedded.transcript_files import find_files

    files, rejected = find_files(paths)
    if not files:
        # A mistyped path leaves no empty lake behind.
        return print_nothing_found(rejected)
    # Parsed JSON has no cycles to look for; what does is collected between batches.
    gc.disable()
    policy = ContentPolicy(content_policy)
    with EmbeddedArchive(lake_folder, create=True, policy=policy) as archive:
        summary = import_files(files, archive, TerminalProgress(), rejected)
    return print_import(summary, lake_folder)


@chatlake.command()
@click.argument("sql", required=False)
@click.option("--named", metavar="NAME", help="Run a named query; without SQL they are listed.")
@with_period
@click.option(
    "--format",
    "output_format",
    type=click.Choice(["table", "csv", "json", "parquet"]),
    default="table",
    show_default=True,
)
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    callback=check_folder,
    help="Write to a file instead of standard output; parquet needs one.",
)
@click.option(
    "--dialect",
    type=click.Choice(["duckdb", "athena"]),
    help="Whose SQL it is that you wrote: DuckDB's if not said, on a stack always Athena's.",
)
@pass_place
def query(
    place: Path | StackAddress,
    sql: str | None,
    named: str | None,
    period: Period | None,
    output_format: str,
    output: Path | None,
    dialect: str | None,
) -> int:
    """Run SQL on the lake; without SQL, list tables, views and named queries.

    \b
      chatlake query
      chatlake query "SELECT item_type, count(*) FROM messages GROUP BY 1"
      chatlake query --named read_latency_by_role --since 2026-11-01 --until 2026-11-30
      chatlake query "SELECT * FROM receipts" --format parquet --output receipts.parquet

    On a stack Athena runs it, in the stack's workgroup. What it has read, what that costs and how
    much the workgroup lets a query read is said at the end, and Ctrl-C stops the query.
    """
    from chatlake.cli.query_output import list_queries, write_result

    _check_asked(sql, named, period, output_format, output)
    is_stack = isinstance(place, StackAddress)
    if is_stack and dialect == "duckdb":
        message = "--dialect duckdb is for the folder of a lake: Athena has a dialect of its own"
        raise click.UsageError(message)
    parameters: Sequence[str] = ()
    if named:
        sql, parameters = _named(named, period)
    if sql is None:
        list_queries()
        return 0
    if isinstance(place, StackAddress):
        from chatlake.cli import ask_stack

        return ask_stack.query(place, sql, output_format, output, parameters)
    from chatlake.cli.waiting import warn_of_waiting

    warn_of_waiting(place)
    as_athena = bool(named) or dialect == "athena"
    write_result(place, sql, output_format, output, parameters, as_athena=as_athena)
    return 0


def _check_asked(
    sql: str | None,
    named: str | None,
    period: Period | None,
    output_format: str,
    output: Path | None,
) -> None:
    message = None
    if sql and named:
        message = "give SQL or --named, not both"
    elif output_format == "parquet" and output is None:
        message = "--format parquet needs --output FILE"
    elif period and not named:
        message = "--since and --until go with --named; in SQL of your own say WHERE chat_day …"
    elif sql is None and not named and output is not None:
        message = "--output needs SQL or --named"
    if message:
        raise click.UsageError(message)


def _named(name: str, period: Period | None) -> tuple[str, Sequence[str]]:
    """Return the SQL of a named query, which is Athena's, and its parameters."""
    from chatlake.analytics.sql_files import ALWAYS, load_named

    ready = {query.name: query for query in load_named()}
    if name not in ready:
        alike = get_close_matches(name, ready)
        others = f"did you mean {' or '.join(alike)}?" if alike else f"there are {', '.join(ready)}"
        message = f"there is no query {name}; {others}"
        raise click.UsageError(message)
    return ready[name].sql, (period or ALWAYS).parameters


@chatlake.command()
@with_period
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    default="report.html",
    show_default=True,
    callback=check_folder,
    help="Where to write the page.",
)
@pass_place
def report(place: Path | StackAddress, period: Period | None, output: Path) -> int:
    """Write a page about how fast messages are seen, to open in a browser.

    It needs no network. It shows how long messages take to be seen: at all, day by day, by hour of
    the week, by queue and role; of how many that is known; and how whole the archive is.

    \b
      chatlake report
      chatlake report --since 2026-11-01 --until 2026-11-30 --output november.html

    On a stack Athena computes it, by a query for each figure.
    """
    from chatlake.analytics.sql_files import ALWAYS

    messages = _report(place, output, period or ALWAYS)
    told = f"{messages:,} messages" if messages else "no messages; the page says what to do"
    click.echo(f"{output}: {told}. Open it in a browser.", err=True)
    return 0


def _report(place: Path | StackAddress, output: Path, period: Period) -> int:
    if isinstance(place, StackAddress):
        from chatlake.cli import ask_stack

        return ask_stack.report(place, period, output)
    from chatlake.analytics.report import write_report
    from chatlake.cli.console import TerminalProgress
    from chatlake.cli.waiting import warn_of_waiting

    warn_of_waiting(place)
    return write_report(place, output, period, TerminalProgress())


for command in (
    rebuild, republish, verify, erase, status, document, redrive, backfill, doctor, smoke, pull
):  # fmt: skip
    chatlake.add_command(command)


def main() -> None:
    """Run the command line; errors that a user can mend are one line without a traceback."""
    end_on_ctrl_c("Interrupted. Nothing is lost: run the same command again to go on.")
    sys.exit(_run(chatlake.main))


def _run(command: Callable[..., int]) -> int:
    try:
        return command(standalone_mode=False) or 0
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except BrokenPipeError:
        # The reader of our output has enough; nobody is left to tell.
        sys.stderr.close()
        return 0
    except (ChatlakeError, OSError) as error:
        # The latter is a folder that may not be written, or a full disk.
        click.echo(f"Error: {_message(error)}", err=True)
        return 1


def _message(error: Exception) -> str:
    if isinstance(error, OSError) and error.filename and error.strerror:
        return f"{error.filename}: {error.strerror}"
    return str(error)
