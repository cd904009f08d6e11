"""Alarms of what waits on its way into the tables, or was given up."""

from __future__ import annotations

from chatlake.aws_clients.metric_names import Metric
from tools.template_parts.alarm_resource import Alarm
from tools.template_parts.metrics import (
    of_chatlake,
    of_queue,
)

OF_THE_WAY = (
    Alarm(
        name="TrackFailed",
        description=(
            "Contact events or exports could not be noted, after two repetitions. They are kept in "
            "the queue TrackDeadLetters for 14 days. Read the log of Track, mend the cause, send "
            "them again: docs/operations.md, Dead letters."
        ),
        of=of_queue("ApproximateNumberOfMessagesVisible", "TrackDeadLetters"),
        statistic="Maximum",
    ),
    Alarm(
        name="PublishFailed",
        description=(
            "Chats could not be published in five attempts. They are kept in the queue "
            "PublishDeadLetters for 14 days. Read the log of Publish, mend the cause, send them "
            "again: docs/operations.md, Dead letters."
        ),
        of=of_queue("ApproximateNumberOfMessagesVisible", "PublishDeadLetters"),
        statistic="Maximum",
    ),
    Alarm(
        name="BackfillFailed",
        description=(
            "Exports of chats of the past could not be taken in. They are kept in the queue "
            "BackfillDeadLetters for 14 days; chatlake backfill names them, and the log of "
            "Backfill. Mend the cause, send them again: docs/operations.md, Dead letters."
        ),
        of=of_queue("ApproximateNumberOfMessagesVisible", "BackfillDeadLetters"),
        statistic="Maximum",
    ),
    Alarm(
        name="TablesDiffering",
        description=(
            "Others have changed a table so that nothing can be published to it: a column of "
            "chatlake's was renamed, dropped or given another type. The log of Publish says which, "
            "and the SQL that mends it: docs/other-writers.md. Chats wait "
            "meanwhile."
        ),
        of=of_chatlake(Metric.TABLES_DIFFERING),
        period_s=3600,
    ),
    Alarm(
        name="PublishLate",
        description=(
            "A chat has waited for two hours to be published: Publish does not run, fails again "
            "and again, or does not keep up. Look at its errors and duration on the dashboard, "
            "then at its log. Nothing is lost for 14 days."
        ),
        of=of_queue("ApproximateAgeOfOldestMessage", "PublishQueue"),
        statistic="Maximum",
        periods=3,
        threshold=7200,
        why={
            "Threshold": "A message that fails comes back after 35 minutes; SQS leaves it out "
            "after the third time."
        },
    ),
    Alarm(
        name="RowsLate",
        description=(
            "For most of an hour, one chat in twenty was in the tables only an hour or more after "
            "its end; usual are 10 to 15 minutes. See on the dashboard where they wait: calls at "
            "100 % of the rate (raise CaptureRate), an old queue (PublishLate), or events that "
            "came late from Connect."
        ),
        of=of_chatlake(Metric.END_TO_ROWS),
        statistic="p95",
        period_s=900,
        periods=4,
        datapoints=3,
        threshold=3600,
    ),
)
