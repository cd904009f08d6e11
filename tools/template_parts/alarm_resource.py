"""What can be said of an alarm, and how the template writes it."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from tools.template_parts.metrics import CloudWatchMetric

_LINE_LENGTH = 100
# Of a list, what is no value is left out.
_TOLD = """\
!If
  - TellsOfAlarms
  - - !If [HasAlarmEmail, !Ref Alarms, !Ref AWS::NoValue]
    - !If [HasAlarmTopic, !Ref AlarmTopicArn, !Ref AWS::NoValue]
  - !Ref AWS::NoValue"""


@dataclass(frozen=True, slots=True)
class Expression:
    """What is computed of several metrics, by their ids; `why` is a comment above the expression.

    The ids are those of CloudWatch: they begin with a small letter.
    """

    name: str
    label: str
    expression: str
    inputs: Mapping[str, CloudWatchMetric]
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """An alarm. What is not said is as it is with most alarms.

    Attributes
    ----------
    name
        Its logical id.
    description
        What it means and what to do, to the person whom it calls. `${…}` is put in by Fn::Sub.
    of
        What is compared with the threshold.
    statistic
        One of CloudWatch's, or a percentile such as p95; of each metric if `of` is an expression.
    periods, datapoints, threshold
        EvaluationPeriods, how many of them must be bad (None: all), and by what. A string is YAML.
    condition
        Condition of the template without which there is no such alarm.
    why
        Comments, by the property that they stand above.
    """

    name: str
    description: str
    of: CloudWatchMetric | Expression
    statistic: str = "Sum"
    period_s: int = 300
    periods: int | str = 1
    datapoints: int | None = None
    threshold: int | str = 0
    comparison: Literal["GreaterThanThreshold", "LessThanThreshold"] = "GreaterThanThreshold"
    missing: Literal["breaching", "notBreaching"] = "notBreaching"
    condition: str = ""
    why: Mapping[str, str] = field(default_factory=dict)

    def as_yaml(self) -> str:
        """Return the resource as the template has it."""
        condition = f"Condition: {self.condition}\n" if self.condition else ""
        properties = _indented(_lines(self._properties(), self.why), 2)
        resource = f"Type: AWS::CloudWatch::Alarm\n{condition}Properties:\n{properties}"
        return f"  {self.name}:\n{_indented(resource, 4)}"

    def _properties(self) -> dict[str, str]:
        """Return what stands behind the name of each property."""
        datapoints = {} if self.datapoints is None else {"DatapointsToAlarm": str(self.datapoints)}
        return {
            "AlarmDescription": _folded(self.description),
            **self._measured(),
            "EvaluationPeriods": str(self.periods),
            **datapoints,
            "Threshold": str(self.threshold),
            "ComparisonOperator": self.comparison,
            "TreatMissingData": self.missing,
            "AlarmActions": _TOLD,
            "OKActions": _TOLD,
        }

    def _measured(self) -> dict[str, str]:
        if isinstance(self.of, Expression):
            inputs = "".join(self._input(name, of) for name, of in self.of.inputs.items())
            return {"Metrics": "\n" + _indented(_computed(self.of) + inputs, 2).rstrip("\n")}
        percentile = self.statistic.startswith("p")
        return {
            **self.of.as_yaml(),
            "ExtendedStatistic" if percentile else "Statistic": self.statistic,
            "Period": str(self.period_s),
        }

    def _input(self, name: str, metric: CloudWatchMetric) -> str:
        return (
            f"- Id: {name}\n"
            "  ReturnData: false\n"
            "  MetricStat:\n"
            f"    Stat: {self.statistic}\n"
            f"    Period: {self.period_s}\n"
            "    Metric:\n"
            f"{_indented(_lines(metric.as_yaml(), {}), 6)}"
        )


def _computed(of: Expression) -> str:
    why = {"Expression": of.why} if of.why else {}
    said = {"Label": of.label, "Expression": of.expression, "ReturnData": "true"}
    return f"- Id: {of.name}\n{_indented(_lines(said, why), 2)}"


def _lines(properties: Mapping[str, str], why: Mapping[str, str]) -> str:
    lines: list[str] = []
    for name, value in properties.items():
        if name in why:
            lines.append(f"# {why[name]}\n")
        lines.append(f"{name}:{value}\n" if value.startswith("\n") else f"{name}: {value}\n")
    return "".join(lines)


def _folded(text: str) -> str:
    """Return a text as a folded block, to stand six spaces deep."""
    lines = textwrap.wrap(text, _LINE_LENGTH - 8, break_long_words=False, break_on_hyphens=False)
    sub = "!Sub " if "${" in text else ""
    return f"{sub}>-\n" + _indented("\n".join(lines), 2)


def _indented(text: str, spaces: int) -> str:
    return textwrap.indent(text, " " * spaces)
