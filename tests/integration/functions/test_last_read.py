"""LastRead: what flows and pages that know of a chat's end are answered, and what is archived."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from chatlake.capture.capture_state import Token
from chatlake.capture.reserve import BURST
from chatlake.chat_state import add_tombstones
from chatlake.documents.document import Document
from chatlake.sources.get_transcript import from_response
from tests.clock import HandClock, rule_time
from tests.functions import ROOT, Load, be_patient, call
from tests.metric_blobs import assert_they_hold_numbers_only, blobs

CANARY = "canary-7f3a"
START_MS = 1_795_000_000_000
CHAT, LEG = "c1", "c2"
PARTICIPANT, CONNECTION = f"{CANARY}-participant", f"{CANARY}-connection"
FLOW_WAITS_MS, PAGE_WAITS_MS = 8_000, 3_000
FLOW: dict[str, Any] = json.loads((ROOT / "events/last_read.flow.json").read_text())
CLOSING: dict[str, Any] = json.loads((ROOT / "events/last_read.closing.json").read_text())

pytestmark = pytest.mark.filterwarnings("ignore:No application metrics:UserWarning")


def of_flow(contact: str = LEG, initial: str | None = CHAT, channel: str = "CHAT") -> Any:
    event = deepcopy(FLOW)
    event["Details"]["ContactData"] |= {
        "ContactId": contact,
        "InitialContactId": initial,
        "Channel": channel,
    }
    return event


def of_page(contact: str = CHAT, body: object = None, **headers: str) -> Any:
    event = deepcopy(CLOSING)
    event["rawPath"] = event["requestContext"]["http"]["path"] = f"/chats/{contact}/closing"
    event["headers"] |= headers
    body = {"ParticipantToken": PARTICIPANT} if body is None else body
    event["body"] = body if isinstance(body, str) else json.dumps(body)
    return event


def refused(status: int, operation: str = "GetTranscript") -> ClientError:
    response: Any = {
        "Error": {"Code": "Refused", "Message": CANARY},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(response, operation)


@dataclass
class Service:
    """The Participant Service of one chat: messages by hundreds, and a time for each answer."""

    clock: HandClock
    messages: int
    answers_in_s: float = 0.1
    chat: str = CHAT
    dead: frozenset[str] = frozenset()
    error: Exception | None = None
    calls: list[str] = field(default_factory=list)
    meanwhile: Callable[[], object] = lambda: None
    meta: Any = field(
        default_factory=lambda: SimpleNamespace(events=SimpleNamespace(register=lambda *_, **__: 0))
    )

    def get_transcript(self, **asked: Any) -> Any:
        self._answer("GetTranscript", asked["ConnectionToken"])
        end = int(asked.get("NextToken", self.messages))
        begin = max(0, end - asked["MaxResults"])
        items = [self.item(number) for number in range(begin, end)]
        response: dict[str, Any] = {"InitialContactId": self.chat, "Transcript": items}
        if begin:
            response["NextToken"] = str(begin)
        return {"RawBody": json.dumps(response).encode()}

    def create_participant_connection(self, **asked: Any) -> Any:
        self._answer("CreateParticipantConnection", asked["ParticipantToken"])
        expiry = "2027-01-01T00:00:00Z"
        return {"ConnectionCredentials": {"ConnectionToken": CONNECTION, "Expiry": expiry}}

    def _answer(self, operation: str, token: str) -> None:
        self.calls.append(operation)
        self.clock.advance(self.answers_in_s)
        self.meanwhile()
        if token in self.dead:
            raise refused(403)
        if self.error is not None:
            raise self.error

    def item(self, number: int) -> dict[str, Any]:
        return {
            "Id": f"m{number}",
            "Type": "MESSAGE",
            "ContentType": "text/plain",
            "Content": f"{CANARY} says",
            "ContactId": self.chat,
            "AbsoluteTime": f"2026-11-20T{number // 3600:02}:{number // 60 % 60:02}:"
            f"{number % 60:02}.000Z",
            "DisplayName": f"{CANARY} Jane",
        }


@dataclass
class World:
    """The function with a chat whose customer's token is kept."""

    function: ModuleType
    service: Service
    clock: HandClock
    capsys: pytest.CaptureFixture[str]

    @property
    def archive(self) -> Any:
        return self.function.archive

    def keep(self, secret: str, kind: Any = "participant", expires_at: int | None = None) -> None:
        sealed = self.archive.token_cipher.seal(secret, CHAT)
        token = Token(kind, sealed, expires_at)
        self.archive.schedule.add_token(CHAT, token, due_at=START_MS + 600_000)

    def ask(self, event: Any, service: Service | None = None) -> Any:
        """Invoke the function; return what it answered, which nothing that it wrote quotes."""
        self.function.participant = service or self.service  # type: ignore[attr-defined]
        self.capsys.readouterr()
        answered = call(self.function, event, left_ms=self.function.FUNCTION_MS)
        said = self.capsys.readouterr()
        self.log = said.out + said.err
        assert CANARY not in self.log
        assert CANARY not in str(answered)
        return answered

    def flow(self, **event: Any) -> str:
        answered = self.ask(of_flow(**event))
        assert answered.keys() == {"status"}
        assert all(type(value) is str for value in answered.values())
        return str(answered["status"])

    def page(self, *asked: Any, **headers: str) -> tuple[int, Any]:
        answered = self.ask(of_page(*asked, **headers))
        return answered["statusCode"], json.loads(answered["body"])

    def counted(self) -> dict[str, float]:
        written = blobs(self.log)
        assert_they_hold_numbers_only(written, "stack")
        return {
            metric["Name"]: sum(blob[metric["Name"]])
            for blob in written
            for metric in blob["_aws"]["CloudWatchMetrics"][0]["Metrics"]
        }

    def archived(self, chat: str = CHAT) -> set[str]:
        stored = self.archive.store.read(chat)
        return set() if stored is None else set(stored.document.items)

    def is_due(self, chat: str = CHAT) -> bool:
        now_ms: int = self.clock.now_ms()
        return chat in self.archive.schedule.due("ended", now_ms, most=10)


