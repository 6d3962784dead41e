"""Anytime-valid F and t tests of a linear model: several arms and covariates, exact at any sample size.

The asymptotic confidence sequence needs units enough for the normal law. Under normal errors of one
variance, the ratio here is a martingale from the first unit on, whatever the level, the slopes and the
variance are, so that it may be read after every unit.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from abplat.errors import InvalidInputError
from abplat.stats.inputs import FloatArray, require_between, require_positive
from abplat.stats.moments import Moments
from abplat.stats.result import Computed, NotComputable


@dataclass(frozen=True, slots=True, kw_only=True)
class LinearPlan:
    """An anytime-valid test of a linear model, fixed before the start.

    Attributes:
        effect_sd: Standard deviation of the effects expected, in standard deviations of the errors
            (after covariates): the mixture. A wrong guess costs width, never validity.
        alpha: Error rate over all of time.

    Raises:
        InvalidInputError: If a number is out of range.
    """

    effect_sd: float
    alpha: float = 0.05

    def __post_init__(self) -> None:
        require_positive("effect_sd", self.effect_sd)
        require_between("alpha", self.alpha)


@dataclass(frozen=True, slots=True, kw_only=True)
class AnytimeEffect:
    """The effect of one treatment, to be read at any time.

    Attributes:
        variant: Key of the treatment.
        effect: Least squares estimate against control, in the unit of the metric.
        se: Its standard error with the pooled variance of the errors.
        ci_lower: Lower end; with probability 1 - alpha the interval holds at all times together.
            None where there are still too few units for an end.
        ci_upper: Upper end, or None.
        p_value: Always-valid: below alpha exactly when the interval excludes 0.
    """

    variant: str
    effect: float
    se: float
    ci_lower: float | None
    ci_upper: float | None
    p_value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AnytimeTest:
    """Whether any arm differs from control, to be read at any time.

    Attributes:
        log_e_value: Log of the evidence against "all arms are equal": an e-process, whose exp passes
            1 / alpha in at most alpha of experiments, ever.
        p_value: min(1, 1 / e-value); the smallest of all looks may be kept.
        rows: Each treatment on its own; each interval holds at alpha, not all of them together.
        theta: Slope per covariate, one for all arms.
        df: Degrees of freedom of the errors.
        n: Units.
    """

    log_e_value: float
    p_value: float
    rows: tuple[AnytimeEffect, ...]
    theta: tuple[float, ...]
    df: int
    n: int


class _Fit(NamedTuple):
    """Sums after level and covariates are taken out: of treatments, with y, of y; slopes; their number."""

    gram: FloatArray
    product: FloatArray
    total: float
    theta: tuple[float, ...]
    rank: int


def plan_linear(planned_n: float, treatment_share: float = 0.5, alpha: float = 0.05) -> LinearPlan:
    """Return the test whose interval is tightest at a planned number of units.

    Args:
        planned_n: Units of control and one treatment together at the planned end.
        treatment_share: Share of them in the treatment.
        alpha: Error rate over all of time.

    Returns:
        The plan with its mixture fixed.

    Raises:
        InvalidInputError: If a number is out of range.

    References:
        The half-width of arXiv 2210.08589, eq. 12, minimised for many units, with the root
        approximated as in arXiv 2103.06476 for its rho.

    Examples:
        >>> round(plan_linear(1000).effect_sd, 4)
        0.1782
    """
    share = require_between("treatment_share", treatment_share)
    gain = -2 * math.log(require_between("alpha", alpha))
    information = require_positive("planned_n", planned_n) * share * (1 - share)
    return LinearPlan(effect_sd=math.sqrt((gain + math.log1p(gain)) / information), alpha=alpha)


def compare_anytime(
    treatments: Mapping[str, Moments], control: Moments, plan: LinearPlan
) -> Computed[AnytimeTest]:
    """Compare one or several treatments with control by a test that may be read at any time.

    Why: with several arms the usual always-valid tests need a correction for their number; the F
    test asks once whether any arm differs. Covariates are taken out by least squares with one slope
    for all arms. It is exact for normal errors of one variance in all arms; for other outcomes and
    large samples it is as good as the confidence sequence, unless variances differ much.

    Args:
        treatments: Record per treatment, with y and any covariates.
        control: Record of control with the same columns.
        plan: The mixture and the error rate.

    Returns:
        The test and each treatment's interval; ``no_units``, ``too_few_units`` where no degree of
        freedom is left, ``zero_variance`` where nothing varies.

    Raises:
        InvalidInputError: If there is no treatment, columns differ, or a record has a denominator.

    References:
        Lindon, Ham, Tingley, Bojinov (2022), arXiv 2210.08589, Theorem 3.1 (F) and Corollary 3.6
        (t, interval); Python ``savvi.linear_regression``.

    Examples:
        >>> import numpy as np
        >>> rng = np.random.default_rng(1)
        >>> arms = {k: Moments.from_values(rng.normal(v, 1.0, 500)) for k, v in {"a": 0.3, "b": 0.0}.items()}
        >>> control = Moments.from_values(rng.normal(0.0, 1.0, 500))
        >>> found = compare_anytime(arms, control, plan_linear(1000))
        >>> found.p_value < 0.05, [row.p_value < 0.05 for row in found.rows]
        (True, [True, False])
    """
    _check(treatments, control)
    arms = [control, *treatments.values()]
    if min(arm.n for arm in arms) == 0:
        return NotComputable("no_units")
    fit = _fit(arms)
    k, n = len(treatments), sum(arm.n for arm in arms)
    df = n - 1 - fit.rank - k
    if df < 1:
        return NotComputable("too_few_units")
    effects = np.linalg.solve(fit.gram, fit.product)
    errors = fit.total - float(effects @ fit.product)
    if errors <= 1e-12 * fit.total or fit.total <= 0:
        return NotComputable("zero_variance")
    evidence = _log_e_value(fit, plan.effect_sd**-2, df + k)
    precisions = 1 / np.diag(np.linalg.inv(fit.gram))
    rows = tuple(
        _make_row(key, float(effect), errors / df, float(precision), (df, plan))
        for key, effect, precision in zip(treatments, effects, precisions, strict=True)
    )
    return AnytimeTest(
        log_e_value=evidence,
        p_value=math.exp(min(-evidence, 0.0)),
        rows=rows,
        theta=fit.theta,
        df=df,
        n=n,
    )


def _check(treatments: Mapping[str, Moments], control: Moments) -> None:
    """Refuse arms that no linear model of one outcome can hold."""
    if not treatments:
        raise InvalidInputError.at("treatments", "needs at least one")
    if any(arm.columns != control.columns for arm in treatments.values()):
        raise InvalidInputError.at("columns", "must be the same in all arms")
    if any(name.startswith(("d", "xd")) for name in control.columns):
        raise InvalidInputError.at("columns", "a ratio is not linear in its columns; use confidence_sequence")


def _fit(arms: list[Moments]) -> _Fit:
    """Take level and covariates out of treatments and outcome."""
    n = np.array([arm.n for arm in arms], dtype=np.float64)
    places = np.array(
        [
            [(s - s0) + (t / arm.n - t0 / arms[0].n) for s, s0, t, t0 in
             zip(arm.shift, arms[0].shift, arm.sum, arms[0].sum, strict=True)]
            for arm in arms
        ]
    )  # fmt: skip
    moved = places - n @ places / n.sum()
    sums = (moved.T * n) @ moved + sum(_within(arm) for arm in arms)
    gram = np.diag(n[1:]) - np.outer(n[1:], n[1:]) / n.sum()
    mixed = n[1:, None] * moved[1:]
    covariates = sums[1:, 1:]
    scale = np.sqrt(np.diag(covariates))
    inverse = np.zeros_like(covariates)
    rank = 0
    if scale.size and np.any(scale > 0):
        scale = np.where(scale > 0, scale, 1.0)
        standard = covariates / np.outer(scale, scale)
        rank = int(np.linalg.matrix_rank(standard, tol=1e-9, hermitian=True))
        inverse = np.linalg.pinv(standard, rcond=1e-9, hermitian=True) / np.outer(scale, scale)
    kept = mixed[:, 1:] @ inverse
    gram = gram - kept @ mixed[:, 1:].T
    product = mixed[:, 0] - kept @ sums[1:, 0]
    total = float(sums[0, 0] - sums[0, 1:] @ inverse @ sums[1:, 0])
    slopes = inverse @ (sums[1:, 0] - mixed[:, 1:].T @ np.linalg.solve(gram, product))
    return _Fit(gram, product, total, tuple(slopes.tolist()), rank)


def _within(arm: Moments) -> FloatArray:
    """Return the centred cross-products of an arm."""
    covariance = arm.covariance
    k = len(arm.columns)
    return np.zeros((k, k)) if isinstance(covariance, NotComputable) else covariance * (arm.n - 1)


def _log_e_value(fit: _Fit, precision: float, df: float) -> float:
    """Return the log of the ratio with effects mixed over normals, level and variance integrated out."""
    k = fit.product.size
    wide = fit.gram + precision * np.eye(k)
    explained = float(fit.product @ np.linalg.solve(wide, fit.product))
    log_det = k * math.log(precision) - float(np.linalg.slogdet(wide)[1])
    return 0.5 * log_det - 0.5 * df * math.log1p(-explained / fit.total)


def _make_row(
    variant: str, effect: float, variance: float, precision: float, test: tuple[int, LinearPlan]
) -> AnytimeEffect:
    """Return one treatment's effect with the others taken out."""
    df, plan = test
    prior = plan.effect_sd**-2
    share = prior / (prior + precision)
    seen = effect**2 * precision / variance / df
    log_e = 0.5 * math.log(share) + 0.5 * (df + 1) * (math.log1p(seen) - math.log1p(share * seen))
    floor = math.exp((2 * math.log(plan.alpha) + math.log(share)) / (df + 1))
    se = math.sqrt(variance / precision)
    half = None if floor <= share else se * math.sqrt(df * (1 - floor) / (floor - share))
    return AnytimeEffect(
        variant=variant,
        effect=effect,
        se=se,
        ci_lower=None if half is None else effect - half,
        ci_upper=None if half is None else effect + half,
        p_value=math.exp(min(-log_e, 0.0)),
    )
