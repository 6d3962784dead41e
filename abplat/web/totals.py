"""What the effect on the goal amounts to: per customer, per month, and of everybody who was seen."""

from __future__ import annotations

from dataclasses import dataclass

from abplat.domain.report import Effect, MetricResult, Report
from abplat.web import wording
from abplat.web.metric_rows import is_withheld
from abplat.web.scales import SUMMED, Factor, customers_per_day, say_scaled

MONTH = 30


@dataclass(frozen=True, slots=True)
class TotalRow:
    """One way to add up the effect."""

    name: str
    amount: str
    plausible: str


@dataclass(frozen=True, slots=True)
class Totals:
    """All totals of one variant."""

    variant: str
    metric: str
    rows: tuple[TotalRow, ...]
    coverage: str
    is_withheld: bool


def make_totals(report: Report) -> tuple[Totals, ...]:
    """Add up the goal of each variant; nothing where it has no effect, or cannot be added up."""
    goal = next((metric for metric in report.metrics if metric.role == "primary"), None)
    if goal is None or goal.unit not in SUMMED:
        return ()
    titles = {arm.key: arm.title or arm.key for arm in report.experiment.variants}
    return tuple(
        Totals(
            variant=titles.get(effect.variant, effect.variant),
            metric=goal.title,
            rows=tuple(_rows(report, goal, effect)),
            coverage=_say_coverage(report),
            is_withheld=is_withheld(report),
        )
        for effect in goal.effects
        if effect.effect is not None
    )


def _rows(report: Report, goal: MetricResult, effect: Effect) -> list[TotalRow]:
    """Return the effect at each size."""
    what = {"share": "customers", "count": "more of it", "value": "in value"}[goal.unit]
    rows = [_row("Per customer", goal, effect, Factor(1.0, ""))]
    rows.append(_row("Per 1,000 customers", goal, effect, Factor(1_000.0, what)))
    a_day = customers_per_day(report)
    if a_day:
        words = f"{what} a month"
        rows.append(_row("If all of them had it, a month", goal, effect, Factor(a_day * MONTH, words)))
    reached = _coverage(report)
    if reached is not None and reached < 1:
        whole = Factor(1_000.0 * reached, f"{what} of 1,000 seen")
        rows.append(_row("Of everybody who was seen", goal, effect, whole))
    return rows


def _row(name: str, goal: MetricResult, effect: Effect, factor: Factor) -> TotalRow:
    """Write one line."""
    bounds = (effect.ci_lower, effect.ci_upper)
    if None in bounds:
        return TotalRow(name, say_scaled(effect.effect or 0.0, goal.unit, factor, signed=True), "")
    plain = Factor(factor.size, " " if factor.words else "")
    lower, upper = (say_scaled(bound or 0.0, goal.unit, plain, signed=True).strip() for bound in bounds)
    return TotalRow(
        name, say_scaled(effect.effect or 0.0, goal.unit, factor, signed=True), f"{lower} to {upper}"
    )


def _coverage(report: Report) -> float | None:
    """Return which share of the customers that were seen met the experiment."""
    n = report.inputs.n_customers
    return sum(arm.n_exposed for arm in report.experiment.variants) / n if n else None


def _say_coverage(report: Report) -> str:
    """Say how many customers the experiment reached."""
    share = _coverage(report)
    if share is None:
        return ""
    n = sum(arm.n_exposed for arm in report.experiment.variants)
    return (
        f"{wording.count(n)} of {wording.count(report.inputs.n_customers)} customers who were seen "
        f"met the experiment ({wording.percent(min(share, 1.0))})."
    )
