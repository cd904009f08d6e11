"""How the template writes the dashboard: where its widgets stand, and what is there at times."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from string import Template

from tools.template_parts.widgets import Entry, Widget, as_json

_COLUMNS = 24
_RESOURCE = Template("""\
  Dashboard:
    Type: AWS::CloudWatch::Dashboard
    Properties:
      # Dashboards are of the account, not of a Region.
      DashboardName: !Sub $${AWS::StackName}-$${AWS::Region}
      DashboardBody: !Sub
        - |
          {
            "start": "-PT12H",
            "widgets": [
$widgets
            ]
          }
        - $variables""")
_VARIABLE = Template("""\
          $name: !If
            - $condition
            - !Sub ', $text'
            - ""
""")


def as_yaml(rows: tuple[tuple[Widget, ...], ...]) -> str:
    """Return the resource as the template has it; the widgets of a row are of one width."""
    entries = [entry for row in rows for widget in row for entry in widget.entries()]
    widgets = textwrap.indent(",\n".join(_placed(rows)), " " * 14)
    return _RESOURCE.substitute(widgets=widgets, variables=_variables(entries))


def _placed(rows: Iterable[tuple[Widget, ...]]) -> Iterable[str]:
    y = 0
    for row in rows:
        width = _COLUMNS // len(row)
        for column, widget in enumerate(row):
            yield as_json(widget, column * width, y, width)
        y += max(widget.height for widget in row)


def _variables(entries: list[Entry]) -> str:
    """Return the second argument of Fn::Sub, which stands behind the dash of a list."""
    variables = "".join(
        _VARIABLE.substitute(
            name=entry.variable,
            condition=entry.condition,
            # A quote within a quoted text of YAML is doubled.
            text=entry.text.replace("'", "''"),
        )
        for entry in entries
        if entry.condition
    )
    return variables.lstrip()
