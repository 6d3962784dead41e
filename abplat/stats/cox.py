"""The hazard ratio of two arms (Cox), from risk tables alone.

It sums the whole curve up in one number, which is honest only if that number is the same all
along: the result carries the proportionality check and says so where it fails.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from abplat.errors import InvalidInputError
from abplat.stats.log_rank import Tables, pair_tables
from abplat.stats.proportionality import Proportionality, check_proportionality
from abplat.stats.result import Computed, NotComputable
from abplat.stats.risk_table import CountArray, FloatArray, RiskTable, count_down, spread_table
from abplat.stats.tails import critical_normal, log10_two_sided_normal, two_sided_normal

Ties = Literal["efron", "breslow"]

_MAX_STEPS: Final = 50
_LARGEST: Final = 20.0


@dataclass(frozen=True, slots=True)
class CoxFit:
    """The hazard ratio of treatment against control.

    Attributes:
        log_hazard_ratio: Above 0: events come faster in treatment.
        se: Its standard error.
        hazard_ratio: Its exponential.
        ci_lower: Lower end of the interval of the hazard ratio.
        ci_upper: Upper end.
        p_value: Two-sided (Wald).
        log10_p: Its decimal logarithm.
        ties: How events at one time were handled.
        n_events: Events of both arms.
        proportionality: Whether one number may speak for the whole curve; None where the check
            cannot be made.
        flags: ``non_proportional_hazards`` where it may not.
        alpha: Error rate of the interval.
    """

    log_hazard_ratio: float
    se: float
    hazard_ratio: float
    ci_lower: float
    ci_upper: float
    p_value: float
    log10_p: float
    ties: str
    n_events: int
    proportionality: Proportionality | None
    flags: tuple[str, ...]
    alpha: float


def fit_cox(
    treatment: Tables, control: Tables, ties: Ties = "efron", alpha: float = 0.05
) -> Computed[CoxFit]:
    """Estimate the hazard ratio of two arms by partial likelihood.

    Rule: at each event time, the chance that the events fell into the arms as they did, given who
    was at risk; Newton's steps to machine precision, for loose tolerances leave a small
    coefficient wrong in its third digit. Strata have their own time courses and share the ratio.

    Args:
        treatment: Risk table of the treated arm, or one per stratum.
        control: The same for control, same strata.
        ties: ``efron`` (default) or ``breslow``.
        alpha: Two-sided error rate.

    Returns:
        The ratio with the proportionality check; ``no_units``, ``no_events`` where an arm has none,
        ``not_converged`` where the data set no bound to the ratio.

    Raises:
        InvalidInputError: If the strata differ, alpha lies outside (0, 1) or ``ties`` is unknown.

    References:
        Cox (1972); Efron (1977), JASA 72 (ties); Klein, Moeschberger (2003), eq. 8.4.2;
        R survival ``coxph``.

    Examples:
        >>> quick = RiskTable.from_times([1, 2, 3, 4, 6], [True] * 5)
        >>> slow = RiskTable.from_times([2, 5, 6, 7, 9], [True] * 5)
        >>> round(fit_cox(quick, slow).hazard_ratio, 3)
        3.453
    """
    if not 0 < alpha < 1:
        raise InvalidInputError.at("alpha", f"must lie between 0 and 1, got {alpha!r}")
    if ties not in ("efron", "breslow"):
        raise InvalidInputError.at("ties", f"must be efron or breslow, got {ties!r}")
    pairs = pair_tables(treatment, control)
    if not all(sum(pair[i].n for pair in pairs) for i in (0, 1)):
        return NotComputable("no_units")
    if not all(sum(sum(pair[i].events) for pair in pairs) for i in (0, 1)):
        return NotComputable("no_events")
    risks = [_lay_terms(a, b, ties) for a, b in pairs]
    first, rest = (np.concatenate([risk[i] for risk in risks]) for i in (0, 1))
    seen = float(sum(sum(a.events) for a, _ in pairs))
    found = _climb(first, rest, seen)
    if isinstance(found, NotComputable):
        return found
    return _lay_out(found, check_proportionality(treatment, control), int(first.size), ties, alpha)


def _lay_out(
    found: tuple[float, float], check: Computed[Proportionality], n_events: int, ties: str, alpha: float
) -> CoxFit:
    """Lay coefficient, error and check into the public shape."""
    beta, se = found
    known = None if isinstance(check, NotComputable) else check
    z, half = beta / se, critical_normal(alpha) * se
    return CoxFit(
        log_hazard_ratio=beta,
        se=se,
        hazard_ratio=math.exp(beta),
        ci_lower=math.exp(beta - half),
        ci_upper=math.exp(beta + half),
        p_value=float(two_sided_normal(z)),
        log10_p=float(log10_two_sided_normal(z)),
        ties=ties,
        n_events=n_events,
        proportionality=known,
        flags=(known.code,) if known is not None and known.alarm else (),
        alpha=alpha,
    )


def _lay_terms(a: RiskTable, b: RiskTable, ties: str) -> tuple[FloatArray, FloatArray]:
    """Return per event the units at risk in treatment and in control, tied events partly gone."""
    edges = np.union1d(np.asarray(a.edges, dtype=np.float64), np.asarray(b.edges, dtype=np.float64))
    (d1, c1), (d0, c0) = spread_table(a, edges), spread_table(b, edges)
    n1, n0 = count_down(d1, c1), count_down(d0, c0)
    d = d1 + d0
    gone = _share_gone(d) if ties == "efron" else np.zeros(int(d.sum()))
    return np.repeat(n1, d) - gone * np.repeat(d1, d), np.repeat(n0, d) - gone * np.repeat(d0, d)


def _share_gone(events: CountArray) -> FloatArray:
    """Return 0, 1/d, 2/d, ... for the d events of each time (Efron)."""
    size = np.repeat(events, events)
    start = np.repeat(np.cumsum(events) - events, events)
    return np.asarray((np.arange(size.size) - start) / np.maximum(size, 1), dtype=np.float64)


def _climb(first: FloatArray, rest: FloatArray, seen: float) -> Computed[tuple[float, float]]:
    """Find the coefficient by Newton's steps, each at most 1, and its standard error."""
    beta, left = 0.0, _MAX_STEPS
    while True:
        share = first * math.exp(beta) / (first * math.exp(beta) + rest)
        information = float(np.sum(share * (1 - share)))
        if information <= 1e-12 or abs(beta) > _LARGEST or not left:
            return NotComputable("not_converged")
        step = (seen - float(share.sum())) / information
        beta += max(-1.0, min(1.0, step))
        left -= 1
        if abs(step) <= 1e-11 * max(1.0, abs(beta)):
            return beta, 1 / math.sqrt(information)
