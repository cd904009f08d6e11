"""Print docs/cli.md: every command as its own help says it, after an introduction."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from chatlake.cli.commands import chatlake

if TYPE_CHECKING:
    from collections.abc import Iterator

# Of a terminal, and narrow enough for a page.
_COLUMNS = 88

_HEAD = """\
# Command line

This page is generated from the commands' own help (`make docs`); `chatlake COMMAND --help` prints
the same. `pip install .` installs the command, for Python 3.13.

`import` takes responses of `GetTranscript` (`InitialContactId`, `Transcript`; pages of one chat in
any order, over any files) and transcripts that Connect exported to S3, as `.json` or `.jsonl`,
either with `.gz`. All reads of a chat are merged: import a later read, the export, or the same
again, in any order, and the tables hold each row once. A broken input is named with file, line and
reason, and the others go in.

The lake is a folder: `documents/` (one JSON file per chat, the source of truth), `warehouse/`
(Iceberg v2 tables in Parquet) and two SQLite files, the Iceberg catalog and the state of chats.
Any Iceberg reader can open it. Several imports may run at once. Interrupting a command loses
nothing; run it again.

`--stack NAME` means a stack that is deployed in place of a folder (`pip install '.[aws]'`), with
the credentials that the AWS CLI would use: its outputs name all that a command needs. It must run
the version of chatlake that is installed here. `import` and `rebuild` are for folders alone,
`backfill`, `doctor`, `redrive` and `smoke` are for stacks, and `pull` asks Connect itself.
`$CHATLAKE_LAKE` and `$CHATLAKE_STACK` stand for the options; what is said on the command line
counts before both.
"""


def page() -> str:
    """Return the page."""
    root = click.Context(
        chatlake, info_name="chatlake", terminal_width=_COLUMNS, **chatlake.context_settings
    )
    contexts = list(_contexts(root))
    out = [_HEAD, "| command | does |", "|---|---|"]
    for context in contexts:
        name, about = context.command_path, context.command.get_short_help_str(limit=200)
        out.append(f"| [`{name}`](#{name.replace(' ', '-')}) | {about} |")
    for context in contexts:
        text = "\n".join(line.rstrip() for line in context.get_help().splitlines())
        out.append(f"\n## {context.command_path}\n\n```text\n{text}\n```")
    return "\n".join(out) + "\n"


def _contexts(context: click.Context) -> Iterator[click.Context]:
    """Yield a command and all below it, each with the words that call it."""
    yield context
    if isinstance(context.command, click.Group):
        for name, command in sorted(context.command.commands.items()):
            if not command.hidden:
                yield from _contexts(click.Context(command, info_name=name, parent=context))


def main() -> None:
    print(page(), end="")


if __name__ == "__main__":
    main()
