"""Time to event from risk tables: Kaplan-Meier, restricted mean time, log-rank."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from abplat.stats.result import Computed


@dataclass(frozen=True, slots=True)
class RiskTable:
    """Counts per time bin, from which everything about time to event follows; addable.

    Attributes:
        edges: Right end of each bin, increasing, not negative. A time in (previous edge, edge]
            counts as happening at the edge; the first bin includes 0.
        events: Units whose event fell into the bin.
        censored: Units last seen without the event in the bin; they are at risk for its events.
    """

    edges: tuple[float, ...]
    events: tuple[int, ...]
    censored: tuple[int, ...]

    @classmethod
    def from_times(
        cls,
        times: Sequence[float],
        observed: Sequence[bool],
        tau: float | None = None,
        n_bins: int | None = None,
    ) -> RiskTable:
        """Count times into bins: exact (one bin per distinct time) unless ``n_bins`` is given."""
        raise NotImplementedError

    def __add__(self, other: RiskTable) -> RiskTable:
        raise NotImplementedError


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
    """Mean time without the event up to tau: the area under the curve."""

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


@dataclass(frozen=True, slots=True)
class LogRank:
    """A (weighted, stratified) log-rank test of two arms; ``z`` > 0: events come earlier in treatment."""

    statistic: float
    z: float
    p_value: float
    log10_p: float
    observed: float
    expected: float
    variance: float


Tables = RiskTable | Mapping[str, RiskTable]


def kaplan_meier(table: RiskTable, alpha: float = 0.05) -> Computed[SurvivalCurve]:
    """Estimate the share still open over time when some units are still open."""
    raise NotImplementedError


def restricted_mean(table: RiskTable, tau: float | None = None, alpha: float = 0.05) -> Computed[RestrictedMean]:
    """Estimate the mean time up to tau; ``tau`` None: the last edge."""
    raise NotImplementedError


def compare_restricted_means(
    treatment: RiskTable, control: RiskTable, tau: float | None = None, alpha: float = 0.05
) -> Computed[RestrictedMeanComparison]:
    """Compare the mean time up to tau between two arms."""
    raise NotImplementedError


def log_rank(treatment: Tables, control: Tables, rho: float = 0.0, gamma: float = 0.0) -> Computed[LogRank]:
    """Test whether two arms have the same curve; a mapping of tables stratifies."""
    raise NotImplementedError
