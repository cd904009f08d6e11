"""Prints how large the layers are, and how large and slow to import each function is."""

from __future__ import annotations

import io
import sys
import zipfile
from pathlib import Path

from tools.artifacts import (
    ARCHITECTURES,
    FOLDERS,
    HOST,
    Function,
    built_layer,
    files,
    functions,
    python_folders,
    run_isolated,
    size_bytes,
)

TIMED = """
import time
start = time.perf_counter()
import app
print(time.perf_counter() - start)
"""


def zipped_bytes(folder: Path) -> int:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in files(folder):
            archive.write(path, path.relative_to(folder))
    return len(buffer.getvalue())


def import_s(function: Function) -> float:
    """Take the best of three; the first one also reads the disk."""
    folders = python_folders(function, HOST)
    runs = [run_isolated(folders, TIMED, function.variables) for _ in range(3)]
    failed = [run.stderr for run in runs if run.returncode]
    if failed:
        sys.exit(f"{function.name} cannot be imported:\n{failed[0]}")
    return min(float(run.stdout) for run in runs)


def main() -> None:
    print(f"{'layer':<12}{'processor':<12}{'MB':>8}{'MB zipped':>12}")
    for layer in FOLDERS:
        for architecture in ARCHITECTURES:
            folder = built_layer(layer, architecture)
            sizes = size_bytes(folder) / 1e6, zipped_bytes(folder) / 1e6
            print(f"{FOLDERS[layer]:<12}{architecture:<12}{sizes[0]:>8.1f}{sizes[1]:>12.1f}")
    print(f"\n{'function':<12}{'processor':<12}{'MB':>8}{'import, s':>12}")
    for function in functions():
        size = sum(size_bytes(folder) for folder in python_folders(function, HOST))
        print(f"{function.name:<12}{HOST:<12}{size / 1e6:>8.1f}{import_s(function):>12.2f}")


if __name__ == "__main__":
    main()
