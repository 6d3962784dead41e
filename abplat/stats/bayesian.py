"""Posterior answers in closed form or by one-dimensional quadrature: no sampling, no overflow.

Prior and likelihood live on **the scale that is shown** (relative or absolute), so the posterior of
a relative effect is never mixed with a prior of an absolute one. Everything is kept in logarithms
as well, because a chance of 1 - 1e-300 and one of 1 call for different words. A posterior does not
license peeking: see :func:`stopping_error`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.special import erfcx, log_ndtr, logsumexp, ndtri

from abplat.errors import InvalidInputError
from abplat.stats.inputs import (
    FloatArray,
    as_finite_array,
    as_pair_of_rows,
    require_between,
    require_choice,
    require_finite,
    require_positive,
)
from abplat.stats.quadrature import log_integral
from abplat.stats.sequential.group_sequential import Bounds, crossing

Scale = Literal["relative", "absolute"]
Direction = Literal["up", "down"]
_LOG_ROOT_TWO_PI = 0.5 * math.log(2 * math.pi)


@dataclass(frozen=True, slots=True)
class NormalPrior:
    """What was believed of the effect before the data, as a normal distribution.

    Attributes:
        mean: Expected effect, on ``scale`` (0.02 is +2 % on the relative scale).
        sd: Standard deviation; infinity says nothing was believed (a flat prior). 0.3 relative is
            the weakly informative default.
        scale: ``relative`` or ``absolute``: the scale on which effects are shown.

    Raises:
        InvalidInputError: If the mean is not finite, the sd not above 0 or the scale unknown.
    """

    mean: float = 0.0
    sd: float = 0.3
    scale: Scale = "relative"

    def __post_init__(self) -> None:
        require_finite("mean", self.mean)
        if self.sd != math.inf:
            require_positive("sd", self.sd)
        require_choice("scale", self.scale, ("relative", "absolute"))

    def on_scale(self, scale: Scale, baseline: float) -> NormalPrior:
        """Return the same belief on another scale.

        Args:
            scale: Scale wanted.
            baseline: Control value, in the unit of the metric; not 0. Its absolute value counts.

        Raises:
            InvalidInputError: If the scale is unknown or the baseline is 0 or not finite.

        Examples:
            >>> NormalPrior(0.0, 0.3, "relative").on_scale("absolute", baseline=20.0).sd
            6.0
        """
        require_choice("scale", scale, ("relative", "absolute"))
        size = require_positive("baseline", abs(require_finite("baseline", baseline)))
        if scale == self.scale:
            return self
        factor = size if scale == "absolute" else 1 / size
        return NormalPrior(self.mean * factor, self.sd * factor, scale)


@dataclass(frozen=True, slots=True)
class Posterior:
    """What is to be believed of one effect after the data, on the scale of the prior.

    Attributes:
        mean: Posterior mean, which is also the median.
        sd: Posterior standard deviation.
        ci_lower: Lower end of the central credible interval.
        ci_upper: Upper end.
        chance_to_win: Probability that the treatment is better in the direction wanted.
        log_chance_to_win: Its natural log.
        log_chance_to_lose: Natural log of one minus it, exact where it rounds to 1.
        loss_if_shipped: Expected loss when the treatment is taken: mean of what it is worse by.
        loss_if_kept: Expected loss when control is kept.
        prior: The prior, to be shown beside the posterior.
    """

    mean: float
    sd: float
    ci_lower: float
    ci_upper: float
    chance_to_win: float
    log_chance_to_win: float
    log_chance_to_lose: float
    loss_if_shipped: float
    loss_if_kept: float
    prior: NormalPrior


def update_normal(
    effects: npt.ArrayLike, ses: npt.ArrayLike, prior: NormalPrior
) -> tuple[FloatArray, FloatArray]:
    """Return posterior means and standard deviations, vectorised over rows.

    Args:
        effects: Estimates on the scale of the prior, any shape.
        ses: Their standard errors on that scale, of a shape that fits.
        prior: The prior.

    Returns:
        Means and standard deviations.

    Raises:
        InvalidInputError: If a number is bad.

    References:
        Gelman et al. (2013), Bayesian Data Analysis, section 2.5.

    Examples:
        >>> means, sds = update_normal([0.1], [0.3], NormalPrior(0.0, 0.3))
        >>> means.round(6).tolist(), sds.round(4).tolist()
        ([0.05], [0.2121])
    """
    effect, se = as_finite_array("effects", effects), as_finite_array("ses", ses, positive=True)
    if prior.sd == math.inf:
        return np.asarray(effect + 0 * se), np.asarray(se + 0 * effect)
    weight = prior.sd**2 / (prior.sd**2 + se**2)
    return np.asarray(weight * effect + (1 - weight) * prior.mean), np.asarray(
        np.sqrt(weight) * se + 0 * effect
    )


def log_expected_loss(mean: npt.ArrayLike, sd: npt.ArrayLike) -> FloatArray:
    """Return the log of E[max(0, -effect)] for a normal effect, stable at any mean over sd.

    The closed form sd phi(x) - mean Phi(-x) cancels for large x = mean / sd, and peers went through
    a truncated normal, which overflowed. Here it is sd phi(x) (1 - x M(x)) with Mills' ratio M from
    ``erfcx``, and beyond x = 30 the asymptotic series of 1 - x M(x).

    Args:
        mean: Means of the effect, any shape; a gain is positive.
        sd: Standard deviations above 0, of a shape that fits.

    Returns:
        Natural logs of the expected losses, in the log of the unit of the effect.

    Raises:
        InvalidInputError: If a number is bad.

    References:
        Stucchio (2015), Bayesian A/B Testing at VWO; Abramowitz and Stegun 7.1.23.

    Examples:
        >>> np.exp(log_expected_loss([0.0, 1.0], 1.0)).round(6).tolist()
        [0.398942, 0.083315]
        >>> log_expected_loss(40.0, 1.0).round(3).item()
        -808.299
    """
    centre, spread = as_finite_array("mean", mean), as_finite_array("sd", sd, positive=True)
    x = centre / spread
    return np.asarray(np.log(spread) - 0.5 * x * x - _LOG_ROOT_TWO_PI + _log_loss_factor(x))


def _log_loss_factor(x: FloatArray) -> FloatArray:
    """Return log(1 - x M(x)), where M is Mills' ratio of the upper tail."""
    near = np.clip(x, -30.0, 30.0)
    direct = np.log1p(-near * math.sqrt(math.pi / 2) * erfcx(near / math.sqrt(2)))
    inverse = 1 / np.maximum(x, 30.0) ** 2
    series = 1 - inverse * (3 - inverse * (15 - inverse * (105 - inverse * (945 - inverse * 10395))))
    far = np.log(inverse * series)
    low = np.minimum(x, -30.0)
    gain = np.log(-low) + 0.5 * low * low + _LOG_ROOT_TWO_PI
    return np.asarray(np.where(x > 30, far, np.where(x < -30, gain, direct)))


