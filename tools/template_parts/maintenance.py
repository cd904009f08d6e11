"""What keeps the tables where Glue has no optimizers: OPTIMIZE and VACUUM of Athena, scheduled."""

from __future__ import annotations

from dataclasses import dataclass
from string import Template

from chatlake.tables.schema import TABLES


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement of Athena; `name` ends its logical ids.

    Attributes
    ----------
    sql
        Of a table, `$table`.
    schedule
        `$minute` is another one for each table, so that they do not all begin at once.
    first_minute
        That of the first table.
    """

    name: str
    why: str
    sql: str
    schedule: str
    first_minute: int


STATEMENTS = (
    Statement(
        "Optimize",
        "Makes few large files of the many small ones of $table",
        "OPTIMIZE $table REWRITE DATA USING BIN_PACK",
        "cron($minute 0/6 * * ? *)",
        first_minute=3,
    ),
    # It deletes a limited number of files at once, and says ICEBERG_VACUUM_MORE_RUNS_NEEDED.
    Statement(
        "Vacuum",
        "Drops snapshots of $table that are older than HistoryDays, with their files",
        "VACUUM $table",
        "cron($minute * * * ? *)",
        first_minute=33,
    ),
)
_MINUTES_APART = 3

_RESOURCE = Template("""\
  $name:
    Type: AWS::Scheduler::Schedule
    Condition: MaintainsByAthena
    Properties:
      Description: $why
      ScheduleExpression: $schedule
      FlexibleTimeWindow: {Mode: "OFF"}
      Target:
        Arn: !Sub arn:$${AWS::Partition}:scheduler:::aws-sdk:athena:startQueryExecution
        RoleArn: !GetAtt MaintenanceRole.Arn
        Input: !Sub |
          {
            "QueryString": "$sql",
            "QueryExecutionContext": {"Database": "$${Tables.Database}"},
            "WorkGroup": "$${MaintenanceWorkgroup}"
          }
        RetryPolicy: {MaximumRetryAttempts: 5, MaximumEventAgeInSeconds: 1800}
        DeadLetterConfig: {Arn: !GetAtt MaintenanceDeadLetters.Arn}
""")


def rendered() -> str:
    """Return the resources as the template has them."""
    return "\n".join(
        _RESOURCE.substitute(
            name=table.name.title().replace("_", "") + statement.name,
            why=Template(statement.why).substitute(table=table.name),
            sql=Template(statement.sql).substitute(table=table.name),
            schedule=Template(statement.schedule).substitute(
                minute=statement.first_minute + _MINUTES_APART * position
            ),
        )
        for position, table in enumerate(TABLES)
        for statement in STATEMENTS
    )
