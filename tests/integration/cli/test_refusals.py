"""What every verb of a stack says when AWS refuses: one sentence that says what to do.

Each call of each verb is refused once: the calls are those that the verb was seen to make.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from botocore.client import BaseClient

from chatlake.operations import backfill as backfill_operation
from local.clock import Clock
from local.participant_service import ParticipantService
from tests.command import run_command
from tests.functions import ROOT
from tests.lake_folder import CANARY, Ran, message, page
from tests.small_stack import SmallStack, forget_session, small_stack

if TYPE_CHECKING:
    from pathlib import Path

    from tests.aws import Aws
    from tests.functions import Load

pytestmark = pytest.mark.filterwarnings("ignore:No application metrics:UserWarning")

VERBS: dict[str, tuple[str, ...]] = {
    "status": ("status",),
    "query": ("query", "SELECT 1"),
    "report": ("report", "--output", "report.html"),
    "document": ("document", "c1"),
    "verify": ("verify", "--all"),
    "republish": ("republish",),
    "republish one": ("republish", "c1"),
    "redrive": ("redrive",),
    "erase": ("erase", "c1"),
    "backfill": ("backfill", "--since", "2026-08-01", "--until", "2026-08-01", "--exports-only"),
    "smoke": ("smoke", "--flow", "flow"),
    "doctor": ("doctor",),
}
OF_BUCKETS = {
    "verify": "Documents",
    "document": "Documents",
    "republish": "Documents",
    "republish one": "Documents",
    "smoke": "Documents",
    "backfill": "",
}
"""Verbs that look whether a bucket is the account's own, before all else: that of an output."""

NOT_NEEDED = {
    "GetWorkGroup": "who may ask questions need not be allowed to read the workgroup's settings",
}
"""Calls that a verb does without."""

# Each takes a second or two, for a stack of its own; one goes with the gate.
EACH = [pytest.param(verb, marks=() if verb == "status" else pytest.mark.world) for verb in VERBS]
# By which a stack is found, before doctor looks at it.
_FINDING = {"DescribeStacks"}
type Run = Callable[..., Ran]


@dataclass
class Gate:
    """What is called by commands, and what is refused of it, with which status and code."""

    seen: list[tuple[str, str]] = field(default_factory=list)
    refused: dict[str, tuple[int, str]] = field(default_factory=dict)
    everything: str = ""
    # Functions of the stack run in this process, in threads of their own.
    invoking: bool = False

    def answer(self, client: Any, operation: str) -> None:
        """Note a call, and raise what it is refused with, if it is."""
        if self.invoking:
            return
        service = client.meta.service_model.service_name
        self.seen.append((service, operation))
        status, code = self.refused.get(operation, (400, self.everything))
        if code:
            response = {
                "Error": {"Code": code, "Message": f"{CANARY} says AWS"},
                "ResponseMetadata": {"HTTPStatusCode": status},
            }
            raise client.exceptions.from_code(code)(response, operation)


@pytest.fixture
def stack(aws: Aws, load: Load, monkeypatch: pytest.MonkeyPatch) -> Iterator[SmallStack]:
    """A stack of an instance that is not there."""
    url = f"{aws.endpoint_url}/tokens"
    with (
        ParticipantService([], Clock(time.time())) as service,
        small_stack(aws, load, monkeypatch, TokensUrl=url) as made,
    ):
        monkeypatch.setenv("AWS_ENDPOINT_URL_CONNECT", service.url)
        yield made


@pytest.fixture
def gate(stack: SmallStack) -> Iterator[Gate]:
    """What stands between commands and AWS, until the stack is to go."""
    gate = Gate()
    base: Any = BaseClient
    call = base._make_api_call

    def gated(client: Any, operation: str, parameters: Any) -> Any:
        gate.answer(client, operation)
        gate.invoking = gate.invoking or operation == "Invoke"
        try:
            return call(client, operation, parameters)
        finally:
            gate.invoking = gate.invoking and operation != "Invoke"

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(base, "_make_api_call", gated)
        yield gate


