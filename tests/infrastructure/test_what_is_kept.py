"""What the template makes of the parameters that say what is kept, and for how long."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from chatlake.capture.past_records import LAST_RECORD_MS, PROCESSES, RECORDS_PER_S
from chatlake.operations import backfill
from local.cloud.exceptions import DeploymentFailed
from local.cloud.intrinsics import check_rules
from local.cloud.schema_check import mistakes
from tests.infrastructure.test_shards import REGION, a_template, properties

EXPORTS = {"ExportBucketName": "exports", "ExportPrefix": "connect/ChatTranscripts"}


def actions(function: str, **parameters: str) -> set[str]:
    """What the policy of a function's role allows."""
    policy = properties(f"{function}RolePolicy", **parameters)
    found: set[str] = set()
    for statement in policy["PolicyDocument"]["Statement"]:
        of = statement["Action"]
        found |= {of} if isinstance(of, str) else set(of)
    return found


def lifecycle(**parameters: str) -> list[dict[str, Any]]:
    bucket = properties("DocumentBucket", **parameters)
    assert mistakes("AWS::S3::Bucket", bucket, REGION) == []
    rules: list[dict[str, Any]] = bucket["LifecycleConfiguration"]["Rules"]
    return rules


def test_everything_is_kept_for_good_unless_somebody_says_otherwise() -> None:
    for function in ("Capture", "Publish", "Erase"):
        told = properties(function)["Environment"]["Variables"]
        assert told["CONTENT_POLICY"] == "full"
    assert [rule["Id"] for rule in lifecycle()] == ["ReplacedDocuments"]
    _, scope = a_template()
    assert scope.names["DocumentRetentionDays"] == scope.names["RowRetentionDays"] == "0"


def test_documents_and_nothing_else_of_their_bucket_expire() -> None:
    rules = {rule["Id"]: rule for rule in lifecycle(DocumentRetentionDays="400")}
    assert rules["ExpiredDocuments"] == {
        "Id": "ExpiredDocuments",
        "Status": "Enabled",
        "Prefix": "documents/",
        "ExpirationInDays": "400",
    }
    assert "ReplacedDocuments" in rules


@pytest.mark.parametrize(
    ("days", "allowed"), [("0", True), ("9", False), ("1", False), ("10", True)]
)
def test_no_document_goes_while_its_chat_may_go_on(days: str, allowed: bool) -> None:
    template, scope = a_template()
    given = {"DocumentRetentionDays": days}
    told = replace(scope, names={**scope.names, **given}, _decided={})
    if allowed:
        check_rules(template.body["Rules"], told)
    else:
        with pytest.raises(DeploymentFailed, match="DocumentRetentionDays"):
            check_rules(template.body["Rules"], told)


@pytest.mark.parametrize(
    ("policy", "exports", "asks"),
    [
        ("full", EXPORTS, False),
        ("none", EXPORTS, False),
        ("redacted", EXPORTS, True),
        ("redacted", {}, False),
    ],
)
def test_records_may_be_asked_for_only_where_they_are(
    policy: str, exports: dict[str, str], asks: bool
) -> None:
    allowed = actions("Capture", ContentPolicy=policy, **exports)
    assert ("connect:DescribeContact" in allowed) is asks
    policies = properties("BackfillRole", ContentPolicy=policy, **exports)["Policies"]
    sids = {said["Sid"] for one in policies for said in one["PolicyDocument"]["Statement"]}
    assert ("DescribeContact" in sids) is ("SendAgain" in sids) is asks


@pytest.mark.parametrize(("policy", "asks"), [("full", False), ("redacted", True), ("none", False)])
def test_backfill_has_time_to_ask_for_the_records_of_a_batch(policy: str, asks: bool) -> None:
    told = {"ContentPolicy": policy, **EXPORTS, "BackfillConcurrency": "40"}
    function, queue = properties("Backfill", **told), properties("BackfillQueue", **told)
    source = properties("BackfillNamed", **told)
    timeout_s = int(function["Timeout"])
    # docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
    window_s = source["MaximumBatchingWindowInSeconds"]
    assert int(queue["VisibilityTimeout"]) >= 6 * timeout_s + window_s
    processes = int(source["ScalingConfig"]["MaximumConcurrency"])
    assert processes == (PROCESSES if asks else 40)
    silent_s = backfill._SILENT_WITH_RECORDS_S if asks else backfill._SILENT_S
    assert silent_s > 2 * int(queue["VisibilityTimeout"])
    if asks:
        asking_s = timeout_s - LAST_RECORD_MS / 1000
        # One period goes by first; and a tenth of them may have to be asked for again.
        assert (1.1 * source["BatchSize"] + 1) / RECORDS_PER_S <= asking_s


def test_erase_looks_every_day() -> None:
    rule = properties("UpkeepRule")
    assert rule["ScheduleExpression"] == "rate(1 day)"
    [target] = rule["Targets"]
    assert (target["Arn"], json.loads(target["Input"])) == ("Erase.Arn", {"upkeep": True})
    assert properties("UpkeepRuleMayInvokeErase")["SourceArn"] == "UpkeepRule.Arn"
