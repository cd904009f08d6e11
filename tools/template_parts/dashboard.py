"""The dashboard: rows of widgets, from the top."""

from __future__ import annotations

from chatlake.aws_clients.metric_names import Metric
from tools.template_parts.alarms import ALARMS
from tools.template_parts.dashboard_resource import as_yaml
from tools.template_parts.metrics import of_chatlake, of_function, of_queue
from tools.template_parts.widgets import Graph, Line, States, Text, Widget

_THRESHOLDS = {a.name: a.threshold for a in ALARMS if isinstance(a.threshold, int)}
_CONSOLE = "https://${AWS::Region}.console.aws.amazon.com"
# Each with the condition of the template without which there is no such function.
_FUNCTIONS = {
    "Track": "",
    "Capture": "",
    "Publish": "",
    "Reconcile": "",
    "Backfill": "",
    "Erase": "",
    "MakeTables": "",
    "StartChat": "HasStartChatApi",
    "TakeToken": "HasTokensApi",
    "LastRead": "HasLastRead",
}


def _percentiles(name: Metric, *percentiles: str, **dimensions: str) -> tuple[Line, ...]:
    return tuple(Line(of_chatlake(name, **dimensions), p, stat=p) for p in percentiles)


def _functions(metric: str, stat: str) -> tuple[Line, ...]:
    return tuple(
        Line(of_function(metric, function), function, stat, condition=condition)
        for function, condition in _FUNCTIONS.items()
    )


def _waiting(queue: str, label: str, condition: str = "") -> Line:
    metric = of_queue("ApproximateNumberOfMessagesVisible", queue)
    return Line(metric, label, "Maximum", condition=condition)


