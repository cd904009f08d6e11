"""Moto's process with threads that take turns as often as can be, so that races come to light."""

from __future__ import annotations

import sys

from local.cloud.moto_process import main

if __name__ == "__main__":
    sys.setswitchinterval(1e-6)
    main()
