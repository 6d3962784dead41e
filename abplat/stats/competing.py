"""Competing ends: a journey that is cancelled, or handed over, can no longer be completed.

Taking such an end for "still open" (censoring it) answers a question about a world without
cancellations. The cumulative incidence of Aalen and Johansen answers the one that was asked: the
share of all starters that has completed, cancelled, ... by each time.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from abplat.errors import InvalidInputError
from abplat.stats.assembly import assemble
from abplat.stats.comparison import Comparison, ComparisonPlan
from abplat.stats.kernel import Estimate
from abplat.stats.result import Computed, NotComputable
from abplat.stats.risk_table import CountArray, FloatArray, RiskTable, count_down
from abplat.stats.tails import critical_normal


@dataclass(frozen=True, slots=True)
class CauseTable:
    """Counts per time bin with events split by how it ended; addable.

    Attributes:
        edges: Right end of each bin, as in ``RiskTable``.
        events: Per cause the units that ended so in the bin.
        censored: Units last seen still open in the bin.

    Raises:
        InvalidInputError: As for ``RiskTable``, and if there is no cause.

    Examples:
        >>> table = CauseTable((1.0, 2.0), {"done": (1, 1), "cancelled": (0, 1)}, (0, 1))
        >>> table.n
        4
    """

    edges: tuple[float, ...]
    events: Mapping[str, tuple[int, ...]]
    censored: tuple[int, ...]

    def __post_init__(self) -> None:
        if not self.events:
            raise InvalidInputError.at("events", "needs at least one cause")
        for counts in self.events.values():
            RiskTable(self.edges, counts, self.censored)

    @classmethod
    def from_times(cls, times: npt.ArrayLike, causes: npt.ArrayLike, tau: float | None = None) -> CauseTable:
        """Count times into one bin per distinct time.

        Args:
            times: Time to the end or to last sight per unit, shape (n,), not negative.
            causes: How it ended, shape (n,), a name; an empty name for a unit still open.
            tau: Horizon: a later time is censored at tau.

        Returns:
            The table.

        Raises:
            InvalidInputError: As for ``RiskTable.from_times``, and where nothing ended.

        Examples:
            >>> CauseTable.from_times([1, 2, 3], ["done", "", "cancelled"]).censored
            (0, 1, 0)
        """
        ends = np.asarray(causes, dtype=str)
        names = sorted(set(ends.tolist()) - {""})
        if not names:
            raise InvalidInputError.at("causes", "name no end at all")
        whole = RiskTable.from_times(times, ends != "", tau)
        time = np.asarray(times, dtype=np.float64)
        events = {}
        for name in names:
            rows = (ends == name) & (time <= (math.inf if tau is None else tau))
            place = np.searchsorted(np.asarray(whole.edges), time[rows])
            events[name] = tuple(np.bincount(place, minlength=len(whole.edges)).tolist())
        return cls(whole.edges, events, whole.censored)

    def __add__(self, other: CauseTable) -> CauseTable:
        """Add the counts of disjoint units, on the union of edges and of causes."""
        if not isinstance(other, CauseTable):
            return NotImplemented
        names = sorted({*self.events, *other.events})
        sums = {name: self.cause(name) + other.cause(name) for name in names}
        whole = next(iter(sums.values()))
        return CauseTable(whole.edges, {name: table.events for name, table in sums.items()}, whole.censored)

    def cause(self, name: str) -> RiskTable:
        """Return the counts of one cause with the censored; the other causes are left out."""
        return RiskTable(self.edges, self.events.get(name, (0,) * len(self.edges)), self.censored)

    def any_cause(self) -> RiskTable:
        """Return the table of ending at all."""
        total = np.sum(list(self.events.values()), axis=0)
        return RiskTable(self.edges, tuple(total.tolist()), self.censored)

    @property
    def n(self) -> int:
        """Units."""
        return self.any_cause().n


@dataclass(frozen=True, slots=True)
class CumulativeIncidence:
    """The share that has ended in one way by each time (Aalen-Johansen), with intervals.

    Attributes:
        cause: How it ended.
        times: Times at which something happened.
        incidence: Share ended in this way up to and including each time.
        se: Standard error.
        ci_lower: Lower end, on the scale of log(-log).
        ci_upper: Upper end.
        n: Units.
        alpha: Error rate of the intervals.
    """

    cause: str
    times: tuple[float, ...]
    incidence: tuple[float, ...]
    se: tuple[float, ...]
    ci_lower: tuple[float, ...]
    ci_upper: tuple[float, ...]
    n: int
    alpha: float


def cumulative_incidence(table: CauseTable, cause: str, alpha: float = 0.05) -> Computed[CumulativeIncidence]:
    """Estimate the share that has ended in one way over time, when it can end in others.

    Rule: at each time, the share still open just before times the chance of this end; summed. The
    causes and the share still open add up to 1 at every time. Variance by the delta method.

    Args:
        table: Counts of one arm, events split by cause.
        cause: The end of interest.
        alpha: Two-sided error rate of the pointwise intervals.

    Returns:
        The curve; ``no_units`` where the table is empty.

    Raises:
        InvalidInputError: If the table knows no such cause or alpha lies outside (0, 1).

    References:
        Aalen, Johansen (1978); Marubini, Valsecchi (1995), chapter 10 (variance);
        ``statsmodels.duration.survfunc.CumIncidenceRight``.

    Examples:
        >>> table = CauseTable.from_times([1, 2, 3, 4], ["done", "cancelled", "done", ""])
        >>> cumulative_incidence(table, "done").incidence
        (0.25, 0.25, 0.5, 0.5)
    """
    if not 0 < alpha < 1:
        raise InvalidInputError.at("alpha", f"must lie between 0 and 1, got {alpha!r}")
    if cause not in table.events:
        raise InvalidInputError.at("cause", f"is not one of {', '.join(table.events)}, got {cause!r}")
    if not table.n:
        return NotComputable("no_units")
    times, curve, variance = _curve(table, cause)
    lower, upper = _log_log(curve, np.sqrt(variance), critical_normal(alpha))
    return CumulativeIncidence(
        cause=cause,
        times=tuple(times.tolist()),
        incidence=tuple(curve.tolist()),
        se=tuple(np.sqrt(variance).tolist()),
        ci_lower=tuple(lower.tolist()),
        ci_upper=tuple(upper.tolist()),
        n=table.n,
        alpha=alpha,
    )


def _curve(table: CauseTable, cause: str) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return times, incidence and variance at every time where something happened."""
    whole = table.any_cause()
    d, c = np.asarray(whole.events, dtype=np.int64), np.asarray(whole.censored, dtype=np.int64)
    used = (d > 0) | (c > 0)
    n = count_down(d, c)[used]
    d, mine = d[used], np.asarray(table.events[cause], dtype=np.int64)[used]
    before = np.concatenate([[1.0], np.cumprod(1.0 - d / n)[:-1]])
    curve = np.cumsum(before * mine / n)
    times = np.asarray(whole.edges, dtype=np.float64)[used]
    return times, curve, _spread(d, mine, n, before, curve)


