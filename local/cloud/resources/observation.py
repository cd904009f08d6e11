"""Log groups, alarms and dashboards."""

from __future__ import annotations

import json

from local.cloud.resources.resource_type import (
    TAGS,
    Existing,
    Made,
    Place,
    ResourceType,
    Wanted,
    is_true,
    picked,
    words,
)

_ALARM_SAME = (
    "ActionsEnabled", "AlarmActions", "AlarmDescription", "ComparisonOperator", "DatapointsToAlarm",
    "Dimensions", "EvaluationPeriods", "ExtendedStatistic", "InsufficientDataActions",
    "MetricName", "Metrics", "Namespace", "OKActions", "Period", "Statistic", "Threshold",
    "TreatMissingData", "Unit",
)  # fmt: skip
_NUMBERS = {"DatapointsToAlarm": int, "EvaluationPeriods": int, "Period": int, "Threshold": float}


def _create_log_group(place: Place, wanted: Wanted) -> Made:
    name = wanted.properties.get("LogGroupName") or wanted.name()
    place.client("logs").create_log_group(logGroupName=name)
    return _configure_log_group(place, wanted, name)


def _update_log_group(place: Place, wanted: Wanted, existing: Existing) -> Made | None:
    name = wanted.properties.get("LogGroupName", existing.physical_id)
    if name != existing.physical_id:
        return None
    return _configure_log_group(place, wanted, name)


def _configure_log_group(place: Place, wanted: Wanted, name: str) -> Made:
    days = wanted.properties.get("RetentionInDays")
    if days is not None:
        place.client("logs").put_retention_policy(logGroupName=name, retentionInDays=int(days))
    return Made(name, {"Arn": f"{place.arn('logs', f'log-group:{name}')}:*"})


def _delete_log_group(place: Place, existing: Existing) -> None:
    place.client("logs").delete_log_group(logGroupName=existing.physical_id)


def _put_alarm(place: Place, wanted: Wanted, existing: Existing | None = None) -> Made:
    name = wanted.properties.get("AlarmName") or (
        existing.physical_id if existing else wanted.name()
    )
    given = picked(wanted.properties, *_ALARM_SAME)
    given |= {key: kind(given[key]) for key, kind in _NUMBERS.items() if key in given}
    if "ActionsEnabled" in given:
        given["ActionsEnabled"] = is_true(given["ActionsEnabled"])
    place.client("cloudwatch").put_metric_alarm(AlarmName=name, **given)
    return Made(name, {"Arn": place.arn("cloudwatch", f"alarm:{name}")})


def _delete_alarm(place: Place, existing: Existing) -> None:
    place.client("cloudwatch").delete_alarms(AlarmNames=[existing.physical_id])


def _put_dashboard(place: Place, wanted: Wanted, existing: Existing | None = None) -> Made:
    name = wanted.properties.get("DashboardName") or (
        existing.physical_id if existing else wanted.name()
    )
    body = wanted.properties["DashboardBody"]
    json.loads(body)  # CloudWatch refuses what is none
    place.client("cloudwatch").put_dashboard(DashboardName=name, DashboardBody=body)
    return Made(name)


def _delete_dashboard(place: Place, existing: Existing) -> None:
    place.client("cloudwatch").delete_dashboards(DashboardNames=[existing.physical_id])


TYPES = {
    "AWS::Logs::LogGroup": ResourceType(
        words("LogGroupName RetentionInDays"),
        _create_log_group,
        _delete_log_group,
        _update_log_group,
        TAGS | {"KmsKeyId": "logs are files here"},
    ),
    "AWS::CloudWatch::Alarm": ResourceType(
        words(f"AlarmName {' '.join(_ALARM_SAME)}"),
        _put_alarm,
        _delete_alarm,
        _put_alarm,
        TAGS,
    ),
    "AWS::CloudWatch::Dashboard": ResourceType(
        words("DashboardBody DashboardName"), _put_dashboard, _delete_dashboard, _put_dashboard
    ),
}
