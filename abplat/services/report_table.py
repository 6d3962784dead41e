"""The metric table of a Report as rows for a spreadsheet: one row per metric and variant."""

from __future__ import annotations

import csv
import io

from abplat.domain.report import Effect, MetricResult, Report, VariantValue

COLUMNS = (
    "project", "experiment", "as_of", "metric", "title", "role", "direction", "unit", "margin", "margin_scale", "denominator",
    "variant", "is_control", "n", "total", "value",
    "effect", "se", "ci_lower", "ci_upper", "rel_effect", "rel_ci_lower", "rel_ci_upper", "p_value",
    "verdict", "method", "reason", "rel_reason", "decision", "may_ship",
)  # fmt: skip
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
Cell = str | int | float | bool | None


def list_rows(report: Report) -> list[dict[str, Cell]]:
    """Return one row per metric and variant; control's row has a value and no effect.

    Where a finding blocks, the verdict of every row is ``not_trusted``, as on the page.
    """
    return [_make_row(report, metric, value) for metric in report.metrics for value in metric.values]


def write_csv(report: Report) -> str:
    """Write the rows as CSV (RFC 4180); no text can be taken for a formula by a spreadsheet."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for row in list_rows(report):
        writer.writerow([safe_cell(row[name]) for name in COLUMNS])
    return buffer.getvalue()


def _make_row(report: Report, metric: MetricResult, value: VariantValue) -> dict[str, Cell]:
    """Make the row of a metric in one variant."""
    effect = next((effect for effect in metric.effects if effect.variant == value.variant), None)
    control = next((arm.key for arm in report.experiment.variants if arm.is_control), None)
    row: dict[str, Cell] = dict.fromkeys(COLUMNS)
    row |= {
        "project": report.project,
        "experiment": report.experiment.key,
        "as_of": report.inputs.as_of,
        "metric": metric.key,
        "title": metric.title,
        "role": metric.role,
        "direction": metric.direction,
        "unit": metric.unit,
        "margin": metric.margin,
        "margin_scale": metric.margin_scale if metric.margin is not None else None,
        "denominator": metric.denominator,
        "variant": value.variant,
        "is_control": value.variant == control,
        "n": value.n,
        "total": value.total,
        "value": value.value,
        "reason": value.reason,
    }
    return row | _effect_cells(report, effect) if effect else row


def _effect_cells(report: Report, effect: Effect) -> dict[str, Cell]:
    """Return the cells of an effect and of the decision on its variant."""
    blocked = any(finding.severity == "block" for finding in report.findings)
    decision = next((verdict for verdict in report.verdicts if verdict.variant == effect.variant), None)
    return {
        "effect": effect.effect,
        "se": effect.se,
        "ci_lower": effect.ci_lower,
        "ci_upper": effect.ci_upper,
        "rel_effect": effect.rel_effect,
        "rel_ci_lower": effect.rel_ci_lower,
        "rel_ci_upper": effect.rel_ci_upper,
        "p_value": effect.p_value,
        "verdict": "not_trusted" if blocked else effect.verdict,
        "method": effect.method,
        "reason": effect.reason,
        "rel_reason": effect.rel_reason,
        "decision": "not_trusted" if blocked else decision.code if decision else None,
        "may_ship": bool(decision and decision.may_ship and not blocked),
    }


def safe_cell(cell: Cell) -> str:
    """Write a cell; a text that a spreadsheet would calculate gets an apostrophe in front."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, str):
        return "'" + cell if cell.startswith(FORMULA_STARTS) else cell
    return repr(cell)
