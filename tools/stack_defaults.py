"""What template.yaml deploys by default, as far as it decides what a month costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from chatlake.aws_clients.metric_names import Metric
from chatlake.tables.measures import SENDER_ROLES
from local.template_source import read_source
from tools.artifacts import ROOT


@dataclass(frozen=True, slots=True)
class Stack:
    """What the template says, with its defaults."""

    architecture: str
    memory_gb: dict[str, float]
    timeout_s: dict[str, int]
    capture_rate: float
    own_rate: float
    live_source: str
    connection_rate: float
    interval_s: float
    window_s: float
    batch: int
    history_days: int
    log_days: int
    alarms: int
    alarm_metrics: int
    dashboards: int
    metrics: int


def read_stack() -> Stack:
    template: dict[str, Any] = read_source(ROOT / "template.yaml")
    defaults = {name: told.get("Default") for name, told in template["Parameters"].items()}
    resources = template["Resources"]
    functions = {
        name: resource["Properties"]
        for name, resource in resources.items()
        if resource["Type"] == "AWS::Serverless::Function"
    }
    alarms = [
        resource["Properties"]
        for resource in resources.values()
        if resource["Type"] == "AWS::CloudWatch::Alarm"
        # Only where Glue has no optimizers.
        and resource.get("Condition") != "MaintainsByAthena"
    ]
    return Stack(
        architecture=defaults["Architecture"],
        memory_gb={name: function["MemorySize"] / 1024 for name, function in functions.items()},
        timeout_s={
            name: function["Timeout"]
            for name, function in functions.items()
            # That of Backfill depends on the policy of content.
            if isinstance(function["Timeout"], int)
        },
        capture_rate=defaults["CaptureRate"],
        own_rate=defaults["CaptureRate"] - defaults["LastReadReserve"],
        live_source=defaults["LiveSource"],
        connection_rate=defaults["ConnectionRate"],
        interval_s=defaults["ShortestIntervalSeconds"],
        window_s=defaults["PublishWindowSeconds"],
        batch=functions["Publish"]["Events"]["Announced"]["Properties"]["BatchSize"],
        history_days=defaults["HistoryDays"],
        log_days=defaults["LogRetentionDays"],
        alarms=len(alarms),
        alarm_metrics=sum(
            sum("MetricStat" in metric for metric in alarm.get("Metrics", [])) or 1
            for alarm in alarms
        ),
        dashboards=sum(r["Type"] == "AWS::CloudWatch::Dashboard" for r in resources.values()),
        # Each value of a dimension makes one more.
        metrics=len(Metric) - 1 + len(SENDER_ROLES),
    )
