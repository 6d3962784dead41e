"""Two Poisson rates: score and exact intervals for their ratio, and the E-test.

They hold where the counts are Poisson: nobody's count makes another of the same unit likelier.
Counts of customers rarely are; :mod:`abplat.stats.counts` looks before it uses these.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from scipy import special

from abplat.errors import InvalidInputError
from abplat.stats.result import Computed, NotComputable
from abplat.stats.tails import critical_normal, log10_two_sided_normal, two_sided_normal

RateMethod = Literal["score", "exact"]

_E_TEST_EVENTS: Final = 2_000
_TINY: Final = 1e-290


@dataclass(frozen=True, slots=True)
class RateTable:
    """Events of two arms and what they were counted over (units, days, sessions).

    Attributes:
        treatment_events: Events in treatment.
        treatment_exposure: What they were counted over, positive.
        control_events: Events in control.
        control_exposure: What they were counted over, positive.

    Raises:
        InvalidInputError: If events are not whole numbers, or an exposure is not positive.

    Examples:
        >>> RateTable(60, 51_477.5, 30, 54_308.7).treatment_rate > 0.001
        True
    """

    treatment_events: int
    treatment_exposure: float
    control_events: int
    control_exposure: float

    def __post_init__(self) -> None:
        for name in ("treatment_events", "control_events"):
            value = getattr(self, name)
            if isinstance(value, bool) or value < 0 or int(value) != value:
                raise InvalidInputError.at(name, f"must be a whole number, not negative, got {value!r}")
        for name in ("treatment_exposure", "control_exposure"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise InvalidInputError.at(name, f"must be positive, got {value!r}")

    @property
    def treatment_rate(self) -> float:
        """Events per exposure in treatment."""
        return self.treatment_events / self.treatment_exposure

    @property
    def control_rate(self) -> float:
        """Events per exposure in control."""
        return self.control_events / self.control_exposure


@dataclass(frozen=True, slots=True)
class RateRatio:
    """Treatment's rate over control's, with an interval that agrees with the p-value.

    Attributes:
        ratio: Treatment's rate over control's.
        ci_lower: Lower end; 0 where treatment has no events.
        ci_upper: Upper end.
        p_value: Two-sided, of equal rates.
        log10_p: Its decimal logarithm.
        method: ``score`` or ``exact``.
        alpha: Error rate of the interval.
    """

    ratio: float
    ci_lower: float
    ci_upper: float
    p_value: float
    log10_p: float
    method: str
    alpha: float


def compare_rates(table: RateTable, method: RateMethod = "score", alpha: float = 0.05) -> Computed[RateRatio]:
    """Compare two Poisson rates by their ratio.

    Rule: given the total, treatment's events are binomial. ``score`` inverts the score test (closed
    form); ``exact`` inverts the binomial with the doubled smaller tail (Clopper-Pearson), so it
    never errs more often than alpha.

    Args:
        table: Events and exposures.
        method: ``score`` or ``exact``.
        alpha: Two-sided error rate.

    Returns:
        The ratio; ``no_events`` where nothing happened, ``zero_baseline`` where nothing happened
        in control, for then no finite interval exists.

    Raises:
        InvalidInputError: If the method is unknown or alpha lies outside (0, 1).

    References:
        Gu, Ng, Tang, Schucany (2008), Testing the ratio of two Poisson rates, Biometrical Journal
        50, section 2; Przyborowski, Wilenski (1940) for the exact test;
        ``statsmodels.stats.rates.test_poisson_2indep``.

    Examples:
        >>> found = compare_rates(RateTable(60, 51_477.5, 30, 54_308.7))
        >>> round(found.ratio, 4), round(found.p_value, 5)
        (2.11, 0.00063)
    """
    if not 0 < alpha < 1:
        raise InvalidInputError.at("alpha", f"must lie between 0 and 1, got {alpha!r}")
    if method not in ("score", "exact"):
        raise InvalidInputError.at("method", f"must be score or exact, got {method!r}")
    if not table.treatment_events + table.control_events:
        return NotComputable("no_events")
    if not table.control_events:
        return NotComputable("zero_baseline")
    return _score(table, alpha) if method == "score" else _exact(table, alpha)


def _score(table: RateTable, alpha: float) -> RateRatio:
    """Solve (x - u y)^2 = z^2 (x + y) u for u = ratio times the ratio of exposures."""
    x, y = table.treatment_events, table.control_events
    exposures = table.treatment_exposure / table.control_exposure
    square = critical_normal(alpha) ** 2
    middle = x * y + square * (x + y) / 2
    root = math.sqrt(max(middle * middle - (x * y) ** 2, 0.0))
    upper = (middle + root) / y**2
    lower = x**2 / (middle + root)
    z = score_of_rates(table, 0.0)
    p_value, log10_p = float(two_sided_normal(z)), float(log10_two_sided_normal(z))
    ratio = table.treatment_rate / table.control_rate
    return RateRatio(ratio, lower / exposures, upper / exposures, p_value, log10_p, "score", alpha)


def _exact(table: RateTable, alpha: float) -> RateRatio:
    """Invert the binomial of treatment's events given the total, by doubled tails."""
    x, y = table.treatment_events, table.control_events
    exposures = table.treatment_exposure / table.control_exposure
    low = float(special.betaincinv(x, y + 1, alpha / 2)) if x else 0.0
    high = float(special.betaincinv(x + 1, y, 1 - alpha / 2))
    p_value, log10_p = exact_rate_p(table)
    ratio = table.treatment_rate / table.control_rate
    ends = low / (1 - low) / exposures, high / (1 - high) / exposures
    return RateRatio(ratio, *ends, p_value, log10_p, "exact", alpha)


