"""The primary metric over slices of the customers: one record of moments per slice and arm."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from abplat import stats
from abplat.analysis.effects import effect_alpha, plain
from abplat.analysis.gathered import Flags, Gathered
from abplat.analysis.metrics import measure, sum_moments
from abplat.analysis.plan import AnalysisPlan
from abplat.analysis.tally import time_to_complete
from abplat.analysis.units import restrict
from abplat.domain.report_base import Contrast

Records = tuple[stats.Moments, ...]


@dataclass(frozen=True, slots=True)
class Slicer:
    """The primary metric, ready to be added up over any slice.

    Attributes:
        comparison: How arms are compared.
        add_up: Records per arm over the mature customers of a slice.
    """

    comparison: stats.ComparisonPlan
    add_up: Callable[[Flags], Records]


def slice_primary(gathered: Gathered, plan: AnalysisPlan) -> Slicer:
    """Measure the primary metric once, so that it can be added up over slices.

    A time is cut at the horizon, which mature customers have passed: its mean is the restricted mean.
    """
    n, alpha = len(plan.variants), effect_alpha(plan.primary, plan)
    if plan.primary.unit == "seconds":
        seconds, _ = time_to_complete(gathered, plan.primary.journey)

        def add_times(keep: Flags) -> Records:
            kept = restrict(gathered, keep)
            return tuple(stats.Moments.from_values(seconds[kept.arm(place)]) for place in range(n))

        return Slicer(stats.ComparisonPlan(alpha=alpha), add_times)
    found = measure(plan.primary, gathered, plan)

    def add_values(keep: Flags) -> Records:
        return sum_moments(found, restrict(gathered, keep), n)

    return Slicer(stats.ComparisonPlan(alpha=alpha, kind=found.kind), add_values)


def contrast(variant: str, found: stats.Computed[stats.Comparison]) -> Contrast:
    """Write a comparison as a contrast."""
    if isinstance(found, stats.NotComputable):
        return Contrast(variant=variant, reason=found.reason)
    return Contrast(
        variant=variant,
        effect=plain(found.effect),
        ci_lower=plain(found.ci_lower),
        ci_upper=plain(found.ci_upper),
        p_value=plain(found.p_value),
    )
