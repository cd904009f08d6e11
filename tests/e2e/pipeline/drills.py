"""Drills: the commands of the pages, as an operator gives them, on a stack of the local cloud."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from local.clock import Clock
from local.participant_service import Behaviour
from local.scripted.chat import Chat
from local.world import Script, World
from tests import aws_cli
from tests.command import outside, run_shell
from tests.e2e.pipeline.casting import DAY_MS, Casting, receipts
from tests.e2e.pipeline.deployable import deployable
from tests.e2e.pipeline.upgrading import PARAMETERS, SPEED
from tests.lake_folder import Ran
from tools.artifacts import ROOT

_BLOCK = re.compile(r"^```sh\n(.*?)^```", re.DOTALL | re.MULTILINE)


def cast(count: int) -> list[Chat]:
    """Find chats with receipts and queues, which are over when a stack hears of them."""
    casting = Casting()
    return [
        casting.find(
            lambda chat: receipts(chat) > 2 and all(leg.queue for leg in chat.legs),
            started_s=10 * number,
        )
        for number in range(count)
    ]


def a_world(folder: Path, chats: list[Chat], **parameters: str) -> World:
    """Return a world whose stack is deployed an hour after the chats began."""
    return World(
        Script(chats, Behaviour(tokens_outlive_chat=True)),
        Clock(DAY_MS / 1000 + 3600, SPEED),
        template=deployable(folder / "project"),
        folder=folder,
        parameters=PARAMETERS | parameters,
    )


def blocks(page: str, title: str) -> list[str]:
    """The commands below a title of a page, as a shell takes them, block by block."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    [section] = re.findall(
        rf"^#+ {re.escape(title)}\n(.*?)(?=^#+ |\Z)", text, re.DOTALL | re.MULTILINE
    )
    return _BLOCK.findall(section)


class Operator:
    """Somebody with a shell, the AWS CLI and chatlake, in a folder of their own."""

    def __init__(self, world: World, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        # The functions of the shell that the page begins with.
        text = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
        self._first = _BLOCK.findall(text)[0]
        path = (aws_cli.install(folder / "bin"), Path(sys.executable).parent)
        self._environment = {
            **outside(),
            **world.cloud.environment,
            "PATH": os.pathsep.join((*map(str, path), os.environ["PATH"])),
            "PYTHONPATH": str(ROOT),
        }

    def run(self, script: str, **values: str) -> Ran:
        """Run commands, the words in capitals replaced; what fails ends them."""
        for name, value in values.items():
            script = re.sub(rf"\b{name}\b", value, script)
        return run_shell(f"{self._first}\n{script}", environment=self._environment, cwd=self.folder)

    def does(self, script: str, **values: str) -> Ran:
        """Run commands that must not fail."""
        ran = self.run(script, **values)
        assert ran.code == 0, f"{script}\n{ran.out}\n{ran.err}"
        return ran
