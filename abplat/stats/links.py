"""Where on the journey the difference arose: the total effect, shared out over the links.

Completion is a product of link rates, so its logarithm is a sum and the difference itself can be
shared out exactly. Only the reach of a stage among all exposed is a causal contrast: a later link
compares people whom the treatment itself has selected. Hence the caption.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from abplat.errors import InvalidInputError
from abplat.stats.result import Computed, NotComputable
from abplat.stats.tails import critical_normal, two_sided_normal

FloatArray = npt.NDArray[np.float64]

CAPTION: Final = "Accounting of the total effect, not the effect of changing this link alone."
"""To be shown wherever a contribution is shown."""

_MAX_SHAPLEY: Final = 12


@dataclass(frozen=True, slots=True)
class Link:
    """One link of the chain, between two consecutive required stages.

    Attributes:
        control_rate: Share of those at its start who cross it, in control; None with nobody there.
        treatment_rate: The same in treatment.
        log_ratio: Natural logarithm of treatment rate over control rate; None with a zero count.
        se: Standard error of ``log_ratio``.
        ci_lower: Interval of ``log_ratio``.
        ci_upper: Interval of ``log_ratio``.
        points: Its contribution to the difference (Shapley up to 12 links, else log-mean).
        points_se: Standard error of ``points``.
        points_ci_lower: Interval of ``points``.
        points_ci_upper: Interval of ``points``.
        points_shapley: Shapley contribution; None with more than 12 links.
        points_lmdi: Log-mean contribution; None with a zero count.
        reason: Why something above is None, a code.
    """

    control_rate: float | None
    treatment_rate: float | None
    log_ratio: float | None
    se: float | None
    ci_lower: float | None
    ci_upper: float | None
    points: float | None
    points_se: float | None
    points_ci_lower: float | None
    points_ci_upper: float | None
    points_shapley: float | None
    points_lmdi: float | None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class LinkDecomposition:
    """The total effect on completion, accounted for link by link.

    Attributes:
        control_rate: Completion in control: last stage over exposed.
        treatment_rate: The same in treatment.
        difference: Treatment less control, as a share; the points of the links add up to it.
        se: Standard error of ``difference``; None where an arm has nobody.
        ci_lower: Lower end of its interval.
        ci_upper: Upper end.
        p_value: Two-sided, of no difference.
        log_ratio: Natural logarithm of treatment rate over control rate; None with a zero count.
        log_ratio_se: Its standard error.
        links: One per link, in order.
        method: ``shapley`` or ``log_mean``: how the points were shared out.
        alpha: Error rate of the intervals.
        caption: What must be said beside every picture of it.
        reason: Why logarithms or interval are missing, a code.
    """

    control_rate: float
    treatment_rate: float
    difference: float
    se: float | None
    ci_lower: float | None
    ci_upper: float | None
    p_value: float | None
    log_ratio: float | None
    log_ratio_se: float | None
    links: tuple[Link, ...]
    method: str
    """``shapley`` or ``log_mean``: how ``points`` were shared out."""
    alpha: float
    caption: str = CAPTION
    reason: str | None = None
    """Why the logarithms or the interval are missing, a code."""


def decompose_links(
    control_counts: Sequence[int], treatment_counts: Sequence[int], alpha: float = 0.05
) -> Computed[LinkDecomposition]:
    """Account for the difference in completion link by link.

    Rule: completion C is the product of link rates r_k = n_k / n_(k-1). The log ratios of the
    links add up to ln(C_T / C_C); the points are shared out by Shapley values up to 12 links, and
    by the logarithmic mean beyond. Both sums are exact. Standard errors of points follow from the
    multinomial counts by the delta method, which the bootstrap over customers agrees with.

    Args:
        control_counts: Exposed, then customers reaching each required stage: never increasing.
        treatment_counts: The same for treatment.
        alpha: Two-sided error rate of the intervals.

    Returns:
        Rates, log ratios and points per link, as shares (0.01 is one point). What a zero count
        leaves undefined is None with the reason ``empty_link``; ``no_units`` for an empty arm.

    Raises:
        InvalidInputError: If lengths differ, no link is given, a count is not a whole number, or
            counts increase.

    References:
        Ang (2004), Energy Policy 32 (log-mean index); Shorrocks (2013), J. Economic Inequality 11
        (Shapley decomposition).

    Examples:
        >>> found = decompose_links([1000, 200, 100], [1000, 400, 140])
        >>> [round(link.points, 3) for link in found.links]
        [0.085, -0.045]
    """
    control, treatment = read_chains(control_counts, treatment_counts, alpha)
    if not control[0] or not treatment[0]:
        return NotComputable("no_units")
    z = critical_normal(alpha)
    whole = _compare_totals(control, treatment)
    n_links = control.size - 1
    logs = _log_ratios(control, treatment)
    method = "shapley" if n_links <= _MAX_SHAPLEY else "log_mean"
    shapley = _share_by_shapley(_rates(control), _rates(treatment)) if method == "shapley" else None
    log_mean = None if logs is None else _log_mean(whole.control_rate, whole.treatment_rate) * logs
    points = shapley if shapley is not None else log_mean
    ses = _point_errors(control, treatment, method) if points is not None else None
    links = tuple(
        _describe(k, (control, treatment), points, ses, (shapley, log_mean), z) for k in range(n_links)
    )
    has_logs = control[-1] > 0 and treatment[-1] > 0
    return LinkDecomposition(
        control_rate=whole.control_rate,
        treatment_rate=whole.treatment_rate,
        difference=whole.difference,
        se=whole.se,
        ci_lower=None if whole.se is None else whole.difference - z * whole.se,
        ci_upper=None if whole.se is None else whole.difference + z * whole.se,
        p_value=None if whole.se is None else float(two_sided_normal(whole.difference / whole.se)),
        log_ratio=math.log(whole.treatment_rate / whole.control_rate) if has_logs else None,
        log_ratio_se=_log_error(control, treatment) if has_logs else None,
        links=links,
        method=method,
        alpha=alpha,
        reason=None if has_logs else "empty_link",
    )


def read_chains(
    control: Sequence[int], treatment: Sequence[int], alpha: float
) -> tuple[FloatArray, FloatArray]:
    """Check two chains of counts."""
    if not 0 < alpha < 1:
        raise InvalidInputError.at("alpha", f"must lie between 0 and 1, got {alpha!r}")
    if len(control) != len(treatment) or len(control) < 2:
        raise InvalidInputError.at("counts", "need the same length in both arms, and at least one link")
    for name, counts in (("control_counts", control), ("treatment_counts", treatment)):
        for i, count in enumerate(counts):
            if isinstance(count, bool) or not isinstance(count, (int, np.integer)) or count < 0:
                message = f"must be a whole number, not negative, got {count!r}"
                raise InvalidInputError.at(f"{name}[{i}]", message)
            if i and count > counts[i - 1]:
                message = f"must not be larger than the stage before, got {count} after {counts[i - 1]}"
                raise InvalidInputError.at(f"{name}[{i}]", message)
    return np.asarray(control, dtype=np.float64), np.asarray(treatment, dtype=np.float64)


@dataclass(frozen=True, slots=True)
class _Totals:
    """Completion in both arms and their difference."""

    control_rate: float
    treatment_rate: float
    difference: float
    se: float | None


def _compare_totals(control: FloatArray, treatment: FloatArray) -> _Totals:
    """Compare completion between the arms."""
    c, t = float(control[-1] / control[0]), float(treatment[-1] / treatment[0])
    variance = c * (1 - c) / control[0] + t * (1 - t) / treatment[0]
    return _Totals(c, t, t - c, math.sqrt(variance) if variance > 0 else None)


def _rates(counts: FloatArray) -> FloatArray:
    """Return the rate of each link; 0 where nobody arrived at its start."""
    return np.divide(counts[1:], counts[:-1], out=np.zeros(counts.size - 1), where=counts[:-1] > 0)


def _log_ratios(control: FloatArray, treatment: FloatArray) -> FloatArray | None:
    """Return the log ratio of each link; None where a count is zero."""
    if control[-1] == 0 or treatment[-1] == 0:
        return None
    return np.asarray(np.log(_rates(treatment) / _rates(control)))


def _log_error(control: FloatArray, treatment: FloatArray) -> float:
    """Return the standard error of the log ratio of completion."""
    return math.sqrt(sum(1 / n[-1] - 1 / n[0] for n in (control, treatment)))


def _log_mean(a: float, b: float) -> float:
    """Return the logarithmic mean of two positive numbers.

    The mean of equal numbers is that number; near equality a series keeps the digits.
    """
    gap = math.log(b / a)
    if abs(gap) < 1e-4:
        return math.sqrt(a * b) * (1 + gap * gap / 24)
    return (b - a) / gap


def _share_by_shapley(control: FloatArray, treatment: FloatArray) -> FloatArray:
    """Share the difference of two products over their factors (Shorrocks 2013).

    A link's share averages its step over all orders of changing the links. For the others only the
    number already changed matters, so the products are gathered in a polynomial instead of 2^K terms.
    """
    k = control.size
    ways = np.array([math.factorial(s) * math.factorial(k - s - 1) / math.factorial(k) for s in range(k)])
    shares = np.empty(k)
    for i in range(k):
        by_size = np.array([1.0])
        for j in range(k):
            if j != i:
                by_size = np.convolve(by_size, [control[j], treatment[j]])
        shares[i] = (treatment[i] - control[i]) * float(ways @ by_size)
    return shares


def share_products(control: FloatArray, treatment: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Share many differences of two products over their factors at once.

    Args:
        control: Factors, shape (draws, factors).
        treatment: The same for treatment.

    Returns:
        The differences, shape (draws,), and the Shapley share of each factor, shape (draws, factors).
    """
    k = control.shape[1]
    ways = np.array([math.factorial(s) * math.factorial(k - s - 1) / math.factorial(k) for s in range(k)])
    shares = np.empty_like(control)
    for i in range(k):
        by_size = np.zeros((len(control), k))
        by_size[:, 0] = 1.0
        for j in range(k):
            if j != i:
                grown = by_size * control[:, j : j + 1]
                grown[:, 1:] += by_size[:, :-1] * treatment[:, j : j + 1]
                by_size = grown
        shares[:, i] = (treatment[:, i] - control[:, i]) * (by_size @ ways)
    return treatment.prod(axis=1) - control.prod(axis=1), shares