def exact_rate_p(table: RateTable) -> tuple[float, float]:
    """Return the exact two-sided p-value of equal Poisson rates, and its decimal logarithm.

    Rule: treatment's events given the total are binomial; the smaller tail, doubled. It serves
    where control has no events and no ratio exists.

    Args:
        table: Events and exposures, at least one event.

    Returns:
        The p-value and log10 of it, which stays finite where the p-value underflows.

    References:
        Przyborowski, Wilenski (1940), Biometrika 31.

    Examples:
        >>> exact_rate_p(RateTable(5, 1.0, 0, 1.0))[0]
        0.0625
    """
    x, y = table.treatment_events, table.control_events
    share = table.treatment_exposure / (table.treatment_exposure + table.control_exposure)
    above = float(special.betainc(x, y + 1, share)) if x else 1.0
    below = float(special.betainc(y, x + 1, 1 - share)) if y else 1.0
    p_value = min(1.0, 2 * min(above, below))
    return p_value, math.log10(p_value) if p_value > _TINY else _log10_tail(table)


def _log10_tail(table: RateTable) -> float:
    """Find log10 of the doubled binomial tail by summing its terms on the log scale."""
    x, n = table.treatment_events, table.treatment_events + table.control_events
    share = table.treatment_exposure / (table.treatment_exposure + table.control_exposure)
    k = np.arange(x, n + 1) if x > n * share else np.arange(x + 1)
    ways = special.gammaln(n + 1) - special.gammaln(k + 1) - special.gammaln(n - k + 1)
    logs = ways + special.xlogy(k, share) + special.xlog1py(n - k, -share)
    return float((special.logsumexp(logs) + math.log(2.0)) / math.log(10.0))


def score_of_rates(table: RateTable, difference: float) -> float:
    """Return the score statistic of a difference of rates: observed less assumed over its error.

    Args:
        table: Events and exposures.
        difference: Treatment's rate less control's under the assumption.

    Returns:
        The statistic, with the error of the most likely rates that differ by so much; 0 where
        nothing happened and nothing is assumed.

    References:
        Ng, Tang (2005), Testing the equality of two Poisson means using the rate ratio, Statistics
        in Medicine 24; Krishnamoorthy, Thomson (2004), section 3.

    Examples:
        >>> round(score_of_rates(RateTable(60, 51_477.5, 30, 54_308.7), 0.0), 4)
        3.4174
    """
    a, b = table.treatment_exposure, table.control_exposure
    x, y = table.treatment_events, table.control_events
    total = a + b
    middle = (x + y - total * difference) / (2 * total)
    control = middle + math.sqrt(max(middle * middle + y * difference / total, 0.0))
    control = max(control, 0.0, -difference)
    variance = (control + difference) / a + control / b
    gap = table.treatment_rate - table.control_rate - difference
    if variance <= 0:
        return 0.0 if abs(gap) < 1e-300 else math.copysign(math.inf, gap)
    return gap / math.sqrt(variance)


def e_test_p(table: RateTable) -> Computed[float]:
    """Test equal Poisson rates by the E-test: nearly exact, and less strict than the exact one.

    Rule: the chance, at the common rate that is estimated from the data, of a score statistic at
    least as far out as the one seen.

    Args:
        table: Events and exposures; at most 2,000 events together, beyond that use the score test.

    Returns:
        The two-sided p-value, or ``no_events``.

    Raises:
        InvalidInputError: With more than 2,000 events.

    References:
        Krishnamoorthy, Thomson (2004), A more powerful test for comparing two Poisson means,
        Journal of Statistical Planning and Inference 119, eq. 3.6-3.7 (score form);
        ``statsmodels.stats.rates.etest_poisson_2indep``.

    Examples:
        >>> round(e_test_p(RateTable(60, 51_477.5, 30, 54_308.7)), 5)
        0.00057
    """
    n = table.treatment_events + table.control_events
    if not n:
        return NotComputable("no_events")
    if n > _E_TEST_EVENTS:
        raise InvalidInputError.at("events", f"must be at most {_E_TEST_EVENTS} for the E-test, got {n}")
    a, b = table.treatment_exposure, table.control_exposure
    rate = n / (a + b)
    x, first = _chances(rate * a)
    y, second = _chances(rate * b)
    gap = x[:, None] / a - y[None, :] / b
    common = (x[:, None] + y[None, :]) / (a * b)
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = np.where(common > 0, np.abs(gap) / np.sqrt(common), 0.0)
    is_far = statistic >= abs(score_of_rates(table, 0.0)) * (1 - 1e-12)
    return float(min(1.0, first @ is_far @ second))


def _chances(mean: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the counts that matter of a Poisson mean (all but 1e-16 of it) and their chances."""
    spread = 9 * math.sqrt(mean) + 40
    k = np.arange(max(0, math.floor(mean - spread)), math.ceil(mean + spread) + 1)
    return k, np.exp(special.xlogy(k, mean) - mean - special.gammaln(k + 1))
