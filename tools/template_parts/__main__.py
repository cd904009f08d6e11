"""Write the generated parts of template.yaml, or check that they are current."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tools.artifacts import ROOT
from tools.template_parts.parts import MarkersMissing, outdated, rewritten

TEMPLATE = ROOT / "template.yaml"


def main(arguments: list[str] | None = None, template: Path = TEMPLATE) -> int:
    """Return the exit code: 1 if a part is not current, or has no place in the template."""
    parser = argparse.ArgumentParser(prog="python -m tools.template_parts", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if outdated")
    only_check = parser.parse_args(arguments).check
    text = template.read_text(encoding="utf-8")
    try:
        if not only_check:
            template.write_text(rewritten(text), encoding="utf-8")
            return 0
        names = outdated(text)
    except MarkersMissing as error:
        print(f"{template.name}: {error}", file=sys.stderr)
        return 1
    for name in names:
        print(f"{template.name}: {name}: not current, run: make template", file=sys.stderr)
    return 1 if names else 0


if __name__ == "__main__":
    sys.exit(main())
