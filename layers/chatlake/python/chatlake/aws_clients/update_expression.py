"""Changes of a DynamoDB item, put together before they are sent as one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types_boto3_dynamodb.type_defs import AttributeValueTypeDef


@dataclass(slots=True)
class UpdateExpression:
    """What an update sets, adds to and removes, and further values that its condition needs."""

    puts: dict[str, AttributeValueTypeDef] = field(default_factory=dict)
    added: dict[str, AttributeValueTypeDef] = field(default_factory=dict)
    removed: list[str] = field(default_factory=list)
    values: dict[str, AttributeValueTypeDef] = field(default_factory=dict)

    def copy(self) -> UpdateExpression:
        """Return one that can be changed without changing this one."""
        return UpdateExpression(
            dict(self.puts), dict(self.added), list(self.removed), dict(self.values)
        )

    def put(self, name: str, value: AttributeValueTypeDef) -> None:
        """Set an attribute."""
        self.puts[name] = value

    def remove(self, name: str) -> None:
        """Remove an attribute."""
        self.removed.append(name)

    def expression(self) -> tuple[str, dict[str, str], dict[str, AttributeValueTypeDef]]:
        """Return the UpdateExpression, and the names and values that it speaks of."""
        names: dict[str, str] = {}
        values = dict(self.values)

        def assigned(name: str, value: AttributeValueTypeDef, sign: str) -> str:
            values[f":v{len(names)}_"] = value
            term = f"#n{len(names)}_{sign}:v{len(names)}_"
            names[f"#n{len(names)}_"] = name
            return term

        def named(name: str) -> str:
            place = f"#n{len(names)}_"
            names[place] = name
            return place

        clauses = {
            "SET": [assigned(name, value, " = ") for name, value in self.puts.items()],
            "ADD": [assigned(name, value, " ") for name, value in self.added.items()],
            "REMOVE": [named(name) for name in self.removed],
        }
        expression = " ".join(
            f"{clause} {', '.join(terms)}" for clause, terms in clauses.items() if terms
        )
        return expression, names, values
