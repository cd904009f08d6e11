"""What a month costs, from the template's defaults, list prices and a model of a chat."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import Any

from samtranslator.yaml_helper import yaml_parse  # type: ignore[import-untyped, unused-ignore]

from chatlake.aws_clients.metric_names import Metric
from chatlake.tables.measures import SENDER_ROLES
from tools.artifacts import ROOT

DAYS = 30
HOUR_S = 3600
_LATENCY_KB = 0.013

PRICES_OF = "November 2026"
PRICES: dict[str, tuple[float, str]] = {
    "lambda_arm64": (0.0000133334, "Lambda, a GB-second on arm64"),
    "lambda_x86_64": (0.0000166667, "Lambda, a GB-second on x86_64"),
    "lambda_request": (0.20e-6, "Lambda, a request"),
    "api": (1.00e-6, "API Gateway HTTP API, a request"),
    "event": (1.00e-6, "EventBridge, an event of S3 (Connect's own events are free)"),
    "write": (0.625e-6, "DynamoDB on demand, a write unit (1 kB)"),
    "read": (0.125e-6, "DynamoDB on demand, a read unit (4 kB, consistent; half if eventual)"),
    "table_gb": (0.25 + 0.20, "DynamoDB, a GB-month with point-in-time recovery"),
    "put": (5.0e-6, "S3 Standard, a PUT or LIST"),
    "get": (0.4e-6, "S3 Standard, a GET or HEAD"),
    "s3_gb": (0.023, "S3 Standard, a GB-month"),
    "key": (1.00, "KMS, a key for a month"),
    "kms": (3.0e-6, "KMS, a request"),
    "sqs": (0.40e-6, "SQS, a request"),
    "catalog": (1.00e-6, "Glue catalog, a request"),
    "dpu_hour": (0.44, "Glue optimizers, a DPU-hour"),
    "athena_tb": (5.00, "Athena, a TB scanned (10 MB a query at least)"),
    "logs_gb": (0.50, "CloudWatch Logs, a GB taken in"),
    "logs_gb_kept": (0.03, "CloudWatch Logs, a GB-month kept"),
    "metric": (0.30, "CloudWatch, a metric for a month"),
    "alarm": (0.10, "CloudWatch, a metric of an alarm, for a month"),
    "dashboard": (3.00, "CloudWatch, a dashboard for a month"),
}

ABOUT = {
    "minutes": "how long a chat lasts",
    "items": "items of a transcript",
    "legs": "contacts of a chat; 2 of 10 chats are transferred",
    "document_kb": "a chat's document on S3",
    "rows_kb": "a chat's rows in Parquet",
    "state_kb": "a chat's capture state in DynamoDB; an update costs as many write units",
    "events": "contact events of a leg",
    "busy_hours": "hours of a day in which chats live",
    "peak_share": "share of a day's chats that the busiest hour has",
    "changed_share": "share of capture attempts that find something new, and so write the document",
    "publishes": "times that a chat is published; late exports and receipts repeat it",
    "track_s": "an invocation of Track",
    "start_s": "an invocation of StartChat",
    "publish_s": "a batch of Publish, beside its chats",
    "publish_chat_s": "each chat of a batch",
    "log_kb": "what an invocation logs, metrics and Lambda's own lines included",
    "queries": "queries a day, each over a month of all tables",
    "dpu_hours": "Glue's optimizers a day: a guess, nothing is known before they run",
}


@dataclass(frozen=True, slots=True)
class Chat:
    """The model: chats, and what cannot be read from the template; ABOUT has the meanings."""

    minutes: float = 12
    items: int = 20
    legs: float = 1.2
    document_kb: float = 9
    rows_kb: float = 2
    state_kb: int = 3
    events: int = 6
    busy_hours: float = 16
    peak_share: float = 0.12
    changed_share: float = 0.7
    publishes: float = 1.1
    track_s: float = 0.1
    start_s: float = 0.4
    publish_s: float = 6
    publish_chat_s: float = 0.01
    log_kb: float = 2
    queries: int = 20
    dpu_hours: float = 0.8


@dataclass(frozen=True, slots=True)
class Stack:
    """What the template says, with its defaults."""

    architecture: str
    memory_gb: dict[str, float]
    timeout_s: dict[str, int]
    capture_rate: float
    interval_s: float
    window_s: float
    batch: int
    history_days: int
    log_days: int
    alarms: int
    alarm_metrics: int
    dashboards: int
    metrics: int


@dataclass(frozen=True, slots=True)
class Line:
    """What one service costs a month, in dollars, and why."""

    service: str
    dollars: float
    why: str


def read_stack() -> Stack:
    template: dict[str, Any] = yaml_parse((ROOT / "template.yaml").read_text(encoding="utf-8"))
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
    ]
    return Stack(
        architecture=defaults["Architecture"],
        memory_gb={name: function["MemorySize"] / 1024 for name, function in functions.items()},
        timeout_s={name: function["Timeout"] for name, function in functions.items()},
        capture_rate=defaults["CaptureRate"],
        interval_s=defaults["SnapshotIntervalSeconds"],
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


@dataclass(frozen=True, slots=True)
class Month:
    """Counts of a month."""

    chats: float
    attempts: float
    transcripts: float
    tracked: float
    batches: float
    compared: float
    reconcile_s: float


def last_reads(chat: Chat) -> float:
    """Pages of GetTranscript after the end: the whole transcript, 100 items a page."""
    return float(ceil(chat.items / 100))


def snapshots(chats_a_day: float, chat: Chat, stack: Stack) -> float:
    """Snapshots of a chat: one an interval, or as many as the rate leaves."""
    planned = chat.minutes * 60 / stack.interval_s
    allowed = stack.capture_rate * chat.busy_hours * HOUR_S / chats_a_day
    return min(planned, max(0.0, allowed - last_reads(chat)))


def rate_at_peak(chats_a_day: float, chat: Chat, stack: Stack) -> float:
    """Calls a second that the busiest hour needs to keep the interval."""
    arriving = chats_a_day * chat.peak_share / HOUR_S
    return arriving * (chat.minutes * 60 / stack.interval_s + last_reads(chat))


def month(chats_a_day: float, chat: Chat, stack: Stack) -> Month:
    chats = chats_a_day * DAYS
    taken = snapshots(chats_a_day, chat, stack)
    # After the end: for each leg's end and export, and once when nothing followed.
    attempts = taken + 2 * chat.legs + 1
    publishes = chats * chat.publishes
    busy_s = chat.busy_hours * HOUR_S * DAYS
    # One search in four seconds, 100 contacts each, of three days, until a minute before the end.
    searches = min(ceil(chats_a_day * chat.legs * 3 / 100), (stack.timeout_s["Reconcile"] - 60) / 4)
    return Month(
        chats=chats,
        attempts=chats * attempts,
        transcripts=chats * (taken + last_reads(chat)),
        tracked=chats * chat.legs * (chat.events + 1),
        batches=max(min(publishes, busy_s / max(stack.window_s, 1)), publishes / stack.batch),
        compared=24 * DAYS * min(searches * 100, chats_a_day * chat.legs * 3),
        reconcile_s=24 * DAYS * (searches * 4 + 5),
    )


def costs(chats_a_day: float, chat: Chat, stack: Stack) -> list[Line]:
    of = month(chats_a_day, chat, stack)
    price = {name: dollars for name, (dollars, _) in PRICES.items()}
    run_s = {
        "StartChat": of.chats * chat.start_s,
        "Track": of.tracked * chat.track_s,
        "Capture": chat.busy_hours * HOUR_S * DAYS,
        "Publish": of.batches * chat.publish_s + of.chats * chat.publishes * chat.publish_chat_s,
        "Reconcile": of.reconcile_s,
    }
    gb_s = {name: seconds * stack.memory_gb[name] for name, seconds in run_s.items()}
    invocations = of.chats + of.tracked + 24 * 60 * DAYS + of.batches + 24 * DAYS
    most = max(gb_s, key=lambda name: gb_s[name])

    # An update costs the whole item; one that moves the due time also two writes of the index.
    update = chat.state_kb + 2
    writes_a_chat = (
        (1 + of.attempts / of.chats) * update
        # An event whose chat is due earlier is refused once, and written without the due time;
        # COMPLETED, after DISCONNECTED, is refused twice.
        + chat.legs * ((chat.events - 1) * (1.5 * chat.state_kb + 1) + 2 * chat.state_kb + update)
        # The leg and its chat's list; the attempt and the revision of a publication.
        + chat.legs * 2
        + chat.publishes * 2
    )
    reads_a_chat = (
        # Of an event: tombstones of contact and chat. Of a capture attempt: the item, tombstones
        # before and after. Legs are cached; some processes ask for them anew.
        chat.legs * (chat.events + 1) * 2
        + of.attempts / of.chats * 3
        + chat.legs * 3
        + chat.publishes * 8
    )
    # The loop asks for due chats once a second, and whether any live: up to five queries.
    polls = 2.5 * chat.busy_hours * HOUR_S * DAYS
    writes = of.chats * writes_a_chat
    reads = of.chats * reads_a_chat + polls + of.compared * 2 * 4.5
    table_gb = (chats_a_day * 7 * chat.state_kb + of.chats * 12 * 0.5) / 1e6

    puts = of.attempts * chat.changed_share + of.batches * 4 * 4
    gets = of.attempts + of.chats * (chat.legs + 4 * chat.publishes) + of.batches * 4 * 6
    versions_kb = of.attempts / of.chats * chat.changed_share * chat.document_kb
    stored_gb = (
        of.chats * (chat.document_kb + chat.rows_kb)
        + chats_a_day * stack.history_days * versions_kb
    ) / 1e6
    scanned_tb = chat.queries * DAYS * max(of.chats * chat.rows_kb / 1e9, 1e-5)
    logs_kb = (invocations - 24 * 60 * DAYS + chat.busy_hours * 60 * DAYS) * chat.log_kb
    # A read latency is logged as a number, a hundred of them with one head.
    logs_gb = (logs_kb + of.chats * chat.items * _LATENCY_KB) / 1e6
    return [
        Line(
            "Lambda",
            sum(gb_s.values()) * price[f"lambda_{stack.architecture}"]
            + invocations * price["lambda_request"],
            f"{sum(gb_s.values()):,.0f} GB-s, most by {most} ({gb_s[most]:,.0f}); "
            f"{invocations:,.0f} requests",
        ),
        Line(
            "API Gateway", of.chats * 2 * price["api"], "a chat's start and the browser's question"
        ),
        Line(
            "EventBridge",
            of.chats * chat.legs * price["event"],
            "one event of S3 an export; contact events and schedules are free",
        ),
        Line(
            "DynamoDB",
            writes * price["write"] + reads * price["read"] + table_gb * price["table_gb"],
            f"{writes_a_chat:,.0f} write and {reads_a_chat:,.0f} read units a chat; "
            f"in all {writes / 1e6:,.1f} and {reads / 1e6:,.1f} million",
        ),
        Line(
            "S3",
            puts * price["put"] + gets * price["get"] + stored_gb * price["s3_gb"],
            f"{puts:,.0f} PUT, {gets:,.0f} GET, {stored_gb:,.1f} GB after a month",
        ),
        Line(
            "KMS",
            price["key"] + of.chats * 5 * price["kms"],
            "a key; two encryptions and about three decryptions a chat",
        ),
        Line(
            "SQS",
            (of.chats * chat.publishes * 1.2 + 5 * DAYS * 24 * HOUR_S / 20) * price["sqs"],
            "a message a publication; five pollers that ask every 20 s",
        ),
        Line("Glue catalog", of.batches * 8 * price["catalog"], "two requests a table and batch"),
        Line(
            "Glue optimizers",
            chat.dpu_hours * DAYS * price["dpu_hour"],
            f"{chat.dpu_hours} DPU-hours a day, assumed",
        ),
        Line("Athena", scanned_tb * price["athena_tb"], f"{scanned_tb:,.3f} TB scanned"),
        Line(
            "CloudWatch",
            logs_gb * (price["logs_gb"] + price["logs_gb_kept"] * stack.log_days / DAYS)
            + stack.metrics * price["metric"]
            + stack.alarm_metrics * price["alarm"]
            + stack.dashboards * price["dashboard"],
            f"{logs_gb:,.1f} GB of logs, {stack.metrics} metrics, {stack.alarms} alarms over "
            f"{stack.alarm_metrics}, a dashboard",
        ),
    ]