def _spread(
    d: CountArray, mine: CountArray, n: CountArray, before: FloatArray, curve: FloatArray
) -> FloatArray:
    """Return the variance of the incidence at each time (Marubini, Valsecchi 1995, chapter 10)."""
    ended = np.where(n > d, d / (n * np.where(n > d, n - d, 1.0)), 0.0)
    own = before**2 * (n - mine) * mine / n.astype(np.float64) ** 3
    both = before * mine / n.astype(np.float64) ** 2
    square = curve**2 * np.cumsum(ended) - 2 * curve * np.cumsum(curve * ended) + np.cumsum(curve**2 * ended)
    mixed = curve * np.cumsum(both) - np.cumsum(curve * both)
    return np.asarray(np.maximum(square + np.cumsum(own) - 2 * mixed, 0.0), dtype=np.float64)


def _log_log(curve: FloatArray, se: FloatArray, z: float) -> tuple[FloatArray, FloatArray]:
    """Return the interval on the scale of log(-log I), which stays inside 0 and 1."""
    inside = (curve > 0) & (curve < 1)
    safe = np.where(inside, curve, 0.5)
    width = z * se / np.abs(safe * np.log(safe))
    return np.where(inside, safe ** np.exp(width), curve), np.where(inside, safe ** np.exp(-width), curve)


def compare_incidence(
    treatment: CauseTable, control: CauseTable, cause: str, tau: float, plan: ComparisonPlan | None = None
) -> Computed[Comparison]:
    """Compare the share that has ended in one way by a horizon.

    Args:
        treatment: Counts of the treated arm.
        control: Counts of control.
        cause: The end of interest.
        tau: Horizon, fixed beforehand.
        plan: Error rate and the kind of relative interval.

    Returns:
        Difference of shares in the shape of every comparison; ``no_units``, ``zero_variance``, or
        ``tau_beyond_follow_up`` where units are open and nobody was watched until tau.

    Raises:
        InvalidInputError: If tau is not positive or no arm knows the cause.

    References:
        Aalen, Johansen (1978); Fieller (1954) for the relative effect.

    Examples:
        >>> quick = CauseTable.from_times([1, 2, 3, 9], ["done", "done", "done", ""])
        >>> slow = CauseTable.from_times([1, 2, 3, 9], ["done", "lost", "lost", ""])
        >>> compare_incidence(quick, slow, "done", 5.0).effect
        0.5
    """
    if not (math.isfinite(tau) and tau > 0):
        raise InvalidInputError.at("tau", f"must be positive, got {tau!r}")
    if cause not in treatment.events and cause not in control.events:
        raise InvalidInputError.at("cause", f"is known to neither arm, got {cause!r}")
    points = []
    for arm in (treatment, control):
        point = _read_at(arm, cause, tau)
        if isinstance(point, NotComputable):
            return point
        points.append(point)
    (a, v_a), (b, v_b) = points
    found = Estimate(
        effect=a - b,
        variance=v_a + v_b,
        magnitude=v_a + v_b,
        df=float(treatment.n + control.n - 2),
        control=b,
        treatment=a,
        control_adjusted=b,
        treatment_adjusted=a,
        baseline=b,
        baseline_variance=v_b,
        baseline_covariance=-v_b,
        theta=[],
        n_treatment=treatment.n,
        n_control=control.n,
    )
    compared = assemble(found, replace(plan or ComparisonPlan(), reference="normal"), ())
    return replace(compared, method="aalen_johansen") if isinstance(compared, Comparison) else compared


def _read_at(table: CauseTable, cause: str, tau: float) -> Computed[tuple[float, float]]:
    """Return incidence and variance at a horizon."""
    whole = table.any_cause()
    if not whole.n:
        return NotComputable("no_units")
    if tau > whole.follow_up and any(whole.censored):
        return NotComputable("tau_beyond_follow_up")
    known = (
        table
        if cause in table.events
        else replace(table, events={**table.events, cause: (0,) * len(table.edges)})
    )
    times, curve, variance = _curve(known, cause)
    place = int(np.searchsorted(times, tau, side="right")) - 1
    return (float(curve[place]), float(variance[place])) if place >= 0 else (0.0, 0.0)
