"""What doctor says: of an account before a deployment, of exports, of a stack at work."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError
from botocore.stub import Stubber

from chatlake.aws.checks import account, exports, pipeline
from chatlake.aws.checks.finding import Check, Finding, Place, Verdict, examine
from chatlake.aws.stack import DeployedStack
from chatlake.aws.stack_address import StackAddress

ACCOUNT, REGION = "111122223333", "eu-central-1"
INSTANCE = "aaaaaaaa-0000-4000-8000-000000000001"
ARN = f"arn:aws:connect:{REGION}:{ACCOUNT}:instance/{INSTANCE}"
BUCKET, PREFIX = "exports", "connect/example/ChatTranscripts"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1"
FINE, FAILS, LOOK, UNKNOWN = Verdict.FINE, Verdict.FAILS, Verdict.LOOK, Verdict.UNKNOWN

type Answers = list[tuple[str, dict[str, Any] | str]]
type Examined = Callable[..., list[Finding]]


@pytest.fixture
def examined() -> Iterator[Examined]:
    """Make checks; each call of AWS is scripted by its operation, and an answer or an error."""
    with ExitStack() as opened:

        def examined(
            checks: Check | Iterable[Check],
            answers: dict[str, Answers],
            stack: dict[str, str] | None = None,
            **place: str,
        ) -> list[Finding]:
            clients = {service: _client(service, said) for service, said in answers.items()}
            for client in clients.values():
                opened.enter_context(client[1])
            made = _stack(stack, {name: client for name, (client, _) in clients.items()})
            if made is not None:
                opened.callback(made._clients.clear)
            named = {"instance_arn": ARN, "export_bucket": BUCKET, "export_prefix": PREFIX}
            where = Place(
                account=ACCOUNT,
                region=REGION,
                export_key="",
                client=lambda service: clients[service][0],
                stack=made,
                **{**named, **place},
            )
            found = list(examine(where, [checks] if callable(checks) else checks))
            for _, stubber in clients.values():
                stubber.assert_no_pending_responses()
            return found

        yield examined


def _client(service: str, answers: Answers) -> tuple[Any, Stubber]:
    client = boto3.Session("x", "x", region_name=REGION).client(service)
    stubber = Stubber(client)
    for operation, answer in answers:
        if isinstance(answer, str):
            code, _, message = answer.partition(": ")
            stubber.add_client_error(operation, code, message, 404 if "Not" in code else 403)
        else:
            stubber.add_response(operation, answer)
    return client, stubber


def _stack(parameters: dict[str, str] | None, clients: dict[str, Any]) -> DeployedStack | None:
    if parameters is None:
        return None
    outputs = {f"{kind}DeadLettersUrl": f"https://{kind}" for kind in ("Track", "Publish")}
    outputs["BackfillDeadLettersUrl"] = "https://Backfill"
    return DeployedStack(
        StackAddress("prod", REGION),
        ACCOUNT,
        REGION,
        "UPDATE_COMPLETE",
        outputs,
        {"ConnectInstanceArn": ARN, **parameters},
        dict(clients),
    )


def verdicts(found: list[Finding]) -> list[Verdict]:
    return [finding.verdict for finding in found]


# --- the account ----------------------------------------------------------------------------------


def test_a_region_must_have_what_a_stack_is_made_of(
    examined: Examined, monkeypatch: pytest.MonkeyPatch
) -> None:
    [found] = examined(account.region, {})
    assert (found.verdict, found.mend) == (FINE, None)
    monkeypatch.setattr(account, "WITHOUT_OPTIMIZERS", {REGION})
    [found] = examined(account.region, {})
    assert found.verdict == LOOK
    assert "no table optimizers" in found.said


def test_an_instance_elsewhere_is_not_archived_here(examined: Examined) -> None:
    elsewhere = ARN.replace(REGION, "us-east-1")
    _, found = examined(account.region, {}, instance_arn=elsewhere, profile="reader")
    assert found.verdict == FAILS
    assert "us-east-1" in found.said
    assert found.mend == (
        f"chatlake doctor --region us-east-1 --instance {elsewhere} --export-bucket {BUCKET} "
        f"--export-prefix {PREFIX} --profile reader"
    )
    _, deployed = examined(account.region, {}, {}, instance_arn=elsewhere)
    assert str(deployed.mend).endswith("sam deploy --stack-name prod --region us-east-1")
    _, others = examined(account.region, {}, instance_arn=ARN.replace(ACCOUNT, "444455556666"))
    assert str(others.mend).startswith("name a profile of account 444455556666")


@pytest.mark.parametrize(
    ("limit", "stack", "verdict"),
    [
        (1000, {}, FINE),
        (10, {}, FAILS),
        (12, {}, FINE),
        (12, {"CaptureShards": "2"}, FAILS),
        (12, {"BackfillConcurrency": "100"}, FAILS),
        (12, {"BackfillConcurrency": "100", "ContentPolicy": "redacted"}, FINE),
    ],
)
def test_a_stack_needs_so_many_executions_at_once(
    examined: Examined, limit: int, stack: dict[str, str], verdict: Verdict
) -> None:
    limits = {"ConcurrentExecutions": limit, "UnreservedConcurrentExecutions": limit}
    answers: dict[str, Answers] = {
        "lambda": [("get_account_settings", {"AccountLimit": limits})],
    }
    [found] = examined(account.concurrency, answers, stack)
    assert found.verdict == verdict
    if verdict == FAILS:
        assert str(found.mend).startswith("aws service-quotas request-service-quota-increase")


def entry(principal: str, *permissions: str) -> dict[str, Any]:
    return {
        "Principal": {"DataLakePrincipalIdentifier": principal},
        "Permissions": list(permissions),
    }


@pytest.mark.parametrize(
    ("settings", "stack", "verdict"),
    [
        ({"Database": [entry("IAM_ALLOWED_PRINCIPALS", "ALL")], "Table": []}, None, FAILS),
        ({"Database": [], "Table": []}, {}, LOOK),
        (
            {key: [entry("IAM_ALLOWED_PRINCIPALS", "ALL")] for key in ("Database", "Table")},
            None,
            FINE,
        ),
        (
            {key: [entry("arn:aws:iam::1:role/x", "ALL")] for key in ("Database", "Table")},
            None,
            FAILS,
        ),
    ],
)
def test_lake_formation_may_govern_new_tables(
    examined: Examined, settings: dict[str, Any], stack: dict[str, str] | None, verdict: Verdict
) -> None:
    said = {f"Create{what}DefaultPermissions": entries for what, entries in settings.items()}
    answers: dict[str, Answers] = {
        "lakeformation": [("get_data_lake_settings", {"DataLakeSettings": said})]
    }
    [found] = examined(account.lake_formation, answers, stack)
    assert found.verdict == verdict
    if verdict != FINE:
        assert "aws lakeformation grant-permissions" in str(found.mend)


def quota(name: str, value: float) -> dict[str, Any]:
    return {"QuotaName": name, "Value": value, "QuotaCode": "L-1"}


@pytest.mark.parametrize(
    ("listed", "stack", "expected"),
    [
        ([], None, [FINE, FINE]),
        ([], {"CaptureRate": "6"}, [LOOK, FINE]),
        ([], {"CaptureRate": "8"}, [FAILS, FINE]),
        ([quota("Rate of GetTranscript API requests", 20)], {"CaptureRate": "8"}, [FINE, FINE]),
        ([quota("Rate of Create Participant Connection", 3)], None, [FINE, FAILS]),
    ],
)
def test_rates_leave_half_of_a_quota_to_pages(
    examined: Examined,
    listed: list[dict[str, Any]],
    stack: dict[str, str] | None,
    expected: list[Verdict],
) -> None:
    answers: dict[str, Answers] = {"service-quotas": [("list_service_quotas", {"Quotas": listed})]}
    assert verdicts(examined(account.quotas, answers, stack)) == expected


# --- exports --------------------------------------------------------------------------------------


def test_an_instance_must_be_there_and_active(examined: Examined) -> None:
    def of(answer: dict[str, Any] | str) -> Finding:
        [found] = examined(exports.instance, {"connect": [("describe_instance", answer)]})
        return found

    assert of({"Instance": {"InstanceStatus": "ACTIVE"}}).verdict == FINE
    assert of({"Instance": {"InstanceStatus": "CREATION_FAILED"}}).verdict == FAILS
    gone = of("ResourceNotFoundException: gone")
    assert gone.verdict == FAILS
    assert gone.mend == f"aws connect list-instances --region {REGION}"
    assert verdicts(examined(exports.instance, {}, instance_arn="")) == [LOOK]


def storage(bucket: str = BUCKET, prefix: str = PREFIX, **more: Any) -> dict[str, Any]:
    s3 = {"BucketName": bucket, "BucketPrefix": prefix, **more}
    return {"StorageConfigs": [{"StorageType": "S3", "S3Config": s3}]}


@pytest.mark.parametrize(
    ("answer", "stack", "expected", "mend"),
    [
        (storage(), {}, [FINE], ""),
        ({"StorageConfigs": []}, {}, [FAILS], "associate-instance-storage-config"),
        (storage("another"), {}, [FAILS], "ExportBucketName=another"),
        (storage(prefix="connect/b/ChatTranscripts"), {}, [FAILS], "ExportPrefix=connect/b/Chat"),
        (
            storage(EncryptionConfig={"EncryptionType": "KMS", "KeyId": KEY}),
            {},
            [FINE, FAILS],
            f"ExportKeyArn={KEY}",
        ),
        (storage(EncryptionConfig={"EncryptionType": "KMS", "KeyId": KEY}), None, [FINE], ""),
    ],
)
def test_a_stack_reads_where_the_instance_writes(
    examined: Examined,
    answer: dict[str, Any],
    stack: dict[str, str] | None,
    expected: list[Verdict],
    mend: str,
) -> None:
    asked: dict[str, Answers] = {"connect": [("list_instance_storage_configs", answer)]}
    found = examined(exports.exports, asked, stack)
    assert verdicts(found) == expected
    assert mend in str(found[-1].mend or "")


def notified(**said: Any) -> dict[str, Answers]:
    return {"s3": [("head_bucket", {}), ("get_bucket_notification_configuration", said)]}


def test_a_bucket_must_tell_eventbridge(examined: Examined) -> None:
    [told] = examined(exports.bucket, notified(EventBridgeConfiguration={}))
    assert told.verdict == FINE
    queue = {"QueueArn": "arn:aws:sqs:eu-central-1:1:q", "Events": ["s3:ObjectCreated:*"]}
    [silent] = examined(exports.bucket, notified(QueueConfigurations=[queue]), {})
    assert silent.verdict == FAILS
    assert "beside 1 other notification:" in silent.said
    assert silent.mend == (f"chatlake doctor --stack prod --region {REGION} --merge-notifications")
    [before] = examined(exports.bucket, notified())
    assert "--export-bucket exports --merge-notifications" in str(before.mend)


def test_a_bucket_that_is_not_there_or_not_ours_fails(examined: Examined) -> None:
    [gone] = examined(exports.bucket, {"s3": [("head_bucket", "404 Not: x")]})
    assert gone.verdict == FAILS
    assert gone.said == "the bucket of exports exports is gone"
    [others] = examined(exports.bucket, {"s3": [("head_bucket", "403: x")]})
    assert "may not be listed" in others.said


def encrypted(key: str | None) -> tuple[str, dict[str, Any]]:
    by = {"SSEAlgorithm": "aws:kms" if key else "AES256"} | ({"KMSMasterKeyID": key} if key else {})
    rules = {"Rules": [{"ApplyServerSideEncryptionByDefault": by}]}
    return "get_bucket_encryption", {"ServerSideEncryptionConfiguration": rules}


def described(**more: Any) -> tuple[str, dict[str, Any]]:
    return "describe_key", {"KeyMetadata": {"KeyId": "1", "Arn": KEY, **more}}


def policy(*principals: str, action: str = "kms:*", **more: Any) -> tuple[str, dict[str, Any]]:
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": list(principals)},
        "Action": action,
        "Resource": "*",
        **more,
    }
    return "get_key_policy", {"Policy": json.dumps({"Statement": [statement]})}


@pytest.mark.parametrize(
    ("said", "verdict"),
    [
        (policy(f"arn:aws:iam::{ACCOUNT}:root"), FINE),
        (policy(ACCOUNT, action="kms:Decrypt"), FINE),
        (policy(f"arn:aws:iam::{ACCOUNT}:role/connect"), FAILS),
        (policy(f"arn:aws:iam::{ACCOUNT}:root", action="kms:Encrypt"), FAILS),
        (policy(f"arn:aws:iam::{ACCOUNT}:root", Condition={"Bool": {}}), FAILS),
    ],
)
def test_the_policy_of_a_key_leaves_it_to_iam(
    examined: Examined, said: tuple[str, dict[str, Any]], verdict: Verdict
) -> None:
    answers: dict[str, Answers] = {"s3": [encrypted(KEY)], "kms": [described(), said]}
    [found] = examined(exports.key, answers)
    assert found.verdict == verdict
    if verdict == FAILS:
        command, _, document = str(found.mend).partition(" --policy '")
        assert command.startswith(f"aws kms put-key-policy --key-id {KEY}")
        # The statements that were there stay.
        assert len(json.loads(document[:-1])["Statement"]) == 2


def test_a_key_may_be_none_of_ours_or_disabled_or_unknown_to_the_stack(
    examined: Examined,
) -> None:
    own = policy(f"arn:aws:iam::{ACCOUNT}:root")
    assert verdicts(examined(exports.key, {"s3": [encrypted(None)], "kms": []})) == [FINE]
    aws: dict[str, Answers] = {
        "s3": [encrypted("alias/aws/s3")],
        "kms": [described(KeyManager="AWS")],
    }
    assert verdicts(examined(exports.key, aws)) == [FINE]
    disabled: dict[str, Answers] = {"s3": [encrypted(KEY)], "kms": [described(Enabled=False)]}
    assert verdicts(examined(exports.key, disabled)) == [FAILS]
    unknown: dict[str, Answers] = {"s3": [encrypted(KEY)], "kms": [described(), own]}
    assert verdicts(examined(exports.key, unknown, {})) == [FINE, FAILS]


# --- a stack at work ------------------------------------------------------------------------------


def rule(state: str = "ENABLED") -> dict[str, Answers]:
    resources = [
        {
            "LogicalResourceId": "TrackContactEvents",
            "PhysicalResourceId": "rule",
            "ResourceType": "AWS::Events::Rule",
            "ResourceStatus": "CREATE_COMPLETE",
            "Timestamp": datetime(2026, 9, 1, tzinfo=UTC),
        }
    ]
    return {
        "cloudformation": [("describe_stack_resources", {"StackResources": resources})],
        "events": [("describe_rule", {"Name": "rule", "State": state})],
    }


def summed(number: float) -> tuple[str, dict[str, Any]]:
    return "get_metric_statistics", {"Datapoints": [{"Sum": number}] if number else []}


def ended(*numbers: int) -> tuple[str, dict[str, Any]]:
    results = [
        {"Id": f"m{number}", "Values": [float(value)]} for number, value in enumerate(numbers)
    ]
    return "get_metric_data", {"MetricDataResults": results}


def test_events_come_while_the_rule_is_enabled(examined: Examined) -> None:
    come = rule() | {"cloudwatch": [summed(7)]}
    [found] = examined(pipeline.events, come, {})
    assert (found.verdict, found.said[:2]) == (FINE, "7 ")
    assert verdicts(examined(pipeline.events, rule() | {"cloudwatch": [summed(0)]}, {})) == [LOOK]
    [off] = examined(pipeline.events, rule("DISABLED") | {"cloudwatch": []}, {})
    assert off.verdict == FAILS
    assert off.mend == f"aws events enable-rule --region {REGION} --name rule"


@pytest.mark.parametrize(
    ("told", "late", "chats", "verdict", "mend"),
    [
        (5, 1, 5, FINE, ""),
        (0, 3, 5, FAILS, "--merge-notifications"),
        (0, 0, 5, FAILS, "see what the instance exports"),
        (0, 0, 0, LOOK, ""),
    ],
)
def test_exports_are_noticed_when_they_are_written(
    examined: Examined, told: int, late: int, chats: int, verdict: Verdict, mend: str
) -> None:
    answers: dict[str, Answers] = {
        "cloudwatch": [summed(told), summed(late), ended(chats, 0, 0)],
    }
    [found] = examined(pipeline.exported, answers, {})
    assert found.verdict == verdict
    assert mend in str(found.mend or "")


@pytest.mark.parametrize(
    ("numbers", "verdict", "mend"),
    [
        ((0, 0, 0), LOOK, ""),
        ((30, 0, 0), FAILS, "docs/integration.md"),
        ((30, 25, 0), FAILS, "shouldSendMessageReceipts: true"),
        ((30, 3, 0), FINE, ""),
        ((30, 25, 20), FINE, ""),
    ],
)
def test_receipts_are_on_in_the_widget(
    examined: Examined, numbers: tuple[int, int, int], verdict: Verdict, mend: str
) -> None:
    [found] = examined(pipeline.receipts, {"cloudwatch": [ended(*numbers)]}, {})
    assert found.verdict == verdict
    assert mend in str(found.mend or "")


@pytest.mark.parametrize(
    ("recordings", "verdict", "said"),
    [
        (
            [{"Location": "b/k", "UnprocessedTranscriptLocation": "b/u"}],
            FINE,
            "redacts: 1 of the 1",
        ),
        ([{"Location": "b/k"}], FINE, "does not redact"),
        ([], LOOK, "not known"),
    ],
)
def test_a_redacted_instance_is_known_by_the_copy_from_before(
    examined: Examined, recordings: list[dict[str, str]], verdict: Verdict, said: str
) -> None:
    answers: dict[str, Answers] = {
        "connect": [
            ("search_contacts", {"Contacts": [{"Id": "c1"}]}),
            ("describe_contact", {"Contact": {"Id": "c1", "Recordings": recordings}}),
        ]
    }
    [found] = examined(pipeline.redacted, answers, {})
    assert found.verdict == verdict
    assert said in found.said


@pytest.mark.parametrize(("numbers", "verdict"), [((0, 0, 0), FINE), ((2, 0, 1), FAILS)])
def test_dead_letters_are_told_of(
    examined: Examined, numbers: tuple[int, ...], verdict: Verdict
) -> None:
    names = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
    answers: dict[str, Answers] = {
        "sqs": [
            ("get_queue_attributes", {"Attributes": dict(zip(names, (str(n), "0"), strict=True))})
            for n in numbers
        ]
    }
    [found] = examined(pipeline.dead_letters, answers, {})
    assert found.verdict == verdict
    if verdict == FAILS:
        assert "2 of Track, 1 of Backfill" in found.said
        assert str(found.mend).endswith("redrive")


# --- what may not be seen -------------------------------------------------------------------------


def test_a_permission_that_is_missing_is_named_and_the_rest_goes_on(examined: Examined) -> None:
    denied = (
        "AccessDeniedException: User: arn:x is not authorized to perform: lambda:GetAccountSettings"
    )
    answers: dict[str, Answers] = {
        "lambda": [("get_account_settings", denied)],
        "service-quotas": [("list_service_quotas", {"Quotas": []})],
    }
    found = examined((account.concurrency, account.quotas), answers)
    assert verdicts(found) == [UNKNOWN, FINE, FINE]
    assert found[0].said == (
        "Concurrent executions of Lambda: these credentials may not lambda:GetAccountSettings"
    )
    # S3 does not say it of each.
    silent: dict[str, Answers] = {
        "s3": [("head_bucket", {}), ("get_bucket_notification_configuration", "AccessDenied: no")]
    }
    [found_] = examined(exports.bucket, silent)
    assert "may not s3:GetBucketNotification" in found_.said


def test_what_cannot_be_reached_or_is_refused_is_unknown(examined: Examined) -> None:
    def unreachable(_: Place) -> Iterable[Finding]:
        """Nowhere. It is not there."""
        raise EndpointConnectionError(endpoint_url="https://nowhere")

    assert verdicts(examined(unreachable, {})) == [UNKNOWN]
    busy: dict[str, Answers] = {"lambda": [("get_account_settings", "TooManyRequestsException: x")]}
    [found] = examined(account.concurrency, busy)
    assert (found.verdict, "too many requests" in found.said) == (UNKNOWN, True)


def test_every_check_says_what_it_is() -> None:
    for check in (*account.CHECKS, *exports.CHECKS, *pipeline.CHECKS):
        first, dot, rest = str(check.__doc__).partition(". ")
        assert all((first, dot, rest)), check


def test_notifications_of_others_stay_when_eventbridge_is_told(examined: Examined) -> None:
    others = {
        "TopicConfigurations": [
            {"TopicArn": "arn:aws:sns:x:1:t", "Events": ["s3:ObjectCreated:*"]}
        ],
        "LambdaFunctionConfigurations": [
            {"LambdaFunctionArn": "arn:aws:lambda:x:1:function:f", "Events": ["s3:ObjectRemoved:*"]}
        ],
    }
    client, stubber = _client("s3", [("get_bucket_notification_configuration", others)])
    stubber.add_response(
        "put_bucket_notification_configuration",
        {},
        {
            "Bucket": BUCKET,
            "ExpectedBucketOwner": ACCOUNT,
            "SkipDestinationValidation": True,
            "NotificationConfiguration": {**others, "EventBridgeConfiguration": {}},
        },
    )
    with stubber:
        assert exports.merge_notifications(client, BUCKET, ACCOUNT) == 2
        stubber.assert_no_pending_responses()
    told, stubber = _client(
        "s3", [("get_bucket_notification_configuration", {"EventBridgeConfiguration": {}})]
    )
    with stubber:
        assert exports.merge_notifications(told, BUCKET, ACCOUNT) is None
