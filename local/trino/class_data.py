"""Let the JVM note what Trino loads: `python -m local.trino.class_data FOLDER`, a scratch one.

First for itself, and then for a whole server, which is started once and ended.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from local.trino.installation import required
from local.trino.server import Lake, TrinoServer

_NOWHERE = Lake("http://127.0.0.1:9", "eu-west-1", "111122223333")


def main() -> None:
    """Write the archive of classes into the installation."""
    installation = required()
    subprocess.run([installation.java, "-Xshare:dump"], stdout=subprocess.DEVNULL, check=True)
    with TrinoServer(installation, _NOWHERE, Path(sys.argv[1], "server"), make_class_data=True):
        pass


if __name__ == "__main__":
    main()
