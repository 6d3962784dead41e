"""The one estimator: mean, proportion, ratio, with covariates and strata."""

from __future__ import annotations

from collections.abc import Sequence

from abplat.stats.comparison import Comparison, ComparisonPlan
from abplat.stats.moments import Moments, Strata
from abplat.stats.result import Computed


def compare(
    treatment: Strata, control: Strata, plan: ComparisonPlan | None = None
) -> Computed[Comparison]:
    """Compare a treatment with control; a mapping of records is post-stratified by its keys."""
    raise NotImplementedError


def compare_rows(
    treatment: Sequence[Moments], control: Sequence[Moments], plan: ComparisonPlan | None = None
) -> tuple[Computed[Comparison], ...]:
    """Compare many pairs of arms in one call, row by row."""
    raise NotImplementedError
