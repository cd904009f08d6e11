"""Nothing private leaves a function but for where it belongs, whatever level of logs is set.

Every function is given tokens, contents and names that are marked, goes well and fails, while
everything that could log is told to log everything: Lambda's own level, that of Powertools, and
the switches with which Powertools logs events. What then was logged, measured, raised, answered or
queued has no mark. The long worlds of `tests/e2e` run with level DEBUG, too.
"""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import pytest

from chatlake.aws.observability import hush, logger
from chatlake.sources.get_transcript import from_response
from local.clock import Clock
from local.participant_service import Behaviour, Fault, ParticipantService
from local.scripted.chat import Chat
from tests.aws import Aws
from tests.clock import skip_waiting
from tests.e2e.pipeline.canaries import leaks
from tests.e2e.pipeline.casting import Casting, receipts
from tests.functions import ROOT, Context, Load, be_patient

MARK = "canary-7f3a"
"""In everything that is private and not of the scripted chat."""
ASKED_FOR_MORE = {
    "AWS_LAMBDA_LOG_LEVEL": "DEBUG",
    "LOG_LEVEL": "DEBUG",
    "POWERTOOLS_DEBUG": "true",
    "POWERTOOLS_DEV": "true",
    "POWERTOOLS_LOGGER_LOG_EVENT": "true",
    "POWERTOOLS_LOG_LEVEL": "DEBUG",
}
EVENTS: dict[str, Any] = {
    path.stem: json.loads(path.read_text()) for path in sorted((ROOT / "events").iterdir())
}
NOISY = (
    "boto3",
    "botocore",
    "urllib3",
    "websockets",
    "asyncio",
    "pyiceberg",
    "aws_lambda_powertools",
)
FUNCTIONS = sorted(path.parent.name for path in ROOT.glob("functions/*/app.py"))

pytestmark = pytest.mark.filterwarnings("ignore:No application metrics:UserWarning")


class Everything(logging.Handler):
    """Takes every record that reaches the root, as Lambda's own handler does."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.setFormatter(logging.Formatter("%(name)s %(message)s"))
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(self.format(record))


@dataclass
class Spied:
    """Functions, and all that has come out of them."""

    load: Load
    aws: Aws
    chat: Chat
    service: ParticipantService
    handler: Everything
    capsys: pytest.CaptureFixture[str]
    out: dict[str, str] = field(default_factory=dict)
    environment: dict[str, dict[str, str]] = field(default_factory=dict)
    _loaded: dict[str, ModuleType] = field(default_factory=dict)

    def function(self, name: str) -> ModuleType:
        if name not in self._loaded:
            self._loaded[name] = self.load(name, **self.environment.get(name, {}))
            # As it does in a new environment, where it is imported then.
            hush()
        return self._loaded[name]

    def call(self, name: str, event: Any, *, left_ms: int = 900_000) -> Any:
        """Invoke a function; whatever it raises is seen, as Lambda's runtime logs it."""
        answered: Any = None
        try:
            answered = self.function(name).handler(event, Context(remaining_ms=left_ms))
        except Exception as error:  # noqa: BLE001 - as the runtime does
            self.add("error", f"{error!r} {error} {error.__cause__!r}")
        return answered

    def add(self, name: str, text: str) -> None:
        self.out[name] = self.out.get(name, "") + text + "\n"

    def queued(self, url: str) -> str:
        sqs = self.aws.client("sqs")
        found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        return " ".join(message["Body"] for message in found)

    def found(self) -> list[str]:
        """Where something private is."""
        said = self.capsys.readouterr()
        self.add("stdout", said.out)
        self.add("stderr", said.err)
        self.add("records", "\n".join(self.handler.texts))
        self.add("queue", self.queued(self.function("capture").settings.publish_queue_url))
        assert "DEBUG" in said.out or "INFO" in said.out, "the functions log nothing at all"
        marked = [f"{name}: mark" for name, text in self.out.items() if MARK in text]
        return [*leaks(self.out, [self.chat]), *marked]

    @property
    def initial(self) -> str:
        return self.chat.initial_contact_id

    def keep_token(self, secret: str) -> None:
        from chatlake.capture.capture_state import Token

        archive = self.function("capture").archive
        token = Token("participant", archive.token_cipher.seal(secret, self.initial))
        archive.schedule.add_token(self.initial, token, due_at=0)

    def store(self) -> None:
        """Store the chat's document, as a read brings it."""
        store = self.function("capture").archive.store
        [page] = self.chat.pages(page_size=1_000)
        store.update(self.initial, lambda _: from_response(page))
        self.function("capture").archive.chats.legs.add(
            {leg.contact_id: self.initial for leg in self.chat.legs}, provisional=False
        )

    def damage(self, name: str) -> None:
        """Put something private in the place of a chat's document, that is none."""
        archive = self.function("capture").archive
        archive.store.update(
            name, lambda _: from_response({"InitialContactId": name, "Transcript": []})
        )
        s3, bucket = self.aws.client("s3"), archive.settings.document_bucket
        [key] = [
            one["Key"]
            for one in s3.list_objects_v2(Bucket=bucket)["Contents"]
            if name in one["Key"]
        ]
        s3.put_object(Bucket=bucket, Key=key, Body=f'{{"format": "{MARK}", "'.encode())


