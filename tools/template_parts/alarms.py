"""The alarms: what each says to the person whom it calls, and when it does."""

from __future__ import annotations

from chatlake.aws_clients.metric_names import Metric
from tools.template_parts.alarm_resource import Alarm, Expression
from tools.template_parts.metrics import (
    of_api,
    of_chatlake,
    of_failed_queries,
    of_function,
    of_queue,
)
from tools.template_parts.way_alarms import OF_THE_WAY

_SUM = "SUM(FILL(METRICS(), 0))"
# Errors of the others have alarms of their own: CaptureFailed, TrackFailed, ApiFailed,
# LastReadFailed.
_FUNCTIONS = ("Publish", "Reconcile", "Backfill", "Erase", "MakeTables")
_FAILURES = (
    Metric.CHATS_FAILED,
    Metric.UNREADABLE_DOCUMENTS,
    Metric.READS_REJECTED,
    Metric.REJECTED_EXPORTS,
    Metric.EXPORTS_UNAVAILABLE,
    Metric.CAPTURE_ATTEMPTS_FAILED,
)


def _id(name: str) -> str:
    return name[0].lower() + name[1:]


ALARMS = (
    *OF_THE_WAY,
    Alarm(
        name="OptimizersFailed",
        description=(
            "The last run of an optimizer of Glue has failed: files stay small, or old snapshots "
            "and the rows of erased chats in them are not removed. The log of Erase names table "
            "and optimizer, aws glue list-table-optimizer-runs says why: docs/operations.md, "
            "Erasures and expiry."
        ),
        of=of_chatlake(Metric.OPTIMIZERS_FAILED),
        statistic="Maximum",
        period_s=86_400,
    ),
    Alarm(
        name="CaptureFailed",
        description=(
            "Capture failed twice within 40 minutes. Chats that a process followed are left alone "
            "until the next one takes them, and receipts of chats that end meanwhile are lost if "
            "their tokens end with them. Its log says why."
        ),
        of=of_function("Errors", "Capture"),
        periods=8,
        datapoints=2,
        why={"EvaluationPeriods": "An invocation may last for 15 minutes before it fails."},
    ),
    Alarm(
        name="CaptureStopped",
        description=(
            "For a quarter of an hour a shard's lease was older than three minutes, or nothing at "
            "all was heard of Capture: live chats are not followed. See whether the rule "
            "CaptureRule is enabled, whether Capture is throttled (CaptureConcurrency, or the "
            "account's concurrent executions), and what its log says."
        ),
        of=of_chatlake(Metric.LEASE_AGE),
        statistic="Minimum",
        periods=3,
        threshold=180,
        missing="breaching",
        why={"Statistic": "One report may fall between two processes; there are several a period."},
    ),
    Alarm(
        name="ApiFailed",
        condition="HasApi",
        description=(
            "Web pages or back ends got answers 5xx in two periods of five minutes: customers may "
            "be unable to start a chat, or chats have no receipts. Read the logs of StartChat and "
            "TakeToken; a 503 is an AWS service that refused or was not reached."
        ),
        of=of_api("5xx", "Api"),
        periods=6,
        datapoints=2,
    ),
    Alarm(
        name="LastReadFailed",
        condition="HasLastRead",
        description=(
            "Last reads failed in two periods of five minutes: chats were not read before their "
            "tokens died, though a flow or a page said so in time, and receipts of their last "
            "moments are lost. Flows and pages were answered nevertheless. The log of LastRead "
            "says why."
        ),
        of=Expression(
            "failures",
            "Failures",
            _SUM,
            {
                "failed": of_chatlake(Metric.LAST_READS_FAILED),
                "errors": of_function("Errors", "LastRead"),
            },
        ),
        periods=6,
        datapoints=2,
    ),
    Alarm(
        name="FunctionsFailed",
        description=(
            "Publish, Reconcile, Erase or MakeTables failed in two of three hours, so it does not "
            "mend itself. The dashboard shows which one, its log why."
        ),
        of=Expression(
            "errors",
            "Errors",
            _SUM,
            {_id(name): of_function("Errors", name) for name in _FUNCTIONS},
        ),
        period_s=3600,
        periods=3,
        datapoints=2,
    ),
    Alarm(
        name="MaintenanceNotStarted",
        condition="MaintainsByAthena",
        description=(
            "OPTIMIZE or VACUUM of a table was not begun. The queue MaintenanceDeadLetters has the "
            "request and, in its attributes, Athena's word for the reason. The next hour tries "
            "again; rows of erased chats stay in older files meanwhile. Mend the cause, then purge "
            "the queue."
        ),
        of=of_queue("ApproximateNumberOfMessagesVisible", "MaintenanceDeadLetters"),
        statistic="Maximum",
    ),
    Alarm(
        name="MaintenanceFailed",
        condition="MaintainsByAthena",
        description=(
            "On two days, OPTIMIZE or VACUUM of a table has failed again and again: small files "
            "are not put together, or rows of erased chats stay in older files. The recent queries "
            "of the workgroup ${MaintenanceWorkgroup} say why; after "
            "ICEBERG_VACUUM_MORE_RUNS_NEEDED the next hour goes on."
        ),
        of=Expression(
            "failures",
            "Failed statements",
            _SUM,
            {
                kind.lower(): of_failed_queries(kind, "MaintenanceWorkgroup")
                for kind in ("DDL", "DML", "UTILITY")
            },
        ),
        statistic="SampleCount",
        period_s=86_400,
        periods=2,
        threshold=3,
        why={
            "Threshold": "OPTIMIZE runs four times a day, VACUUM each hour; one that loses against "
            "a commit of Publish comes right by itself."
        },
    ),
    Alarm(
        name="NoEvents",
        condition="ExpectsEvents",
        description=(
            "Not one contact event of a chat was noted in ${NoEventsHours} hours. If there were "
            "chats, Connect's events do not arrive: see whether the rule of Track is enabled and "
            "its pattern matches, and whether Track fails. Exports are archived meanwhile, "
            "receipts are not."
        ),
        of=of_chatlake(Metric.EVENTS_TRACKED),
        period_s=3600,
        periods="!Ref NoEventsHours",
        threshold=1,
        comparison="LessThanThreshold",
        why={
            "TreatMissingData": "Capture reports a zero every minute. Hours without any number are "
            "from before the stack."
        },
    ),
    Alarm(
        name="SearchesFailed",
        description=(
            "In three of four hours Connect did not say which contacts had ended: chats of which "
            "no event came are not found. The log of Reconcile has AWS's word for the reason: "
            "AccessDeniedException is a permission, ThrottlingException others who search, too. "
            "Reconcile looks back three days and makes up for it once searches succeed."
        ),
        of=of_chatlake(Metric.SEARCHES_FAILED),
        period_s=3600,
        periods=4,
        datapoints=3,
    ),
    Alarm(
        name="ReadsThrottled",
        description=(
            "GetTranscript was answered with 429 all through half an hour: chatlake and the "
            "customers' pages together pass the instance's quota, and pages suffer, too. Lower "
            "CaptureRate, or have the quota raised: docs/operations.md, Quotas."
        ),
        of=of_chatlake(Metric.READS_THROTTLED),
        periods=6,
    ),
    Alarm(
        name="ChatsWithoutSource",
        description=(
            "For three hours, more than three quarters of the chats that ended had neither a token "
            "nor an export. Their messages and receipts are not archived. See whether pages and "
            "back ends still give tokens (TokensRegistered, TokensLost) and whether Connect still "
            "writes exports."
        ),
        of=Expression(
            "share",
            "Share of chats without a source",
            "IF(announced >= 20, 100 * FILL(without, 0) / announced, 0)",
            {
                "announced": of_chatlake(Metric.CHATS_ANNOUNCED),
                "without": of_chatlake(Metric.CHATS_WITHOUT_SOURCE),
            },
            why="Of fewer chats a share says little.",
        ),
        period_s=3600,
        periods=3,
        threshold=75,
    ),
    Alarm(
        name="ReceiptsStopped",
        condition="ExpectsReceipts",
        description=(
            "Of the chats that ended in the last six hours, fewer than ${LeastReceiptShare} % have "
            "receipts. Exports go on coming, so nothing else notices: usually a new page or back "
            "end no longer gives its token (TokensRegistered, ChatsStarted). If none of your chats "
            "has one, set LeastReceiptShare to 0: docs/operations.md, When receipts stop."
        ),
        of=Expression(
            "share",
            "Share of ended chats with receipts",
            "IF(FILL(ended, 0) >= 20, 100 * FILL(receipts, 0) / ended, 100)",
            {
                "ended": of_chatlake(Metric.CHATS_ENDED),
                "receipts": of_chatlake(Metric.CHATS_ENDED_WITH_RECEIPTS),
            },
            why="Of fewer chats a share says little.",
        ),
        period_s=10_800,
        periods=2,
        threshold="!Ref LeastReceiptShare",
        comparison="LessThanThreshold",
    ),
    Alarm(
        name="ChatsFailed",
        description=(
            "Chats cannot be read or published as they are: a rejected read or export, an export "
            "that S3 does not give, a document that is unreadable or gone, a capture attempt "
            "that failed. The log names them and says why. The capture state of such a chat goes "
            "after seven days: docs/operations.md, A chat that failed."
        ),
        of=Expression(
            "failures", "Failures", _SUM, {_id(name): of_chatlake(name) for name in _FAILURES}
        ),
        period_s=3600,
    ),
)


def rendered() -> str:
    """Return the resources as the template has them."""
    return "\n".join(alarm.as_yaml() for alarm in ALARMS)
