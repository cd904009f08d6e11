"""A first deployment that fails after the tables were made leaves nothing on the local cloud."""

from __future__ import annotations

from pathlib import Path

import pytest

from local.clock import Clock
from local.cloud import DeploymentFailed, LocalCloud
from local.scripted.contact_center import INSTANCE_ARN
from tests.e2e.pipeline.deployable import deployable
from tools.artifacts import HOST

pytestmark = [pytest.mark.timeout(300), pytest.mark.world]

START = 1_800_000_000.0
# Of a table that nobody makes: Glue refuses it when all else is there.
REFUSED = """
  Refused:
    Type: AWS::Glue::TableOptimizer
    DependsOn: Dashboard
    Properties:
      CatalogId: !Ref AWS::AccountId
      DatabaseName: !GetAtt Tables.Database
      TableName: nowhere
      Type: compaction
      TableOptimizerConfiguration: {RoleArn: !GetAtt OptimizerRole.Arn, Enabled: true}

Outputs:
"""


def test_a_first_deployment_that_fails_leaves_nothing(tmp_path: Path) -> None:
    template = deployable(tmp_path / "project")
    whole = template.read_text()
    template.write_text(whole.replace("\nOutputs:\n", REFUSED, 1))
    parameters = {"ConnectInstanceArn": INSTANCE_ARN, "Architecture": HOST}
    with LocalCloud(tmp_path / "cloud", Clock(START, 10)) as cloud:
        with pytest.raises(DeploymentFailed, match="Refused: there is no table nowhere") as failed:
            cloud.deploy(template, parameters, stack_name="chatlake")
        assert not getattr(failed.value, "__notes__", [])
        assert cloud.client("s3").list_buckets()["Buckets"] == []
        assert cloud.client("glue").get_databases()["DatabaseList"] == []
        assert cloud.client("dynamodb").list_tables()["TableNames"] == []
        # What failed once can be deployed.
        template.write_text(whole)
        cloud.deploy(template, parameters, stack_name="chatlake")
