"""The winner's curse: what was picked for being large was, on average, lucky as well."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import log_ndtr, ndtri

from abplat.stats.inputs import (
    FloatArray,
    as_finite_array,
    as_pair_of_rows,
    require_between,
    require_finite,
    require_positive,
)
from abplat.stats.result import Computed, NotComputable


@dataclass(frozen=True, slots=True)
class EffectHistory:
    """How true effects of past experiments are distributed: normal with this mean and variance.

    Attributes:
        mean: Mean of the true effects.
        variance: Variance of the true effects (tau^2); 0 when noise explains all differences.
        n: Experiments it was learned from.
    """

    mean: float
    variance: float
    n: int


def learn_history(effects: npt.ArrayLike, ses: npt.ArrayLike) -> Computed[EffectHistory]:
    """Learn from past experiments how large true effects are.

    All experiments must be in, not only those that won: otherwise the history is cursed itself.

    Args:
        effects: Estimates of past experiments on one scale, shape (m,).
        ses: Their standard errors, shape (m,).

    Returns:
        Mean and variance of the true effects, or NotComputable (``too_few_units``) below three.

    Raises:
        InvalidInputError: If the shapes differ or a number is bad.

    References:
        DerSimonian and Laird (1986), Controlled Clinical Trials 7: tau^2 by moments.

    Examples:
        >>> learn_history([0.0, 1.0, 2.0], [0.5, 0.5, 0.5])
        EffectHistory(mean=1.0, variance=0.75, n=3)
    """
    effect, se = as_pair_of_rows(effects, ses)
    if effect.size < 3:
        return NotComputable("too_few_units", f"{effect.size} past experiments; needs at least 3.")
    weight = se**-2.0
    centre = float(weight @ effect / weight.sum())
    excess = float(weight @ (effect - centre) ** 2) - (effect.size - 1)
    variance = max(excess / float(weight.sum() - (weight**2).sum() / weight.sum()), 0.0)
    total = 1 / (variance + se**2)
    return EffectHistory(float(total @ effect / total.sum()), variance, effect.size)


def shrink_to_history(
    effects: npt.ArrayLike, ses: npt.ArrayLike, history: EffectHistory
) -> tuple[FloatArray, FloatArray]:
    """Return estimates that allow for having been picked, vectorised over rows.

    Under the history each estimate is drawn towards the mean by tau^2 / (tau^2 + se^2). Unlike
    the plain estimate, the shrunken one is right on average also among the winners.

    Args:
        effects: Estimates, any shape.
        ses: Their standard errors, of a shape that fits.
        history: From :func:`learn_history`.

    Returns:
        Shrunken effects and their standard deviations.

    Raises:
        InvalidInputError: If a number is bad.

    References:
        Efron and Morris (1975); Efron (2011), Tweedie's formula and selection bias, JASA 106.

    Examples:
        >>> shrunk, sd = shrink_to_history([2.0], [0.5], EffectHistory(1.0, 0.75, 3))
        >>> shrunk.tolist(), sd.round(4).tolist()
        ([1.75], [0.433])
    """
    effect, se = as_finite_array("effects", effects), as_finite_array("ses", ses, positive=True)
    kept = history.variance / (history.variance + se**2)
    return np.asarray(history.mean + kept * (effect - history.mean)), np.asarray(np.sqrt(kept) * se)


def correct_for_significance(effect: float, se: float, alpha: float = 0.05) -> float:
    """Return the estimate of an effect that is reported only because it was significant.

    Without a history: the effect under which a significant estimate would on average be the one
    seen. It is the maximum of the likelihood given significance, close to 0 for a narrow win and
    close to the plain estimate for a clear one.

    Args:
        effect: The plain estimate.
        se: Its standard error.
        alpha: Two-sided level of the test that it passed.

    Returns:
        The corrected estimate, between 0 and the plain one; the plain one if it was not significant.

    Raises:
        InvalidInputError: If a number is bad.

    References:
        Zhong and Prentice (2008), Biostatistics 9 (conditional maximum likelihood);
        Ghosh, Zou and Wright (2008).

    Examples:
        >>> round(correct_for_significance(2.1, 1.0), 3), round(correct_for_significance(5.0, 1.0), 3)
        (0.563, 4.996)
    """
    z = require_finite("effect", effect) / require_positive("se", se)
    critical = -float(ndtri(require_between("alpha", alpha) / 2))
    if abs(z) < critical:
        return effect
    from scipy.optimize import brentq  # noqa: PLC0415 - slow to import, and few calls need it

    def miss(mean: float) -> float:
        """Return the expected significant estimate, less the one seen."""
        return mean + _mean_excess(mean, critical) - abs(z)

    root = float(brentq(miss, 0.0, abs(z), xtol=1e-12))
    return math.copysign(root * se, effect)


def _mean_excess(mean: float, critical: float) -> float:
    """Return E[X | |X| > c] - mean for X normal with variance 1."""
    upper, lower = mean - critical, -mean - critical
    log_power = float(np.logaddexp(log_ndtr(upper), log_ndtr(lower)))
    logs = [-0.5 * side * side - 0.5 * math.log(2 * math.pi) - log_power for side in (upper, lower)]
    return math.exp(logs[0]) - math.exp(logs[1])


def expected_winners_bias(effects: Sequence[float], ses: Sequence[float], alpha: float = 0.05) -> float:
    """Return by how much the summed effects of the winners are too large, on average.

    For the yearly sum of launched gains: take this off the sum of the plain estimates.

    Args:
        effects: Estimates of all experiments, launched or not, where a gain is positive.
        ses: Their standard errors.
        alpha: Two-sided level at which an experiment with a gain is launched.

    Returns:
        The bias in the unit of the effects, at least 0.

    Raises:
        InvalidInputError: If the shapes differ or a number is bad.

    References:
        Lee and Shen (2018), Winner's Curse, KDD '18 (bias as the sum of
        sigma phi((sigma b - effect) / sigma), with the estimate for the effect).

    Examples:
        >>> round(expected_winners_bias([0.2, 0.0], [0.1, 0.1]), 4)
        0.0457
    """
    effect, se = as_pair_of_rows(effects, ses)
    critical = -float(ndtri(require_between("alpha", alpha) / 2))
    score = critical - effect / se
    return float(np.sum(se * np.exp(-0.5 * score * score)) / math.sqrt(2 * math.pi))
