"""How hard hypothesis tries: HYPOTHESIS_PROFILE is `default`, `ci` or `thorough`.

`default` is the gate's, which is run many times a day; `make worlds` runs the same tests by `ci`.
"""

from __future__ import annotations

import gc
import os

from hypothesis import HealthCheck, settings

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


def pytest_collection_finish() -> None:
    """Let no collection of garbage go through all that tests have imported.

    The package collects after each batch, which costs more than a small import itself.
    """
    gc.collect()
    gc.freeze()
