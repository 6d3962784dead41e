"""The further sections of a Report in the terminal, those that the report has."""

from __future__ import annotations

from rich.console import RenderableType

from abplat.domain.report import Report
from abplat.web.terminal_breakdowns import render_breakdowns
from abplat.web.terminal_identity import render_identity
from abplat.web.terminal_links import render_links
from abplat.web.terminal_maturity import render_maturity
from abplat.web.terminal_paths import render_paths


def render_sections(report: Report) -> list[RenderableType]:
    """Return every section that says something, in the order of the questions it answers."""
    unit = next((metric.unit for metric in report.metrics if metric.role == "primary"), "value")
    parts = render_links(report)
    if report.identity is not None:
        parts += render_identity(report.identity, unit)
    if report.maturity is not None:
        parts += render_maturity(report.maturity, unit)
    if report.paths is not None:
        parts += render_paths(report.paths)
    if report.breakdowns is not None:
        parts += render_breakdowns(report.breakdowns, unit)
    return parts