@pytest.fixture(scope="module")
def chat() -> Chat:
    return Casting().find(lambda chat: receipts(chat) > 2 and len(chat.legs) == 1, started_s=0)


@pytest.fixture
def spied(
    aws: Aws,
    chat: Chat,
    load: Load,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Spied]:
    be_patient(monkeypatch)
    for name, value in ASKED_FOR_MORE.items():
        monkeypatch.setenv(name, value)
    handler, root, powertools = (
        Everything(),
        logging.getLogger(),
        logging.getLogger("aws_lambda_powertools"),
    )
    before = root.level, powertools.level, logger.log_level
    root.addHandler(handler)
    # As Lambda's runtime does before it loads a function, and Powertools when it is loaded.
    root.setLevel(logging.DEBUG)
    powertools.setLevel(logging.DEBUG)
    logger.setLevel(logging.DEBUG)
    behaviour = Behaviour(
        tokens_outlive_chat=True, search_contacts_per_s=1e6, search_contacts_burst=1_000_000
    )
    clock = Clock(time.time() + 3 * 86_400)
    with ParticipantService([chat], clock, behaviour) as service:
        for endpoint in ("CONNECT", "CONNECTPARTICIPANT"):
            monkeypatch.setenv(f"AWS_ENDPOINT_URL_{endpoint}", service.url)
        monkeypatch.setenv("CONNECT_INSTANCE_ARN", chat.instance_arn)
        yield Spied(load, aws, chat, service, handler, capsys)
    root.removeHandler(handler)
    for one, level in zip((root, powertools), before[:2], strict=True):
        one.setLevel(level)
    logger.setLevel(before[2])


def of_page(event: str, body: object, path: str | None = None) -> Any:
    asked = json.loads(json.dumps(EVENTS[event]))
    asked["body"] = body if isinstance(body, str) else json.dumps(body)
    if path is not None:
        asked["rawPath"] = asked["requestContext"]["http"]["path"] = path
    return asked


def test_every_function_is_spied_on() -> None:
    """A new function has its test here, or is named with the reason why it needs none."""
    here = set(globals())
    missing = [name for name in FUNCTIONS if f"test_{name}_tells_nothing" not in here]
    assert missing == []


def test_what_spies_would_see_it(spied: Spied) -> None:
    logging.getLogger("botocore").warning("%s", MARK)
    print(f"INFO {MARK}")
    assert {"records: mark", "stdout: mark"} <= set(spied.found())


