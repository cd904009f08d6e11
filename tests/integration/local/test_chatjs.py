"""Connect's own ChatJS, as npm has it, reads a chat from the simulated service."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any, Self

import boto3
import pytest
from botocore.config import Config

from chatlake.capture.capture_state import Token
from local.chats import Chat, scripts
from local.clock import Clock
from local.participant_service import Behaviour, ParticipantService
from local.participant_service.http_server import HttpServer, Request, Response
from tests.functions import ROOT, Context, Load, be_patient
from tests.unit.local.listening import ORDERLY, listening
from tests.unit.local.served import serving

_FOLDER = Path(__file__).with_name("chatjs")
_CACHE = Path(sys.prefix) / "cache" / "chatjs"
_INSTALL_TIMEOUT_S = 100
_READ_TIMEOUT_S = 20
_CORS = {"Content-Type": "application/json", "Access-Control-Allow-Origin": "*"}
_PASSED_ON = ("content-type", "x-amz-bearer", "accept", "user-agent")

CHATS = list(scripts(seed=7, count=60, start=datetime(2026, 9, 1, tzinfo=UTC), days=1))
LONG = max(CHATS, key=lambda chat: len(chat.own_items))
CONFIG = Config(retries={"total_max_attempts": 1})


@pytest.fixture(scope="module")
def installed() -> Path:
    """A folder with the locked packages, which is made once for each lock."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("ChatJS needs Node.js and npm")
    lock = (_FOLDER / "package-lock.json").read_bytes()
    folder = _CACHE / sha256(lock).hexdigest()[:16]
    if not folder.exists():
        _CACHE.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=_CACHE) as temporary:
            fresh = Path(temporary) / "fresh"
            fresh.mkdir()
            for name in ("package.json", "package-lock.json"):
                shutil.copy(_FOLDER / name, fresh)
            command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
            done = subprocess.run(
                command,
                cwd=fresh,
                text=True,
                capture_output=True,
                timeout=_INSTALL_TIMEOUT_S,
                check=False,
            )
            assert done.returncode == 0, done.stderr
            _put_in_place(fresh, folder)
    return folder


def _put_in_place(fresh: Path, folder: Path) -> None:
    try:
        fresh.rename(folder)
    except OSError:
        # Another test run was faster, and what it installed is the same.
        if not folder.exists():
            raise


def start_chat(service: ParticipantService, chat: Chat) -> dict[str, Any]:
    connect = boto3.Session("nobody", "nothing", region_name="eu-west-1").client(
        "connect", endpoint_url=service.url, config=CONFIG
    )
    try:
        started: Any = connect.start_chat_contact(
            InstanceId=chat.instance_id,
            ContactFlowId="flow",
            ParticipantDetails={"DisplayName": "Someone"},
        )
    finally:
        connect.close()
    del started["ResponseMetadata"]
    return dict(started)


def read_with_chatjs(folder: Path, **parameters: Any) -> dict[str, Any]:
    return run_in_node("read-transcript.mjs", folder, **parameters)


def run_in_node(script: str, folder: Path, **parameters: Any) -> dict[str, Any]:
    done = subprocess.run(
        ["node", _FOLDER / script],
        cwd=folder,
        input=json.dumps(parameters),
        env={"PATH": os.environ["PATH"]},
        text=True,
        capture_output=True,
        timeout=_READ_TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2_000:]
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_a_page_connects_by_the_answer_of_start_chat_contact_and_reads_all(
    installed: Path,
) -> None:
    at_ms = LONG.ended_ms - 60_000
    expected = LONG.transcript(datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=at_ms))
    # A clock that nearly stands, for a chat that says the same however long Node takes.
    clock = Clock(at_ms / 1000 + 0.0005, speed=1e-9)
    # ChatJS holds a token's expiry against the machine's clock: it asks again soon before.
    behaviour = Behaviour(connection_token_s=time.time() + 3600 - at_ms / 1000)
    with ParticipantService([LONG], clock, behaviour) as service:
        read = read_with_chatjs(
            installed,
            endpoint=service.url,
            chatDetails=start_chat(service, LONG),
            pageSize=25,
        )
        calls = Counter((call.operation, call.status) for call in service.calls)
    assert read["connectSuccess"] is True
    assert [item for page in reversed(read["pages"]) for item in page["Transcript"]] == expected
    assert {page["InitialContactId"] for page in read["pages"]} == {LONG.initial_contact_id}
    assert len(read["pages"]) > 1
    assert calls == {
        ("StartChatContact", 200): 1,
        ("CreateParticipantConnection", 200): 1,
        ("GetTranscript", 200): len(read["pages"]),
    }


