"""Questions to a stack, by Athena: what it reads and costs is said, and Ctrl-C stops the query."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from chatlake.analytics.athena_engine import AthenaEngine
from chatlake.aws.stack import open_stack
from chatlake.cli.console import TerminalProgress, console
from chatlake.cli.query_output import write_rows
from chatlake.cli.stack_console import megabytes, print_cost

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from chatlake.analytics.sql_files import Period
    from chatlake.aws.stack_address import StackAddress


def query(
    address: StackAddress,
    sql: str,
    output_format: str,
    output: Path | None,
    parameters: Sequence[str] = (),
) -> int:
    """Run SQL on Athena, and write its rows in a format, to a file or standard output."""
    with _engine(address) as (engine, ended):
        rows = engine.run(sql, parameters)
        ended()
        write_rows(rows, output_format, output)
    return 0


def report(address: StackAddress, period: Period, output: Path) -> int:
    """Write the report of a stack; return the number of messages that it tells of."""
    from chatlake.analytics.report import write_report_of_stack

    with _engine(address, quiet=True) as (engine, _):
        return write_report_of_stack(engine, output, period, TerminalProgress())


@contextmanager
def _engine(
    address: StackAddress, *, quiet: bool = False
) -> Iterator[tuple[AthenaEngine, Callable[[], None]]]:
    """Yield an engine that shows how its query goes on, and what ends that."""
    with open_stack(address) as stack, ExitStack() as shown:
        settings = stack.settings
        status = console.status("Asking Athena")
        if console.is_terminal and not quiet:
            shown.enter_context(status)

        def told(state: str, bytes_read: int) -> None:
            status.update(f"{state.capitalize()}, {megabytes(bytes_read)} read")

        engine = AthenaEngine(
            stack.client("athena"),
            # A client of its own, which any option makes.
            stopper=stack.client("athena", max_pool_connections=1),
            database=settings.database,
            workgroup=settings.workgroup,
            told=told,
        )
        limit = engine.limit()
        try:
            yield engine, shown.close
        finally:
            shown.close()
            if engine.cost.queries:
                print_cost(engine.cost, limit, settings.workgroup)
