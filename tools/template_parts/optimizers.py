"""The optimizers of Glue: three for every table of the schema."""

from __future__ import annotations

from dataclasses import dataclass
from string import Template

from chatlake.tables.schema import TABLES


@dataclass(frozen=True, slots=True)
class Optimizer:
    """A kind of optimizer; `name` ends its logical ids, `type` is Glue's word."""

    name: str
    type: str
    configuration: str


OPTIMIZERS = (
    Optimizer(
        "Compaction",
        "compaction",
        """\
        CompactionConfiguration: {IcebergConfiguration: {Strategy: sort}}
""",
    ),
    Optimizer(
        "Retention",
        "retention",
        """\
        RetentionConfiguration:
          IcebergConfiguration:
            SnapshotRetentionPeriodInDays: !Ref HistoryDays
            NumberOfSnapshotsToRetain: 1
            CleanExpiredFiles: true
""",
    ),
    Optimizer(
        "Orphans",
        "orphan_file_deletion",
        """\
        OrphanFileDeletionConfiguration:
          IcebergConfiguration: {OrphanFileRetentionPeriodInDays: 3}
""",
    ),
)

_RESOURCE = Template("""\
  $name:
    Type: AWS::Glue::TableOptimizer
    Condition: HasOptimizers
$after    Properties:
      CatalogId: !Ref AWS::AccountId
      DatabaseName: !GetAtt Tables.Database
      TableName: $table
      Type: $type
      TableOptimizerConfiguration:
        RoleArn: !GetAtt OptimizerRole.Arn
        Enabled: true
$configuration""")


def rendered() -> str:
    """Return the resources as the template has them: each is made after the one before.

    Glue refuses some that are made at once; what all need comes before the tables.
    """
    made: list[str] = []
    after = ""
    for table in TABLES:
        for optimizer in OPTIMIZERS:
            name = table.name.title().replace("_", "") + optimizer.name
            made.append(
                _RESOURCE.substitute(
                    name=name,
                    after=after,
                    table=table.name,
                    type=optimizer.type,
                    configuration=optimizer.configuration,
                )
            )
            after = f"    DependsOn: {name}\n"
    return "\n".join(made)
