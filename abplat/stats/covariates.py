"""What was known before exposure: new units without a past, and arms that differed before the test."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from abplat.errors import InvalidInputError
from abplat.stats.columns import columns_of, select_strata
from abplat.stats.comparison import Comparison, ComparisonPlan
from abplat.stats.estimator import compare
from abplat.stats.moments import FloatArray, Strata, pool_strata
from abplat.stats.result import Computed, NotComputable

BALANCE_ALARM_P: Final = 0.001
"""Below this p-value (over all covariates) the arms differed before the test."""


@dataclass(frozen=True, slots=True)
class FilledCovariates:
    """Covariates of one arm without holes, ready for ``Moments.from_values``.

    Attributes:
        covariate: Shape (n, q): each covariate with 0 where it was missing, then one indicator
            column (1 = missing) per pattern of holes.
        denominator: Of the same shape where denominators were given, else None.
        n_missing: Units without a value, per covariate.
        n_indicators: How many of the columns are indicators.
    """

    covariate: FloatArray
    denominator: FloatArray | None
    n_missing: tuple[int, ...]
    n_indicators: int


@dataclass(frozen=True, slots=True)
class CovariateBalance:
    """Whether the arms differed before the experiment could have changed anything.

    Attributes:
        code: ``covariate_imbalance``: the name of the finding.
        alarm: Whether ``p_value`` is below 0.001.
        p_value: Smallest p-value of the covariates times their number, at most 1.
        covariates: Names of the columns tested.
        gaps: Treatment less control, per covariate.
        ses: Their standard errors; 0 where a covariate does not vary.
        p_values: Two-sided, one per covariate.
        detail: What was seen, as a sentence.
    """

    code: str
    alarm: bool
    p_value: float
    covariates: tuple[str, ...]
    gaps: tuple[float, ...]
    ses: tuple[float, ...]
    p_values: tuple[float, ...]
    detail: str


def fill_missing_covariates(
    arms: Mapping[str, npt.ArrayLike], denominators: Mapping[str, npt.ArrayLike] | None = None
) -> dict[str, FilledCovariates]:
    """Keep units without a past: 0 for the missing value, and a column that says so.

    Why: leaving new customers out changes the population the effect is about, and a mean put in
    their place claims a past they do not have. With an indicator as one more covariate the zero
    costs nothing: the slope of the indicator takes up whatever level the new units have. All arms
    are filled together, so that their records have the same columns.

    Args:
        arms: Pre-exposure values per variant, shape (n,) or (n, q); NaN means missing.
        denominators: Their denominators, same shapes, for ratio covariates; missing together.

    Returns:
        Per variant the filled table. No indicator is added where nothing is missing anywhere.

    Raises:
        InvalidInputError: If shapes differ, a value is infinite, or the arms differ in columns.

    References:
        Zhao, Ding (2024), To adjust or not to adjust? Estimating the average treatment effect in
        randomized experiments with missing covariates, JASA 119 (missingness-indicator method).

    Examples:
        >>> filled = fill_missing_covariates({"control": [4.0, float("nan")], "treatment": [5.0, 6.0]})
        >>> filled["control"].covariate.tolist()
        [[4.0, 0.0], [0.0, 1.0]]
    """
    tables = {key: _read_table(key, values) for key, values in arms.items()}
    if not tables:
        raise InvalidInputError.at("arms", "needs at least one arm")
    if len({table.shape[1] for table in tables.values()}) > 1:
        raise InvalidInputError.at("arms", "must have the same covariates in every arm")
    bottoms = _read_denominators(tables, denominators)
    holes = {key: np.isnan(table) for key, table in tables.items()}
    for key, bottom in bottoms.items():
        holes[key] = holes[key] | np.isnan(bottom)
    patterns = _find_patterns(np.concatenate(list(holes.values())))
    return {key: _fill(tables[key], bottoms.get(key), holes[key], patterns) for key in tables}


def _read_table(key: str, values: npt.ArrayLike) -> FloatArray:
    """Read the covariates of an arm, shape (n, q); NaN stands for missing."""
    try:
        table = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidInputError.at(f"arms.{key}", "must hold numbers") from error
    if table.ndim not in (1, 2):
        raise InvalidInputError.at(f"arms.{key}", f"must have shape (n,) or (n, q), got {table.shape}")
    if np.isinf(table).any():
        raise InvalidInputError.at(f"arms.{key}", "must be finite; NaN means missing")
    return table[:, None] if table.ndim == 1 else table


def _read_denominators(
    tables: Mapping[str, FloatArray], denominators: Mapping[str, npt.ArrayLike] | None
) -> dict[str, FloatArray]:
    """Read the denominators of ratio covariates, of the shape of the covariates."""
    if denominators is None:
        return {}
    if set(denominators) != set(tables):
        raise InvalidInputError.at("denominators", "needs the same arms as the covariates")
    bottoms = {key: _read_table(key, values) for key, values in denominators.items()}
    for key, bottom in bottoms.items():
        if bottom.shape != tables[key].shape:
            message = f"has shape {bottom.shape}, the covariates {tables[key].shape}"
            raise InvalidInputError.at(f"denominators.{key}", message)
    return bottoms


def _find_patterns(holes: npt.NDArray[np.bool_]) -> list[int]:
    """Return the columns whose holes are some units' and not those of an earlier column."""
    chosen: list[int] = []
    for j in range(holes.shape[1]):
        is_new = not any(np.array_equal(holes[:, j], holes[:, i]) for i in chosen)
        if is_new and holes[:, j].any():
            chosen.append(j)
    return chosen


