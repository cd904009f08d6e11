"""What Ctrl-C leaves to be done before a process ends."""

from __future__ import annotations

import signal
import subprocess
import sys
from textwrap import dedent

_CODE = """
    import os, signal, threading
    from chatlake.interrupts import done_on_ctrl_c, end_on_ctrl_c

    signal.signal(signal.SIGINT, signal.default_int_handler)
    end_on_ctrl_c("Interrupted.")
    held = threading.RLock()

    def act():
        os.write(1, b"acted ")

    def fail():
        raise ValueError("canary")

    with done_on_ctrl_c(lambda: os.write(1, b"too late ")):
        pass
    with held, done_on_ctrl_c(fail), done_on_ctrl_c(act):
        os.kill(os.getpid(), signal.SIGINT)
        print("went on")
"""


def test_ctrl_c_lets_the_last_acts_be_done_and_ends_the_process() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", dedent(_CODE)],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.returncode == 128 + signal.SIGINT
    assert ran.stdout == "acted "
    assert ran.stderr == "\nInterrupted.\n"
