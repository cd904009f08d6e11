"""What template.yaml deploys: its functions, and its layers as `sam build` makes them."""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from local.template_source import read_source

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROOT = Path(__file__).resolve().parents[1]
ARCHITECTURES = ("arm64", "x86_64")
HOST = "arm64" if platform.machine() in {"arm64", "aarch64"} else "x86_64"
FOLDERS = {"ArrowLayer": "arrow", "BaseLayer": "base", "ChatlakeLayer": "chatlake"}
BUILT = ROOT / ".aws-sam" / "layers"

_UNFINISHED = "unfinished"
_KEPT_S = 3600
# What uv says when nobody answers, and pip when it fetches uv; any other failure is ours.
_UNREACHABLE = (
    "Failed to fetch",
    "error sending request",
    "network was disabled",
    "No matching distribution found for uv",
)


class IndexUnreachable(Exception):
    """Packages of a layer must be downloaded, and the package index does not answer."""


class BuildFailed(Exception):
    """`make` could not build a layer; the message is its own."""


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the template: its code, the layers it runs on, the variables it reads."""

    name: str
    code: Path
    layers: tuple[str, ...]
    variables: frozenset[str]


def functions(template: Path = ROOT / "template.yaml") -> list[Function]:
    """Read the functions of the template, by name."""
    content = read_source(template)
    shared = content["Globals"]["Function"]["Environment"]["Variables"]
    found = []
    for name, resource in sorted(content["Resources"].items()):
        if resource["Type"] == "AWS::Serverless::Function":
            properties = resource["Properties"]
            own = properties.get("Environment", {}).get("Variables", {})
            layers = tuple(layer["Ref"] for layer in properties["Layers"])
            code = template.parent / properties["CodeUri"]
            found.append(Function(name, code, layers, frozenset({*shared, *own})))
    return found


@cache
def built_layer(layer: str, architecture: str) -> Path:
    """Return a layer's folder, which Lambda has as /opt; build it unless that was done before.

    Processes that ask for the same layer at the same time build it once.
    """
    place = BUILT / f"{FOLDERS[layer]}-{architecture}"
    place.mkdir(parents=True, exist_ok=True)
    with (place / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        built = place / _digest(_inputs(layer, architecture))
        if not built.is_dir():
            for other in place.glob("*/"):
                # A younger one may be in use by whoever has not seen the latest change.
                if other.name == _UNFINISHED or other.stat().st_mtime < time.time() - _KEPT_S:
                    shutil.rmtree(other)
            unfinished = place / _UNFINISHED
            build_layer(layer, architecture, unfinished)
            unfinished.rename(built)
    return built


def build_layer(layer: str, architecture: str, target: Path) -> None:
    """Build a layer into a new folder, with the command that SAM runs."""
    target.mkdir(parents=True)
    makefile = ROOT / "layers" / architecture / "Makefile"
    done = subprocess.run(
        ["make", "--silent", "--makefile", str(makefile), f"build-{layer}"],
        check=False,
        cwd=ROOT / "layers" / FOLDERS[layer],
        # Apart from the make that runs the tests, whose options would reach this one.
        env={**os.environ, "ARTIFACTS_DIR": str(target), "MAKEFLAGS": ""},
        text=True,
        capture_output=True,
    )
    if done.returncode:
        raise (IndexUnreachable if index_is_silent(done.stderr) else BuildFailed)(done.stderr)


def index_is_silent(stderr: str) -> bool:
    """Tell whether a build failed because the package index does not answer."""
    return any(said in stderr for said in _UNREACHABLE)


def python_folders(function: Function, architecture: str) -> list[Path]:
    """List what the function imports from, in Lambda's order: its code, then its layers."""
    # Lambda unpacks layers in order, so the last one decides where two have the same file.
    layers = [built_layer(layer, architecture) / "python" for layer in reversed(function.layers)]
    return [function.code, *layers]


# A rate has room for the reserve that is part of it.
_VALUES = {"CAPTURE_RATE": "2", "CONTENT_POLICY": "full", "LIVE_SOURCE": "websocket"}


def run_isolated(
    folders: Sequence[Path], code: str, variables: frozenset[str] = frozenset()
) -> subprocess.CompletedProcess[str]:
    """Run code that finds the standard library and these folders, nothing installed here."""
    start = f"import sys; sys.path[:0] = {[str(folder) for folder in folders]!r}\n"
    return subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", start + code],
        check=False,
        env={
            # Some are numbers.
            **{name: _VALUES.get(name, "1") for name in variables},
            "AWS_ACCESS_KEY_ID": "none",
            "AWS_SECRET_ACCESS_KEY": "none",
            "AWS_REGION": "eu-west-1",
            "AWS_DEFAULT_REGION": "eu-west-1",
            "PATH": os.defpath,
        },
        text=True,
        capture_output=True,
        timeout=60,
    )


def files(folder: Path) -> list[Path]:
    """List the files below a folder, in a fixed order."""
    return sorted(path for path in folder.rglob("*") if path.is_file())


def size_bytes(folder: Path) -> int:
    """Sum the files as they count against Lambda's limit for unpacked code."""
    return sum(path.stat().st_size for path in files(folder))


def _inputs(layer: str, architecture: str) -> Iterator[Path]:
    folder = FOLDERS[layer]
    yield from (ROOT / "tools" / name for name in ("find-python", "trim_layer.py"))
    yield from (ROOT / "layers" / name for name in ("Makefile", "left-out.txt"))
    yield ROOT / "layers" / architecture / "Makefile"
    yield from files(ROOT / "layers" / folder)
    if layer == "ChatlakeLayer":
        yield from files(ROOT / "queries")
    else:
        yield ROOT / "requirements" / f"layer-{folder}.txt"


def _digest(inputs: Iterator[Path]) -> str:
    digest = hashlib.sha256()
    for path in inputs:
        if "__pycache__" not in path.parts:
            digest.update(f"{path.relative_to(ROOT)}\0{path.stat().st_size}\0".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
