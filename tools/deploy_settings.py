"""Whether samconfig.toml has all for a deployment: `python -m tools.deploy_settings dev arm64`."""

from __future__ import annotations

import re
import sys
import tomllib
from typing import TYPE_CHECKING, Any

from local.cloud.exceptions import DeploymentFailed
from local.cloud.template import read_template
from tools.artifacts import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

SETTINGS = ROOT / "samconfig.toml"
EXAMPLES = ("111122223333", "my-connect-bucket", "connect/my-instance/", "@example.com")
"""What stands in the file for values of one's own."""

_PARAMETER = re.compile(r"(\w+)=(.*)", re.DOTALL)


def wrong(settings: dict[str, Any], environment: str, architecture: str) -> Iterator[str]:
    """Yield what keeps an environment of samconfig.toml from being deployed.

    Parameters
    ----------
    settings
        What the file holds.
    environment
        The name of one of its tables.
    architecture
        The processor that the functions were built for.
    """
    if environment not in settings:
        known = ", ".join(name for name in settings if name != "version")
        yield f"there is no environment {environment}; there are: {known}"
        return
    told = settings[environment].get("deploy", {}).get("parameters", {})
    given = [_PARAMETER.fullmatch(one) for one in told.get("parameter_overrides", [])]
    parameters = {found[1]: found[2] for found in given if found}
    for name, value in parameters.items():
        if any(example in value for example in EXAMPLES):
            yield f"{name}: is an example; put in your own"
    try:
        template = read_template(
            ROOT / "template.yaml", told.get("region", "eu-west-1"), parameters
        )
    except DeploymentFailed as error:
        yield str(error)
        return
    built_for = template.parameters["Architecture"]
    if built_for != architecture:
        yield f"Architecture: is {built_for}, and the functions are built for {architecture}"


def main(arguments: Sequence[str] | None = None, settings: Path = SETTINGS) -> int:
    """Say what is wrong with an environment; return 1 if something is."""
    environment, architecture = arguments or sys.argv[1:]
    said = tomllib.loads(settings.read_text(encoding="utf-8"))
    found = list(wrong(said, environment, architecture))
    for one in found:
        print(f"samconfig.toml, {environment}: {one}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