def test_a_page_cannot_connect_after_the_chat(installed: Path) -> None:
    clock = Clock(LONG.ended_ms / 1000 + 1)
    with ParticipantService([LONG], clock) as service:
        details = start_chat(service, LONG)
        with pytest.raises(AssertionError, match="AccessDenied"):
            read_with_chatjs(installed, endpoint=service.url, chatDetails=details, pageSize=25)
        statuses = {call.status for call in service.calls if "Participant" in call.operation}
    assert statuses == {403}


def snippets() -> list[str]:
    """The code of the documentation by which a page has its chat read before it ends it."""
    page = (ROOT / "docs" / "integration.md").read_text("utf-8")
    _, _, part = page.partition("### The customer ends the chat")
    return re.findall(r"^```js\n(.*?)^```", part.partition("\n### ")[0], re.DOTALL | re.MULTILINE)


@dataclass
class Page:
    """Where a page's calls arrive: those of ChatJS go to the service, `closing` to the function."""

    service: ParticipantService
    function: ModuleType
    answers: bool = True
    calls: list[str] = field(default_factory=list)
    statuses: list[str] = field(default_factory=list)

    def answer(self, request: Request) -> Response:
        if request.path.endswith("/closing"):
            return self._close(request)
        if request.path == "/participant/disconnect":
            self.calls.append("disconnect")
            return Response(200, b"{}", _CORS)
        headers = {name: request.headers[name] for name in _PASSED_ON if name in request.headers}
        passed = urllib.request.Request(
            self.service.url + request.path, request.body, headers, method=request.method
        )
        with urllib.request.urlopen(passed, timeout=_READ_TIMEOUT_S) as answered:
            return Response(answered.status, answered.read(), _CORS)

    def _close(self, request: Request) -> Response:
        # What is sent without asking first: the browser would ask for any other type.
        assert request.method == "POST"
        assert request.headers["content-type"].startswith("text/plain")
        if not self.answers:
            self.calls.append("closing")
            return Response(503, b"", _CORS)
        event: dict[str, Any] = json.loads((ROOT / "events/last_read.closing.json").read_text())
        event["rawPath"] = event["requestContext"]["http"]["path"] = request.path
        event["body"] = request.body.decode()
        answered = self.function.handler(event, Context())
        self.calls.append("closing")
        self.statuses.append(json.loads(answered["body"])["data"]["status"])
        return Response(answered["statusCode"], answered["body"].encode(), _CORS)


@pytest.mark.parametrize("wrapped", [False, True], ids=["own page", "prebuilt interface"])
@pytest.mark.parametrize("answers", [True, False], ids=["answered", "unavailable"])
def test_a_page_has_its_chat_read_before_it_ends_it(
    installed: Path, load: Load, monkeypatch: pytest.MonkeyPatch, *, wrapped: bool, answers: bool
) -> None:
    """By the code of the documentation, with ChatJS and the function themselves."""
    at_ms = LONG.ended_ms - 60_000
    clock = Clock(at_ms / 1000 + 0.0005, speed=1e-9)
    expected = LONG.transcript(datetime.fromtimestamp(at_ms / 1000, UTC))
    behaviour = Behaviour(connection_token_s=time.time() + 3600 - at_ms / 1000)
    with ParticipantService([LONG], clock, behaviour) as service:
        monkeypatch.setenv("AWS_ENDPOINT_URL_CONNECTPARTICIPANT", service.url)
        be_patient(monkeypatch)
        function = load("last_read")
        details = start_chat(service, LONG)
        chat = details["ContactId"]
        sealed = function.archive.token_cipher.seal(details["ParticipantToken"], chat)
        function.archive.schedule.add_token(chat, Token("participant", sealed), due_at=at_ms)
        page = Page(service, function, answers)
        with HttpServer(page.answer) as server:
            url = f"http://127.0.0.1:{server.port}"
            done = run_in_node(
                "end-chat.mjs",
                installed,
                endpoint=url,
                chatDetails=details,
                closingUrl=f"{url}/chats/{{contact}}/closing",
                snippets=snippets(),
                wrapped=wrapped,
            )
    assert done == {"ended": True}
    # Where the page's own function and the wrapped session both ask, it is read twice.
    assert page.calls == ["closing"] * (2 - wrapped) + ["disconnect"]
    stored = function.archive.store.read(chat)
    if answers:
        assert set(page.statuses) == {"read"}
        assert stored.document.items.keys() == {item["Id"] for item in expected}
    else:
        assert stored is None


