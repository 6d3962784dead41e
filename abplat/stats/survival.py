"""The share still open over time (Kaplan-Meier) and the mean time up to a horizon.

Completers-only averages are biased towards the quick; these estimates count the units that are
still open for as long as they were watched.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from abplat.errors import InvalidInputError
from abplat.stats.result import Computed, NotComputable
from abplat.stats.risk_table import CountArray, FloatArray, RiskTable, count_down
from abplat.stats.tails import critical_normal, log10_two_sided_normal, two_sided_normal


@dataclass(frozen=True, slots=True)
class SurvivalCurve:
    """Kaplan-Meier: the share still open after each time, with pointwise intervals.

    Attributes:
        times: Times at which something happened (event or censoring).
        survival: Share still open just after each time.
        se: Greenwood standard error of it.
        ci_lower: Log-log interval.
        ci_upper: Log-log interval.
        at_risk: Units at risk just before each time.
        events: Events at each time.
        censored: Censored at each time.
        median: First time with survival at or below one half; None where never reached.
        median_ci_lower: None where the upper curve never reaches one half.
        median_ci_upper: None where not reached.
        n: Units.
        n_events: Events.
        n_censored: Censored units.
        alpha: Error rate of the intervals.
    """

    times: tuple[float, ...]
    survival: tuple[float, ...]
    se: tuple[float, ...]
    ci_lower: tuple[float, ...]
    ci_upper: tuple[float, ...]
    at_risk: tuple[int, ...]
    events: tuple[int, ...]
    censored: tuple[int, ...]
    median: float | None
    median_ci_lower: float | None
    median_ci_upper: float | None
    n: int
    n_events: int
    n_censored: int
    alpha: float


@dataclass(frozen=True, slots=True)
class RestrictedMean:
    """Mean time without the event up to tau: the area under the curve.

    Attributes:
        value: The mean, in the unit of time.
        se: Its standard error.
        ci_lower: Lower end of its interval.
        ci_upper: Upper end.
        tau: Horizon.
        n: Units.
    """

    value: float
    se: float
    ci_lower: float
    ci_upper: float
    tau: float
    n: int


@dataclass(frozen=True, slots=True)
class RestrictedMeanComparison:
    """Difference and ratio of restricted means; field names as in ``Comparison``.

    ``effect`` is treatment minus control in the unit of time: below 0 the treatment is quicker.
    ``rel_effect`` is the ratio less 1, with an interval on the log scale.

    Attributes:
        effect: Treatment less control, in the unit of time.
        se: Its standard error.
        ci_lower: Lower end of its interval.
        ci_upper: Upper end.
        p_value: Two-sided, of no difference.
        log10_p: Its decimal logarithm.
        rel_effect: Ratio of the means less 1.
        rel_ci_lower: Lower end of its interval, from the logarithm.
        rel_ci_upper: Upper end.
        rel_p_value: The p-value that agrees with it.
        rel_reason: Why there is no ratio, a code.
        control: The restricted mean of control.
        treatment: That of treatment.
        tau: Horizon.
        alpha: Error rate of the intervals.
    """

    effect: float
    se: float
    ci_lower: float
    ci_upper: float
    p_value: float
    log10_p: float
    rel_effect: float | None
    rel_ci_lower: float | None
    rel_ci_upper: float | None
    rel_p_value: float | None
    rel_reason: str | None
    control: RestrictedMean
    treatment: RestrictedMean
    tau: float
    alpha: float


def kaplan_meier(table: RiskTable, alpha: float = 0.05) -> Computed[SurvivalCurve]:
    """Estimate the share still open over time when some units are still open.

    Rule: the share is multiplied by 1 - d / n at every event time; Greenwood variance; intervals
    on the log-log scale, which stay inside 0 and 1.

    Args:
        table: Risk table of one arm.
        alpha: Two-sided error rate of the pointwise intervals.

    Returns:
        The curve at every time where something happened, with the median; ``no_units`` where the
        table is empty. Where the share is 1 or 0 the interval is the point itself, as R gives it.

    Raises:
        InvalidInputError: If alpha lies outside (0, 1).

    References:
        Kaplan, Meier (1958); Greenwood (1926); Klein, Moeschberger (2003), eq. 4.2.1, 4.3.2;
        Brookmeyer, Crowley (1982) for the median.

    Examples:
        >>> table = RiskTable.from_times([2, 4, 6, 10], [True, False, True, False])
        >>> kaplan_meier(table).survival
        (0.75, 0.75, 0.375, 0.375)
    """
    _check_alpha(alpha)
    if not table.n:
        return NotComputable("no_units")
    events, censored = _counts(table)
    used = (events > 0) | (censored > 0)
    times, n = np.asarray(table.edges)[used], count_down(events, censored)[used]
    events, censored = events[used], censored[used]
    survival, spread = _product_limit(events, n)
    lower, upper = _log_log(survival, spread, critical_normal(alpha))
    return SurvivalCurve(
        times=tuple(times.tolist()),
        survival=tuple(survival.tolist()),
        se=tuple((survival * np.sqrt(spread)).tolist()),
        ci_lower=tuple(lower.tolist()),
        ci_upper=tuple(upper.tolist()),
        at_risk=tuple(n.tolist()),
        events=tuple(events.tolist()),
        censored=tuple(censored.tolist()),
        median=_first_below(times, survival),
        median_ci_lower=_first_below(times, lower),
        median_ci_upper=_first_below(times, upper),
        n=table.n,
        n_events=int(events.sum()),
        n_censored=int(censored.sum()),
        alpha=alpha,
    )


def _check_alpha(alpha: float) -> None:
    """Refuse an error rate outside (0, 1)."""
    if not 0 < alpha < 1:
        raise InvalidInputError.at("alpha", f"must lie between 0 and 1, got {alpha!r}")


def _counts(table: RiskTable) -> tuple[CountArray, CountArray]:
    """Return events and censored as arrays."""
    return np.asarray(table.events, dtype=np.int64), np.asarray(table.censored, dtype=np.int64)


def _product_limit(events: CountArray, n: CountArray) -> tuple[FloatArray, FloatArray]:
    """Return the curve and Greenwood's sum of d / (n (n - d)), 0 once the curve has ended at 0."""
    safe = np.maximum(n, 1)
    survival: FloatArray = np.cumprod(1.0 - events / safe, dtype=np.float64)
    left = np.where(n > events, n - events, 1)
    terms = np.where(n > events, events / (safe * left), 0.0)
    return survival, np.cumsum(terms)


