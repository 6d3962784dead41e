"""Two shares under Beta posteriors, by quadrature on the log-odds scale, stable far in the tails."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import betainc, betaincc, betaln, digamma, log_expit, polygamma

from abplat.errors import InvalidInputError
from abplat.stats.inputs import FloatArray, require_count, require_positive
from abplat.stats.quadrature import log_integral

_TINY = 1e-280
_REACH = 60.0
"""Standard deviations (on the log-odds scale) searched on each side for where the mass is."""


@dataclass(frozen=True, slots=True)
class BetaPosterior:
    """The distribution of a share: Beta(a, b).

    Attributes:
        a: Prior weight plus successes, above 0.
        b: Prior weight plus failures, above 0.

    Raises:
        InvalidInputError: If a parameter is not above 0.
    """

    a: float
    b: float

    def __post_init__(self) -> None:
        require_positive("a", self.a)
        require_positive("b", self.b)

    @property
    def mean(self) -> float:
        """Expected share."""
        return self.a / (self.a + self.b)


@dataclass(frozen=True, slots=True)
class BetaComparison:
    """Two shares compared under Beta posteriors; a higher share is better.

    Attributes:
        chance_to_win: Probability that the treatment's share is the larger.
        log_chance_to_win: Its natural log.
        log_chance_to_lose: Natural log of one minus it, exact where the chance rounds to 1.
        loss_if_shipped: Expected loss in share when the treatment is taken.
        loss_if_kept: Expected loss in share when control is kept.
    """

    chance_to_win: float
    log_chance_to_win: float
    log_chance_to_lose: float
    loss_if_shipped: float
    loss_if_kept: float


def update_beta(successes: int, n: int, prior: tuple[float, float] = (1.0, 1.0)) -> BetaPosterior:
    """Return the posterior of a share.

    Args:
        successes: Units with the outcome.
        n: Units.
        prior: Parameters of the Beta prior; (1, 1) is uniform, (0.5, 0.5) is Jeffreys'.

    Returns:
        Beta(prior a + successes, prior b + failures).

    Raises:
        InvalidInputError: If there are more successes than units, or a number is bad.

    References:
        Gelman et al. (2013), Bayesian Data Analysis, section 2.4.

    Examples:
        >>> update_beta(30, 100)
        BetaPosterior(a=31.0, b=71.0)
    """
    require_count("successes", successes)
    if require_count("n", n) < successes:
        raise InvalidInputError.at("successes", f"cannot be more than the units: {successes} of {n}")
    return BetaPosterior(float(prior[0] + successes), float(prior[1] + n - successes))


def compare_beta(treatment: BetaPosterior, control: BetaPosterior) -> BetaComparison:
    """Return chance to win and expected losses of two independent shares.

    Always the smaller side is integrated and the larger one follows from it, so neither a chance of
    1e-300 nor one minus it is lost, and nothing cancels.

    Args:
        treatment: Posterior of the treatment's share.
        control: Posterior of the control's share.

    Returns:
        The comparison.

    Raises:
        Nothing of its own: a posterior is checked when it is made.

    References:
        Stucchio (2015), Bayesian A/B Testing at VWO, by quadrature instead of its sums;
        E[(C - T)+] is the integral of F_T (1 - F_C).

    Examples:
        >>> found = compare_beta(update_beta(130, 1_000), update_beta(100, 1_000))
        >>> round(found.chance_to_win, 4), round(found.loss_if_shipped, 5)
        (0.9822, 9e-05)
    """
    is_ahead = treatment.mean >= control.mean
    better, worse = (treatment, control) if is_ahead else (control, treatment)
    log_upset = min(_log_chance(worse, better), math.log1p(-1e-16))
    log_rest = math.log1p(-math.exp(log_upset))
    loss = math.exp(_log_shortfall(worse, better))
    other = loss + better.mean - worse.mean
    if is_ahead:
        return BetaComparison(math.exp(log_rest), log_rest, log_upset, loss, other)
    return BetaComparison(math.exp(log_upset), log_upset, log_rest, other, loss)


def _log_chance(above: BetaPosterior, below: BetaPosterior) -> float:
    """Return the log probability that one share exceeds another."""

    def log_f(y: FloatArray) -> FloatArray:
        """Density of the lower one times the upper tail of the higher, at log-odds y."""
        return _log_density(below, y) + _log_tail(above, y)

    return log_integral(log_f, *_span(above, below))


def _log_shortfall(above: BetaPosterior, below: BetaPosterior) -> float:
    """Return the log of the mean of max(0, above - below)."""
    flipped = BetaPosterior(below.b, below.a)

    def log_f(y: FloatArray) -> FloatArray:
        """Lower tail of one times upper tail of the other, at log-odds y, times dx/dy."""
        slope = log_expit(y) + log_expit(-y)
        return np.asarray(_log_tail(flipped, -y) + _log_tail(above, y) + slope)

    return log_integral(log_f, *_span(above, below))


def _span(one: BetaPosterior, other: BetaPosterior) -> tuple[float, float]:
    """Return the log-odds between which all mass lies."""
    ends = []
    for beta in (one, other):
        centre = float(digamma(beta.a) - digamma(beta.b))
        spread = math.sqrt(float(polygamma(1, beta.a) + polygamma(1, beta.b)))
        ends += [centre - _REACH * spread, centre + _REACH * spread]
    return max(min(ends), -700.0), min(max(ends), 700.0)


def _log_density(beta: BetaPosterior, y: FloatArray) -> FloatArray:
    """Return the log density of the log-odds of a Beta share."""
    return np.asarray(beta.a * log_expit(y) + beta.b * log_expit(-y) - betaln(beta.a, beta.b))


def _log_tail(beta: BetaPosterior, y: FloatArray) -> FloatArray:
    """Return the log probability that the log-odds of a Beta share exceed y.

    From the library where that does not underflow, otherwise by the continued fraction, which
    converges fast exactly there.
    """
    share, rest = np.exp(log_expit(y)), np.exp(log_expit(-y))
    plain = np.where(share < 0.5, betaincc(beta.a, beta.b, share), betainc(beta.b, beta.a, rest))
    deep = plain < _TINY
    logs = np.log(np.where(deep, 1.0, plain))
    if np.any(deep):
        fraction = _continued_fraction(beta.b, beta.a, rest[deep])
        logs[deep] = _log_density(beta, y[deep]) - math.log(beta.b) + np.log(fraction)
    return np.asarray(logs)


def _continued_fraction(a: float, b: float, x: FloatArray) -> FloatArray:
    """Return the continued fraction of the incomplete beta function by Lentz' method.

    I_x(a, b) = x^a (1 - x)^b / (a B(a, b)) times this: Abramowitz and Stegun 26.5.8.
    """
    step = _lentz_terms(a, b, x)
    c, d = np.ones_like(x), 1 / (1 + step(1))
    value = d.copy()
    for m in range(2, 400):  # pragma: no branch - in the tail it converges in a few
        term = step(m)
        d = 1 / (1 + term * d)
        c = 1 + term / c
        value *= c * d
        if np.all(np.abs(c * d - 1) < 1e-14):
            break
    return np.asarray(value)


def _lentz_terms(a: float, b: float, x: FloatArray) -> Callable[[int], FloatArray]:
    """Return the numerators d_1, d_2... of the continued fraction."""

    def term(index: int) -> FloatArray:
        """Return one numerator; odd and even ones differ."""
        m = index // 2
        if index % 2 == 0:
            return np.asarray(m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)))
        return np.asarray(-(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)))

    return term
