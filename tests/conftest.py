"""How hard hypothesis tries: HYPOTHESIS_PROFILE is `default`, `ci` or `thorough`."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

_SLOW_DATA = (HealthCheck.too_slow, HealthCheck.data_too_large)

settings.register_profile(
    "default", max_examples=100, deadline=None, suppress_health_check=_SLOW_DATA
)
settings.register_profile("ci", settings.get_profile("default"), max_examples=300, print_blob=True)
settings.register_profile("thorough", settings.get_profile("ci"), max_examples=20_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))
