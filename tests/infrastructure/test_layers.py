"""What the layers hold, for both processors, and that what is left of them works."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import struct
import subprocess
import sys
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import boto3
import pytest
from moto.server import ThreadedMotoServer

from tests.socket_service import SocketService
from tools.artifacts import (
    ARCHITECTURES,
    FOLDERS,
    HOST,
    ROOT,
    Function,
    IndexUnreachable,
    build_layer,
    built_layer,
    files,
    functions,
    index_is_silent,
    run_isolated,
    size_bytes,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

SAM = ROOT / ".venv" / "sam" / "bin" / "sam"
TRIM = ROOT / "tools" / "trim_layer.py"
# ELF's e_machine
MACHINES = {"arm64": 183, "x86_64": 62}
SERVICES = sorted(
    re.findall(
        r"^!botocore/data/(\w+)/", (ROOT / "layers/base/left-out.txt").read_text(), re.MULTILINE
    )
)
FUNCTIONS = functions()

of_each_architecture = pytest.mark.parametrize("architecture", ARCHITECTURES)
loads_libraries = pytest.mark.skipif(sys.platform != "linux", reason="layers are for Linux")
of_each_function = pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f.name)


class Layer(Protocol):
    def __call__(self, name: str, architecture: str = HOST) -> Path: ...


@pytest.fixture
def layer() -> Layer:
    def built(name: str, architecture: str = HOST) -> Path:
        try:
            return built_layer(name, architecture)
        except IndexUnreachable:
            pytest.skip("the package index cannot be reached, and the layers are not yet built")

    return built


# A built layer stays as it is, and functions share theirs.
size_of = cache(size_bytes)


@of_each_architecture
@of_each_function
def test_a_function_with_its_layers_is_far_below_lambdas_limit(
    layer: Layer, function: Function, architecture: str
) -> None:
    size = sum(size_of(layer(name, architecture)) for name in function.layers)
    # Lambda's own is 262,144,000; functions without Arrow start often, and are to start fast.
    assert 0 < size < (200e6 if "ArrowLayer" in function.layers else 50e6)


@of_each_architecture
def test_the_base_layer_is_small(layer: Layer, architecture: str) -> None:
    assert size_of(layer("BaseLayer", architecture)) < 25e6


@of_each_architecture
@pytest.mark.parametrize("name", ["ArrowLayer", "BaseLayer"])
def test_a_layer_holds_libraries_of_its_processor_only(
    layer: Layer, name: str, architecture: str
) -> None:
    libraries = [path for path in files(layer(name, architecture)) if ".so" in path.suffixes]
    assert libraries
    heads = {path.name: path.read_bytes()[:20] for path in libraries}
    assert {name for name, head in heads.items() if head[:6] != b"\x7fELF\x02\x01"} == set()
    assert {struct.unpack_from("<H", head, 18)[0] for head in heads.values()} == {
        MACHINES[architecture]
    }


@of_each_architecture
def test_stripped_libraries_have_all_that_is_loaded_and_no_more(
    layer: Layer, architecture: str
) -> None:
    libraries = [f for f in files(layer("ArrowLayer", architecture)) if ".so" in f.suffixes]
    sizes = {path.name: path.stat().st_size for path in libraries}
    assert {path.name: loaded_bytes(path) for path in libraries} == sizes


def loaded_bytes(library: Path) -> int:
    """Where the last segment ends, or the table of them."""
    content = library.read_bytes()
    table = int.from_bytes(content[32:40], "little")
    end = table + 56 * int.from_bytes(content[56:58], "little")
    segments = struct.iter_unpack("<IIQQQQQQ", content[table:end])
    ends: list[int] = [offset + size for _, _, offset, _, _, size, *_ in segments]
    return max(end, *ends)


@loads_libraries
def test_every_library_of_the_arrow_layer_loads(layer: Layer) -> None:
    folder = layer("ArrowLayer") / "python"
    loaded = run_isolated(
        [folder],
        "import ctypes, pathlib, pyarrow\n"
        f"for path in sorted(pathlib.Path({str(folder)!r}).rglob('*.so*')): ctypes.CDLL(path)",
    )
    assert (loaded.returncode, loaded.stderr) == (0, "")


def test_what_the_sdk_has_left_makes_a_client_of_every_service_that_is_used(layer: Layer) -> None:
    made = run_isolated(
        [layer("BaseLayer") / "python"],
        f"import boto3\nfor name in {SERVICES!r}: print(boto3.client(name).meta.endpoint_url)",
    )
    assert made.stderr == ""
    assert len(set(made.stdout.split())) == len(SERVICES)


def test_every_client_in_the_code_is_of_a_service_that_was_kept() -> None:
    package = ROOT / "layers/chatlake/python"
    apart = [
        f"{line}*" if line.endswith("/") else line
        for line in (ROOT / "layers/chatlake/left-out.txt").read_text().splitlines()
        if line.startswith("chatlake/")
    ]
    code = [
        *ROOT.glob("functions/*/*.py"),
        *(
            path
            for path in package.rglob("*.py")
            if not any(fnmatchcase(path.relative_to(package).as_posix(), one) for one in apart)
        ),
    ]
    named = {
        service
        for path in code
        for service in re.findall(r"\.(?:client|resource)\(\s*\"(\w+)\"", path.read_text())
    }
    assert "dynamodb" in named
    assert named <= set(SERVICES)


SOCKET = """
from chatlake.capture.sockets import Sockets
with Sockets() as sockets:
    assert sockets.open("chat", URL) and sockets.wait(30)
    print(*((event.kind, event.reason) for event in sockets.take()))
