"""The page of the report: figures, charts and what they mean, in one file of HTML."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime
from importlib.resources import files
from typing import TYPE_CHECKING

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from chatlake.analytics.report.drawing import draw
from chatlake.analytics.report.sections import QUEUE_COLUMNS, SECTIONS
from chatlake.analytics.report.tiles import tiles

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from chatlake.analytics.report.figures import Figures, Row
    from chatlake.analytics.report.sections import Section

# Drawn twice, because text in a picture that is scaled down cannot be read.
_WIDE, _NARROW = 860, 330


def render(figures: Figures) -> str:
    """Make the page."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    script = _file("page.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return environment.from_string(_file("page.html")).render(
        figures=figures,
        tiles=tiles(figures),
        sections=list(_drawn(figures)),
        queue_columns=QUEUE_COLUMNS,
        queues=figures.rows["queues"],
        made_at=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        style=Markup(_file("page.css")),  # nosec B704 # a file of chatlake's
        script=Markup(script),  # nosec B704 # a file of chatlake's
        # Nothing but what is on the page may run, and nothing may be fetched.
        policy=f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; "
        "img-src data:; base-uri 'none'; form-action 'none'",
    )


def _file(name: str) -> str:
    return files("chatlake.analytics.report").joinpath(name).read_text(encoding="utf-8")


def _drawn(figures: Figures) -> Iterator[tuple[Section, Sequence[Row], Markup, Markup]]:
    """Return the sections that have something to show: rows, and the chart, wide and narrow."""
    for section in SECTIONS:
        if rows := section.rows(figures):
            chart = section.chart(rows)
            drawn = [draw(chart, size) for size in (_WIDE, _NARROW)]
            wide, narrow = map(Markup, drawn)  # Vega has escaped what is text in it.
            yield section, rows, wide, narrow
