"""The template deploys in every Region that has Amazon Connect."""

from __future__ import annotations

import importlib.util
import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from samtranslator.yaml_helper import yaml_parse  # type: ignore[import-untyped, unused-ignore]

from chatlake.aws.checks.account import WITHOUT_OPTIMIZERS
from chatlake.tables.schema import TABLES
from local.cloud.deployer import check_known
from local.cloud.intrinsics import Scope
from local.cloud.schema_check import mistakes
from local.cloud.template import Template
from tests.recipes import recipe
from tests.rendered_template import template_of
from tools.artifacts import ROOT
from tools.template_parts.regions import CONNECT, OPTIMIZERS

ACCOUNT = "111122223333"
WITH_OPTIMIZERS, WITHOUT = "eu-central-1", "af-south-1"
# cfn-lint takes them for Regions that have everything, for want of knowledge.
ISOLATED = ("eu-isoe-", "eusc-", "us-iso")
NAMES = {table.name for table in TABLES}


@cache
def types_of_regions() -> dict[str, frozenset[str]]:
    """The resource types of each Region, as CloudFormation's registry has them."""
    found = importlib.util.find_spec("cfnlint")
    assert found is not None
    assert found.origin is not None
    providers = Path(found.origin).parent / "data" / "schemas" / "providers"
    return {
        file.stem: frozenset(json.loads(file.read_text("utf-8")))
        for file in providers.glob("*-*.json")
        if not file.stem.startswith(ISOLATED)
    }


def test_doctor_knows_the_regions_in_which_athena_keeps_the_tables() -> None:
    assert set(CONNECT) - set(OPTIMIZERS) == WITHOUT_OPTIMIZERS


@cache
def template_in(region: str, maintenance: str = "automatic") -> tuple[Template, Scope]:
    partition = "aws-us-gov" if region.startswith("us-gov-") else "aws"
    template = template_of(region, TableMaintenance=maintenance)
    names = {
        "AWS::Region": region,
        "AWS::AccountId": ACCOUNT,
        "AWS::Partition": partition,
        "AWS::StackName": "a-stack",
        **template.parameters,
    }

    def named(logical_id: str, attribute: str | None) -> str:
        return f"{logical_id}.{attribute}" if attribute else logical_id

    return template, Scope(names, {}, template.body["Conditions"], named)


def resources(region: str, maintenance: str = "automatic") -> dict[str, dict[str, Any]]:
    """What is made there."""
    template, scope = template_in(region, maintenance)
    return {
        name: resource
        for name, resource in template.body["Resources"].items()
        if scope.holds(resource.get("Condition"))
    }


def properties(region: str, of_type: str, maintenance: str = "automatic") -> dict[str, Any]:
    _, scope = template_in(region, maintenance)
    return {
        name: scope.value(resource["Properties"])
        for name, resource in resources(region, maintenance).items()
        if resource["Type"] == of_type
    }


def test_the_lists_of_regions_are_those_of_the_registry() -> None:
    types = types_of_regions()
    assert {region for region in types if "AWS::Connect::Instance" in types[region]} == set(CONNECT)
    optimizers = {region for region in types if "AWS::Glue::TableOptimizer" in types[region]}
    assert optimizers == set(OPTIMIZERS)


@pytest.mark.parametrize("maintenance", ["automatic", "athena"])
@pytest.mark.parametrize("region", CONNECT)
def test_every_resource_is_of_a_type_that_the_region_has(region: str, maintenance: str) -> None:
    made = {resource["Type"] for resource in resources(region, maintenance).values()}
    known = types_of_regions()[region]
    assert {name for name in made if not name.startswith("Custom::")} <= known


def test_the_template_is_linted_for_all_of_them() -> None:
    told = yaml_parse((ROOT / ".cfnlintrc").read_text("utf-8"))
    assert told == {"regions": list(CONNECT)}
    assert ".venv/bin/cfn-lint --non-zero-exit-code informational template.yaml" in recipe("check")


@pytest.mark.parametrize("region", CONNECT)
def test_tables_are_kept_by_optimizers_where_there_are_any_and_else_by_athena(region: str) -> None:
    optimizers = properties(region, "AWS::Glue::TableOptimizer")
    schedules = properties(region, "AWS::Scheduler::Schedule")
    kept = {optimizer["TableName"] for optimizer in optimizers.values()}
    assert (kept, not schedules) == ((NAMES, True) if region in OPTIMIZERS else (set(), False))


def test_optimizers_are_made_one_after_the_other() -> None:
    """Glue refuses some of those that are made at once."""
    optimizers = {
        name: resource
        for name, resource in resources(WITH_OPTIMIZERS).items()
        if resource["Type"] == "AWS::Glue::TableOptimizer"
    }
    names = list(optimizers)
    assert len(names) == 3 * len(NAMES)
    assert [optimizers[name].get("DependsOn") for name in names] == [None, *names[:-1]]


