"""`chatlake doctor` on a stack and before there is one, on AWS as it is here."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from local.scripted.contact_center import INSTANCE_ARN
from tests.aws import REGION
from tests.command import run_command
from tests.lake_folder import Ran
from tests.small_stack import SmallStack, forget_session

if TYPE_CHECKING:
    from tests.aws import Aws

type Run = Callable[..., Ran]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*arguments: str) -> Ran:
        forget_session()
        return run_command(monkeypatch, capsys, *arguments)

    return run


def lines(ran: Ran, verdict: str) -> list[str]:
    return [line for line in ran.out.splitlines() if line.startswith(f"{verdict} ")]


def test_a_stack_is_looked_at_whole(aws: Aws, stack: SmallStack, run: Run) -> None:
    url = stack.outputs["TrackDeadLettersUrl"]
    aws.client("sqs").send_message(QueueUrl=url, MessageBody="{}")
    ran = run("doctor")
    assert ran.code == 1, ran.err
    said = ran.out
    assert f"fine     {REGION} has Connect" in said
    assert "fails    there are dead letters: 1 of Track" in said
    assert f"→ chatlake --stack {stack.name} redrive" in said
    bucket = stack.settings.export_bucket
    assert f"fails    the bucket {bucket} tells EventBridge nothing" in said
    # What an older stack lacks leaves one check unknown.
    assert f"unknown  Contact events: stack {stack.name} has no resource TrackContactEvents" in said
    assert "Checks: " in ran.err
    assert "Traceback" not in said + ran.err


def test_notifications_of_others_stay(aws: Aws, stack: SmallStack, run: Run) -> None:
    s3, bucket = aws.client("s3"), stack.settings.export_bucket
    arn = aws.client("sqs").get_queue_attributes(QueueUrl=aws.queue(), AttributeNames=["QueueArn"])[
        "Attributes"
    ]["QueueArn"]
    s3.put_bucket_notification_configuration(
        Bucket=bucket,
        NotificationConfiguration={
            "QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}]
        },
    )
    ran = run("doctor", "--merge-notifications")
    assert f"The bucket {bucket} tells EventBridge of new objects from now on" in ran.err
    assert "1 other notification left as they were" in ran.err
    found = s3.get_bucket_notification_configuration(Bucket=bucket)
    assert [one["QueueArn"] for one in found["QueueConfigurations"]] == [arn]
    assert found["EventBridgeConfiguration"] == {}


def test_before_a_deployment_what_is_named_is_looked_at(
    aws: Aws, stack: SmallStack, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CHATLAKE_STACK")
    bucket = stack.settings.export_bucket
    named = ("--region", REGION, "--instance", INSTANCE_ARN, "--export-bucket", bucket)
    ran = run("doctor", *named)
    assert ran.code == 1
    assert f"--export-bucket {bucket} --merge-notifications" in ran.out
    # Nothing is said of events, receipts and dead letters, which nobody can know yet.
    assert "dead letters" not in ran.out
    gone = run("doctor", "--region", REGION, "--export-bucket", "nobody-has-this-one")
    assert "fails    the bucket of exports nobody-has-this-one is gone" in gone.out
    assert lines(run("doctor", "--region", REGION), "look")


def test_what_contradicts_itself_is_one_sentence(stack: SmallStack, run: Run) -> None:
    ran = run("doctor", "--export-bucket", "b")
    assert (ran.code, ran.out) == (2, "")
    assert "are for the time before a stack" in ran.err
    ran = run("--lake", "somewhere", "doctor")
    assert ran.code == 2
    assert "leave out --lake" in ran.err
    ran = run("doctor", "--stack", "nobody")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("Error: there is no stack nobody in")


def test_a_bucket_must_be_named_to_be_changed(
    stack: SmallStack, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CHATLAKE_STACK")
    ran = run("doctor", "--region", REGION, "--merge-notifications")
    assert ran.code == 2
    assert "name it with --export-bucket" in ran.err