def _share_by_log_mean(control: FloatArray, treatment: FloatArray) -> FloatArray:
    """Share the difference of two products over their factors by the logarithmic mean."""
    mean = _log_mean(float(control.prod()), float(treatment.prod()))
    return np.asarray(mean * np.log(treatment / control))


def _point_errors(control: FloatArray, treatment: FloatArray, method: str) -> FloatArray:
    """Return standard errors of the points: delta method over independent link rates.

    Given the counts at its start a link is binomial, and links of one arm are uncorrelated; the
    multinomial delta method reduces to this sum.
    """
    rates = [_rates(control), _rates(treatment)]
    variance = np.zeros(control.size - 1)
    for arm, counts in enumerate((control, treatment)):
        for k in range(control.size - 1):
            if counts[k] == 0:
                continue
            rate = rates[arm][k]
            spread = rate * (1 - rate) / counts[k]
            variance += _slope(method, rates, arm, k) ** 2 * spread
    return np.sqrt(variance)


def _slope(method: str, rates: list[FloatArray], arm: int, k: int) -> FloatArray:
    """Differentiate the points of all links by one rate; Shapley shares are linear in each."""
    rate, step = rates[arm][k], 1e-6 * rates[arm][k]
    ends = (0.0, 1.0) if method == "shapley" else (rate - step, rate + step)
    share = _share_by_shapley if method == "shapley" else _share_by_log_mean
    values = []
    for end in ends:
        moved = [r.copy() for r in rates]
        moved[arm][k] = end
        values.append(share(moved[0], moved[1]))
    return np.asarray((values[1] - values[0]) / (ends[1] - ends[0]))