# The widgets of a row are of one width.
ROWS: tuple[tuple[Widget, ...], ...] = (
    (
        States("Alarms", ALARMS),
        Graph(
            "From the end of a chat to its rows",
            "seconds",
            _percentiles(Metric.END_TO_ROWS, "p50", "p95"),
            period_s=900,
            mark=("alarm, p95", _THRESHOLDS["RowsLate"]),
        ),
        Graph(
            "Until agents' messages were read, if that was reported",
            "milliseconds",
            _percentiles(Metric.READ_LATENCY, "p50", "p90", "p99", sender_role="AGENT"),
            period_s=900,
        ),
        Graph(
            "Until customers' messages were read, if that was reported",
            "milliseconds",
            _percentiles(Metric.READ_LATENCY, "p50", "p90", "p99", sender_role="CUSTOMER"),
            period_s=900,
        ),
    ),
    (
        Graph(
            "Chats",
            "at present",
            (
                Line(of_chatlake(Metric.CHATS_LIVE), "live", "Maximum"),
                Line(of_chatlake(Metric.CHATS_ANNOUNCED), "captured", right=True),
                Line(of_chatlake(Metric.CHATS_PUBLISHED), "published", right=True),
            ),
            right="in 5 minutes",
        ),
        Graph(
            "Messages and receipts published",
            "in 5 minutes",
            (
                Line(of_chatlake(Metric.MESSAGES_PUBLISHED), "messages"),
                Line(of_chatlake(Metric.RECEIPTS_PUBLISHED), "receipts"),
            ),
        ),
        Graph(
            "Events and exports",
            "in 5 minutes",
            (
                Line(of_chatlake(Metric.EVENTS_TRACKED), "contact events"),
                Line(of_chatlake(Metric.EXPORTS_TRACKED), "exports"),
                Line(of_chatlake(Metric.CONTACTS_FOUND), "contacts found by Reconcile", right=True),
                Line(of_chatlake(Metric.EXPORTS_FOUND), "exports found by Reconcile", right=True),
                Line(of_chatlake(Metric.SEARCHES_FAILED), "searches that failed", right=True),
            ),
            right="found late, or not looked for",
        ),
    ),
    (
        Graph(
            "Customers who wait: the longest at present",
            "seconds",
            (
                Line(of_chatlake(Metric.LONGEST_UNSEEN), "not seen", "Maximum"),
                Line(of_chatlake(Metric.LONGEST_UNANSWERED), "not answered", "Maximum"),
                Line(of_chatlake(Metric.WAITING_EVENTS_SENT), "events sent", right=True),
            ),
            right="in 5 minutes",
        ),
        Graph(
            "Chats that ended, and whether receipts come",
            "in 3 hours",
            (
                Line(of_chatlake(Metric.CHATS_ENDED), "ended"),
                Line(of_chatlake(Metric.CHATS_ENDED_READ), "of them read with a token"),
                Line(of_chatlake(Metric.CHATS_ENDED_WITH_RECEIPTS), "of them with receipts"),
            ),
            period_s=10_800,
        ),
    ),
    (
        Graph(
            "Live chats, and how they are followed",
            "at present",
            (
                Line(of_chatlake(Metric.CHATS_BY_SOCKET), "by a websocket", "Maximum"),
                Line(of_chatlake(Metric.CHATS_BY_READS), "by reads", "Maximum"),
                Line(of_chatlake(Metric.CHATS_UNCOVERED), "by nothing", "Maximum"),
                Line(of_chatlake(Metric.GAPS_READ), "gaps read", right=True),
            ),
            right="in 5 minutes",
        ),
        Graph(
            "Websockets",
            "in 5 minutes",
            (
                Line(of_chatlake(Metric.SOCKETS_OPENED), "opened"),
                Line(of_chatlake(Metric.SOCKETS_LOST), "lost"),
                Line(of_chatlake(Metric.SOCKETS_REFUSED), "refused"),
                Line(of_chatlake(Metric.FRAMES_READ), "frames read", right=True),
                Line(of_chatlake(Metric.FRAMES_REJECTED), "frames rejected", right=True),
            ),
            right="frames",
        ),
        Graph(
            "CreateParticipantConnection calls, of ConnectionRate",
            "a second",
            (Line(of_chatlake(Metric.CONNECTIONS_MADE), "made", a_second=True),),
            period_s=60,
            mark=("all that is allowed", "ConnectionRate"),
        ),
        Graph(
            "Since a process of Capture last renewed its lease",
            "seconds",
            (Line(of_chatlake(Metric.LEASE_AGE), "of the worst shard", "Maximum"),),
            mark=("alarm", _THRESHOLDS["CaptureStopped"]),
        ),
    ),
    (
        Graph(
            "GetTranscript calls, of CaptureRate",
            "percent",
            (
                Line(of_chatlake(Metric.CALLS_OF_RATE), "busiest minute", "Maximum"),
                Line(of_chatlake(Metric.CALLS_OF_RATE), "average", "Average"),
                Line(of_chatlake(Metric.READS_THROTTLED), "throttled", right=True),
            ),
            right="answers 429",
            mark=("all that is allowed", 100),
        ),
        Graph(
            "Last reads, before tokens die",
            "in 5 minutes",
            (
                Line(of_chatlake(Metric.LAST_READS), "whole"),
                Line(of_chatlake(Metric.LAST_READS_PARTLY), "partly"),
                Line(of_chatlake(Metric.LAST_READS_WITHOUT_TURN), "left to Capture"),
                Line(of_chatlake(Metric.LAST_READS_WITHOUT_TOKEN), "without a token"),
                Line(of_chatlake(Metric.LAST_READS_DENIED), "token dead already"),
                Line(of_chatlake(Metric.LAST_READS_FAILED), "failed"),
            ),
        ),
        Graph(
            "Sources of transcripts",
            "in 5 minutes",
            (
                Line(
                    of_chatlake(Metric.PARTICIPANT_SOURCES_CLOSED),
                    "tokens that open nothing more",
                ),
                Line(of_chatlake(Metric.CHATS_WITHOUT_SOURCE), "chats without any source"),
            ),
        ),
        Graph(
            "Failed chats",
            "in 5 minutes",
            (
                Line(of_chatlake(Metric.CHATS_FAILED), "not published"),
                Line(of_chatlake(Metric.READS_REJECTED), "reads rejected"),
                Line(of_chatlake(Metric.REJECTED_EXPORTS), "exports rejected"),
                Line(of_chatlake(Metric.EXPORTS_UNAVAILABLE), "exports refused"),
                Line(of_chatlake(Metric.UNREADABLE_DOCUMENTS), "documents unreadable"),
                Line(of_chatlake(Metric.CAPTURE_ATTEMPTS_FAILED), "capture attempts failed"),
                Line(of_chatlake(Metric.CHATS_OVERDUE), "overdue", "Maximum"),
            ),
        ),
    ),
    (
        Graph(
            "Publish queue",
            "chats",
            (
                _waiting("PublishQueue", "waiting"),
                _waiting("BackfillQueue", "of the past, waiting"),
                Line(
                    of_queue("ApproximateNumberOfMessagesNotVisible", "PublishQueue"),
                    "at work, or to come back",
                    "Maximum",
                ),
            ),
        ),
        Graph(
            "Age of the oldest message",
            "seconds",
            (
                Line(
                    of_queue("ApproximateAgeOfOldestMessage", "PublishQueue"),
                    "publish queue",
                    "Maximum",
                ),
            ),
            mark=("alarm", _THRESHOLDS["PublishLate"]),
        ),
        Graph(
            "Dead letters",
            "messages",
            (
                _waiting("TrackDeadLetters", "of Track"),
                _waiting("PublishDeadLetters", "of Publish"),
                _waiting("BackfillDeadLetters", "of Backfill"),
                _waiting("MaintenanceDeadLetters", "of maintenance", "MaintainsByAthena"),
            ),
        ),
    ),
    (
        Graph("Errors of functions", "in 5 minutes", _functions("Errors", "Sum")),
        Graph(
            "Duration of functions, the longest", "milliseconds", _functions("Duration", "Maximum")
        ),
    ),
    (
        Text(
            "## What to watch\n"
            "* **An alarm is red**: open it, its description says what it means and what to do. "
            "`docs/operations.md` of chatlake has all of them, and the commands.\n"
            "* **Chats are followed by nothing**: neither a websocket nor a read has come to them "
            "in time. Calls at their rates? Raise ConnectionRate or CaptureRate, or have the "
            "quotas raised.\n"
            "* **Rows come late**: the calls show whether Capture has reached its rate, the queue "
            "whether Publish keeps up.\n"
            "* **Latencies are empty**: nobody reads, or no tokens come. Receipts need a token, "
            "see the sources. What nobody has seen yet is in none of them: the questions in Athena "
            "count that, too.\n"
            f"* **Why**: [logs of all functions]({_CONSOLE}/cloudwatch/home?region=${{AWS::Region}}"
            "#logsV2:log-groups/log-group/${Logs}), "
            f"[queues and dead letters]({_CONSOLE}/sqs/v3/home?region=${{AWS::Region}}#/queues), "
            f"[questions in Athena]({_CONSOLE}/athena/home?region=${{AWS::Region}}#/query-editor)."
        ),
    ),
)


def rendered() -> str:
    """Return the resource as the template has it."""
    return as_yaml(ROWS)
