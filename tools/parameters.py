"""Put the table of the template's parameters into docs/deployment.md."""

from __future__ import annotations

import re
from typing import Any

from local.template_source import read_source
from tools.artifacts import ROOT

PAGE = ROOT / "docs" / "deployment.md"
TABLE = re.compile(r"(?<=<!-- parameters -->\n).*?(?=<!-- /parameters -->)", re.DOTALL)


def table() -> str:
    template: dict[str, Any] = read_source(ROOT / "template.yaml")
    interface = template["Metadata"]["AWS::CloudFormation::Interface"]
    labels = {name: told["default"] for name, told in interface["ParameterLabels"].items()}
    lines = ["| parameter | default | what it is |", "|---|---|---|"]
    for group in interface["ParameterGroups"]:
        lines.append(f"| **{group['Label']['default']}** | | |")
        for name in group["Parameters"]:
            told = template["Parameters"][name]
            parts = [labels.get(name), told.get("Description")]
            about = ". ".join(part.rstrip(".") for part in parts if part) + "."
            limits = f" {told['MinValue']} to {told['MaxValue']}." if "MinValue" in told else ""
            lines.append(f"| `{name}` | {_default(told)} | {about}{limits} |")
    return "\n".join(lines) + "\n"


def _default(told: dict[str, Any]) -> str:
    if "Default" not in told:
        return "required"
    return f"`{told['Default']}`" if told["Default"] != "" else ""


def main() -> None:
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(TABLE.sub(lambda _: table(), page), encoding="utf-8")


if __name__ == "__main__":
    main()
