"""How hard hypothesis tries: HYPOTHESIS_PROFILE is `default`, `ci` or `thorough`.

`default` is the gate's, which is run many times a day; `make worlds` runs the same tests by `ci`.

What costs much and is the same for all tests is done once in a process, or not at all: models of
services are read, signatures looked at, catalogs brought to the disk, garbage of imports gone
through.
"""

from __future__ import annotations

import gc
import os
from typing import TYPE_CHECKING, Any

import botocore.session
import duckdb
import pytest
from hypothesis import HealthCheck, settings
from sqlalchemy import Engine, event

if TYPE_CHECKING:
    import sqlite3

    from botocore.loaders import Loader

# The functions' logger and metrics take these when their module is imported for the first time,
# which is while tests are collected if one of them needs a name of it.
os.environ.setdefault("POWERTOOLS_METRICS_NAMESPACE", "chatlake")
os.environ.setdefault("POWERTOOLS_SERVICE_NAME", "stack")

_SLOW_DATA = (HealthCheck.too_slow, HealthCheck.data_too_large)

settings.register_profile(
    "default", max_examples=25, deadline=None, suppress_health_check=_SLOW_DATA
)
settings.register_profile("ci", settings.get_profile("default"), max_examples=100, print_blob=True)
settings.register_profile("thorough", settings.get_profile("ci"), max_examples=20_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


def _share_models_of_services() -> None:
    """Let every session of botocore find the models that an earlier one has read.

    To read one takes a tenth of a second, and a command that works on a stack begins a session.
    """
    models: dict[Any, Any] = {}
    create = vars(botocore.session)["create_loader"]

    def create_loader(search_path: str | None = None) -> Loader:
        loader: Loader = create(search_path)
        vars(loader)["_cache"] = models
        return loader

    vars(botocore.session)["create_loader"] = create_loader


def _trust_extensions() -> None:
    """Let DuckDB load its extensions without a look at their signatures.

    That takes a quarter of a second for each connection. It is taken in the processes of their own
    in which tests run the installed command.
    """
    connect = duckdb.connect

    def trusting(*arguments: Any, **options: Any) -> duckdb.DuckDBPyConnection:
        options["config"] = {"allow_unsigned_extensions": "true", **options.get("config", {})}
        return connect(*arguments, **options)

    vars(duckdb)["connect"] = trusting


def _spare_the_disk(connection: sqlite3.Connection, _: object) -> None:
    """Leave the catalogs of lakes to the kernel's cache: no test takes the machine's power away."""
    connection.execute("PRAGMA synchronous = OFF").close()


_share_models_of_services()
_trust_extensions()
event.listen(Engine, "connect", _spare_the_disk)


@pytest.fixture(scope="module", autouse=True)
def frozen_garbage() -> None:
    """Let no collection of garbage go through all that tests have imported and read before.

    The package collects after each batch, which would cost more than a small import itself.
    """
    gc.collect()
    gc.freeze()
