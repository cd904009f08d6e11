"""CloudFormation's intrinsic functions: what a property's value is."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from local.cloud.exceptions import DeploymentFailed, NotKnown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from local.cloud.template import Json

PLACEHOLDER = re.compile(r"\$\{(!?)([^}]*)\}")
"""Of Fn::Sub: `${name}`, or after a `!` that very text."""
_CONDITIONS = {"Fn::And", "Fn::Or", "Fn::Not", "Fn::Equals", "Condition"}
NO_VALUE = object()
"""AWS::NoValue: the property is as if it was not written."""


@dataclass(frozen=True)
class Scope:
    """What names mean while a template is deployed.

    Attributes
    ----------
    names
        Parameters and pseudo parameters.
    resource
        Returns a resource's Ref, or its attribute of that name.
    """

    names: Mapping[str, Json]
    mappings: Mapping[str, Json]
    conditions: Mapping[str, Json]
    resource: Callable[[str, str | None], Json]
    _decided: dict[str, bool] = field(default_factory=dict)

    def value(self, expression: Json) -> Json:
        """Return what an expression stands for."""
        match expression:
            case dict():
                return self._mapping(expression)
            case list():
                values = (self.value(part) for part in expression)
                return [value for value in values if value is not NO_VALUE]
            case _:
                return expression

    def holds(self, condition: str | None) -> bool:
        """Return whether a named condition is true; no condition is."""
        if condition is None:
            return True
        if condition not in self._decided:
            if condition not in self.conditions:
                raise DeploymentFailed(f"The template has no condition {condition}")
            self._decided[condition] = self.decide(self.conditions[condition])
        return self._decided[condition]

    def _mapping(self, expression: dict[str, Json]) -> Json:
        if len(expression) == 1:
            ((name, argument),) = expression.items()
            if name in _CONDITIONS and (name != "Condition" or isinstance(argument, str)):
                return self.decide(expression)
            if name == "Ref" or name.startswith("Fn::"):
                return self._function(name, argument)
        values = {name: self.value(part) for name, part in expression.items()}
        return {name: value for name, value in values.items() if value is not NO_VALUE}

    def _function(self, name: str, argument: Json) -> Json:  # noqa: PLR0911
        match name:
            case "Ref":
                return self._ref(argument)
            case "Fn::GetAtt":
                parts = argument.split(".", 1) if isinstance(argument, str) else argument
                return self.resource(parts[0], str(self.value(parts[1])))
            case "Fn::Sub":
                return self._sub(argument)
            case "Fn::If":
                return self.value(argument[1 if self.holds(argument[0]) else 2])
            case "Fn::Join":
                return str(argument[0]).join(map(_text, self.value(argument[1])))
            case "Fn::Split":
                return str(self.value(argument[1])).split(argument[0])
            case "Fn::Select":
                return self.value(argument[1])[int(self.value(argument[0]))]
            case "Fn::FindInMap":
                return self._find_in_map(self.value(argument))
        raise NotKnown(f"The intrinsic function {name} is not known")

    def _find_in_map(self, keys: list[Json]) -> Json:
        found: Json = self.mappings
        for key in keys:
            if key not in found:
                raise DeploymentFailed(f"Fn::FindInMap finds no {key}")
            found = found[key]
        return found

    def _ref(self, name: str) -> Json:
        if name == "AWS::NoValue":
            return NO_VALUE
        return self.names[name] if name in self.names else self.resource(name, None)

    def _sub(self, argument: Json) -> str:
        text, own = (argument, {}) if isinstance(argument, str) else argument

        def replaced(match: re.Match[str]) -> str:
            literal, name = match.groups()
            if literal:
                return f"${{{name}}}"
            if name in own:
                return _text(self.value(own[name]))
            if "." in name:
                return _text(self.resource(*name.split(".", 1)))
            return _text(self._ref(name))

        return PLACEHOLDER.sub(replaced, text)

    def decide(self, expression: Json) -> bool:
        """Return whether an expression of the Conditions or Rules is true."""
        ((name, argument),) = expression.items()
        match name:
            case "Condition":
                return self.holds(argument)
            case "Fn::Equals":
                left, right = (self.value(part) for part in argument)
                return _text(left) == _text(right)
            case "Fn::Not":
                return not self.decide(argument[0])
            case "Fn::And":
                return all(self.decide(part) for part in argument)
            case "Fn::Or":
                return any(self.decide(part) for part in argument)
            case "Fn::Contains":
                return self.value(argument[1]) in self.value(argument[0])
        raise NotKnown(f"The condition function {name} is not known")


def check_rules(rules: Mapping[str, Json], scope: Scope) -> None:
    """Fail with the description of the first assertion about parameters that is not true."""
    for name, rule in rules.items():
        if "RuleCondition" in rule and not scope.decide(rule["RuleCondition"]):
            continue
        for assertion in rule["Assertions"]:
            if not scope.decide(assertion["Assert"]):
                text = assertion.get("AssertDescription", "an assertion is not true")
                raise DeploymentFailed(f"Rule {name}: {text}")


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str | int | float):
        raise DeploymentFailed(f"A text was expected, not {value!r}")
    return str(value)
