"""Chats of the past: listed, searched, put into a queue, taken in; killed and gone on with."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from chatlake.capture.rate_limiter import Unpaced
from chatlake.chat_state.backfills import BackfillState
from chatlake.exceptions import StackUnusable
from chatlake.operations import backfill as module
from chatlake.operations import backfill_estimate, redrive
from chatlake.operations.past_exports import Listing, PastDays
from local.chats import scripts
from local.clock import Clock
from local.participant_service import Behaviour, ParticipantService
from local.scripted.contact_center import INSTANCE_ALIAS, INSTANCE_ARN
from tests.command import run_command
from tests.functions import call
from tests.lake_folder import Ran
from tests.queue_worker import records, working
from tests.small_stack import SmallStack, describe, forget_session, small_stack
from tools import prices

if TYPE_CHECKING:
    from tests.aws import Aws
    from tests.functions import Load

pytestmark = pytest.mark.filterwarnings("ignore:No application metrics:UserWarning")

SINCE, UNTIL = "2026-08-01", "2026-08-02"
CHATS = list(scripts(seed=11, count=40, start=datetime(2026, 8, 1, tzinfo=UTC), days=2))
LEGS = [(chat, leg) for chat in CHATS for leg in chat.legs]
PREFIX = f"connect/{INSTANCE_ALIAS}/ChatTranscripts"
# By clocks of the service: they are all over.
LATER_S = datetime(2026, 8, 9, tzinfo=UTC).timestamp()

type Run = Callable[..., Ran]


@pytest.fixture
def stack(aws: Aws, load: Load, monkeypatch: pytest.MonkeyPatch) -> Iterator[SmallStack]:
    unlimited = replace(Behaviour(), search_contacts_per_s=1e6, search_contacts_burst=1_000_000)
    monkeypatch.setenv("CONNECT_INSTANCE_ARN", INSTANCE_ARN)
    monkeypatch.setenv("EXPORT_PREFIX", PREFIX)
    monkeypatch.setattr(module, "searching_pace", Unpaced)
    monkeypatch.setattr(module, "_POLL_S", 0.02)
    monkeypatch.setattr(module, "_EMPTY_FOR_S", 0.3)
    with (
        ParticipantService(CHATS, Clock(LATER_S, 1.0), unlimited) as service,
        small_stack(aws, load, monkeypatch) as made,
    ):
        monkeypatch.setenv("AWS_ENDPOINT_URL_CONNECT", service.url)
        yield made


@pytest.fixture
def redacting(aws: Aws, stack: SmallStack) -> SmallStack:
    """The stack, which keeps contents of redacted exports alone."""
    aws.client("cloudformation").delete_stack(StackName=stack.name)
    describe(
        aws,
        stack.name,
        {name: value for name, value in stack.outputs.items() if value},
        ConnectInstanceArn=INSTANCE_ARN,
        ExportBucketName=stack.settings.export_bucket,
        ExportPrefix=PREFIX,
        ContentPolicy="redacted",
    )
    return stack


@pytest.fixture
def backfill(load: Load, stack: SmallStack) -> ModuleType:
    return load("backfill", BACKFILL_DEAD_LETTERS_URL=stack.outputs["BackfillDeadLettersUrl"])


@pytest.fixture
def exports(aws: Aws, stack: SmallStack) -> list[str]:
    """Write the exports of all legs; return their keys."""
    for chat, leg in LEGS:
        _put(aws, stack, leg.export_key, json.dumps(chat.export(leg)))
    return [leg.export_key for _, leg in LEGS]


def _put(aws: Aws, stack: SmallStack, key: str, body: str) -> None:
    bucket = stack.settings.export_bucket
    aws.client("s3").put_object(Bucket=bucket, Key=key, Body=body.encode())


@pytest.fixture
def run(
    aws: Aws,
    stack: SmallStack,
    backfill: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    def run(*arguments: str, working_off: bool = True) -> Ran:
        forget_session()
        sqs, url = aws.client("sqs"), stack.outputs["BackfillQueueUrl"]
        during = working(sqs, url, backfill) if working_off else None
        return run_command(monkeypatch, capsys, *arguments, during=during)

    return run


def period(*more: str) -> tuple[str, ...]:
    return ("backfill", "--since", SINCE, "--until", UNTIL, *more)


def publish_all(aws: Aws, stack: SmallStack) -> list[str]:
    """Publish what waits, and return it."""
    sqs, url, chats = aws.client("sqs"), stack.settings.publish_queue_url, []
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        chats += [json.loads(message["Body"])["initial_contact_id"] for message in messages]
        for message in messages:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    stack.archive.publish(set(chats))
    return chats


def waiting(aws: Aws, url: str) -> int:
    found = aws.client("sqs").get_queue_attributes(
        QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"]
    )
    return int(found["Attributes"]["ApproximateNumberOfMessages"])


@pytest.mark.usefixtures("exports")
def test_a_dry_run_counts_and_does_nothing(aws: Aws, stack: SmallStack, run: Run) -> None:
    ran = run(*period("--dry-run"), working_off=False)
    assert ran.code == 0, ran.err
    assert f"{SINCE} to {UNTIL}: {len(LEGS)} exports (" in ran.out
    assert "About 2 searches of contacts, 0.0 hours at 0.4 a second" in ran.out
    assert waiting(aws, stack.outputs["BackfillQueueUrl"]) == 0
    assert stack.archive.backfills.read(f"{SINCE}..{UNTIL}") is None
    assert "searches" not in run(*period("--dry-run", "--exports-only"), working_off=False).out


@pytest.mark.usefixtures("exports")
def test_a_dry_run_tells_how_long_records_are_asked_for(redacting: SmallStack, run: Run) -> None:
    told = f"{len(LEGS)} records of contacts, 0.0 hours at 1 a second: ContentPolicy is redacted"
    assert told in run(*period("--dry-run"), working_off=False).out
    assert told in run(*period("--dry-run", "--exports-only"), working_off=False).out


@pytest.mark.usefixtures("exports")
def test_no_stack_that_keeps_all_contents_asks_for_records(stack: SmallStack, run: Run) -> None:
    assert "records" not in run(*period("--dry-run"), working_off=False).out


@pytest.mark.usefixtures("exports")
def test_all_chats_of_the_past_are_taken_in_with_their_contacts(
    aws: Aws, stack: SmallStack, run: Run
) -> None:
    ran = run(*period())
    assert ran.code == 0, ran.err
    assert f"{len(LEGS)} contacts taken in" in ran.err
    assert "hours in all, and $0.00 at list prices" in ran.err
    assert set(publish_all(aws, stack)) == {chat.initial_contact_id for chat in CHATS}
    verified = run("verify", "--all", working_off=False)
    assert (verified.code, verified.out) == (0, ""), verified.err
    assert f"{len(CHATS)} chats compared" in verified.err
    document = stack.archive.store.read(CHATS[0].initial_contact_id)
    assert document is not None
    ids = {leg.contact_id for leg in CHATS[0].legs}
    assert document.document.exports.keys() == document.document.events.keys() == ids
    # Given once more it changes nothing.
    again = run(*period())
    assert again.code == 0
    assert publish_all(aws, stack) == []


@pytest.mark.usefixtures("exports")
def test_exports_alone_need_no_search(stack: SmallStack, run: Run) -> None:
    ran = run(*period("--exports-only"))
    assert ran.code == 0, ran.err
    document = stack.archive.store.read(CHATS[0].initial_contact_id)
    assert document is not None
    assert document.document.events == {}


def test_what_is_twice_broken_or_foreign_harms_nothing(
    aws: Aws, stack: SmallStack, run: Run, exports: list[str]
) -> None:
    folder = f"{PREFIX}/2026/08/01"
    _put(aws, stack, exports[0].replace(".json", "_again.json"), json.dumps(CHATS[0].exports()[0]))
    _put(aws, stack, f"{folder}/broken_20260801T10:00_UTC.json", '{"Transcript": [')
    _put(aws, stack, f"{folder}/notes.txt", "not an export")
    _put(aws, stack, f"{folder}/below/x_y.json", "{}")
    _put(
        aws, stack, f"{PREFIX.replace('ChatTranscripts', 'CallRecordings')}/2026/08/01/a_b.wav", ""
    )
    _put(aws, stack, f"{PREFIX.replace('Chat', 'Analysis/Chat')}/2026/08/01/a_b.json", "{}")
    ran = run(*period())
    assert ran.code == 1
    [named] = [line for line in ran.err.splitlines() if line.startswith("Not taken in")]
    assert named.startswith(f"Not taken in: {folder}/broken_20260801T10:00_UTC.json: ")
    assert "1 message kept in the queue BackfillDeadLetters" in ran.err
    publish_all(aws, stack)
    assert run("verify", "--all", working_off=False).code == 0
    # Mended, it is sent again.
    _put(aws, stack, f"{folder}/broken_20260801T10:00_UTC.json", json.dumps(CHATS[1].exports()[0]))
    redriven = run("redrive")
    assert "1 contact of the past could not be taken in." in redriven.out
    assert "SQS moves the contacts back to the backfill queue." in redriven.out
    assert waiting(aws, stack.outputs["BackfillDeadLettersUrl"]) == 0


class Killed(SystemExit):
    """The process is gone, at once."""


@pytest.mark.usefixtures("exports")
@pytest.mark.parametrize("more", [(), ("--exports-only",)], ids=["searching", "exports"])
def test_killed_twice_it_goes_on(
    aws: Aws,
    stack: SmallStack,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    more: tuple[str, ...],
) -> None:
    monkeypatch.setattr(module, "_NOTED_EVERY", 10)
    send = module.Backfill._send
    sent: list[list[Any]] = []

    def send_and_die(self: Any, contacts: Any) -> None:
        some = list(contacts)
        sent.append(some)
        send(self, some)
        # The first run's first, and the second run's second, before either was noted.
        if len(sent) in {1, 3}:
            raise Killed(137)

    monkeypatch.setattr(module.Backfill, "_send", send_and_die)
    assert run(*period(*more), working_off=False).code == 137
    assert run(*period(*more), working_off=False).code == 137
    ran = run(*period(*more))
    assert ran.code == 0, ran.err
    assert "It goes on where it was." in ran.err
    publish_all(aws, stack)
    assert run("verify", "--all", working_off=False).code == 0
    documents = [stack.archive.store.read(chat.initial_contact_id) for chat in CHATS]
    legs = [leg for stored in documents if stored for leg in stored.document.exports]
    assert len(legs) == len(LEGS)
    # Little was sent twice.
    assert sum(map(len, sent)) <= 2 * len(LEGS)


def test_its_first_ones_tell_how_long_the_rest_takes(
    aws: Aws, stack: SmallStack, run: Run, exports: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MEASURED", 10)
    monkeypatch.setattr(module, "_NOTED_EVERY", 5)
    states: list[int] = []
    reckon = backfill_estimate.estimate

    def noted(listing: Any, state: Any, **rest: Any) -> Any:
        states.append(state.over)
        return reckon(listing, state, **rest)

    monkeypatch.setattr(backfill_estimate, "estimate", noted)
    ran = run(*period("--exports-only"))
    assert ran.code == 0
    assert f"{len(exports)} exports: about 0.0 hours in all" in ran.err
    # Once, before the rest was in.
    [over] = states
    assert 10 <= over < len(exports)


def started(aws: Aws, stack: SmallStack, **more: Any) -> module.Backfill:
    sources = module.BackfillSources(
        folder=None,  # type: ignore[arg-type]
        instance_arn=INSTANCE_ARN,
        connect=aws.client("connect"),
        searches=Unpaced(),
        sqs=aws.client("sqs"),
        queue_url=stack.outputs["BackfillQueueUrl"],
        publish_queue_url="",
        backfills=stack.archive.backfills,
        **more,
    )
    return module.Backfill(sources, PastDays(date(2026, 8, 1), date(2026, 8, 2)))


def test_live_chats_are_left_to_their_events(
    aws: Aws, stack: SmallStack, backfill: ModuleType, exports: list[str]
) -> None:
    work = started(aws, stack)
    over = {"Id": "over", "DisconnectTimestamp": datetime(2026, 8, 1, tzinfo=UTC)}
    keys = {"over": "k1", "lives": "k2"}
    [found] = work._found([over, {"Id": "lives"}, {}], keys)
    assert (found.export, keys) == ("k1", {"lives": "k2"})
    assert call(backfill, records(found.to_body()))["batchItemFailures"] == []


def test_rows_of_live_chats_do_not_wait_behind_it(
    aws: Aws, stack: SmallStack, run: Run, exports: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_NOTED_EVERY", 10)
    monkeypatch.setattr(module, "_MOST_WAITING", 10)
    monkeypatch.setattr(module, "_SILENT_S", 0.4)
    most = 0
    count = redrive.count

    def counted(sqs: Any, url: str) -> int:
        nonlocal most
        most = max(most, count(sqs, url))
        if most > 10:
            publish_all(aws, stack)
        return count(sqs, url)

    monkeypatch.setattr(module, "count", counted)
    assert run(*period("--exports-only")).code == 0
    assert 10 < most <= 2 * 10 + 10


def test_a_function_that_does_nothing_is_told_of(
    run: Run, exports: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_SILENT_S", 0.2)
    ran = run(*period("--exports-only"), working_off=False)
    assert ran.code == 1
    assert ran.err.splitlines()[-1].startswith("Error: Backfill has taken in nothing for 0 minutes")


@pytest.mark.parametrize(("asks", "minutes"), [(False, 25), (True, 62)])
def test_what_has_failed_has_time_to_come_back(
    aws: Aws, stack: SmallStack, monkeypatch: pytest.MonkeyPatch, asks: bool, minutes: int
) -> None:
    """It is hidden for as long as six times the function's timeout."""
    monkeypatch.setattr(module, "_POLL_S", 100.0)
    aws.client("sqs").send_message(QueueUrl=stack.outputs["BackfillQueueUrl"], MessageBody="{}")
    waits: list[float] = []
    work = started(aws, stack, asks_for_records=asks, sleep=waits.append)
    with pytest.raises(StackUnusable, match=f"for {minutes} minutes, and 1 messages wait"):
        work._wait(None, BackfillState(""), lambda _: None)
    assert sum(waits) == pytest.approx(60 * minutes, abs=50)


