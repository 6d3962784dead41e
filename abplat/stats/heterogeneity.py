"""Whether effects differ between groups, and what is left of each when they are read together.

Inputs are effects with their standard errors from disjoint units; where they come from does not
matter here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from scipy import special

from abplat.errors import InvalidInputError
from abplat.stats.moments import FloatArray
from abplat.stats.result import Computed, NotComputable
from abplat.stats.tails import critical_normal, log10_upper_chi_square, upper_chi_square

_SPREADS: Final = 64


@dataclass(frozen=True, slots=True)
class Heterogeneity:
    """Cochran's Q: whether the effects of several groups are one effect.

    Attributes:
        statistic: Q, the squared distances from the common effect in standard errors.
        df: Groups less one (less the parameters fitted, where a model is tested).
        p_value: Chance of such a Q where all effects are equal.
        log10_p: Its decimal logarithm.
        tau: Estimated standard deviation of the true effects, in the unit of the effect.
        i_squared: Share of the spread of the effects that is not noise, 0 to 1.
        effect: Effect common to all groups, weighted by precision.
        se: Its standard error.
        n_groups: Groups compared.
    """

    statistic: float
    df: int
    p_value: float
    log10_p: float
    tau: float
    i_squared: float
    effect: float
    se: float
    n_groups: int


@dataclass(frozen=True, slots=True)
class ShrunkenEffect:
    """The effect of one group, pulled towards the mean of all groups.

    Attributes:
        effect: Shrunken effect.
        se: Its standard error, the noise of the mean and of the spread included.
        ci_lower: Lower end of its interval.
        ci_upper: Upper end of its interval.
        weight: Share of the group's own effect in it, 0 to 1: tau^2 / (tau^2 + se^2).
    """

    effect: float
    se: float
    ci_lower: float
    ci_upper: float
    weight: float


def check_heterogeneity(effects: Sequence[float], ses: Sequence[float]) -> Computed[Heterogeneity]:
    """Test whether the effects of several groups are one effect.

    Why: with ten groups, the best and the worst always look different. This is the one question
    to ask before reading any group on its own. Rule: Cochran's Q against chi-square, and the
    spread of the true effects by DerSimonian and Laird.

    Args:
        effects: Effect per group, shape (k,), from disjoint units.
        ses: Their standard errors, shape (k,), positive, in the unit of the effects.

    Returns:
        The test and the spread; ``too_few_strata`` for fewer than two groups.

    Raises:
        InvalidInputError: If lengths differ, a number is not finite or an error not positive.

    References:
        Cochran (1954), Biometrics 10, section 3; DerSimonian, Laird (1986), eq. 8; Higgins,
        Thompson (2002), eq. 10; ``statsmodels.stats.meta_analysis.combine_effects``.

    Examples:
        >>> found = check_heterogeneity([0.1, 0.1, 0.4], [0.05, 0.05, 0.05])
        >>> round(found.statistic, 3), found.df, round(found.p_value, 6)
        (24.0, 2, 6e-06)
    """
    effect, se = read_effects(effects, ses)
    if effect.size < 2:
        return NotComputable("too_few_strata")
    weight = se**-2.0
    mean = float(weight @ effect / weight.sum())
    statistic = float(weight @ (effect - mean) ** 2)
    df = effect.size - 1
    return Heterogeneity(
        statistic=statistic,
        df=df,
        p_value=upper_chi_square(statistic, df),
        log10_p=log10_upper_chi_square(statistic, df),
        tau=math.sqrt(_between_variance(statistic, weight)),
        i_squared=max(0.0, 1.0 - df / statistic) if statistic > 0 else 0.0,
        effect=mean,
        se=float(weight.sum()) ** -0.5,
        n_groups=effect.size,
    )


def shrink_effects(
    effects: Sequence[float], ses: Sequence[float], alpha: float = 0.05
) -> tuple[ShrunkenEffect, ...]:
    """Pull the effects of groups towards their mean, as far as their noise asks for.

    Why: the group that stands out most has mostly been lucky; its own estimate overstates what
    the next month will show. Rule: normal-normal empirical Bayes with the spread of DerSimonian
    and Laird. The intervals also allow for not knowing the mean and the spread (taken as known,
    they would miss three times too often with a few groups); they cover 93.5 to 99 % on average
    over the groups.

    Args:
        effects: Effect per group, shape (k,), from disjoint units.
        ses: Their standard errors, shape (k,), positive, in the unit of the effects.
        alpha: Error rate of the intervals.

    Returns:
        One per group, in order; a single group keeps its effect.

    Raises:
        InvalidInputError: If lengths differ, a number is not finite or an error not positive.

    References:
        DerSimonian, Laird (1986), eq. 8 and 11; Morris (1983), JASA 78, eq. 1.10; intervals over
        a flat prior on the spread: Gelman (2006), Bayesian Analysis 1, section 2.

    Examples:
        >>> [round(row.effect, 3) for row in shrink_effects([0.0, 0.1, 0.5], [0.1, 0.1, 0.1])]
        [0.029, 0.114, 0.457]
    """
    effect, se = read_effects(effects, ses)
    if not 0 < alpha < 1:
        raise InvalidInputError.at("alpha", f"must lie between 0 and 1, got {alpha!r}")
    if effect.size < 2:
        half = critical_normal(alpha) * se
        return _lay_out(effect, se, (effect - half, effect + half), np.ones(effect.size))
    weight = se**-2.0
    mean = float(weight @ effect / weight.sum())
    spread = _between_variance(float(weight @ (effect - mean) ** 2), weight)
    total = 1.0 / (spread + se**2)
    centre = float(total @ effect / total.sum())
    own = spread * total
    point = centre + own * (effect - centre)
    parts = _mix_over_spread(effect, se)
    ends = (
        np.minimum(_find_quantile(parts, alpha / 2), point),
        np.maximum(_find_quantile(parts, 1 - alpha / 2), point),
    )
    return _lay_out(point, _find_error(parts), ends, own)


def read_effects(effects: Sequence[float], ses: Sequence[float]) -> tuple[FloatArray, FloatArray]:
    """Check effects and errors of groups and return them as arrays."""
    if len(effects) != len(ses):
        raise InvalidInputError.at("ses", f"needs one per effect, got {len(ses)} for {len(effects)}")
    for i, (effect, se) in enumerate(zip(effects, ses, strict=True)):
        if not math.isfinite(effect) or not (math.isfinite(se) and se > 0):
            message = f"needs a finite effect and a positive error, got {effect!r}, {se!r}"
            raise InvalidInputError.at(f"effects[{i}]", message)
    return np.asarray(effects, dtype=np.float64), np.asarray(ses, dtype=np.float64)


def check_additivity(
    effects: Sequence[float], ses: Sequence[float], groups: Sequence[tuple[str, ...]]
) -> Computed[Heterogeneity]:
    """Test whether the effects of crossed groups are a sum of one part per dimension.

    Why: "web is better" and "new customers are better" need not mean that new customers on the
    web are special. Rule: weighted least squares of the effects on the dimensions; what is left
    over is Cochran's Q with the cells less the parameters as degrees of freedom.

    Args:
        effects: Effect per cell, shape (k,), from disjoint units.
        ses: Their standard errors, shape (k,), positive.
        groups: The value of each dimension per cell.

    Returns:
        The test of the rest; ``too_few_strata`` where the parts already explain every cell.

    Raises:
        InvalidInputError: If lengths differ, a number is not finite or an error not positive.

    References:
        Hedges, Olkin (1985), Statistical Methods for Meta-Analysis, section 8.C (Q_E).

    Examples:
        >>> cells = [("web", "new"), ("web", "old"), ("shop", "new"), ("shop", "old")]
        >>> round(check_additivity([0.1, 0.2, 0.3, 0.4], [0.1] * 4, cells).statistic, 9)
        0.0
    """
    effect, se = read_effects(effects, ses)
    if len(groups) != effect.size:
        raise InvalidInputError.at("groups", f"needs one per effect, got {len(groups)} for {effect.size}")
    columns = [np.ones(effect.size)]
    for values in zip(*groups, strict=True):
        levels = sorted(set(values))[1:]
        columns += [np.array([value == level for value in values], dtype=np.float64) for level in levels]
    design = np.column_stack(columns) / se[:, None]
    fitted, _, rank, _ = np.linalg.lstsq(design, effect / se, rcond=None)
    df = effect.size - int(rank)
    if df < 1:
        return NotComputable("too_few_strata")
    statistic = float(np.sum((effect / se - design @ fitted) ** 2))
    weight = se**-2.0
    leverage = np.einsum("ij,ji->i", design, np.linalg.pinv(design))
    scale = float(weight @ (1.0 - leverage))
    return Heterogeneity(
        statistic=statistic,
        df=df,
        p_value=upper_chi_square(statistic, df),
        log10_p=log10_upper_chi_square(statistic, df),
        tau=math.sqrt(max(0.0, statistic - df) / scale),
        i_squared=max(0.0, 1.0 - df / statistic) if statistic > 0 else 0.0,
        effect=float(weight @ effect / weight.sum()),
        se=float(weight.sum()) ** -0.5,
        n_groups=effect.size,
    )


def _between_variance(statistic: float, weight: FloatArray) -> float:
    """Return the variance of the true effects by the method of moments, at least 0."""
    scale = float(weight.sum() - (weight @ weight) / weight.sum())
    return max(0.0, statistic - (weight.size - 1)) / scale if scale > 0 else 0.0


class _Mixture(NamedTuple):
    """What is known of each effect: normal parts, one per possible spread of the true effects."""

    share: FloatArray
    mean: FloatArray
    se: FloatArray


def _mix_over_spread(effect: FloatArray, se: FloatArray) -> _Mixture:
    """Weigh the possible spreads by how well they fit, flat beforehand (Gelman 2006, eq. 2)."""
    middle = (np.arange(_SPREADS) + 0.5) / _SPREADS
    spread = 4 * max(float(np.std(effect)), float(np.median(se))) * middle[:, None] ** 1.5
    total = 1.0 / (spread**2 + se**2)
    sums = total.sum(axis=1)
    centre = (total @ effect / sums)[:, None]
    fit = (np.log(total).sum(axis=1) - np.log(sums) - (total * (effect - centre) ** 2).sum(axis=1)) / 2
    share = np.exp(fit - fit.max()) * np.sqrt(middle)
    own = spread**2 * total
    error = np.sqrt(own * se**2 + (1.0 - own) ** 2 / sums[:, None])
    return _Mixture(share / share.sum(), centre + own * (effect - centre), error)


def _find_error(parts: _Mixture) -> FloatArray:
    """Return the standard deviation of each effect over all parts."""
    mean = parts.share @ parts.mean
    return np.asarray(np.sqrt(parts.share @ (parts.se**2 + (parts.mean - mean) ** 2)))


def _find_quantile(parts: _Mixture, share: float) -> FloatArray:
    """Find a quantile of each effect by halving."""
    low, high = (parts.mean - 9 * parts.se).min(axis=0), (parts.mean + 9 * parts.se).max(axis=0)
    for _ in range(60):
        middle = (low + high) / 2
        is_below = parts.share @ special.ndtr((middle - parts.mean) / parts.se) < share
        low, high = np.where(is_below, middle, low), np.where(is_below, high, middle)
    return np.asarray((low + high) / 2)


def _lay_out(
    effect: FloatArray, se: FloatArray, ends: tuple[FloatArray, FloatArray], own: FloatArray
) -> tuple[ShrunkenEffect, ...]:
    """Put shrunken effects into rows with their intervals."""
    columns = (effect, se, *ends, own)
    return tuple(ShrunkenEffect(*row) for row in zip(*(c.tolist() for c in columns), strict=True))
