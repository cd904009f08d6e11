"""What Lake Formation grants to the roles that keep the tables, where it governs the catalog."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tools.template_parts.statement import DATABASE
from tools.template_parts.yaml_text import Value, attribute, block, ref

_OF_ROWS = ("DESCRIBE", "SELECT", "INSERT", "DELETE", "ALTER")


@dataclass(frozen=True, slots=True)
class Grantee:
    """A role of `roles`, and what it is granted on the database and on all of its tables.

    Attributes
    ----------
    when
        Condition of the template without which there is no such grant.
    """

    of: str
    on_database: tuple[str, ...] = ("DESCRIBE",)
    on_tables: tuple[str, ...] = _OF_ROWS
    when: str = "GrantsByLakeFormation"


GRANTEES = (
    # It drops views, and tables of version 0.1.
    Grantee("MakeTables", ("DESCRIBE", "CREATE_TABLE"), (*_OF_ROWS, "DROP")),
    Grantee("Publish"),
    Grantee("Erase"),
    Grantee("Optimizer", when="GrantsToOptimizers"),
    Grantee("Maintenance", when="GrantsToMaintenance"),
)


def rendered() -> str:
    """Return the resources as the template has them."""
    return "\n".join("\n".join(_lines(*grant)) + "\n" for grant in _grants())


def _grants() -> Iterator[tuple[str, Grantee, tuple[str, ...], Value]]:
    catalog = ref("AWS::AccountId")
    for one in GRANTEES:
        database: Value = {"Database": {"CatalogId": catalog, "Name": DATABASE}}
        yield f"{one.of}MayUseDatabase", one, one.on_database, database
        # Those that a later version adds, too; and before there are any.
        tables: Value = {
            "Table": {"CatalogId": catalog, "DatabaseName": DATABASE, "TableWildcard": {}}
        }
        yield f"{one.of}MayUseTables", one, one.on_tables, tables


def _lines(name: str, to: Grantee, permissions: tuple[str, ...], on: Value) -> Iterator[str]:
    yield f"  {name}:"
    yield "    Type: AWS::LakeFormation::PrincipalPermissions"
    yield f"    Condition: {to.when}"
    yield "    # The name of an existing database is empty only where it is not used."
    yield "    Metadata: {cfn-lint: {config: {ignore_checks: [W1030]}}}"
    yield "    Properties:"
    said: dict[str, Value] = {
        "Principal": {"DataLakePrincipalIdentifier": attribute(f"{to.of}Role.Arn")},
        "Resource": on,
        "Permissions": list(permissions),
        "PermissionsWithGrantOption": [],
    }
    yield from block(said, 6)