def test_what_cannot_be_done_is_one_sentence(aws: Aws, stack: SmallStack, run: Run) -> None:
    ran = run("backfill", "--since", UNTIL, "--until", SINCE, working_off=False)
    assert (ran.code, ran.out) == (2, "")
    assert f"--since {UNTIL} is after --until {SINCE}" in ran.err
    ran = run("backfill", working_off=False)
    assert "Missing option '--since'" in ran.err
    s3, bucket = aws.client("s3"), stack.settings.export_bucket
    s3.delete_bucket(Bucket=bucket)
    ran = run(*period(), working_off=False)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith(f"Error: the bucket of exports {bucket} is gone")


@pytest.mark.usefixtures("exports")
def test_a_refused_search_waits_and_is_made_again(
    aws: Aws, stack: SmallStack, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_THROTTLED_S", 0.1)
    limited = replace(Behaviour(), search_contacts_per_s=5, search_contacts_burst=1)
    with ParticipantService(CHATS, Clock(LATER_S, 1.0), limited) as service:
        monkeypatch.setenv("AWS_ENDPOINT_URL_CONNECT", service.url)
        ran = run(*period())
    assert ran.code == 0, ran.err


def reckoned(*, exports: int, busy_s: float, asking: bool) -> backfill_estimate.Estimate:
    listing = Listing({date(2026, 8, 1): exports})
    return backfill_estimate.estimate(
        listing,
        BackfillState("", done=100, busy_ms=round(busy_s * 1000)),
        processes=10,
        memory_gb=1.0,
        architecture="arm64",
        searching=False,
        asking=asking,
    )


def test_where_records_are_asked_for_an_estimate_knows_their_pace() -> None:
    # Ten executions, each with a tenth of a second an export; two that wait for two seconds.
    assert reckoned(exports=36_000, busy_s=10, asking=False).hours == pytest.approx(0.1)
    slow = reckoned(exports=36_000, busy_s=200, asking=True)
    assert slow.a_second == pytest.approx(1.0)
    assert slow.hours == pytest.approx(10.0)
    # The first ones may have been quick, because events told of them.
    assert reckoned(exports=36_000, busy_s=10, asking=True).hours == pytest.approx(10.0)
    throttled = reckoned(exports=36_000, busy_s=400, asking=True)
    assert throttled.hours == pytest.approx(20.0)


def test_prices_are_those_of_the_page_of_costs() -> None:
    for name, dollars in backfill_estimate.PRICES.items():
        assert dollars == prices.price(name), name