def test_a_new_environment_is_quiet_before_its_first_event() -> None:
    told = (
        "import logging; logging.getLogger().setLevel(logging.DEBUG); "
        "from chatlake.aws import observability; "
        "assert logging.getLogger().level == logging.WARNING"
    )
    subprocess.run([sys.executable, "-c", told], check=True)


def test_others_log_nothing_below_a_warning(spied: Spied) -> None:
    spied.call("track", EVENTS["track.initiated"])
    for name in NOISY:
        assert not logging.getLogger(name).isEnabledFor(logging.INFO)
    assert logging.getLogger(NOISY[0]).isEnabledFor(logging.WARNING)


def test_start_chat_tells_nothing(spied: Spied) -> None:
    name = {"ParticipantDetails": {"DisplayName": f"{MARK} Jane"}}
    first = {"InitialMessage": {"ContentType": "text/plain", "Content": f"{MARK} help"}}
    started = spied.call("start_chat", of_page("start_chat.start", {**name, **first}))
    assert started["statusCode"] == 200
    # The page gets its token, and nobody else.
    assert "ParticipantToken" in started["body"]
    for body in (
        # All chats of the simulator are started.
        {**name, **first},
        {**name, "InstanceId": MARK},
        {**name, MARK: 1},
        {**name, "PersistentChat": {"SourceContactId": [MARK]}},
        f'{{"{MARK}',
    ):
        refused = spied.call("start_chat", of_page("start_chat.start", body))
        assert refused["statusCode"] >= 400
        spied.add("answer", str(refused))
    assert spied.found() == []


def test_take_token_tells_nothing(spied: Spied) -> None:
    for token in (
        {"ContactId": spied.initial, "ParticipantToken": MARK},
        {"ContactId": spied.initial, "ConnectionToken": MARK, "Expiry": "2030-01-01T00:00:00Z"},
        {"ContactId": spied.initial, "ConnectionToken": MARK, "Expiry": MARK},
        {"ParticipantToken": MARK},
        {"ContactId": {MARK: MARK}, "ParticipantToken": [MARK]},
    ):
        asked = of_page("take_token.participant_token", token, "/tokens")
        spied.add("answer", str(spied.call("take_token", asked)))
    assert spied.found() == []


def test_backfill_tells_nothing(spied: Spied) -> None:
    spied.environment["backfill"] = {"BACKFILL_DEAD_LETTERS_URL": spied.aws.queue()}
    settings = spied.function("backfill").settings
    said = {"Id": "m", "Type": "MESSAGE", "ContentType": "text/plain", "Content": f"{MARK} help"}
    export = {
        "InstanceId": settings.instance_id,
        "InitialContactId": spied.initial,
        "ContactId": spied.initial,
        "Transcript": [{**said, "AbsoluteTime": "2026-09-01T10:00:00Z", "DisplayName": MARK}],
    }
    broken = (f'{{"{MARK}', json.dumps({**export, "Transcript": MARK}), json.dumps([MARK]))
    bodies = []
    for number, body in enumerate((json.dumps(export), *broken)):
        key = f"{settings.export_prefix}/{number}_20260901T10:00_UTC.json"
        spied.aws.client("s3").put_object(Bucket=settings.export_bucket, Key=key, Body=body)
        bodies.append(json.dumps({"run": "a run", "export": key}))
    like = EVENTS["backfill.two_contacts"]["Records"][0]
    asked = {
        "Records": [
            {**like, "messageId": f"message-{number}", "body": body}
            for number, body in enumerate((*bodies, f'{{"{MARK}'))
        ]
    }
    spied.add("answer", str(spied.call("backfill", asked)))
    dead = spied.queued(settings.backfill_dead_letters_url)
    assert dead.count(settings.export_prefix) == len(broken)
    # A message that is none is kept as it came: nobody knows whose it is.
    spied.add("dead letters", dead.replace(f'{{\\"{MARK}', "").replace(f'{{"{MARK}', ""))
    stored = spied.function("capture").archive.store.read(spied.initial)
    assert stored is not None
    assert MARK in stored.document.to_bytes().decode()
    assert spied.found() == []