def judge_posterior(
    effect: float,
    se: float,
    prior: NormalPrior,
    *,
    scale: Scale,
    direction: Direction = "up",
    alpha: float = 0.05,
) -> Posterior:
    """Return chance to win, expected losses and credible interval of one effect.

    Args:
        effect: Estimate on the scale shown.
        se: Its standard error on that scale.
        prior: The prior; must be on the same scale.
        scale: Scale of ``effect``: named, so that a prior of another scale is refused, not ignored.
        direction: Whether ``up`` or ``down`` is better.
        alpha: One minus the mass of the credible interval.

    Returns:
        The posterior.

    Raises:
        InvalidInputError: If the scales differ or a number is bad; :meth:`NormalPrior.on_scale`
            converts a prior.

    References:
        Conjugate normal: Gelman et al. (2013), section 2.5; expected loss: Stucchio (2015).

    Examples:
        >>> found = judge_posterior(0.02, 0.01, NormalPrior(sd=math.inf), scale="relative")
        >>> round(found.chance_to_win, 4), round(found.loss_if_shipped, 6)
        (0.9772, 8.5e-05)
    """
    if prior.scale != scale:
        message = f"is {prior.scale}, the effect is {scale}; convert the prior with on_scale"
        raise InvalidInputError.at("prior.scale", message)
    require_choice("direction", direction, ("up", "down"))
    margin = -float(ndtri(require_between("alpha", alpha) / 2))
    means, sds = update_normal(effect, se, prior)
    mean, sd = float(means), float(sds)
    gain = mean if direction == "up" else -mean
    log_win, log_lose = (float(log_ndtr(sign * gain / sd)) for sign in (1, -1))
    shipped, kept = (float(np.exp(log_expected_loss(sign * gain, sd))) for sign in (1, -1))
    ends = (mean - margin * sd, mean + margin * sd)
    return Posterior(mean, sd, *ends, math.exp(log_win), log_win, log_lose, shipped, kept, prior)