def _log_log(survival: FloatArray, spread: FloatArray, z: float) -> tuple[FloatArray, FloatArray]:
    """Return the interval on the scale of log(-log S)."""
    inside = (survival > 0) & (survival < 1)
    safe = np.where(inside, survival, 0.5)
    width = z * np.sqrt(spread) / np.abs(np.log(safe))
    lower = np.where(inside, safe ** np.exp(width), survival)
    upper = np.where(inside, safe ** np.exp(-width), survival)
    return lower, upper


def _first_below(times: FloatArray, curve: FloatArray) -> float | None:
    """Return the first time at which a curve is at or below one half."""
    below = np.flatnonzero(curve <= 0.5 + 1e-12)
    return float(times[below[0]]) if below.size else None


def restricted_mean(
    table: RiskTable, tau: float | None = None, alpha: float = 0.05
) -> Computed[RestrictedMean]:
    """Estimate the mean time without the event up to a horizon.

    Why: it needs no assumption on the shape of the curve and reads as time ("4.1 days of the first
    10"). Rule: area under the curve up to tau; variance by the areas beyond each event.

    Args:
        table: Risk table of one arm.
        tau: Horizon in the unit of the edges; left out, the last edge.
        alpha: Two-sided error rate.

    Returns:
        The mean with its normal interval; ``no_units``, or ``tau_beyond_follow_up`` where nobody
        was watched for that long.

    Raises:
        InvalidInputError: If tau is not positive or alpha lies outside (0, 1).

    References:
        Klein, Moeschberger (2003), eq. 4.5.1-4.5.2; Tian, Zhao, Wei (2014); Uno et al. (2014).

    Examples:
        >>> table = RiskTable.from_times([2, 4, 6, 10], [True, False, True, False])
        >>> found = restricted_mean(table, tau=10)
        >>> found.value, round(found.se, 4)
        (6.5, 1.6771)
    """
    _check_alpha(alpha)
    if not table.n:
        return NotComputable("no_units")
    horizon = table.edges[-1] if tau is None else tau
    if not (math.isfinite(horizon) and horizon > 0):
        raise InvalidInputError.at("tau", f"must be positive, got {horizon!r}")
    if horizon > table.follow_up and not _has_ended(table):
        return NotComputable("tau_beyond_follow_up")
    value, variance = _area(table, horizon)
    half = critical_normal(alpha) * math.sqrt(variance)
    return RestrictedMean(value, math.sqrt(variance), value - half, value + half, horizon, table.n)