def _fill(
    table: FloatArray, bottom: FloatArray | None, holes: npt.NDArray[np.bool_], patterns: list[int]
) -> FilledCovariates:
    """Put 0 into the holes of an arm and add the indicators."""
    indicators = holes[:, patterns].astype(np.float64)
    covariate = np.hstack([np.where(holes, 0.0, table), indicators])
    denominator = None
    if bottom is not None:
        denominator = np.hstack([np.where(holes, 0.0, bottom), np.ones_like(indicators)])
    missing = tuple(int(v) for v in holes.sum(axis=0))
    return FilledCovariates(covariate, denominator, missing, len(patterns))


def check_covariate_balance(
    treatment: Strata, control: Strata, plan: ComparisonPlan | None = None
) -> Computed[CovariateBalance]:
    """Test whether the arms differed before the experiment could have changed anything.

    Why: a difference before exposure cannot come from the treatment. Where it is larger than
    chance allows, assignment, identity or logging is broken, and an adjustment would carry the
    fault into the effect. Rule: every covariate is compared like an outcome (ratio covariates as
    ratios, strata as strata) on the normal reference; Bonferroni over the covariates; alarm below
    0.001.

    Args:
        treatment: Record of the treated arm with covariates, or one per stratum.
        control: The same for control.
        plan: Only ``min_stratum_units`` and ``strata_shares`` are used.

    Returns:
        The finding, alarm or not; ``no_units`` or ``too_few_units`` where there is nothing to
        test. A covariate that varies in neither arm passes with p = 1 where its two values are
        equal and alarms with p = 0 where they differ.

    Raises:
        InvalidInputError: If the records hold no covariate or their columns differ.

    References:
        Deng, Xu, Kohavi, Walker (2013), WSDM (the covariate must not be touched by the treatment).

    Examples:
        >>> from abplat.stats.moments import Moments
        >>> control = Moments.from_values([1.0, 2.0, 3.0], covariate=[1.0, 2.0, 4.0])
        >>> check_covariate_balance(control, control).p_value
        1.0
    """
    names = [c for c in columns_of(control) if c.startswith("x") and not c.startswith("xd")]
    if not names:
        raise InvalidInputError.at("columns", "hold no covariate to be tested")
    base = replace(plan or ComparisonPlan(), theta_rule="none", theta=(), reference="normal", kind="mean")
    gaps: list[tuple[float, float, float]] = []
    for name in names:
        found = _compare_before(treatment, control, name, base)
        if isinstance(found, NotComputable):
            return found
        gaps.append(found)
    smallest = min(gap[2] for gap in gaps)
    p_value = min(1.0, smallest * len(gaps))
    alarm = p_value < BALANCE_ALARM_P
    worst = names[[gap[2] for gap in gaps].index(smallest)]
    state = "differed" if alarm else "did not differ more than by chance"
    detail = f"The arms {state} before exposure; the smallest p-value of {len(gaps)} is that of {worst}."
    first, second, third = (tuple(column) for column in zip(*gaps, strict=True))
    return CovariateBalance("covariate_imbalance", alarm, p_value, tuple(names), first, second, third, detail)


def _compare_before(
    treatment: Strata, control: Strata, name: str, plan: ComparisonPlan
) -> Computed[tuple[float, float, float]]:
    """Compare one covariate between the arms: gap, standard error, p-value."""
    bottom = "xd" + name[1:]
    has_bottom = bottom in columns_of(control) and bottom in columns_of(treatment)
    arms = [select_strata(arm, name, bottom if has_bottom else None) for arm in (treatment, control)]
    found = compare(arms[0], arms[1], replace(plan, kind="ratio" if has_bottom else "mean"))
    if isinstance(found, Comparison):
        return found.effect, found.se, found.p_value
    if found.reason != "zero_variance" and not all(_is_constant(arm) for arm in arms):
        return found
    means = [pool_strata(arm).mean for arm in arms]
    values = [float(m[0] / m[1]) if has_bottom else float(m[0]) for m in means]
    is_equal = math.isclose(values[0], values[1], rel_tol=1e-9, abs_tol=1e-300)
    return values[0] - values[1], 0.0, 1.0 if is_equal else 0.0


def _is_constant(arm: Strata) -> bool:
    """Tell whether what is left of a column's spread is rounding of a well shifted constant."""
    record = pool_strata(arm)
    if record.n < 2 or len(record.columns) > 1:
        return False
    centred = record.cross[0] - record.sum[0] ** 2 / record.n
    mean = float(record.mean[0])
    is_shifted = abs(mean - record.shift[0]) <= abs(mean) / 2
    return is_shifted and centred <= 4096 * float(np.finfo(float).eps) * record.cross[0]
