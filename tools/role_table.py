"""Put the table of the roles into docs/security.md."""

from __future__ import annotations

import re

from tools.artifacts import ROOT
from tools.template_parts.roles import ROLES
from tools.template_parts.statement import Statement

PAGE = ROOT / "docs" / "security.md"
TABLE = re.compile(r"(?<=<!-- roles -->\n).*?(?=<!-- /roles -->)", re.DOTALL)

_OF_SERVICES = {"glue": "Glue's optimizers", "scheduler": "schedules of Athena's statements"}


def table() -> str:
    """Return the table: a row for each statement, the name of the role in its first."""
    lines = ["| role of | on | may |", "|---|---|---|"]
    for role in ROLES:
        name = _OF_SERVICES.get(role.service, role.of)
        first, *others = map(_said, role.statements)
        lines.append(f"| {name} {first}")
        lines += [f"| {said}" for said in others]
    return "\n".join(lines) + "\n"


def _said(statement: Statement) -> str:
    actions = ", ".join(f"`{action}`" for action in statement.actions)
    return f"| {statement.on} | {actions} |"


def main() -> None:
    """Write it."""
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(TABLE.sub(lambda _: table(), page), encoding="utf-8")


if __name__ == "__main__":
    main()