def test_track_tells_nothing(spied: Spied) -> None:
    for event in spied.chat.contact_events():
        detail = {**event["detail"], "DisplayName": f"{MARK} Jane", "content": MARK}
        spied.call("track", {**event, "detail": detail})
    for broken in (
        {"detail-type": "Amazon Connect Contact Event", "detail": {"channel": "CHAT", "x": MARK}},
        {"detail-type": "Amazon Connect Contact Event", "detail": MARK},
        {"source": "aws.s3", "detail": {"object": {"key": [MARK]}}},
        {"source": MARK},
    ):
        spied.add("answer", str(spied.call("track", broken)))
    assert spied.out["error"]
    assert spied.found() == []


def capture(spied: Spied) -> None:
    """Serve what is due, once."""
    remaining = iter([900_000] * 4)
    context = Context()
    context.get_remaining_time_in_millis = lambda: next(remaining, 0)  # type: ignore[method-assign]
    spied.function("capture").handler({"shard": 0}, context)


def test_capture_tells_nothing(spied: Spied) -> None:
    archive = spied.function("capture").archive
    spied.keep_token(spied.service.participant_token(spied.initial))
    archive.schedule.make_due(spied.initial, phase="ended", due_at=0)
    capture(spied)
    stored = archive.store.read(spied.initial)
    assert stored is not None
    assert leaks({"document": stored.document.to_bytes().decode()}, [spied.chat])
    assert spied.found() == []


@pytest.mark.parametrize(
    "fault",
    [
        Fault(status=400),
        Fault(status=500),
        pytest.param(Fault(status=403), marks=pytest.mark.world),
        pytest.param(Fault(status=429), marks=pytest.mark.world),
        pytest.param(Fault(cut=True), marks=pytest.mark.world),
    ],
    ids=str,
)
def test_capture_that_is_refused_tells_nothing(spied: Spied, fault: Fault) -> None:
    archive = spied.function("capture").archive
    spied.service.fail_next("GetTranscript", fault, times=5)
    spied.keep_token(spied.service.participant_token(spied.initial))
    archive.schedule.make_due(spied.initial, phase="ended", due_at=0)
    capture(spied)
    assert spied.service.calls
    assert spied.found() == []


