"""Log-rank tests from risk tables: whether two arms have the same curve."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from abplat.errors import InvalidInputError
from abplat.stats.result import Computed, NotComputable
from abplat.stats.risk_table import FloatArray, RiskTable, count_down, spread_table
from abplat.stats.tails import log10_two_sided_normal, two_sided_normal

Tables = RiskTable | Mapping[str, RiskTable]
"""One table, or one per stratum."""


@dataclass(frozen=True, slots=True)
class LogRank:
    """A (weighted, stratified) log-rank test of two arms; ``z`` > 0: events come earlier in treatment.

    Attributes:
        statistic: Chi-square with one degree of freedom: ``z`` squared.
        z: Score: above 0 where treatment has more events than expected.
        p_value: Two-sided, of equal curves.
        log10_p: Its decimal logarithm.
        observed: Weighted events in treatment.
        expected: Weighted events expected there if the curves were equal.
        variance: Variance of observed less expected.
    """

    statistic: float
    z: float
    p_value: float
    log10_p: float
    observed: float
    expected: float
    variance: float


def log_rank(treatment: Tables, control: Tables, rho: float = 0.0, gamma: float = 0.0) -> Computed[LogRank]:
    """Test whether two arms have the same curve.

    Rule: at every event time the events of treatment are held against what the units at risk let
    expect; summed over strata, weighted by S^rho (1 - S)^gamma of the pooled curve just before.

    Args:
        treatment: Risk table, or one per stratum.
        control: The same for control, same strata.
        rho: Fleming-Harrington weight; 1 stresses early differences.
        gamma: Fleming-Harrington weight; 1 stresses late differences.

    Returns:
        Chi-square on one degree of freedom, z (above 0: events come earlier in treatment) and the
        p-value; ``no_units``, or ``no_events`` where nothing can be compared.

    Raises:
        InvalidInputError: If the strata differ or a weight is negative.

    References:
        Mantel (1966); Fleming, Harrington (1991), section 7.2; Klein, Moeschberger (2003), 7.3.

    Examples:
        >>> a = RiskTable.from_times([1, 2, 3, 4], [True] * 4)
        >>> b = RiskTable.from_times([3, 5, 6, 7], [True] * 4)
        >>> round(log_rank(a, b).statistic, 4)
        4.4732
    """
    if rho < 0 or gamma < 0:
        raise InvalidInputError.at("rho", "and gamma must not be negative")
    pairs = pair_tables(treatment, control)
    if not all(sum(pair[i].n for pair in pairs) for i in (0, 1)):
        return NotComputable("no_units")
    parts = [_contrast(a, b, rho, gamma) for a, b in pairs]
    observed, expected, variance = (sum(part[i] for part in parts) for i in range(3))
    if variance <= 0:
        return NotComputable("no_events")
    z = (observed - expected) / variance**0.5
    log10_p = float(log10_two_sided_normal(z))
    return LogRank(z * z, z, float(two_sided_normal(z)), log10_p, observed, expected, variance)


def pair_tables(treatment: Tables, control: Tables) -> list[tuple[RiskTable, RiskTable]]:
    """Put the strata of two arms side by side."""
    if isinstance(treatment, RiskTable) and isinstance(control, RiskTable):
        return [(treatment, control)]
    if isinstance(treatment, RiskTable) or isinstance(control, RiskTable):
        raise InvalidInputError.at("strata", "both arms need strata, or neither")
    if set(treatment) != set(control):
        odd = ", ".join(sorted(set(treatment) ^ set(control)))
        raise InvalidInputError.at("strata", f"must be the same in both arms; look at {odd}")
    return [(treatment[key], control[key]) for key in treatment]


def _contrast(a: RiskTable, b: RiskTable, rho: float, gamma: float) -> tuple[float, float, float]:
    """Return weighted observed and expected events of treatment in one stratum, and their variance."""
    edges = np.union1d(np.asarray(a.edges, dtype=np.float64), np.asarray(b.edges, dtype=np.float64))
    (d1, c1), (d0, c0) = spread_table(a, edges), spread_table(b, edges)
    n1, n = count_down(d1, c1), count_down(d1, c1) + count_down(d0, c0)
    used = (d1 + d0 > 0) & (n > 0)
    d1, d, n1, n = d1[used], (d1 + d0)[used], n1[used], n[used]
    weight = _weigh(d, n, rho, gamma)
    share = n1 / n
    spread = d * share * (1 - share) * np.where(n > 1, (n - d) / np.maximum(n - 1, 1), 0.0)
    return (
        float(np.sum(weight * d1)),
        float(np.sum(weight * d * share)),
        float(np.sum(weight**2 * spread)),
    )


def _weigh(
    events: np.ndarray[tuple[int], np.dtype[np.int64]],
    n: np.ndarray[tuple[int], np.dtype[np.int64]],
    rho: float,
    gamma: float,
) -> FloatArray:
    """Return Fleming-Harrington weights: of the pooled curve just before each time."""
    before = np.concatenate([[1.0], np.cumprod(1.0 - events / n)[:-1]])
    return np.asarray(before**rho * (1.0 - before) ** gamma, dtype=np.float64)
