"""The dashboard and the alarms of the template watch what is there to be watched."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Any, cast

import boto3
import pytest
from moto import mock_aws

from chatlake.aws_clients.metric_names import Metric
from chatlake.capture import message_waiting
from chatlake.tables.measures import SENDER_ROLES
from local.cloud.deployer import check_known
from local.cloud.intrinsics import Scope
from local.cloud.resources import RESOURCE_TYPES
from local.cloud.resources.resource_type import Existing, Place, Wanted
from local.cloud.schema_check import mistakes
from tests.rendered_template import template_of

REGION = "eu-west-1"
STACK = "a-stack"
COLUMNS = 24
DAY_S, HOUR_S = 86_400, 3600
FEWEST = {"TokensApi": "off", "NoEventsHours": "0", "LeastReceiptShare": "0"}
ALL = {"StartChatApi": "on", "ContactFlowId": "0" * 36}
BY_ATHENA = ALL | {"TableMaintenance": "athena"}
# Failures of these do not end with an error of the function.
WATCHED_OTHERWISE = {"Track": "TrackFailed", "StartChat": "ApiFailed", "TakeToken": "ApiFailed"}
HEALTH = {
    *("ChatsLive", "ChatsAnnounced", "ChatsPublished", "MessagesPublished", "ReceiptsPublished"),
    *("ReadLatency", "EndToRows", "CallsOfRate", "ReadsThrottled", "ParticipantSourcesClosed"),
    *("ChatsWithoutSource", "ChatsFailed", "SearchesFailed", "LastReads", "LastReadsWithoutToken"),
    *("ChatsCoveredBySocket", "ChatsCoveredByReads", "ChatsUncovered", "LeaseAge"),
    *("SocketsOpened", "SocketsLost", "SocketsRefused", "CreateParticipantConnectionCalls"),
}

of_both = pytest.mark.parametrize(
    "parameters", [ALL, FEWEST, BY_ATHENA], ids=["all", "fewest", "by_athena"]
)


@dataclass(frozen=True)
class Observed:
    """The resources of a type as they are deployed, each name standing for what it names."""

    resources: dict[str, dict[str, Any]]
    scope: Scope

    def of_type(self, name: str) -> dict[str, Any]:
        return {
            logical_id: self.scope.value(resource["Properties"])
            for logical_id, resource in self.resources.items()
            if resource["Type"] == name
        }

    @property
    def alarms(self) -> dict[str, Any]:
        return self.of_type("AWS::CloudWatch::Alarm")

    @property
    def widgets(self) -> list[dict[str, Any]]:
        [dashboard] = self.of_type("AWS::CloudWatch::Dashboard").values()
        widgets: list[dict[str, Any]] = json.loads(dashboard["DashboardBody"])["widgets"]
        return widgets


def observed(parameters: dict[str, str]) -> Observed:
    template = template_of(REGION, **{"AlarmEmail": "on-call@example.com", **parameters})
    resources: dict[str, Any] = {}

    def named(logical_id: str, attribute: str | None) -> str:
        assert logical_id in resources, f"{logical_id} is not there"
        return f"{logical_id}.{attribute}" if attribute else logical_id

    names = {
        "AWS::Region": REGION,
        "AWS::StackName": STACK,
        "AWS::AccountId": "111122223333",
        "AWS::Partition": "aws",
        "AWS::URLSuffix": "amazonaws.com",
        **template.parameters,
    }
    scope = Scope(names, {}, template.body["Conditions"], named)
    resources |= {
        logical_id: resource
        for logical_id, resource in template.body["Resources"].items()
        if scope.holds(resource.get("Condition"))
    }
    return Observed(resources, scope)


def shown(widgets: list[dict[str, Any]]) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Namespace, name and dimensions of all that is drawn."""
    for widget in widgets:
        for metric in widget["properties"].get("metrics", []):
            if isinstance(metric[0], dict):
                assert metric[0].keys() <= {"expression", "label", "yAxis"}
                continue
            namespace, name, *dimensions, options = metric
            assert options.keys() <= {"stat", "label", "yAxis", "id", "visible"}
            yield namespace, name, dict(zip(dimensions[::2], dimensions[1::2], strict=True))