def log_chances_to_be_best(means: npt.ArrayLike, sds: npt.ArrayLike) -> FloatArray:
    """Return for each arm the log of its chance to have the highest value.

    One integral per arm of its density times the distribution functions of the others, in log
    space. The arms (control is one of them) have independent normal posteriors.

    Args:
        means: Posterior mean of each arm's value, shape (k,), higher is better.
        sds: Posterior standard deviations, shape (k,).

    Returns:
        Natural logs of the chances, shape (k,); their exponentials sum to 1.

    Raises:
        InvalidInputError: If the shapes differ, there are fewer than two arms or a number is bad.

    References:
        Scott (2010), A modern Bayesian look at the multi-armed bandit.

    Examples:
        >>> np.exp(log_chances_to_be_best([1.0, 1.0, 1.0], [0.1, 0.1, 0.1])).round(6).tolist()
        [0.333333, 0.333333, 0.333333]
    """
    mean, sd = as_pair_of_rows(means, sds, least=2)
    low, high = float(np.min(mean - 12 * sd)), float(np.max(mean + 12 * sd))

    def log_share(arm: int) -> float:
        """Integrate one arm's density times the others' distribution functions."""
        others = np.arange(mean.size) != arm

        def log_f(x: FloatArray) -> FloatArray:
            """Return the log integrand at each point."""
            own = -0.5 * ((x - mean[arm]) / sd[arm]) ** 2 - math.log(sd[arm]) - _LOG_ROOT_TWO_PI
            rest = log_ndtr((x[:, None] - mean[others]) / sd[others]).sum(axis=1)
            return np.asarray(own + rest)

        return log_integral(log_f, low, high)

    logs = np.array([log_share(arm) for arm in range(mean.size)])
    return np.asarray(logs - logsumexp(logs))


def stopping_error(
    fractions: Sequence[float],
    threshold: float,
    planned_se: float,
    prior: NormalPrior | None = None,
) -> float:
    """Return how often "stop when the chance to win (or to lose) passes" errs when nothing works.

    A posterior looked at daily needs the same guard as a p-value. The rule is a bound on Z at each
    look, so its error over the looks follows exactly by recursion; show it beside the rule.

    Args:
        fractions: Information at each planned look over the planned information, rising.
        threshold: Chance at which the team stops, above 0.5, for either side.
        planned_se: Standard error at information fraction 1, on the scale of the prior.
        prior: The prior; flat if None.

    Returns:
        Probability that, with no effect, some look passes the threshold for either side.

    Raises:
        InvalidInputError: If a number is bad, or the prior alone passes the threshold.

    References:
        The recursion is that of Jennison and Turnbull (2000), section 19.2.

    Examples:
        >>> round(stopping_error([k / 14 for k in range(1, 15)], 0.95, planned_se=0.1), 2)
        0.38
    """
    belief = prior or NormalPrior(sd=math.inf)
    times = as_finite_array("fractions", fractions, positive=True)
    score = float(ndtri(require_between("threshold", threshold, 0.5, 1.0)))
    se = require_positive("planned_se", planned_se) / np.sqrt(times)
    pull = belief.mean * se / belief.sd**2
    reach = score * np.sqrt(1 + (se / belief.sd) ** 2)
    if np.any(np.abs(pull) >= reach):
        raise InvalidInputError.at("prior", "passes the threshold before any data")
    upper, lower = tuple((reach - pull).tolist()), tuple((-reach - pull).tolist())
    ends = crossing(Bounds(tuple(times.tolist()), upper, lower, (0.0,) * times.size), 0.0)
    return sum(ends.upper) + sum(ends.lower)
