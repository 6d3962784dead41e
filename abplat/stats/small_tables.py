"""Comparing two proportions where a normal interval would fail."""

from __future__ import annotations

import math

from abplat.stats.comparison import Comparison, ComparisonPlan
from abplat.stats.exact import EXACT_UNITS, boschloo_p
from abplat.stats.proportions import proportion_interval, ratio_interval, score_statistic
from abplat.stats.result import Computed, NotComputable
from abplat.stats.tables import Table
from abplat.stats.tails import critical_normal, log10_two_sided_normal, two_sided_normal


def compare_small_table(
    table: Table, plan: ComparisonPlan, flags: tuple[str, ...] = ()
) -> Computed[Comparison]:
    """Compare two proportions by the score interval, with Boschloo's test up to 200 units an arm.

    Args:
        table: Counts and units of both arms.
        plan: Error rate.
        flags: What to pass on to the reader.

    Returns:
        The comparison; its ``se`` is the interval's width over twice the critical value, and the
        flag ``exact_test_disagrees`` is set where interval and exact test differ about 0.

    Examples:
        >>> compare_small_table(Table(7, 34, 1, 34), ComparisonPlan()).method
        'score+boschloo'
    """
    z = critical_normal(plan.alpha)
    interval = proportion_interval(table, "score", plan.alpha)
    if isinstance(interval, NotComputable):
        return interval
    lower, upper = interval.ci_lower, interval.ci_upper
    score = score_statistic(table, 0.0)
    p_value, log10_p = float(two_sided_normal(score)), float(log10_two_sided_normal(score))
    method = "score"
    if max(table.treatment_n, table.control_n) <= EXACT_UNITS:
        exact = boschloo_p(table)
        if not isinstance(exact, NotComputable):
            p_value, log10_p, method = exact, math.log10(exact), "score+boschloo"
    if (p_value < plan.alpha) != (lower > 0 or upper < 0):
        flags = (*flags, "exact_test_disagrees")
    ratio = ratio_interval(table, plan.alpha)
    lacking = isinstance(ratio, NotComputable)
    return Comparison(
        effect=table.treatment_rate - table.control_rate,
        se=(upper - lower) / (2 * z),
        df=None,
        ci_lower=lower,
        ci_upper=upper,
        p_value=p_value,
        log10_p=log10_p,
        rel_effect=None if isinstance(ratio, NotComputable) else ratio.effect,
        rel_ci_lower=None if isinstance(ratio, NotComputable) else ratio.ci_lower,
        rel_ci_upper=None if isinstance(ratio, NotComputable) else ratio.ci_upper,
        rel_p_value=None if lacking else p_value,
        rel_reason=ratio.reason if isinstance(ratio, NotComputable) else None,
        control_value=table.control_rate,
        treatment_value=table.treatment_rate,
        control_adjusted=table.control_rate,
        treatment_adjusted=table.treatment_rate,
        n_control=table.control_n,
        n_treatment=table.treatment_n,
        method=method,
        flags=flags,
        alpha=plan.alpha,
    )
