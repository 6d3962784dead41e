"""Curves of time to complete, thinned to what a page can draw."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from abplat import stats
from abplat.analysis.effects import plain
from abplat.analysis.gathered import Gathered
from abplat.analysis.metrics import tabulate_risk
from abplat.analysis.plan import AnalysisPlan
from abplat.domain.report import SurvivalCurve

MAX_POINTS = 200


def draw_curves(gathered: Gathered, plan: AnalysisPlan) -> tuple[SurvivalCurve, ...]:
    """Return the Kaplan-Meier curve of every arm that anybody met."""
    tau = plan.horizon_us / 1e6
    tables = tabulate_risk(gathered, plan, plan.journey["key"])
    found = (
        _draw(variant.key, table, tau, plan.alpha)
        for variant, table in zip(plan.variants, tables, strict=True)
    )
    return tuple(curve for curve in found if curve is not None)


def _draw(variant: str, table: stats.RiskTable, tau: float, alpha: float) -> SurvivalCurve | None:
    """Return one curve, or nothing where nobody is in the table."""
    curve = stats.kaplan_meier(table, alpha)
    if isinstance(curve, stats.NotComputable):
        return None
    mean = stats.restricted_mean(table, tau, alpha)
    picked = _thin(len(curve.times))
    return SurvivalCurve(
        variant=variant,
        times=_pick(curve.times, picked),
        survival=_pick(curve.survival, picked),
        ci_lower=_pick(curve.ci_lower, picked),
        ci_upper=_pick(curve.ci_upper, picked),
        at_risk=tuple(int(curve.at_risk[index]) for index in picked),
        n_events=curve.n_events,
        n_censored=curve.n_censored,
        rmst=None if isinstance(mean, stats.NotComputable) else plain(mean.value),
        median=plain(curve.median),
        tau=tau,
    )


def _thin(n: int) -> list[int]:
    """Return positions spread evenly, first and last among them."""
    if n <= MAX_POINTS:
        return list(range(n))
    return sorted({int(position) for position in np.linspace(0, n - 1, MAX_POINTS).round()})


def _pick(values: Sequence[float], picked: Sequence[int]) -> tuple[float, ...]:
    """Return the values at some positions; where a bound is no number the survival bounds it."""
    return tuple(plain(values[index]) or 0.0 for index in picked)