"""


def test_what_is_left_of_websockets_listens_to_a_chat(layer: Layer) -> None:
    folders = [layer(name) / "python" for name in ("ChatlakeLayer", "BaseLayer")]
    with SocketService() as service:
        heard = run_isolated(folders, f"URL = {service.url!r}\n{SOCKET}")
    assert (heard.stderr, heard.stdout) == ("", "('opened', '')\n")


PARQUET = """
import io
import pyarrow as pa
import pyarrow.parquet as pq
table = pa.table({"text": ["a", "b", None] * 1000})
file = io.BytesIO()
pq.write_table(table, file, compression="zstd")
assert pq.ParquetFile(file).metadata.row_group(0).column(0).compression == "ZSTD"
assert pq.ParquetFile(file).read().equals(table)
"""


@loads_libraries
def test_the_arrow_layer_alone_writes_and_reads_parquet(layer: Layer) -> None:
    done = run_isolated([layer("ArrowLayer") / "python"], PARQUET)
    assert (done.returncode, done.stderr) == (0, "")


# It ends as a function does, without taking its libraries down: a thread of Arrow's scanner, which
# chatlake leaves alone, may then abort the process (apache/arrow, issue 34314).
ICEBERG = """
import datetime, os, sys
import pyarrow as pa
from pyiceberg.catalog import load_catalog
from pyiceberg.expressions import EqualTo
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.transforms import DayTransform
from pyiceberg.types import NestedField, StringType, TimestamptzType

catalog = load_catalog("glue", **{
    "type": "glue", "glue.endpoint": ENDPOINT, "s3.endpoint": ENDPOINT,
    "s3.access-key-id": "none", "s3.secret-access-key": "none", "s3.region": "eu-west-1",
})
catalog.create_namespace("chats")
table = catalog.create_table(
    "chats.messages",
    Schema(
        NestedField(1, "item_id", StringType(), required=False),
        NestedField(2, "sent_at", TimestamptzType(), required=False),
    ),
    "s3://lake/messages",
    PartitionSpec(PartitionField(2, 1000, DayTransform(), "sent_day")),
)
sent_at = [datetime.datetime(2026, 9, day, 12, tzinfo=datetime.UTC) for day in (1, 2, 2)]
table.append(pa.table({
    "item_id": ["a", "b", "c"],
    "sent_at": pa.array(sent_at, pa.timestamp("us", "UTC")),
}))
with table.update_schema() as change:
    change.add_column("extra", StringType())