def _has_ended(table: RiskTable) -> bool:
    """Tell whether the curve has come down to 0: then it stays there at any later time."""
    last = [(e, c) for e, c in zip(table.events, table.censored, strict=True) if e or c][-1]
    return last[0] > 0 and last[1] == 0


def _area(table: RiskTable, tau: float) -> tuple[float, float]:
    """Return the area under the curve up to tau and its variance."""
    events, censored = _counts(table)
    n = count_down(events, censored)
    edges = np.asarray(table.edges)
    inside = edges <= tau
    times, d, n = edges[inside], events[inside], n[inside]
    survival, _ = _product_limit(d, n)
    widths = np.diff(np.concatenate([[0.0], times, [tau]]))
    areas = widths * np.concatenate([[1.0], survival])
    beyond = areas[::-1].cumsum()[::-1][1:]
    terms = np.where(n > d, beyond**2 * d / (np.maximum(n, 1) * np.where(n > d, n - d, 1)), 0.0)
    return float(areas.sum()), float(terms.sum())


def compare_restricted_means(
    treatment: RiskTable, control: RiskTable, tau: float | None = None, alpha: float = 0.05
) -> Computed[RestrictedMeanComparison]:
    """Compare the mean time up to a horizon between two arms.

    Args:
        treatment: Risk table of the treated arm.
        control: Risk table of control.
        tau: Horizon, fixed beforehand; left out, the smaller of the arms' follow-up.
        alpha: Two-sided error rate.

    Returns:
        Difference (treatment less control, in time: below 0 is quicker) and ratio less 1, or
        ``no_units``, ``tau_beyond_follow_up``, ``zero_variance``.

    Raises:
        InvalidInputError: If tau is not positive or alpha lies outside (0, 1).

    References:
        Royston, Parmar (2013), BMC Medical Research Methodology 13:152; Uno et al. (2014), eq. 1;
        R survRM2 ``rmst2``.

    Examples:
        >>> slow = RiskTable.from_times([4, 6, 8, 10], [True, True, True, False])
        >>> quick = RiskTable.from_times([2, 4, 6, 10], [True, True, True, False])
        >>> compare_restricted_means(quick, slow, tau=10).effect
        -1.5
    """
    _check_alpha(alpha)
    horizon = min(treatment.follow_up, control.follow_up) if tau is None else tau
    if not treatment.n or not control.n:
        return NotComputable("no_units")
    a, b = restricted_mean(treatment, horizon, alpha), restricted_mean(control, horizon, alpha)
    if isinstance(a, NotComputable):
        return a
    if isinstance(b, NotComputable):
        return b
    se = math.hypot(a.se, b.se)
    if se == 0:
        return NotComputable("zero_variance")
    effect, z = a.value - b.value, critical_normal(alpha)
    ratio, low, high, ratio_p = _compare_ratio(a, b, z)
    return RestrictedMeanComparison(
        effect=effect,
        se=se,
        ci_lower=effect - z * se,
        ci_upper=effect + z * se,
        p_value=float(two_sided_normal(effect / se)),
        log10_p=float(log10_two_sided_normal(effect / se)),
        rel_effect=ratio,
        rel_ci_lower=low,
        rel_ci_upper=high,
        rel_p_value=ratio_p,
        rel_reason=None if ratio is not None else "non_positive_mean",
        control=b,
        treatment=a,
        tau=horizon,
        alpha=alpha,
    )


def _compare_ratio(
    a: RestrictedMean, b: RestrictedMean, z: float
) -> tuple[float | None, float | None, float | None, float | None]:
    """Return ratio less 1, its interval on the log scale and the p-value that agrees with it."""
    if a.value <= 0 or b.value <= 0:
        return None, None, None, None
    logarithm = math.log(a.value / b.value)
    se = math.hypot(a.se / a.value, b.se / b.value)
    ends = math.expm1(logarithm - z * se), math.expm1(logarithm + z * se)
    return a.value / b.value - 1, ends[0], ends[1], float(two_sided_normal(logarithm / se))
