"""`chatlake doctor` where something is wrong: it says what, and what it tells to do mends it.

The stack is deployed on the local cloud. Each fault is planted, told, mended by the words that were
told, and not told any more.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from local.clock import Clock
from local.cloud.refusals import EXPIRED, without
from local.participant_service import Behaviour
from local.scripted.contact_center import INSTANCE_ARN, REGION
from local.world import EXPORT_BUCKET, EXPORT_PREFIX, Script, World
from tests import aws_cli
from tests.command import outside, run_program
from tests.e2e.pipeline.casting import DAY_MS, Casting, receipts
from tests.e2e.pipeline.deployable import deployable
from tests.lake_folder import Ran
from tools.artifacts import HOST

pytestmark = [pytest.mark.timeout(300), pytest.mark.world]

FOLDER = Path(sys.executable).parent
SPEED = 10
ANOTHER = "eu-central-1"
READER = without("s3", "GetBucketNotification")
CREDENTIALS = f"""
[admin]
aws_access_key_id = local
aws_secret_access_key = local
[expired]
aws_access_key_id = {EXPIRED}
aws_secret_access_key = local
[reader]
aws_access_key_id = {READER}
aws_secret_access_key = local
"""
NAMED = ("--instance", INSTANCE_ARN, "--export-bucket", EXPORT_BUCKET)

type Run = Callable[..., Ran]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("doctor")
    with World(
        Script([Casting().find(lambda chat: receipts(chat) > 2, started_s=0)], Behaviour()),
        Clock(DAY_MS / 1000 - 86_400, SPEED),
        template=deployable(folder / "project"),
        folder=folder,
        parameters={"Architecture": HOST},
    ) as world:
        yield world


@pytest.fixture
def run(world: World, tmp_path: Path) -> Run:
    """Run a command as it is written; each profile has credentials of its own."""
    (tmp_path / "credentials").write_text(CREDENTIALS)
    aws = aws_cli.install(tmp_path / "bin")

    def run(*command: str, profile: str = "admin") -> Ran:
        return run_program(
            *command,
            environment={
                **outside("AWS_"),
                **world.cloud.endpoints,
                "AWS_PROFILE": profile,
                "AWS_REGION": REGION,
                "AWS_DEFAULT_REGION": REGION,
                "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
                "AWS_CONFIG_FILE": str(tmp_path / "none"),
                "PATH": os.pathsep.join([str(aws), str(FOLDER), os.environ["PATH"]]),
            },
        )

    return run


def wrong(ran: Ran) -> dict[str, str]:
    """What doctor has found to be wrong or could not see, each with what mends it."""
    found, lines = {}, ran.out.splitlines()
    for said, mend in zip(lines, [*lines[1:], ""], strict=True):
        if said.startswith(("fails ", "unknown ")):
            found[said.partition(" ")[2].strip()] = mend.strip().removeprefix("→ ")
    assert ran.code == (1 if found else 0)
    return found


def the_only(ran: Ran) -> tuple[str, str]:
    [(said, mend)] = wrong(ran).items()
    return said, mend


def refused(ran: Ran) -> str:
    """What is said where nothing could be looked at: one sentence."""
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("Error: ")
    assert ran.err.count("\n") == 1
    return ran.err


def test_a_stack_that_is_well_has_nothing_wrong(run: Run) -> None:
    ran = run("chatlake", "--stack", "chatlake", "doctor")
    assert wrong(ran) == {}, ran.out
    for what in ("is active", "tells EventBridge", "no dead letters"):
        assert what in ran.out
    assert wrong(run("chatlake", "doctor", *NAMED)) == {}


# --- who asks, and where --------------------------------------------------------------------------


def test_expired_credentials_are_mended_by_those_of_another_profile(run: Run) -> None:
    for command in (("--stack", "chatlake", "doctor"), ("doctor", *NAMED)):
        said = refused(run("chatlake", *command, profile="expired"))
        assert "the AWS credentials have expired: sign in again (aws sso login), or name" in said
        assert "--profile" in said
        assert wrong(run("chatlake", *command, "--profile", "admin", profile="expired")) == {}


def test_a_permission_that_is_missing_is_named_and_the_rest_is_told(run: Run) -> None:
    ran = run("chatlake", "--stack", "chatlake", "doctor", profile="reader")
    said, mend = the_only(ran)
    assert said.endswith("these credentials may not s3:GetBucketNotification")
    assert mend == "allow s3:GetBucketNotification, or name another profile with --profile"
    assert "there are no dead letters" in ran.out
    with_profile = ("chatlake", "--stack", "chatlake", "--profile", "admin", "doctor")
    assert wrong(run(*with_profile, profile="reader")) == {}


def test_a_stack_is_found_in_its_region_alone(run: Run) -> None:
    said = refused(run("chatlake", "--stack", "chatlake", "--region", ANOTHER, "doctor"))
    assert f"there is no stack chatlake in {ANOTHER} of this account" in said
    assert "name its Region with --region" in said
    ran = run("chatlake", "--stack", "chatlake", "--region", REGION, "doctor")
    assert wrong(ran) == {}


def test_an_instance_in_another_region_is_told_with_the_command_for_there(run: Run) -> None:
    found = wrong(run("chatlake", "doctor", "--region", ANOTHER, *NAMED))
    [command] = [mend for said, mend in found.items() if said.startswith("the instance is in ")]
    assert wrong(run(*shlex.split(command))) == {}


def test_no_stack_is_told_with_the_command_that_deploys_one(run: Run) -> None:
    # That it does, the newcomer's path shows.
    said = refused(run("chatlake", "--stack", "second", "doctor"))
    assert said.endswith(f"or deploy it: sam deploy --stack-name second --region {REGION}\n")


# --- the bucket, the stack, the chats -------------------------------------------------------------


@pytest.mark.parametrize("command", [("--stack", "chatlake", "doctor"), ("doctor", *NAMED)])
def test_a_bucket_that_tells_nothing_is_mended(
    run: Run, world: World, command: tuple[str, ...]
) -> None:
    s3 = world.client("s3")
    s3.put_bucket_notification_configuration(Bucket=EXPORT_BUCKET, NotificationConfiguration={})
    said, mend = the_only(run("chatlake", *command))
    assert f"the bucket {EXPORT_BUCKET} tells EventBridge nothing" in said
    assert wrong(run(*shlex.split(mend))) == {}
    assert wrong(run("chatlake", *command)) == {}


def test_exports_that_go_elsewhere_are_mended_by_the_parameters_that_are_told(
    run: Run, world: World
) -> None:
    world.deploy(ExportPrefix="connect/another/ChatTranscripts")
    said, mend = the_only(run("chatlake", "--stack", "chatlake", "doctor"))
    assert f"exports chat transcripts to {EXPORT_BUCKET}/{EXPORT_PREFIX}, and the stack" in said
    command, _, told = mend.partition(" --parameter-overrides ")
    assert command == "sam deploy --stack-name chatlake"
    world.deploy(**dict(one.split("=", 1) for one in shlex.split(told)))
    assert wrong(run("chatlake", "--stack", "chatlake", "doctor")) == {}


def test_a_rule_that_is_disabled_is_enabled_by_the_command(run: Run, world: World) -> None:
    name = world.stack.resources["TrackContactEvents"]
    assert run("aws", "events", "disable-rule", "--name", name).code == 0
    said, mend = the_only(run("chatlake", "--stack", "chatlake", "doctor"))
    assert "the rule that takes contact events is disabled" in said
    assert run(*shlex.split(mend)).code == 0
    assert wrong(run("chatlake", "--stack", "chatlake", "doctor")) == {}


def test_dead_letters_are_sent_back_to_work_by_the_command(run: Run, world: World) -> None:
    url = world.stack.outputs["PublishDeadLettersUrl"]
    world.client("sqs").send_message(QueueUrl=url, MessageBody='{"initial_contact_id": "none"}')
    said, mend = the_only(run("chatlake", "--stack", "chatlake", "doctor"))
    assert said == "there are dead letters: 1 of Publish"
    assert run(*shlex.split(mend)).code == 0
    assert wrong(run("chatlake", "--stack", "chatlake", "doctor")) == {}


def test_receipts_that_are_off_are_told_until_they_come(run: Run, world: World) -> None:
    def counted(with_receipts: int) -> None:
        counts = {
            "ChatsEnded": 30,
            "ChatsEndedRead": 25,
            "ChatsEndedWithReceipts": with_receipts,
            "ExportsTracked": 30,
        }
        world.client("cloudwatch").put_metric_data(
            Namespace="chatlake",
            MetricData=[
                {
                    "MetricName": name,
                    "Dimensions": [{"Name": "service", "Value": "chatlake"}],
                    "Timestamp": datetime.now(UTC) - timedelta(hours=2),
                    "Value": float(value),
                }
                for name, value in counts.items()
            ],
        )

    counted(0)
    said, mend = the_only(run("chatlake", "--stack", "chatlake", "doctor"))
    assert said.endswith("opened by tokens in a week, and none has receipts: they are off")
    # Of the page, and of the widget; a command of ours can do neither.
    assert re.search(r"shouldSendMessageReceipts: true.*Message receipts, on", mend)
    counted(20)
    assert wrong(run("chatlake", "--stack", "chatlake", "doctor")) == {}
