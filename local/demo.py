"""The demo: invented chats go into a lake, and the lake is asked how fast they were read."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from local.chats import main as write_chats

_FOLDER = Path("demo")
_CHATS = 2000
_CHATLAKE = Path(sys.executable).with_name("chatlake")


def main() -> int:
    """Run the demo in ./demo, which is made anew; give the exit code."""
    if not sys.stdout.isatty():
        sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    shutil.rmtree(_FOLDER, ignore_errors=True)
    transcripts, lake = _FOLDER / "transcripts", _FOLDER / "lake"

    print(f"1. {_CHATS:,} invented chats of September 2026, as GetTranscript returns them")
    arguments = ["--chats", str(_CHATS), "--start", "2026-09-01", "--days", "30", "--jsonl", "500"]
    write_chats([*arguments, "--output", str(transcripts)])
    size = sum(file.stat().st_size for file in transcripts.rglob("*") if file.is_file())
    print(f"   {size / 2**20:.0f} MB of JSON in {transcripts}\n")

    print("2. Into the lake")
    started = time.monotonic()
    _run("--lake", str(lake), "import", str(transcripts))
    print(f"   {time.monotonic() - started:.1f} s\n")

    print("3. How long do messages lie unread?")
    _run("--lake", str(lake), "query", "--named", "read_latency_by_role")

    folder = os.path.relpath(_CHATLAKE.parent)
    print(f"""
What to try next:
  export PATH="$PWD/{folder}:$PATH" CHATLAKE_LAKE={lake}
  chatlake query                           # what can be asked
  chatlake query "SELECT * FROM receipts WHERE read_latency_ms > 600000"
  chatlake query --named messages_by_day --format csv
  chatlake import {transcripts}    # once more: nothing changes
  chatlake verify                          # every row against its document
  chatlake status""")
    return 0


def _run(*arguments: str) -> None:
    print(f"   $ chatlake {' '.join(arguments)}")
    done = subprocess.run([_CHATLAKE, *arguments], check=False)
    if done.returncode:
        sys.exit(done.returncode)


if __name__ == "__main__":
    sys.exit(main())