@pytest.mark.parametrize(
    "policy", ["full", "redacted", pytest.param("none", marks=pytest.mark.world)]
)
def test_exports_tell_nothing_whether_they_are_read_or_rejected(
    spied: Spied, policy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONTENT_POLICY", policy)
    archive, s3 = spied.function("capture").archive, spied.aws.client("s3")
    [export] = spied.chat.exports()
    whole = json.dumps(export).encode()
    for number, body in enumerate((whole, f'{{"{MARK}'.encode(), f'["{MARK}"]'.encode())):
        key = f"connect/ChatTranscripts/2026/09/0{number + 1}/{spied.initial}_x.json"
        s3.put_object(Bucket=archive.settings.export_bucket, Key=key, Body=body)
        archive.schedule.add_export(spied.initial, spied.initial, key, due_at=0)
        archive.schedule.make_due(spied.initial, phase="ended", due_at=0)
        capture(spied)
    spied.damage("damaged")
    archive.schedule.add_event("damaged", from_event_of("damaged"), noted())
    capture(spied)
    assert spied.found() == []


def from_event_of(contact: str) -> Any:
    from chatlake.sources.contact_event import from_event

    detail = {"contactId": contact, "initialContactId": contact, "eventType": "DISCONNECTED"}
    return from_event({"detail": {**detail, "channel": "CHAT"}})


def noted() -> Any:
    from chatlake.capture.noted import Noted

    return Noted("ended", 0, goes_on_at=None, ended=frozenset())


def test_last_read_tells_nothing(spied: Spied) -> None:
    token = spied.service.participant_token(spied.initial)
    spied.keep_token(token)
    flow = json.loads(json.dumps(EVENTS["last_read.flow"]))
    flow["Details"]["ContactData"] |= {
        "ContactId": spied.initial,
        "InitialContactId": spied.initial,
        "Channel": "CHAT",
        "Attributes": {"name": f"{MARK} Jane"},
    }
    closing = f"/chats/{spied.initial}/closing"
    spied.add("answer", str(spied.call("last_read", flow, left_ms=15_000)))
    for event in (
        of_page("last_read.closing", {"ParticipantToken": token}, closing),
        of_page("last_read.closing", {"ParticipantToken": MARK}, closing),
        of_page("last_read.closing", {"ParticipantToken": [MARK]}, closing),
        of_page("last_read.closing", f'{{"{MARK}', closing),
    ):
        spied.add("answer", str(spied.call("last_read", event, left_ms=15_000)))
    spied.service.fail_next("GetTranscript", Fault(status=500), times=9)
    spied.add("answer", str(spied.call("last_read", flow, left_ms=15_000)))
    assert '"read"' in spied.out["answer"] or "'read'" in spied.out["answer"]
    assert spied.found() == []


def message(number: int, body: object) -> dict[str, Any]:
    text = body if isinstance(body, str) else json.dumps(body)
    return {"messageId": f"message-{number}", "body": text}


def test_publish_tells_nothing(spied: Spied) -> None:
    spied.function("tables").archive.lake.create_tables()
    spied.store()
    spied.damage("damaged")
    bodies = ({"initial_contact_id": spied.initial}, {"initial_contact_id": "damaged"}, MARK)
    records = {"Records": [message(number, body) for number, body in enumerate(bodies)]}
    answered = spied.call("publish", records)
    assert len(answered["batchItemFailures"]) == 2
    spied.add("answer", str(answered))
    spied.add(
        "answer", str(spied.call("publish", {"Records": [{"messageId": "1", "body": {MARK: 1}}]}))
    )
    assert spied.found() == []


def test_tables_that_others_changed_tell_nothing(spied: Spied) -> None:
    """The reason names a column that somebody else has named, and no value of it."""
    spied.store()
    records = {"Records": [message(0, {"initial_contact_id": spied.initial})]}
    # There are no tables.
    spied.add("answer", str(spied.call("publish", records)))
    assert spied.out["error"]
    assert spied.found() == []


def test_reconcile_tells_nothing(spied: Spied, monkeypatch: pytest.MonkeyPatch) -> None:
    # It searches slowly, and tries a search that failed again later and later.
    skip_waiting(monkeypatch)
    spied.damage("damaged")
    spied.add("answer", str(spied.call("reconcile", {}, left_ms=62_000)))
    spied.service.fail_next("SearchContacts", Fault(status=500), times=9)
    spied.add("answer", str(spied.call("reconcile", {}, left_ms=62_000)))
    spied.add("answer", str(spied.call("reconcile", {"republish": {MARK: MARK}})))
    assert spied.out["error"]
    assert spied.found() == []


def test_erase_tells_nothing(spied: Spied) -> None:
    spied.function("tables").archive.lake.create_tables()
    spied.store()
    spied.damage("damaged")
    for payload in (
        {"contact_ids": [spied.initial, "damaged", "unknown"]},
        {"contact_ids": MARK},
        {"contact_ids": [{MARK: MARK}]},
        {MARK: MARK},
    ):
        spied.add("answer", str(spied.call("erase", payload)))
    assert spied.found() == []


def test_tables_tells_nothing(spied: Spied) -> None:
    """The address that CloudFormation is answered at is signed: whoever has it may answer."""
    spied.store()
    asked = EVENTS["tables.create"] | {"ResponseURL": f"http://127.0.0.1:9/?Signature={MARK}"}
    for event in (asked, {**asked, "RequestType": "Delete"}, {MARK: MARK}):
        spied.add("answer", str(spied.call("tables", event, left_ms=61_000)))
    assert spied.found() == []
