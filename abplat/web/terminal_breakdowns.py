"""The breakdowns section in the terminal."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from abplat.domain.report_breakdowns import Breakdown, BreakdownRow, BreakdownsSection
from abplat.web import wording


def render_breakdowns(section: BreakdownsSection, unit: str) -> list[RenderableType]:
    """Return the interaction tests, and the rows of those breakdowns that have any."""
    lines: list[RenderableType] = [Text("Breakdowns", style="bold"), Text(f"  {section.note}", style="dim")]
    for breakdown in section.breakdowns:
        lines.append(_head(breakdown))
        if breakdown.rows:
            lines.append(_rows(breakdown.rows, unit))
    return lines


def _head(breakdown: Breakdown) -> Text:
    """Write the question that comes first."""
    named = " x ".join(breakdown.dimensions)
    said = (
        ""
        if breakdown.interaction_p_adjusted is None
        else f" ({wording.p_value(breakdown.interaction_p_adjusted)})"
    )
    style = "yellow" if breakdown.differs else ""
    return Text(f"  {named}, {breakdown.variant}: {breakdown.reading}{said}", style=style)


def _rows(rows: tuple[BreakdownRow, ...], unit: str) -> Table:
    """Lay out the rows of a breakdown."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("Customers")
    for name in ("n", "Change", "Shrunken"):
        table.add_column(name, justify="right")
    table.add_column("Plausible")
    for row in rows:
        interval = ""
        if row.ci_lower is not None and row.ci_upper is not None:
            interval = wording.interval(row.ci_lower, row.ci_upper, unit)
        shrunken = "" if row.shrunken is None else wording.quantity(row.shrunken, unit, signed=True)
        table.add_row(
            " x ".join(row.value),
            wording.count(row.n_control + row.n_treatment),
            wording.said(row.effect, unit, row.reason, signed=True),
            shrunken,
            interval,
        )
    return table