class Listener:
    """ChatJS in a process of its own, which tells all that it hears of a chat."""

    def __init__(self, folder: Path, **parameters: Any) -> None:
        self.events: list[tuple[str, str | None]] = []
        self._process = subprocess.Popen(
            ["node", _FOLDER / "listen.mjs"],
            cwd=folder,
            env={"PATH": os.environ["PATH"]},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdin
        with self._process.stdin as stdin:
            json.dump(parameters, stdin)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        assert self._process.stdout
        self._process.stdout.close()

    def wait_for(self, event: str, ids: Iterable[str] = ()) -> None:
        """Read what it hears up to the next such event; with ids, until it had one with each."""
        missing = set(ids) - {found for name, found in self.events if name == event}
        assert self._process.stdout
        for line in self._process.stdout if missing or not ids else ():
            told = json.loads(line)
            self.events.append((told["event"], told.get("id")))
            if told["event"] == event:
                missing.discard(told.get("id", ""))
                if not missing:
                    return

    def end(self) -> int:
        """Read the rest, and return the exit code."""
        self.wait_for("nothing")
        return self._process.wait(_READ_TIMEOUT_S)


@pytest.mark.timeout(60)
def test_a_page_notices_nothing_of_an_archive_that_listens_too(installed: Path) -> None:
    """It hears each message once, and its socket and heartbeats go on, whatever the other does."""
    own = [item for item in LONG.own_items if item.sent_ms < LONG.closing_ms]
    start, first, second, third = (own[len(own) * quarter // 4].sent_ms for quarter in range(4))

    def said(from_ms: int, to_ms: int) -> set[str]:
        return {
            item.item_id
            for item in LONG.own_items
            if item.type == "MESSAGE" and from_ms < item.sent_ms <= to_ms
        }

    behaviour = replace(ORDERLY, connection_token_s=time.time() + 3600 - start / 1000)
    with serving([LONG], behaviour, at_ms=start) as served, ExitStack() as sockets:
        details = start_chat(served.service, LONG)
        page = sockets.enter_context(
            Listener(installed, endpoint=served.service.url, chatDetails=details, faster=5)
        )
        page.wait_for("heartbeat")
        archive = sockets.enter_context(listening(served, LONG))
        served.clock.set(first)
        page.wait_for("message", said(start, first))
        assert {item["Id"] for item in archive.heard()} >= said(start, first)
        # A renewal: for a while there are three.
        renewed = sockets.enter_context(listening(served, LONG))
        archive.connection.close()
        served.clock.set(second)
        page.wait_for("message", said(first, second))
        assert {item["Id"] for item in renewed.heard()} >= said(first, second)
        page.wait_for("heartbeat")
        renewed.connection.close()
        served.clock.set(third)
        page.wait_for("message", said(second, third))
        page.wait_for("heartbeat")
        served.clock.set(LONG.ended_ms)
        assert page.end() == 0
        assert served.service.sockets.opened == {LONG.initial_contact_id: 3}
        assert served.service.sockets.most_open == {LONG.initial_contact_id: 3}
        assert not served.service.sockets.refused
    counts = Counter(found for event, found in page.events if event == "message")
    assert set(counts.values()) == {1}
    assert counts.keys() >= said(start, LONG.ended_ms)
    events = [event for event, _ in page.events]
    assert events[-1] == "ended"
    assert set(events) == {"connected", "heartbeat", "typing", "receipt", "message", "ended"}


def test_the_lock_names_no_registry() -> None:
    lock = json.loads((_FOLDER / "package-lock.json").read_text())
    assert lock["packages"]
    assert not any("resolved" in package for package in lock["packages"].values())