def _describe(
    k: int,
    counts: tuple[FloatArray, FloatArray],
    points: FloatArray | None,
    ses: FloatArray | None,
    shares: tuple[FloatArray | None, FloatArray | None],
    z: float,
) -> Link:
    """Lay out one link."""
    control, treatment = counts
    log_ratio, se = _log_link(k, control, treatment)
    point = None if points is None else float(points[k])
    error = None if ses is None or ses[k] == 0 else float(ses[k])
    return Link(
        control_rate=float(control[k + 1] / control[k]) if control[k] else None,
        treatment_rate=float(treatment[k + 1] / treatment[k]) if treatment[k] else None,
        log_ratio=log_ratio,
        se=se,
        ci_lower=None if log_ratio is None or se is None else log_ratio - z * se,
        ci_upper=None if log_ratio is None or se is None else log_ratio + z * se,
        points=point,
        points_se=error,
        points_ci_lower=point - z * error if point is not None and error is not None else None,
        points_ci_upper=point + z * error if point is not None and error is not None else None,
        points_shapley=None if shares[0] is None else float(shares[0][k]),
        points_lmdi=None if shares[1] is None else float(shares[1][k]),
        reason="empty_link" if log_ratio is None else "zero_variance" if error is None else None,
    )


def _log_link(k: int, control: FloatArray, treatment: FloatArray) -> tuple[float | None, float | None]:
    """Return the log ratio of one link and its standard error."""
    if control[k + 1] == 0 or treatment[k + 1] == 0:
        return None, None
    ratio = float((treatment[k + 1] / treatment[k]) / (control[k + 1] / control[k]))
    return math.log(ratio), math.sqrt(sum(1 / n[k + 1] - 1 / n[k] for n in (control, treatment)))