def watched(alarm: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Namespace, name, dimensions and period of all that an alarm looks at."""
    told = [metric["MetricStat"] for metric in alarm.get("Metrics", []) if "MetricStat" in metric]
    for stat in told:
        yield {**stat["Metric"], "Period": stat["Period"]}
    if not told:
        yield alarm


def dimensions_of(metric: dict[str, Any]) -> dict[str, str]:
    return {dimension["Name"]: dimension["Value"] for dimension in metric["Dimensions"]}


def assert_it_is_sent(namespace: str, name: str, dimensions: dict[str, str], of: Observed) -> None:
    """A metric of ours is one that the code sends; another is of something in the stack."""
    if namespace != "chatlake":
        told = dimensions.keys() - {"QueryState", "QueryType"}
        [value] = [dimensions[name] for name in told]
        assert value.split(".")[0] in of.resources
        return
    assert name in Metric
    assert dimensions["service"] == STACK
    more = dimensions.keys() - {"service"}
    assert more == ({"sender_role"} if name == "ReadLatency" else set())
    assert dimensions.get("sender_role", "OTHER") in SENDER_ROLES


@of_both
def test_the_dashboard_shows_what_is_sent(parameters: dict[str, str]) -> None:
    of = observed(parameters)
    for metric in shown(of.widgets):
        assert_it_is_sent(*metric, of)


def test_the_dashboard_shows_the_health_of_every_part() -> None:
    of = observed(ALL)
    names = {name for _, name, _ in shown(of.widgets)}
    assert names >= HEALTH
    latencies = {
        (metric[5], metric[6]["stat"])
        for widget in of.widgets
        for metric in widget["properties"].get("metrics", [])
        if "ReadLatency" in metric[1:2]
    }
    percentiles = ("p50", "p90", "p99")
    assert latencies == {(role, p) for role in ("AGENT", "CUSTOMER") for p in percentiles}


def test_what_is_computed_is_of_a_metric_beside_it_and_shown_beside_its_rate() -> None:
    [calls] = [
        widget["properties"]
        for widget in observed({"ConnectionRate": "7.5"}).widgets
        if "ConnectionRate" in widget["properties"].get("title", "")
    ]
    [hidden, [computed]] = calls["metrics"]
    name = hidden[-1]["id"]
    assert (hidden[1], hidden[-1]["visible"]) == ("CreateParticipantConnectionCalls", False)
    assert computed["expression"] == f"{name} / PERIOD({name})"
    assert [level["value"] for level in calls["annotations"]["horizontal"]] == [7.5]


def test_capture_has_stopped_when_a_lease_is_old_or_nothing_is_heard() -> None:
    """Invocations say nothing: they are there each minute, and end after a quarter of an hour."""
    alarm = observed(ALL).alarms["CaptureStopped"]
    assert (alarm["MetricName"], alarm["Statistic"]) == ("LeaseAge", "Minimum")
    assert (alarm["Threshold"], alarm["ComparisonOperator"]) == (180, "GreaterThanThreshold")
    assert alarm["Period"] * alarm["EvaluationPeriods"] == 900
    assert alarm["TreatMissingData"] == "breaching"


@of_both
def test_the_dashboard_shows_every_function_and_queue(parameters: dict[str, str]) -> None:
    of = observed(parameters)
    drawn = {(name, *dimensions.values()) for _, name, dimensions in shown(of.widgets)}
    for function in of.of_type("AWS::Lambda::Function"):
        assert {("Errors", function), ("Duration", function)} <= drawn
    for queue in of.of_type("AWS::SQS::Queue"):
        assert ("ApproximateNumberOfMessagesVisible", f"{queue}.QueueName") in drawn


@of_both
def test_the_dashboard_shows_every_alarm_there_is(parameters: dict[str, str]) -> None:
    of = observed(parameters)
    [alarms] = [widget for widget in of.widgets if widget["type"] == "alarm"]
    assert (alarms["x"], alarms["y"]) == (0, 0)
    assert sorted(alarms["properties"]["alarms"]) == sorted(f"{name}.Arn" for name in of.alarms)


def test_no_widget_hides_another() -> None:
    widgets = observed(ALL).widgets
    for widget in widgets:
        assert widget.keys() == {"type", "x", "y", "width", "height", "properties"}
        assert 0 <= widget["x"] < widget["x"] + widget["width"] <= COLUMNS
    for one, other in combinations(widgets, 2):
        assert (
            one["x"] + one["width"] <= other["x"]
            or other["x"] + other["width"] <= one["x"]
            or one["y"] + one["height"] <= other["y"]
            or other["y"] + other["height"] <= one["y"]
        ), (one["properties"], other["properties"])


def test_stacks_of_one_name_in_two_regions_have_each_a_dashboard() -> None:
    [dashboard] = observed(ALL).of_type("AWS::CloudWatch::Dashboard").values()
    assert dashboard["DashboardName"] == f"{STACK}-{REGION}"


@of_both
def test_alarms_watch_what_is_sent(parameters: dict[str, str]) -> None:
    of = observed(parameters)
    for alarm in of.alarms.values():
        for metric in watched(alarm):
            dimensions = dimensions_of(metric)
            assert_it_is_sent(metric["Namespace"], metric["MetricName"], dimensions, of)


def test_an_alarm_says_what_it_means_and_somebody_hears_of_it() -> None:
    for name, alarm in observed(ALL).alarms.items():
        assert len(alarm["AlarmDescription"]) > 100, name
        assert len(alarm["AlarmDescription"]) <= 1024, name
        assert alarm["AlarmActions"] == ["Alarms"], name
        # Only where nothing at all is what is wrong.
        missing = "breaching" if name == "CaptureStopped" else "notBreaching"
        assert alarm["TreatMissingData"] == missing, name


def test_errors_of_every_function_raise_an_alarm() -> None:
    of = observed(ALL)
    with_errors = {
        dimensions_of(metric)["FunctionName"]
        for alarm in of.alarms.values()
        for metric in watched(alarm)
        if metric["MetricName"] == "Errors"
    }
    assert set(WATCHED_OTHERWISE.values()) <= of.alarms.keys()
    functions = set(of.of_type("AWS::Lambda::Function"))
    assert with_errors | WATCHED_OTHERWISE.keys() == functions
    assert not with_errors & WATCHED_OTHERWISE.keys()


def test_no_alarm_goes_off_because_capture_is_asked_while_it_is_at_work() -> None:
    """It is invoked each minute and may run for fifteen: Throttles and the like say nothing."""
    looked_at = {
        (name, metric["MetricName"], dimensions_of(metric)["FunctionName"])
        for name, alarm in observed(ALL).alarms.items()
        for metric in watched(alarm)
        if metric["Namespace"] == "AWS/Lambda"
    }
    assert {metric for _, metric, _ in looked_at} == {"Errors"}
    assert {name for name, _, function in looked_at if function == "Capture"} == {"CaptureFailed"}


def test_searches_that_fail_now_and_then_raise_no_alarm() -> None:
    """Reconcile runs hourly, and makes up for it."""
    alarm = observed(ALL).alarms["SearchesFailed"]
    assert (alarm["MetricName"], alarm["Period"]) == ("SearchesFailed", HOUR_S)
    assert (alarm["DatapointsToAlarm"], alarm["EvaluationPeriods"]) == (3, 4)


def test_maintenance_that_fails_for_one_table_raises_an_alarm_and_a_lost_race_none() -> None:
    of = observed(BY_ATHENA)
    alarm = of.alarms["MaintenanceFailed"]
    looked_at = [dimensions_of(metric) for metric in watched(alarm)]
    assert {metric["QueryType"] for metric in looked_at} == {"DDL", "DML", "UTILITY"}
    assert {metric["QueryState"] for metric in looked_at} == {"FAILED"}
    assert {metric["WorkGroup"] for metric in looked_at} == {"MaintenanceWorkgroup"}
    # The rarer statement runs four times a day.
    assert (alarm["Threshold"], alarm["ComparisonOperator"]) == (3, "GreaterThanThreshold")
    assert {metric["Period"] for metric in watched(alarm)} == {DAY_S}
    begun = of.alarms["MaintenanceNotStarted"]
    assert dimensions_of(begun) == {"QueueName": "MaintenanceDeadLetters.QueueName"}
    assert not {"MaintenanceFailed", "MaintenanceNotStarted"} & observed(ALL).alarms.keys()


@pytest.mark.parametrize("hours", ["1", "72", "168"])
def test_no_alarm_looks_further_back_than_cloudwatch_allows(hours: str) -> None:
    """PutMetricAlarm: a day, or a week where periods are of an hour and more."""
    for name, alarm in observed({"NoEventsHours": hours}).alarms.items():
        for metric in watched(alarm):
            longest_s = 7 * DAY_S if metric["Period"] >= HOUR_S else DAY_S
            assert metric["Period"] * int(alarm["EvaluationPeriods"]) <= longest_s, name


def test_business_that_rests_for_long_can_do_without_the_alarm_of_no_events() -> None:
    assert "NoEvents" in observed(ALL).alarms
    assert "NoEvents" not in observed({"NoEventsHours": "0"}).alarms


def test_an_archive_of_exports_alone_can_do_without_the_alarm_of_receipts() -> None:
    assert observed(ALL).alarms["ReceiptsStopped"]["Threshold"] == "10"
    assert observed({"LeastReceiptShare": "25"}).alarms["ReceiptsStopped"]["Threshold"] == "25"
    assert "ReceiptsStopped" not in observed({"LeastReceiptShare": "0"}).alarms


def may_put_events(of: Observed) -> list[dict[str, Any]]:
    return [
        statement
        for policy in (
            *of.of_type("AWS::IAM::RolePolicy").values(),
            *(p for r in of.of_type("AWS::IAM::Role").values() for p in r.get("Policies", ())),
        )
        for statement in policy["PolicyDocument"]["Statement"]
        if "events:PutEvents" in statement["Action"]
    ]


def test_capture_may_send_events_of_its_own_kind_if_they_are_wanted() -> None:
    assert may_put_events(observed(ALL)) == []
    [statement] = may_put_events(observed({"MessageWaitingSeconds": "60"}))
    assert statement == {
        "Sid": "TellOfWaiting",
        "Effect": "Allow",
        "Action": "events:PutEvents",
        "Resource": f"arn:aws:events:{REGION}:111122223333:event-bus/default",
        "Condition": {
            "StringEquals": {
                "events:source": message_waiting.SOURCE,
                "events:detail-type": message_waiting.DETAIL_TYPE,
            }
        },
    }


@of_both
def test_the_local_cloud_makes_dashboard_and_alarms(parameters: dict[str, str]) -> None:
    of = observed(parameters)
    with mock_aws():
        cloudwatch = boto3.client("cloudwatch", REGION)
        place = Place(lambda _: cloudwatch, cast("Any", None), REGION, "111122223333")
        there = [
            (kind, made_of(place, kind, logical_id, properties))
            for kind in ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::Dashboard")
            for logical_id, properties in of.of_type(kind).items()
        ]
        made = cloudwatch.describe_alarms()["MetricAlarms"]
        dashboard = cloudwatch.get_dashboard(DashboardName=f"{STACK}-{REGION}")
        for kind, existing in there:
            RESOURCE_TYPES[kind].delete(place, existing)
        assert cloudwatch.describe_alarms()["MetricAlarms"] == []
        assert cloudwatch.list_dashboards()["DashboardEntries"] == []
    by_name = {alarm["AlarmName"].split("-")[-2]: alarm for alarm in made}
    assert by_name.keys() == of.alarms.keys()
    assert by_name["RowsLate"]["ExtendedStatistic"] == "p95"
    assert len(by_name["FunctionsFailed"]["Metrics"]) == 6
    assert json.loads(dashboard["DashboardBody"])["widgets"] == of.widgets


def made_of(place: Place, kind: str, logical_id: str, properties: dict[str, Any]) -> Existing:
    """Make a resource as the deployer does, which fails for what it does not know."""
    assert mistakes(kind, properties, REGION) == []
    check_known(logical_id, {"Type": kind, "Properties": properties})
    wanted = Wanted(STACK, "id", kind, logical_id, properties, cast("Any", None))
    return Existing(wanted, RESOURCE_TYPES[kind].create(place, wanted))