@pytest.fixture
def world(load: Load, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> World:
    be_patient(monkeypatch)
    function = load("last_read", ALLOWED_ORIGINS="https://www.example.com")
    clock = HandClock()
    clock.set(START_MS)
    rule_time(clock, monkeypatch)
    made = World(function, Service(clock, 3), clock, capsys)
    made.keep(PARTICIPANT)
    return made


def test_a_flow_has_its_chat_archived_before_it_ends(world: World) -> None:
    assert world.flow() == "read"
    assert world.archived() == {"m0", "m1", "m2"}
    counts = world.counted()
    assert (counts["LastReads"], counts["LastReadsByFlow"]) == (1, 1)
    assert counts["GetTranscriptCalls"] == 1
    assert not world.is_due()


def test_a_fresh_connection_is_kept_for_whoever_reads_next(world: World) -> None:
    world.flow()
    assert world.service.calls == ["CreateParticipantConnection", "GetTranscript"]
    kinds = sorted(token.kind for token in world.archive.schedule.read(CHAT).tokens.values())
    assert kinds == ["connection", "participant"]
    world.flow()
    assert world.service.calls[2:] == ["GetTranscript"]


@pytest.mark.parametrize("answers_in_s", [0.05, 0.2, 0.9])
@pytest.mark.parametrize(("waits_ms", "by"), [(FLOW_WAITS_MS, "flow"), (PAGE_WAITS_MS, "page")])
def test_the_answer_comes_in_time_however_long_the_chat_and_slow_the_service(
    world: World, waits_ms: int, by: str, answers_in_s: float
) -> None:
    """5,000 messages are 50 pages: the newest ones are read, the others are left to capture."""
    world.service = Service(world.clock, 5_000, answers_in_s)
    answered = {"status": world.flow()} if by == "flow" else world.page()[1]["data"]
    assert answered == {"status": "partly"}
    assert world.clock.now_ms() - START_MS < waits_ms
    read = world.archived()
    assert f"m{4_999}" in read
    assert 0 < len(read) < 5_000
    assert len(read) % 100 == 0
    assert world.counted()["LastReadsPartly"] == 1
    assert world.is_due()


def test_a_chat_without_a_token_says_so_in_a_metric(world: World) -> None:
    for contact in ("unknown", f"{CANARY}'; --"):
        assert world.flow(contact=contact, initial=None) == "no token"
        assert world.counted()["LastReadsWithoutToken"] == 1
    assert world.service.calls == []


def test_a_token_that_has_expired_is_none(world: World) -> None:
    state = world.archive.schedule.read(CHAT)
    world.archive.schedule.remove(CHAT)
    assert len(state.tokens) == 1
    world.keep(CONNECTION, "connection", START_MS - 1)
    assert world.flow() == "no token"
    assert world.service.calls == []


def test_a_token_that_opens_the_chat_no_longer_says_so_in_a_metric(world: World) -> None:
    world.service.dead = frozenset({PARTICIPANT})
    assert world.flow() == "denied"
    assert world.counted()["LastReadsDenied"] == 1
    assert world.archived() == set()


def test_another_token_is_tried_where_one_is_dead(world: World) -> None:
    world.keep(f"{CANARY}-dead", "connection")
    world.service.dead = frozenset({f"{CANARY}-dead"})
    assert world.flow() == "read"
    assert world.service.calls == ["GetTranscript", "CreateParticipantConnection", "GetTranscript"]


@pytest.mark.parametrize(
    ("error", "status", "metric"),
    [
        (refused(500), "failed", "LastReadsFailed"),
        (ReadTimeoutError(endpoint_url=CANARY), "failed", "LastReadsFailed"),
        (refused(400), "failed", "LastReadsFailed"),
        (RuntimeError(CANARY), "failed", "LastReadsFailed"),
        (refused(429), "no turn", "LastReadsWithoutTurn"),
    ],
)
def test_a_flow_goes_on_whatever_the_service_does(
    world: World, error: Exception, status: str, metric: str
) -> None:
    world.service.error = error
    assert world.flow() == status
    assert world.counted()[metric] == 1
    assert world.is_due()


@pytest.mark.parametrize("lost", ["CHATS_TABLE", "SCHEDULE_TABLE", "DOCUMENT_BUCKET", "KEY_ARN"])
def test_a_flow_goes_on_whatever_is_gone_here(world: World, load: Load, lost: str) -> None:
    name = "arn:aws:kms:eu-central-1:111122223333:key/gone" if lost == "KEY_ARN" else "gone"
    world.function = load("last_read", **{lost: name})
    assert world.flow() in {"failed", "no token"}
    status, _ = world.page()
    assert status in {200, 403, 503}


@pytest.mark.parametrize("event", [{}, {"Details": None}, {"Details": {"ContactData": {}}}])
def test_a_flow_goes_on_though_it_says_nothing(world: World, event: Any) -> None:
    assert world.ask(event) == {"status": "failed"}
    assert world.counted()["LastReadsFailed"] == 1


def test_a_damaged_document_is_not_written_over(world: World) -> None:
    world.flow()
    key = world.archive.store._s3.list_objects_v2(Bucket=world.archive.settings.document_bucket)
    [found] = key["Contents"]
    bucket = world.archive.settings.document_bucket
    world.archive.store._s3.put_object(Bucket=bucket, Key=found["Key"], Body=b"{")
    assert world.flow() == "failed"
    assert world.archive.store._s3.get_object(Bucket=bucket, Key=found["Key"])["Body"].read() == (
        b"{"
    )


def test_a_flow_of_calls_has_no_chat(world: World) -> None:
    assert world.flow(channel="VOICE") == "no chat"
    assert world.counted() == {}
    assert world.service.calls == []


@pytest.mark.parametrize(
    ("contact", "initial", "known"),
    [(LEG, CHAT, {}), (CHAT, None, {}), (LEG, None, {LEG: CHAT}), ("c0", "c0", {"c0": CHAT})],
)
def test_the_chat_is_found_by_any_of_its_contacts(
    world: World, contact: str, initial: str | None, known: dict[str, str]
) -> None:
    world.archive.chats.legs.add(known, provisional=False)
    assert world.flow(contact=contact, initial=initial) == "read"


def test_a_token_that_was_registered_under_a_leg_opens_the_chat(world: World) -> None:
    """The transcript names its chat: what was read is that one's, and capture moves the rest."""
    world.service.chat = "c0"
    assert world.flow(contact=CHAT, initial=None) == "read"
    assert world.archived("c0") == {"m0", "m1", "m2"}
    assert world.archive.chats.legs.initial_contacts([CHAT]) == {CHAT: "c0"}
    assert world.is_due(CHAT)
    assert world.is_due("c0")
    # Until it is moved, its state is under the leg.
    assert world.flow(contact=LEG, initial=CHAT) == "read"


def test_when_the_reserve_is_used_up_capture_reads_the_chat(world: World) -> None:
    for _ in range(BURST + 6):
        world.archive.reserve.take(START_MS + 60_000)
    assert world.flow() == "no turn"
    assert world.counted()["LastReadsWithoutTurn"] == 1
    assert world.service.calls == []
    assert world.is_due()
    assert world.clock.now_ms() == START_MS


def test_who_comes_late_waits_for_a_turn(world: World) -> None:
    for _ in range(BURST + 2):
        world.archive.reserve.take(START_MS + 60_000)
    assert world.flow() == "read"
    assert world.clock.now_ms() - START_MS == 3_200


def test_all_last_reads_together_stay_in_the_reserve(world: World) -> None:
    world.service = Service(world.clock, 5_000, 0.01)
    for _ in range(4):
        world.flow()
    pages = world.service.calls.count("GetTranscript")
    assert pages <= BURST + (world.clock.now_ms() - START_MS) / 1000 + 1


def test_what_capture_writes_at_the_same_time_is_merged(world: World) -> None:
    capture = from_response(
        {"InitialContactId": CHAT, "Transcript": [{"Id": "other", "Type": "MESSAGE"}]}, read_at=1
    )
    world.service.meanwhile = lambda: world.archive.store.update(
        CHAT, lambda _: capture if _ is None else _
    )
    assert world.flow() == "read"
    assert world.archived() == {"other", "m0", "m1", "m2"}


def test_an_erased_chat_is_not_archived_again(world: World) -> None:
    add_tombstones(world.archive.chats, CHAT)
    assert world.flow() == "no token"
    assert world.archive.store.read(CHAT) is None


def test_a_page_has_its_chat_archived_before_the_customer_leaves(world: World) -> None:
    assert world.page() == (200, {"data": {"status": "read"}})
    assert world.archived() == {"m0", "m1", "m2"}
    counts = world.counted()
    assert (counts["LastReads"], counts["LastReadsByPage"]) == (1, 1)


@pytest.mark.parametrize("contact", [CHAT, "unknown"])
@pytest.mark.parametrize("token", [f"{CANARY}-other", CONNECTION, "é"])
def test_who_has_no_token_of_the_chat_is_told_nothing(
    world: World, contact: str, token: str
) -> None:
    world.keep(CONNECTION, "connection")
    assert world.page(contact, {"ParticipantToken": token}) == (
        403,
        {"data": {"Error": "AccessDenied"}},
    )
    assert world.counted() == {"ClosingsRefused": 1}
    assert world.service.calls == []


def test_a_token_opens_its_own_chat_only(world: World) -> None:
    sealed = world.archive.token_cipher.seal(f"{CANARY}-other", "c9")
    world.archive.schedule.add_token("c9", Token("participant", sealed), due_at=START_MS)
    assert world.page("c9")[0] == 403


@pytest.mark.parametrize(
    "body",
    ["", "{", "[]", {}, {"ParticipantToken": 1}, {"ParticipantToken": f"{CANARY}" * 1000}],
)
def test_a_bad_request_is_refused_and_not_repeated(world: World, body: object) -> None:
    status, said = world.page(CHAT, body)
    assert status == 400
    assert said["data"]["Error"]


def test_a_page_of_another_origin_may_not_read_the_answer(world: World) -> None:
    for origin, allowed in (("https://www.example.com", True), ("https://c.example", False)):
        for event in (of_page(origin=origin), of_page(body={"ParticipantToken": "x"})):
            event["headers"]["origin"] = origin
            headers = world.ask(event)["headers"]
            assert (headers.get("Access-Control-Allow-Origin") == origin) is allowed
    assert world.archive.store.read(CHAT) is not None


def test_a_document_that_is_there_is_kept(world: World) -> None:
    before = from_response(
        {"InitialContactId": CHAT, "Transcript": [{"Id": "m-1", "Type": "EVENT"}]}, read_at=1
    )
    world.archive.store.update(CHAT, lambda _: before)
    assert world.flow() == "read"
    assert world.archived() == {"m-1", "m0", "m1", "m2"}
    stored: Document = world.archive.store.read(CHAT).document
    assert stored.participant is not None
    assert stored.participant["whole_read_at"] is not None
