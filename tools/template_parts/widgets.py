"""What can be said of a widget, and how the body of the dashboard has it: JSON, for Fn::Sub.

A list in the body may hold entries that are there under a condition of the template. Each is a
variable of Fn::Sub at the list's end, which stands for the entry or for nothing.
"""

from __future__ import annotations

import json
import re
import textwrap
from dataclasses import KW_ONLY, dataclass

from tools.template_parts.alarm_resource import Alarm
from tools.template_parts.metrics import CloudWatchMetric


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of a list in JSON; the variable is used only where there is a condition."""

    text: str
    variable: str
    condition: str


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a graph, of its left axis unless it is of the right one.

    With `a_second` it is what the statistic of a period is in each of its seconds.
    """

    metric: CloudWatchMetric
    label: str
    stat: str = "Sum"
    _: KW_ONLY
    right: bool = False
    a_second: bool = False
    condition: str = ""

    def entry(self) -> Entry:
        told = {"label": self.label, **({"yAxis": "right"} if self.right else {})}
        if self.a_second:
            name = self.metric.name[0].lower() + self.metric.name[1:]
            hidden = {"stat": self.stat, "id": name, "visible": False}
            counted = {"expression": f"{name} / PERIOD({name})", **told}
            text = f"{_json([*self.metric.as_words(), hidden])},\n{_json([counted])}"
        else:
            text = _json([*self.metric.as_words(), {"stat": self.stat, **told}])
        # A variable of Fn::Sub is of letters and digits.
        variable = re.sub(r"\W", "", f"{self.metric.name}Of{self.label}")
        return Entry(text, variable, self.condition)


@dataclass(frozen=True, slots=True)
class Graph:
    """Metrics over time; `left` and `right` say what the axes count.

    `mark` is a level to see, a number or the name of a parameter of the template.
    """

    title: str
    left: str
    lines: tuple[Line, ...]
    right: str = ""
    period_s: int = 300
    mark: tuple[str, int | str] | None = None

    kind = "metric"
    height = 6

    def entries(self) -> list[Entry]:
        return [line.entry() for line in self.lines]

    def properties(self) -> list[str]:
        axes = {"left": self.left, "right": self.right}
        shown = {
            side: {"label": label, "min": 0, "showUnits": False}
            for side, label in axes.items()
            if label
        }
        properties = [
            f'"title": {_json(self.title)}',
            f'"region": "${{AWS::Region}}", "view": "timeSeries", "period": {self.period_s}',
            f'"yAxis": {_json(shown)}',
        ]
        if self.mark:
            label, value = self.mark
            number = f"${{{value}}}" if isinstance(value, str) else value
            level = f'{{"label": {_json(label)}, "value": {number}}}'
            properties.append(f'"annotations": {{"horizontal": [{level}]}}')
        return [*properties, f'"metrics": {_listed(self.entries())}']


@dataclass(frozen=True, slots=True)
class States:
    """The state of alarms."""

    title: str
    alarms: tuple[Alarm, ...]

    kind = "alarm"
    height = 6

    def entries(self) -> list[Entry]:
        return [
            Entry(_json(f"${{{alarm.name}.Arn}}"), f"AlarmOf{alarm.name}", alarm.condition)
            for alarm in self.alarms
        ]

    def properties(self) -> list[str]:
        return [f'"title": {_json(self.title)}', f'"alarms": {_listed(self.entries())}']


@dataclass(frozen=True, slots=True)
class Text:
    """Words to read, in Markdown."""

    markdown: str

    kind = "text"
    height = 5

    def entries(self) -> list[Entry]:
        return []

    def properties(self) -> list[str]:
        return [f'"markdown": {_json(self.markdown)}']


type Widget = Graph | States | Text


def as_json(widget: Widget, x: int, y: int, width: int) -> str:
    """Return the widget as the body has it."""
    place = _json(
        {"type": widget.kind, "x": x, "y": y, "width": width, "height": widget.height}
    ).strip("{}")
    properties = textwrap.indent(",\n".join(widget.properties()), "    ")
    return f'{{\n  {place},\n  "properties": {{\n{properties}\n  }}\n}}'


def _listed(entries: list[Entry]) -> str:
    always = ",\n".join(entry.text for entry in entries if not entry.condition)
    perhaps = " ".join(f"${{{entry.variable}}}" for entry in entries if entry.condition)
    text = f"{always}\n{perhaps}" if perhaps else always
    return f"[\n{textwrap.indent(text, '  ')}\n]"


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
