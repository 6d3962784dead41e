"""The primary metric over slices of the customers: one record of moments per slice and arm."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from abplat import stats
from abplat.analysis.effects import effect_alpha, plain
from abplat.analysis.gathered import Gathered
from abplat.analysis.metrics import UnitRows, measure, sum_cells
from abplat.analysis.plan import AnalysisPlan
from abplat.analysis.tally import time_to_complete
from abplat.domain.report_base import Contrast

Records = tuple[stats.Moments, ...]
"""One per variant."""


@dataclass(frozen=True, slots=True)
class Slicer:
    """The primary metric, ready to be added up over any slices.

    Attributes:
        comparison: How arms are compared.
        add_up: Per slice the records of the arms, over the mature customers of the slice. It takes the
            slice of each customer (-1 for none) and how many there are.
    """

    comparison: stats.ComparisonPlan
    add_up: Callable[[NDArray[np.integer[Any]], int], list[Records]]


def slice_primary(gathered: Gathered, plan: AnalysisPlan) -> Slicer:
    """Measure the primary metric once, so that it can be added up over slices.

    A time is cut at the horizon, which mature customers have passed: its mean is the restricted mean.
    """
    n, alpha = len(plan.variants), effect_alpha(plan.primary, plan)
    if plan.primary.unit == "seconds":
        found = UnitRows(time_to_complete(gathered, plan.primary.journey)[0], "mean")
    else:
        found = measure(plan.primary, gathered, plan)

    def add_up(code: NDArray[np.integer[Any]], n_slices: int) -> list[Records]:
        return sum_cells(found, gathered, code, (n_slices, n))

    return Slicer(stats.ComparisonPlan(alpha=alpha, kind=found.kind), add_up)


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
