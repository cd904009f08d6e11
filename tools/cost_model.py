"""What a month costs, service by service: requests as counted in the code, at list prices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chatlake.capture.lease import BEAT_EVERY_MS
from tools.prices import price
from tools.workload import DAYS, HOUR_S, month

if TYPE_CHECKING:
    from tools.stack_defaults import Stack
    from tools.workload import Chat, Month

_LATENCY_KB = 0.013
_LISTED_KB = 0.11


@dataclass(frozen=True, slots=True)
class Line:
    """What one service costs a month, in dollars, and why."""

    service: str
    dollars: float
    why: str


def costs(chats_a_day: float, chat: Chat, stack: Stack) -> list[Line]:
    of = month(chats_a_day, chat, stack)
    return [
        _lambda(of, chat, stack),
        Line(
            "API Gateway", of.chats * 2 * price("api"), "a chat's start and the browser's question"
        ),
        Line(
            "EventBridge",
            of.chats * chat.legs * price("event"),
            "one event of S3 an export; contact events and schedules are free",
        ),
        _dynamodb(of, chat),
        _s3(of, chat, stack),
        Line(
            "KMS",
            price("key") + of.chats * 5 * price("kms"),
            "a key; two encryptions and about three decryptions a chat",
        ),
        Line(
            "SQS",
            (of.chats * chat.publishes * 1.2 + 2 * 5 * DAYS * 24 * HOUR_S / 20) * price("sqs"),
            "a message a publication; five pollers of two queues that ask every 20 s",
        ),
        Line("Glue catalog", of.batches * 8 * price("catalog"), "two requests a table and batch"),
        Line(
            "Glue optimizers",
            chat.dpu_hours * DAYS * price("dpu_hour"),
            f"{chat.dpu_hours} DPU-hours a day, assumed",
        ),
        _athena(of, chat),
        _cloudwatch(of, chat, stack),
    ]


def _lambda(of: Month, chat: Chat, stack: Stack) -> Line:
    run_s = {
        "TakeToken": of.chats * chat.start_s,
        "Track": of.tracked * chat.track_s,
        "Capture": of.processes * chat.busy_hours * HOUR_S * DAYS + of.asks * chat.ask_s,
        "Publish": of.batches * chat.publish_s + of.chats * chat.publishes * chat.publish_chat_s,
        "Reconcile": of.reconcile_s,
    }
    gb_s = {name: seconds * stack.memory_gb[name] for name, seconds in run_s.items()}
    most = max(gb_s, key=lambda name: gb_s[name])
    return Line(
        "Lambda",
        sum(gb_s.values()) * price(f"lambda_{stack.architecture}")
        + of.invocations * price("lambda_request"),
        f"{sum(gb_s.values()):,.0f} GB-s, most by {most} ({gb_s[most]:,.0f}); "
        f"{of.invocations:,.0f} requests",
    )


def writes_a_chat(chat: Chat) -> float:
    """Write units of a chat; a move in the index of due chats costs two more, in or out one."""
    kept, moved = 1, 3
    return (
        # Its token, which makes it due; the connection's; both go in the end.
        (kept + 2)
        + kept
        + 2 * kept
        # Events are kept and go, but for COMPLETED; each leg's end makes the chat due. Its export.
        + chat.legs * ((chat.events - 1) * 2 * kept + moved + 3 * kept)
        # After each leg's end: the chat goes on, or it waits until it has settled.
        + chat.legs * moved
        + (kept + 1)
        # The leg and its chat's list; the attempt and the revision of a publication.
        + chat.legs * 2
        + chat.publishes * 2
    )


def reads_a_chat(of: Month, chat: Chat) -> float:
    """Read units of a chat."""
    return (
        # Of an event or export: when its chat is due. Of a new chat: whether it was erased.
        chat.legs * (chat.events + 1)
        + 1
        # Of a capture attempt: all that is noted, and tombstones before and after it is written.
        + of.attempts / of.chats * 4
        # Legs are cached; some processes ask for them anew.
        + chat.legs * 2
        + chat.publishes * 8
    )


def _dynamodb(of: Month, chat: Chat) -> Line:
    # A shard asks every two seconds which chats ended, every five which wait and which live.
    polls_a_s = of.shards * (0.5 / 2 + (0.5 + max(0.5, of.live * _LISTED_KB / 8)) / 5)
    busy_s = chat.busy_hours * HOUR_S * DAYS
    # Each process notes that it lives, and looks at the lease and the other processes.
    beats = of.processes * busy_s * 1000 / BEAT_EVERY_MS
    writes = of.chats * writes_a_chat(chat) + beats
    reads = of.chats * reads_a_chat(of, chat) + polls_a_s * busy_s + beats + of.asks
    reads += of.compared * 2 * 4.5
    table_gb = of.chats * 12 * 0.5 / 1e6
    return Line(
        "DynamoDB",
        writes * price("write") + reads * price("read") + table_gb * price("table_gb"),
        f"{writes_a_chat(chat):,.0f} write and {reads_a_chat(of, chat):,.0f} read units a chat; "
        f"in all {writes / 1e6:,.1f} and {reads / 1e6:,.1f} million, {beats / 1e6:,.1f} of each by "
        "processes of Capture that note that they live",
    )


def _s3(of: Month, chat: Chat, stack: Stack) -> Line:
    puts = of.writes + of.batches * 4 * 4
    gets = of.attempts + of.writes + of.chats * (chat.legs + 5 * chat.publishes)
    gets += of.batches * 4 * 6
    versions_kb = of.writes / of.chats * chat.document_kb
    stored_gb = (
        of.chats * (chat.document_kb + chat.rows_kb)
        + of.chats_a_day * stack.history_days * versions_kb
    ) / 1e6
    return Line(
        "S3",
        puts * price("put") + gets * price("get") + stored_gb * price("s3_gb"),
        f"{puts:,.0f} PUT, {gets:,.0f} GET, {stored_gb:,.1f} GB after a month",
    )


def _athena(of: Month, chat: Chat) -> Line:
    scanned_tb = chat.queries * DAYS * max(of.chats * chat.rows_kb / 1e9, 1e-5)
    return Line("Athena", scanned_tb * price("athena_tb"), f"{scanned_tb:,.3f} TB scanned")


def _cloudwatch(of: Month, chat: Chat, stack: Stack) -> Line:
    # Each process of Capture reports once a minute, and so does each invocation that is not needed.
    logging = of.invocations + of.processes * chat.busy_hours * 60 * DAYS
    # A read latency is logged as a number, a hundred of them with one head.
    logs_gb = (logging * chat.log_kb + of.chats * chat.items * _LATENCY_KB) / 1e6
    return Line(
        "CloudWatch",
        logs_gb * (price("logs_gb") + price("logs_gb_kept") * stack.log_days / DAYS)
        + stack.metrics * price("metric")
        + stack.alarm_metrics * price("alarm")
        + stack.dashboards * price("dashboard"),
        f"{logs_gb:,.1f} GB of logs, {stack.metrics} metrics, {stack.alarms} alarms over "
        f"{stack.alarm_metrics}, a dashboard",
    )
