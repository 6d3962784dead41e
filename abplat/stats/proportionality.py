"""Whether one hazard ratio may speak for the whole curve."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from abplat.stats.log_rank import LogRank, Tables, log_rank, pair_tables
from abplat.stats.result import Computed, NotComputable
from abplat.stats.risk_table import CountArray, FloatArray, RiskTable, count_down, spread_table
from abplat.stats.tails import two_sided_normal

PROPORTIONALITY_ALARM_P: Final = 0.05
"""Below this p-value the hazard ratio changes over time and is not shown alone."""


@dataclass(frozen=True, slots=True)
class Proportionality:
    """Whether the hazard ratio is the same early and late.

    Attributes:
        code: ``non_proportional_hazards``: the name of the finding.
        alarm: Whether the p-value is below 0.05.
        p_value: Two-sided, of a constant hazard ratio.
        z: Above 0: the ratio grows, treatment's events come relatively faster later on.
        average_ratio: Hazard ratio estimated with the weights of the log-rank test.
        late_ratio: The same with Fleming-Harrington (0, 1) weights, which stress late events.
        log_rank: The log-rank test.
        late: The Fleming-Harrington (0, 1) test.
    """

    code: str
    alarm: bool
    p_value: float
    z: float
    average_ratio: float
    late_ratio: float
    log_rank: LogRank
    late: LogRank


def check_proportionality(treatment: Tables, control: Tables) -> Computed[Proportionality]:
    """Test whether the hazard ratio of two arms is constant over time.

    Why: curves that cross, or an effect that fades, can have a hazard ratio of 1. Rule: estimate
    the ratio twice, with log-rank weights and with Fleming-Harrington (0, 1) weights; if hazards
    are proportional both aim at the same number.

    Args:
        treatment: Risk table of the treated arm, or one per stratum.
        control: The same for control, same strata.

    Returns:
        The check with both tests; ``no_units``, ``no_events`` where an arm has none or there are
        no late events.

    Raises:
        InvalidInputError: If the strata differ.

    References:
        Gill, Schumacher (1987), A simple test of the proportional hazards assumption, Biometrika
        74, section 2; Fleming, Harrington (1991), section 7.2.

    Examples:
        >>> crossing = RiskTable.from_times([1, 1, 2, 2, 3, 3, 9, 30, 40, 50], [True] * 10)
        >>> other = RiskTable.from_times([2, 6, 6, 7, 7, 8, 8, 9, 10, 12], [True] * 10)
        >>> found = check_proportionality(crossing, other)
        >>> found.alarm, round(found.average_ratio, 2), round(found.late_ratio, 2)
        (True, 0.81, 0.28)
    """
    plain, late = log_rank(treatment, control), log_rank(treatment, control, gamma=1.0)
    if isinstance(plain, NotComputable):
        return plain
    if isinstance(late, NotComputable):
        return late
    parts = [_sum_up(a, b) for a, b in pair_tables(treatment, control)]
    first, second, spread = (np.sum([part[i] for part in parts], axis=0) for i in range(3))
    gap = float(second[0] * first[1] - second[1] * first[0])
    ends = np.array(
        [second[0] * second[1], -second[0] * first[1], -first[0] * second[1], first[0] * first[1]]
    )
    variance = float(ends @ spread)
    if min(first.min(), second.min(), variance) <= 0:
        return NotComputable("no_events")
    z = gap / math.sqrt(variance)
    p_value = float(two_sided_normal(z))
    return Proportionality(
        code="non_proportional_hazards",
        alarm=p_value < PROPORTIONALITY_ALARM_P,
        p_value=p_value,
        z=z,
        average_ratio=float(first[0] / first[1]),
        late_ratio=float(second[0] / second[1]),
        log_rank=plain,
        late=late,
    )


def _sum_up(a: RiskTable, b: RiskTable) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the weighted cumulative hazards of both arms for both weights, and their covariances."""
    edges = np.union1d(np.asarray(a.edges, dtype=np.float64), np.asarray(b.edges, dtype=np.float64))
    (d1, c1), (d0, c0) = spread_table(a, edges), spread_table(b, edges)
    n1, n0, d = count_down(d1, c1), count_down(d0, c0), d1 + d0
    used = (d > 0) & (n1 > 0) & (n0 > 0)
    x1, x0, n, m = (column[used].astype(np.float64) for column in (d1, d0, n1, n0))
    plain = n * m / (n + m)
    late = plain * _weigh_late(d, n1 + n0)[used]
    ones = [np.array([np.sum(k * x1 / n), np.sum(k * x0 / m)]) for k in (plain, late)]
    scale = (x1 + x0) / (n * m)
    cross = [float(np.sum(u * v * scale)) for u in (plain, late) for v in (plain, late)]
    return ones[0], ones[1], np.array(cross)


def _weigh_late(d: CountArray, n: CountArray) -> FloatArray:
    """Return one less the pooled curve just before each time: the Fleming-Harrington (0, 1) weight."""
    left = np.cumprod(1.0 - d / np.maximum(n, 1))
    return np.asarray(1.0 - np.concatenate([[1.0], left[:-1]]), dtype=np.float64)