@pytest.fixture
def run(
    stack: SmallStack,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> Run:
    """Run a command on a stack that has a chat."""
    stack.take(page("c1", message()))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(backfill_operation, "_POLL_S", 0.01)
    monkeypatch.setattr(backfill_operation, "_EMPTY_FOR_S", 0.05)

    def run(*arguments: str) -> Ran:
        forget_session()
        ran = run_command(monkeypatch, capsys, *arguments)
        assert CANARY not in ran.err
        assert CANARY not in ran.out or "document" in arguments
        assert "Traceback" not in ran.err + ran.out
        return ran

    return run


def said(ran: Ran) -> str:
    """What a command that can do nothing says: one sentence on what happened and what to do."""
    assert ran.code == 1, ran
    lines = [line for line in ran.err.splitlines() if line.startswith("Error: ")]
    # Progress may stand before it.
    assert ran.err.splitlines()[-1:] == lines
    assert ": " in lines[0].removeprefix("Error: ")
    return lines[0]


def denial(service: str, operation: str) -> tuple[int, str]:
    """What a service says to those who may not do something."""
    if operation.startswith("Head"):
        return 403, "403"
    return 403, "AccessDenied" if service in {"s3", "cloudformation"} else "AccessDeniedException"


def leave_letters(aws: Aws, stack: SmallStack) -> None:
    """Let there be something for whoever sends dead letters back to work."""
    event = json.loads((ROOT / "events/track.initiated.json").read_text())
    for name, body in (("Publish", {"initial_contact_id": "c1"}), ("Track", event)):
        url = stack.outputs[f"{name}DeadLettersUrl"]
        aws.client("sqs").send_message(QueueUrl=url, MessageBody=json.dumps(body))


@pytest.mark.parametrize("verb", EACH)
def test_each_call_that_is_denied_is_named(
    aws: Aws, stack: SmallStack, gate: Gate, run: Run, verb: str
) -> None:
    leave_letters(aws, stack)
    gate.seen.clear()
    run(*VERBS[verb])
    seen = dict.fromkeys((service, operation) for service, operation in gate.seen)
    assert len(seen) > 1, seen
    wrong = []
    for service, operation in seen:
        gate.refused = {}
        leave_letters(aws, stack)
        gate.refused = {operation: denial(service, operation)}
        ran = run(*VERBS[verb])
        if operation in NOT_NEEDED:
            assert ran.code == 0, ran
            continue
        if verb == "doctor" and operation not in _FINDING:
            assert ran.code == 1
            told = ran.out
        else:
            told = said(ran)
        if "may not" not in told:
            wrong.append(f"{service} {operation}: {told}")
    assert wrong == []


@pytest.mark.parametrize("verb", EACH)
def test_expired_credentials_are_to_be_renewed(gate: Gate, run: Run, verb: str) -> None:
    gate.everything = "ExpiredTokenException"
    assert said(run(*VERBS[verb])) == (
        "Error: the AWS credentials have expired: sign in again (aws sso login), or name another "
        "profile with --profile"
    )


@pytest.mark.parametrize("verb", EACH)
def test_no_credentials_are_one_sentence(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, verb: str
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    assert said(run(*VERBS[verb])).startswith("Error: there are no AWS credentials: sign in")


@pytest.mark.parametrize("verb", EACH)
@pytest.mark.parametrize("elsewhere", [("--stack", "nobody"), ("--region", "us-east-1")])
def test_a_stack_that_is_not_there_is_sought_elsewhere(
    run: Run, verb: str, elsewhere: tuple[str, str]
) -> None:
    told = said(run(*elsewhere, *VERBS[verb]))
    assert told.startswith("Error: there is no stack ")
    assert "name its Region with --region" in told


@pytest.mark.parametrize(
    "verb",
    [
        pytest.param(verb, marks=() if verb == "verify" else pytest.mark.world)
        for verb in OF_BUCKETS
    ],
)
@pytest.mark.parametrize(
    ("status", "why"),
    [
        (403, "either it belongs to another account than"),
        (404, "is gone: restore it, or deploy the stack anew"),
        (301, "is in another Region than"),
    ],
)
def test_a_bucket_that_is_not_ours_is_named(
    stack: SmallStack, gate: Gate, run: Run, verb: str, status: int, why: str
) -> None:
    gate.refused = {"HeadBucket": (status, str(status))}
    told = said(run(*VERBS[verb]))
    assert stack.outputs.get(OF_BUCKETS[verb], stack.settings.export_bucket) in told
    assert why in told


def test_all_verbs_of_a_stack_are_here() -> None:
    from chatlake.cli.commands import chatlake

    of_stacks = {
        name
        for name, command in chatlake.commands.items()
        if any(option.name == "stack" for option in command.params)
    }
    assert of_stacks == {arguments[0] for arguments in VERBS.values()}