@pytest.mark.parametrize(
    ("region", "role"), [(WITH_OPTIMIZERS, "Optimizer"), (WITHOUT, "Maintenance")]
)
def test_roles_of_optimizers_and_schedules_are_older_than_the_tables(
    region: str, role: str
) -> None:
    """IAM may take a minute to tell of them; the tables and views take some of it to be made."""
    [tables] = properties(region, "Custom::Tables").values()
    assert f"{role}Role" in tables["After"]


def test_a_region_that_nobody_has_told_of_has_no_optimizers() -> None:
    assert not properties("eu-nowhere-1", "AWS::Glue::TableOptimizer")
    assert properties("eu-nowhere-1", "AWS::Scheduler::Schedule")


def test_athena_can_be_had_everywhere() -> None:
    assert not properties(WITH_OPTIMIZERS, "AWS::Glue::TableOptimizer", "athena")
    assert "OptimizerRole" not in resources(WITH_OPTIMIZERS, "athena")
    there = properties(WITHOUT, "AWS::Scheduler::Schedule")
    assert properties(WITH_OPTIMIZERS, "AWS::Scheduler::Schedule", "athena").keys() == there.keys()


def asked(schedule: dict[str, Any]) -> dict[str, Any]:
    """What StartQueryExecution is given."""
    found: dict[str, Any] = json.loads(schedule["Target"]["Input"])
    return found


def test_each_table_is_optimized_and_vacuumed() -> None:
    schedules = properties(WITHOUT, "AWS::Scheduler::Schedule")
    statements = {asked(schedule)["QueryString"] for schedule in schedules.values()}
    optimize = {f"OPTIMIZE {name} REWRITE DATA USING BIN_PACK" for name in NAMES}
    assert statements == optimize | {f"VACUUM {name}" for name in NAMES}
    for name, schedule in schedules.items():
        assert mistakes("AWS::Scheduler::Schedule", schedule, WITHOUT) == []
        check_known(name, {"Type": "AWS::Scheduler::Schedule", "Properties": schedule})
        target = schedule["Target"]
        assert target["Arn"] == "arn:aws:scheduler:::aws-sdk:athena:startQueryExecution"
        assert target["DeadLetterConfig"] == {"Arn": "MaintenanceDeadLetters.Arn"}
        assert asked(schedule).keys() == {"QueryString", "QueryExecutionContext", "WorkGroup"}
        # After the tables are made, and have the properties that VACUUM goes by.
        assert asked(schedule)["QueryExecutionContext"] == {"Database": "Tables.Database"}
        assert asked(schedule)["WorkGroup"] == "MaintenanceWorkgroup"
    assert len({schedule["ScheduleExpression"] for schedule in schedules.values()}) == len(
        schedules
    )


def test_targets_of_schedules_are_of_the_partition() -> None:
    schedules = properties("us-gov-west-1", "AWS::Scheduler::Schedule")
    assert {schedule["Target"]["Arn"] for schedule in schedules.values()} == {
        "arn:aws-us-gov:scheduler:::aws-sdk:athena:startQueryExecution"
    }


def test_maintenance_may_do_what_it_takes_and_touch_its_tables_alone() -> None:
    role = properties(WITHOUT, "AWS::IAM::Role")["MaintenanceRole"]
    [trust] = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "scheduler.amazonaws.com"}
    [policy] = role["Policies"]
    granted: dict[str, set[str]] = {}
    for statement in policy["PolicyDocument"]["Statement"]:
        actions, on = statement["Action"], statement["Resource"]
        for action in [actions] if isinstance(actions, str) else actions:
            granted.setdefault(action, set()).update([on] if isinstance(on, str) else on)
    glue = f"arn:aws:glue:{WITHOUT}:{ACCOUNT}:"
    tables = {f"{glue}table/Database/{name}" for name in NAMES}
    assert granted["glue:UpdateTable"] == {f"{glue}catalog", f"{glue}database/Database", *tables}
    assert granted["athena:StartQueryExecution"] == {
        f"arn:aws:athena:{WITHOUT}:{ACCOUNT}:workgroup/MaintenanceWorkgroup"
    }
    # VACUUM succeeds without it, and leaves the bytes of erased chats where they are.
    assert granted["s3:DeleteObject"] == {"arn:aws:s3:::LakeBucket/tables/*"}
    assert {action for action in granted if action.startswith("s3:Delete")} == {"s3:DeleteObject"}
    assert all("*" not in action for action in granted)
    assert "*" not in {resource for of in granted.values() for resource in of}


@pytest.mark.parametrize(("days", "region"), [("7", WITHOUT), ("0", WITH_OPTIMIZERS)])
def test_the_function_that_makes_tables_knows_how_long_vacuum_keeps_history(
    days: str, region: str
) -> None:
    function = properties(region, "AWS::Lambda::Function")["MakeTables"]
    assert function["Environment"]["Variables"]["VACUUM_DAYS"] == days
    [asked_for] = properties(region, "Custom::Tables").values()
    # Another HistoryDays is another request.
    assert asked_for["Vacuum"] == ("never" if days == "0" else f"after {days} days")
