"""What a newcomer does, by the commands of the pages as they stand there, on the local cloud.

What differs from an account is in the environment, as it is for whoever uses a proxy or a profile:
where AWS is, whose credentials these are, and that who waits does so by the cloud's clock.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from local.clock import Clock
from local.cloud import LocalCloud
from local.cloud.moto_server import MotoOptions
from local.participant_service import Behaviour, ParticipantService
from local.participant_service.timeline import ContactEvent, happenings
from local.scripted.chat import Chat
from local.scripted.contact_center import ACCOUNT_ID, INSTANCE_ARN, REGION
from local.scripted.smoke import smoke_chat
from local.world import EXPORT_BUCKET, EXPORT_PREFIX, FLOW_ID, make_export_bucket, put_export
from tests import aws_cli
from tests.command import outside as outside_tests
from tests.command import run_shell
from tests.e2e.pipeline.casting import DAY_MS
from tests.lake_folder import Ran
from tools.artifacts import HOST, ROOT

OWN = {
    "arn:aws:connect:eu-central-1:111122223333:instance/00000000-0000-0000-0000-000000000000": (
        INSTANCE_ARN
    ),
    "my-connect-bucket": EXPORT_BUCKET,
    "connect/my-instance/ChatTranscripts": EXPORT_PREFIX,
    "--region eu-central-1": f"--region {REGION}",
    "--instance ARN": f"--instance {INSTANCE_ARN}",
    "--flow ID": f"--flow {FLOW_ID}",
    # Functions run on this machine, and a template that names another processor is taken here.
    "ARCHITECTURE=arm64": f"ARCHITECTURE={HOST}",
}
"""What everybody puts into the commands in the place of the examples."""

_PROGRAMS = ("make ", ".venv/", "aws ")
_FENCED = re.compile(r"^```sh\n(.*?)^```$|`([^`\n]+)`", re.DOTALL | re.MULTILINE)
# How long the customer of a smoke test has, by the cloud's clock.
_LASTS_S = 480
# Whoever waits sleeps; all else is as it is.
_BY_THE_CLOCK = """
import os, time
_speed = float(os.environ["LOCAL_CLOCK"].split()[1])
_sleep = time.sleep
time.sleep = lambda seconds: _sleep(seconds / _speed)
"""


def section(page: str, heading: str) -> str:
    """Return a part of a page: behind a heading, up to the next one of whatever level."""
    text = (ROOT / page).read_text(encoding="utf-8")
    begin = text.index(f"{heading}\n") + len(heading)
    following = re.search(r"^#{1,4} ", text[begin:], re.MULTILINE)
    return text[begin : begin + following.start()] if following else text[begin:]


def commands(text: str) -> list[str]:
    """Return the commands of a part of a page, in its order: of blocks, and within the text."""
    found: list[str] = []
    for block, inline in _FENCED.findall(text):
        found += re.split(r"\n\s*\n", block.strip()) if block else [inline]
    return [command for command in found if command.startswith(_PROGRAMS)]


def with_own(command: str) -> str:
    """Put one's own values in the place of the examples."""
    for example, own in OWN.items():
        command = command.replace(example, own)
    return command


@dataclass
class Newcomer:
    """Somebody with a checkout, and an account that has an instance and nothing else."""

    checkout: Path
    cloud: LocalCloud
    service: ParticipantService
    environment: dict[str, str]

    def run(self, command: str) -> Ran:
        """Run a command in the checkout, as a shell does."""
        return run_shell(command, environment=self.environment, cwd=self.checkout)

    def smoke(self, command: str) -> Ran:
        """Run a smoke test; Connect tells of its chat as it goes, and exports it."""
        clock = self.cloud.clock
        chat = smoke_chat(1, clock.now_ms(), _LASTS_S)
        self.service.add(chat)
        telling = threading.Thread(target=self._happen, args=(chat,))
        telling.start()
        try:
            return self.run(command)
        finally:
            telling.join()

    def _happen(self, chat: Chat) -> None:
        clock = self.cloud.clock
        for at_ms, thing in happenings([chat], Behaviour()):
            clock.sleep((at_ms - clock.now_ms()) / 1000)
            if isinstance(thing, ContactEvent):
                self.cloud.put_event(thing.event)
            else:
                put_export(self.cloud, thing)


def a_built_checkout(folder: Path, build: str) -> Path:
    """Return a checkout in which a command has built what is to be deployed."""
    checkout = a_checkout(folder)
    built = run_shell(with_own(build), environment=outside(checkout), cwd=checkout)
    assert built.code == 0, built.err
    return checkout


def a_checkout(folder: Path) -> Path:
    """Copy what is under version control, or will be; its environment is this one's."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            # With their times, by which make tells that .venv is up to date.
            shutil.copy2(ROOT / name, folder / name)
    (folder / ".venv").symlink_to(ROOT / ".venv")
    # Else make would bring it up to date for this checkout, which is soon gone.
    asked = ["make", "--question", ".venv/.ready", ".venv/sam/bin/sam"]
    up_to_date = subprocess.run(asked, cwd=folder, env=outside(folder), check=False)
    assert up_to_date.returncode == 0, "run make setup .venv/sam/bin/sam first"
    return folder


def outside(checkout: Path) -> dict[str, str]:
    """Return the environment of commands before there is anything of AWS."""
    # Apart from the make that runs the tests, whose options would reach those of the pages.
    kept = outside_tests("AWS_", "MAKE")
    sam = {"SAM_CLI_TELEMETRY": "0", "__SAM_CLI_APP_DIR": str(checkout / ".venv/sam")}
    return {**kept, **sam, "COLUMNS": "200"}


@contextmanager
def arrived(
    folder: Path, checkout: Path, speed: float, *, trino: bool = False
) -> Iterator[Newcomer]:
    """Run a cloud and an instance for somebody who has built, and begins to deploy."""
    clock = Clock(DAY_MS / 1000, speed)
    by_the_clock = folder / "clock"
    by_the_clock.mkdir()
    (by_the_clock / "sitecustomize.py").write_text(_BY_THE_CLOCK)
    with ParticipantService([], clock, exports_to=f"{EXPORT_BUCKET}/{EXPORT_PREFIX}") as service:
        endpoints = {
            "AWS_ENDPOINT_URL_CONNECT": service.url,
            "AWS_ENDPOINT_URL_CONNECTPARTICIPANT": service.url,
        }
        with LocalCloud(
            folder / "cloud",
            clock,
            endpoints=endpoints,
            region=REGION,
            account_id=ACCOUNT_ID,
            moto=MotoOptions(trino=trino),
        ) as cloud:
            make_export_bucket(cloud.client("s3"))
            environment = {
                **outside(checkout),
                **cloud.environment,
                **clock.to_environment(),
                "PYTHONPATH": str(by_the_clock),
                "PATH": f"{aws_cli.install(folder / 'bin')}{os.pathsep}{os.environ['PATH']}",
            }
            yield Newcomer(checkout, cloud, service, environment)
