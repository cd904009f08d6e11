"""Where Lake Formation governs the catalog, the stack's roles are granted what they need."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from moto import mock_aws

from local.cloud.deployer import check_known
from local.cloud.resources import RESOURCE_TYPES
from local.cloud.resources.resource_type import Existing, Place, Wanted
from local.cloud.schema_check import mistakes
from tests.infrastructure.test_observation import REGION, Observed, observed
from tests.infrastructure.test_roles import OF_NO_RESOURCE
from tests.policies.evaluator import several
from tests.policies.granted import EVERYTHING, roles
from tools.artifacts import ROOT

KIND = "AWS::LakeFormation::PrincipalPermissions"
GRANTS = {"LakeFormation": "grants"}
BY_ATHENA = {"TableMaintenance": "athena"}
WRITERS = {"MakeTables", "Publish", "Erase"}


def granted(parameters: dict[str, str], on: str) -> dict[str, set[str]]:
    """What each role is granted, by the role."""
    return {
        grant["Principal"]["DataLakePrincipalIdentifier"].removesuffix("Role.Arn"): set(
            grant["Permissions"]
        )
        for grant in observed(parameters).of_type(KIND).values()
        if on in grant["Resource"]
    }


def test_nothing_is_granted_unless_it_is_wanted() -> None:
    assert observed({}).of_type(KIND) == {}
    actions = {a for of in roles().values() for one in of for a in several(one["Action"])}
    assert "lakeformation:GetDataAccess" not in actions


@pytest.mark.parametrize(("more", "keeps"), [({}, "Optimizer"), (BY_ATHENA, "Maintenance")])
def test_whoever_reads_or_writes_tables_is_granted_it(more: dict[str, str], keeps: str) -> None:
    parameters = {**GRANTS, **more}
    tables, database = granted(parameters, "Table"), granted(parameters, "Database")
    assert tables.keys() == database.keys() == {*WRITERS, keeps}
    for role, permissions in tables.items():
        assert permissions >= {"DESCRIBE", "SELECT", "INSERT", "DELETE", "ALTER"}, role
        assert ("DROP" in permissions) == (role == "MakeTables"), role
    assert database.pop("MakeTables") == {"DESCRIBE", "CREATE_TABLE"}
    assert all(permissions == {"DESCRIBE"} for permissions in database.values())


@pytest.mark.parametrize("more", [{}, BY_ATHENA])
def test_they_and_no_others_may_ask_for_the_data(more: dict[str, str]) -> None:
    found = roles(parameters=dict(EVERYTHING) | GRANTS | more)
    asks = {
        name
        for name, statements in found.items()
        for statement in statements
        if "lakeformation:GetDataAccess" in several(statement["Action"])
    }
    assert asks == granted({**GRANTS, **more}, "Table").keys()
    # Nothing else is about everything, but what EC2 lets nobody see a part of.
    for statements in found.values():
        for statement in statements:
            if "*" in several(statement["Resource"]):
                assert statement["Action"] in (
                    "lakeformation:GetDataAccess",
                    sorted(OF_NO_RESOURCE),
                )


def test_tables_are_made_once_that_is_granted() -> None:
    [tables] = observed(GRANTS).of_type("Custom::Tables").values()
    grants = {"MakeTablesMayUseDatabase", "MakeTablesMayUseTables", "OptimizerMayUseTables"}
    assert grants <= set(tables["After"])


def test_each_grant_is_one_that_the_service_knows() -> None:
    for name, grant in observed(GRANTS).of_type(KIND).items():
        assert mistakes(KIND, grant, REGION) == []
        check_known(name, {"Type": KIND, "Properties": grant})


def test_the_local_cloud_grants_and_revokes_them() -> None:
    of: Observed = observed(GRANTS)
    with mock_aws():
        client = boto3.client("lakeformation", REGION)

        def listed() -> int:
            return len(client.list_permissions()["PrincipalResourcePermissions"])

        unused: Any = None
        place = Place(lambda _: client, unused, REGION, "111122223333")
        made = []
        for name, grant in of.of_type(KIND).items():
            wanted = Wanted("a-stack", "id", KIND, name, grant, unused)
            made.append(Existing(wanted, RESOURCE_TYPES[KIND].create(place, wanted)))
        assert listed() > 0
        for existing in made:
            RESOURCE_TYPES[KIND].delete(place, existing)
        assert listed() == 0


def test_the_page_on_deployment_says_what_an_administrator_would_grant() -> None:
    page = (ROOT / "docs" / "deployment.md").read_text()
    section = page.split("## Lake Formation\n", 1)[1].split("\n## ", 1)[0]
    for permissions in granted(GRANTS, "Table").values():
        assert all(f"`{permission}`" in section for permission in permissions)