table.delete(EqualTo("item_id", "b"))
table = catalog.load_table("chats.messages")
print(sorted(task.file.partition[0] for task in table.scan().plan_files()))
second = table.scan("sent_at >= '2026-09-02T00:00:00+00:00'").to_arrow()
print(second.select(["item_id", "extra"]).to_pylist(), flush=True)
os._exit(0)
"""


@pytest.fixture
def aws() -> Iterator[str]:
    """The address of an AWS with a bucket."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    try:
        s3 = boto3.client(
            "s3",
            endpoint_url=endpoint,
            region_name="eu-west-1",
            aws_access_key_id="none",
            aws_secret_access_key="none",
        )
        s3.create_bucket(
            Bucket="lake", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
        )
        yield endpoint
    finally:
        server.stop()


@loads_libraries
def test_the_layers_keep_an_iceberg_table_by_day_in_glue_and_s3(layer: Layer, aws: str) -> None:
    folders = [layer(name) / "python" for name in ("ArrowLayer", "BaseLayer")]
    done = run_isolated(folders, f"ENDPOINT = {aws!r}\n{ICEBERG}")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == ["[20697, 20698]", "[{'item_id': 'c', 'extra': None}]"]


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """What a build needs of the project, without anything that was made in it."""
    made = shutil.ignore_patterns("__pycache__")
    for name in ("functions", "layers", "queries", "requirements", "tools"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=made)
    for name in ("Makefile", "pyproject.toml", "template.yaml"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def test_a_layer_that_is_built_again_has_the_same_bytes(layer: Layer, tmp_path: Path) -> None:
    build_layer("ChatlakeLayer", HOST, tmp_path / "again")
    assert contents(tmp_path / "again") == contents(layer("ChatlakeLayer"))


@pytest.mark.world
def test_sam_build_in_a_fresh_clone_gives_the_same_bytes(layer: Layer, clone: Path) -> None:
    assert SAM.exists(), "run `make check`"
    expected = {name: contents(layer(name)) for name in FOLDERS}
    build = [str(SAM), "build", "--parameter-overrides", f"Architecture={HOST}"]
    notes = {"SAM_CLI_TELEMETRY": "0", "__SAM_CLI_APP_DIR": str(SAM.parents[1])}
    done = subprocess.run(
        build,
        check=False,
        cwd=clone,
        env={**os.environ, **notes, "MAKEFLAGS": ""},
        text=True,
        capture_output=True,
    )
    if done.returncode and index_is_silent(done.stderr):
        pytest.skip("the package index cannot be reached")
    assert done.returncode == 0, done.stderr
    built = clone / ".aws-sam" / "build"
    assert {name: contents(built / name) for name in FOLDERS} == expected
    for function in FUNCTIONS:
        own = {path.name: digest(path) for path in function.code.glob("*.py")}
        assert contents(built / function.name) == own


def contents(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): digest(path) for path in files(folder)}


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def trimmed(folder: Path, listing: str) -> subprocess.CompletedProcess[str]:
    (folder.parent / "left-out.txt").write_text(listing)
    return subprocess.run(
        [sys.executable, str(TRIM), str(folder), str(folder.parent / "left-out.txt")],
        check=False,
        text=True,
        capture_output=True,
    )


def packages(tmp_path: Path, *names: str) -> Path:
    for name in names:
        (tmp_path / "python" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "python" / name).write_text(name)
    return tmp_path / "python"


def test_a_list_takes_out_what_it_does_not_take_back(tmp_path: Path) -> None:
    folder = packages(tmp_path, "a/b/c.py", "a/d/e.py", "a/f.json", "g/__pycache__/h.pyc", "i.py")
    assert trimmed(folder, "# why\na/*/\n!a/d/\n").returncode == 0
    assert set(contents(folder)) == {"a/d/e.py", "a/f.json", "i.py"}
    assert not (folder / "g").exists()


def test_a_list_that_fell_behind_the_packages_is_an_error(tmp_path: Path) -> None:
    done = trimmed(packages(tmp_path, "a.py"), "gone/\n")
    assert done.returncode == 1
    assert done.stderr.endswith("nothing in the packages matches gone/\n")
