"""Whether an effect lasts: by days since exposure, among the same units at every age.

The records hold each unit's value by exposure day e and age a. They are added over e only: the
units of different days are disjoint, those of different ages are the same units again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np

from abplat.errors import InvalidInputError
from abplat.stats.comparison import Comparison, ComparisonPlan
from abplat.stats.estimator import compare
from abplat.stats.heterogeneity import read_effects
from abplat.stats.moments import FloatArray, Moments, pool_strata
from abplat.stats.result import Computed, NotComputable
from abplat.stats.tails import two_sided_normal, two_sided_t

Records = Mapping[tuple[int, int], Moments]
Pattern = Literal["steady", "fading", "growing"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectTrend:
    """A straight line through effects over time, weighted by precision.

    Attributes:
        slope: Change of the effect per unit of time.
        se: Its standard error.
        df: Degrees of freedom of its t distribution; None where the normal is used.
        p_value: Two-sided, of no change.
        first: Effect on the line at the first time.
        last: Effect on the line at the last time.
        pattern: ``fading`` (significant, and nearer to 0 at the end), ``growing`` (significant,
            and further from 0) or ``steady``.
        method: ``columns`` (times are independent) or ``days`` (one slope per exposure day).
    """

    slope: float
    se: float
    df: int | None
    p_value: float
    first: float
    last: float
    pattern: Pattern
    method: Literal["columns", "days"] = "columns"


@dataclass(frozen=True, slots=True, kw_only=True)
class NoveltyPlan:
    """How the ages of an effect are compared; fixed before the data are seen.

    Attributes:
        comparison: How the arms are compared at each age.
        scale: ``relative`` (a share of control: right for values that add up with age) or
            ``absolute``.
        last_age: Last age in days; only exposure days seen up to it are used, so that every age
            shows the same units. Left out: the oldest age that half of the units have reached.
        alpha: Error rate of the alarm.
        min_days: With so many exposure days the slope is taken day by day, which needs no
            assumption on how the ages of a unit depend on each other.
    """

    comparison: ComparisonPlan = field(default_factory=ComparisonPlan)
    scale: Literal["relative", "absolute"] = "relative"
    last_age: int | None = None
    alpha: float = 0.01
    min_days: int = 5

    def __post_init__(self) -> None:
        if self.scale not in ("relative", "absolute"):
            raise InvalidInputError.at("scale", f"must be relative or absolute, got {self.scale!r}")
        if not 0 < self.alpha < 1:
            raise InvalidInputError.at("alpha", f"must lie between 0 and 1, got {self.alpha!r}")
        if self.min_days < 3:
            raise InvalidInputError.at("min_days", f"must be at least 3, got {self.min_days!r}")


@dataclass(frozen=True, slots=True)
class AgeRow:
    """The effect at one age.

    Attributes:
        age: Days since exposure.
        result: The comparison there, or why there is none.
    """

    age: int
    result: Computed[Comparison]


@dataclass(frozen=True, slots=True, kw_only=True)
class NoveltyCheck:
    """The effect by days since exposure, and whether it lasts.

    Attributes:
        rows: One per age, all of the same units.
        days: Exposure days whose units are old enough.
        trend: The slope over the ages, or why there is none.
        alarm: Whether the effect fades: the average then promises more than is left.
        is_primacy: Whether the effect grows: the average then promises less than will come.
    """

    rows: tuple[AgeRow, ...]
    days: tuple[int, ...]
    trend: Computed[EffectTrend]
    alarm: bool
    is_primacy: bool


class _Line(NamedTuple):
    """A weighted straight line: slope, its variance, and the level at time 0."""

    slope: float
    variance: float
    level: float


def fit_trend(
    times: Sequence[float], effects: Sequence[float], ses: Sequence[float], alpha: float = 0.01
) -> Computed[EffectTrend]:
    """Fit a line through effects over time and test whether it is level.

    Why: an effect that is only curiosity is gone next month. Rule: least squares weighted by
    precision; the errors are taken as known, and the effects as independent of each other.

    Args:
        times: Time per effect, shape (k,), not all equal, such as days since exposure.
        effects: Effect per time, shape (k,).
        ses: Their standard errors, shape (k,), positive, in the unit of the effects.
        alpha: Error rate below which the line counts as a change.

    Returns:
        The line; ``too_few_ages`` for fewer than three times.

    Raises:
        InvalidInputError: If lengths differ, a number is not finite or an error not positive.

    References:
        Weighted least squares with known variances, as ``statsmodels.WLS`` with scale 1 (the
        meta-regression of Thompson, Sharp 1999, eq. 2).

    Examples:
        >>> found = fit_trend([0, 1, 2, 3], [0.4, 0.3, 0.2, 0.1], [0.02] * 4)
        >>> round(found.slope, 3), found.pattern
        (-0.1, 'fading')
    """
    effect, se = read_effects(effects, ses)
    time = np.asarray(times, dtype=np.float64)
    if time.shape != effect.shape or not np.isfinite(time).all():
        raise InvalidInputError.at("times", f"needs one finite time per effect, for {effect.size} effects")
    if np.unique(time).size < 3:
        return NotComputable("too_few_ages")
    line = _fit_line(time, effect, se)
    p_value = float(two_sided_normal(line.slope / line.variance**0.5))
    return _make_trend(line, None, p_value, (float(time.min()), float(time.max())), alpha)


def split_looks(
    effects: Sequence[float], ses: Sequence[float]
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Turn effects at successive looks into the independent effects between the looks.

    Why: a look contains all that the look before contained, so successive effects say the same
    thing again; a trend through them would count old units over and over. Rule: with information
    I = se^-2, the part new at a look is (I e - I' e') / (I - I') with variance 1 / (I - I').

    Args:
        effects: Cumulative effect at each look, shape (k,), in time order.
        ses: Their standard errors, shape (k,), which must fall from look to look.

    Returns:
        Effects and errors of the parts, shape (k,) each; the first part is the first look.

    Raises:
        InvalidInputError: If lengths differ, or an error does not fall.

    References:
        Jennison, Turnbull (2000), Group Sequential Methods, section 3.1 (canonical joint
        distribution).

    Examples:
        >>> split_looks([0.4, 0.2], [1.0, 0.5])[0]
        (0.4, 0.13333333333333333)
    """
    effect, se = read_effects(effects, ses)
    information = np.diff(se**-2.0, prepend=0.0)
    if (information <= 0).any():
        raise InvalidInputError.at("ses", "must fall from look to look")
    score = np.diff(effect * se**-2.0, prepend=0.0)
    return tuple((score / information).tolist()), tuple((information**-0.5).tolist())


def check_novelty(treatment: Records, control: Records, plan: NoveltyPlan | None = None) -> NoveltyCheck:
    """Show the effect by days since exposure and test whether it lasts.

    Why: customers try what is new, and resent what has moved; both pass. The average over an
    experiment of two weeks promises the first days' effect for ever. Rule: the same units at
    every age, weighted slope over the ages; with enough exposure days one slope per day, so that
    the dependence between the ages of a unit does not matter; alarm at 1 % where it fades.

    Args:
        treatment: Record of the treated units per (exposure day, age in days). A record holds the
            value of each unit at that age, of one day or added up to it (see ``scale``).
        control: The same for control, with the same keys.
        plan: Comparison, scale, last age, error rate.

    Returns:
        Rows by age and the trend; ``too_few_ages`` where fewer than three ages have an effect.

    Raises:
        InvalidInputError: If no record is given, or a key is not a pair of whole numbers of which
            the age is not negative.

    References:
        Kohavi, Tang, Xu (2020), Trustworthy Online Controlled Experiments, chapter 3 (novelty and
        primacy); Hohnhold, O'Brien, Tang (2015), KDD, section 3.

    Examples:
        >>> import numpy as np
        >>> rng = np.random.default_rng(3)
        >>> def arm(lift):
        ...     values = lambda a: rng.normal(1 + lift * 0.5**a, 1.0, 2000)
        ...     return {(e, a): Moments.from_values(values(a)) for e in range(6) for a in range(5)}
        >>> found = check_novelty(arm(0.5), arm(0.0))
        >>> found.alarm, found.days
        (True, (0, 1, 2, 3, 4, 5))
    """
    plan = plan or NoveltyPlan()
    _check_keys(treatment, control)
    last = _choose_last_age(treatment, control) if plan.last_age is None else plan.last_age
    days = _find_days(treatment, control, last)
    if not days:
        return NoveltyCheck(
            rows=(), days=(), trend=NotComputable("too_few_ages"), alarm=False, is_primacy=False
        )
    rows = tuple(AgeRow(age, _compare_at(treatment, control, days, age, plan)) for age in range(last + 1))
    trend = _find_trend(treatment, control, days, rows, plan)
    pattern = trend.pattern if isinstance(trend, EffectTrend) else "steady"
    return NoveltyCheck(
        rows=rows, days=days, trend=trend, alarm=pattern == "fading", is_primacy=pattern == "growing"
    )


def _check_keys(treatment: Records, control: Records) -> None:
    """Refuse records that are not keyed by exposure day and age."""
    if not treatment or not control:
        raise InvalidInputError.at("records", "need at least one per arm")
    for key in (*treatment, *control):
        is_pair = isinstance(key, tuple) and len(key) == 2
        if not is_pair or not all(isinstance(part, (int, np.integer)) for part in key) or key[1] < 0:
            raise InvalidInputError.at("records", f"need keys of exposure day and age, got {key!r}")


def _choose_last_age(treatment: Records, control: Records) -> int:
    """Return the oldest age that half of the exposed units have reached."""
    reached: dict[int, int] = {}
    for arm in (treatment, control):
        for (_, age), record in arm.items():
            reached[age] = reached.get(age, 0) + record.n
    most = max(reached.values())
    return max(age for age, n in reached.items() if 2 * n >= most)


def _find_days(treatment: Records, control: Records, last: int) -> tuple[int, ...]:
    """Return the exposure days on which every age up to the last is known in both arms."""
    days = sorted({day for day, _ in treatment})
    ages = range(last + 1)
    return tuple(day for day in days if all((day, a) in treatment and (day, a) in control for a in ages))


def _compare_at(
    treatment: Records, control: Records, days: Sequence[int], age: int, plan: NoveltyPlan
) -> Computed[Comparison]:
    """Compare the arms at one age, over several exposure days."""
    pooled = [pool_strata({str(day): arm[day, age] for day in days}) for arm in (treatment, control)]
    return compare(pooled[0], pooled[1], plan.comparison)


def _read_point(found: Computed[Comparison], plan: NoveltyPlan) -> tuple[float, float] | None:
    """Return effect and error of a comparison on the scale of the plan, or None."""
    if not isinstance(found, Comparison):
        return None
    if plan.scale == "absolute":
        return found.effect, found.se
    if found.rel_effect is None or not found.control_adjusted:
        return None
    # The error of a lift where lifts are small; the slope over ages asks for no more.
    return found.rel_effect, found.se / abs(found.control_adjusted)


def _find_trend(
    treatment: Records,
    control: Records,
    days: Sequence[int],
    rows: Sequence[AgeRow],
    plan: NoveltyPlan,
) -> Computed[EffectTrend]:
    """Find the slope over the ages: day by day where there are enough days, else over the columns."""
    points = [(row.age, point) for row in rows if (point := _read_point(row.result, plan)) is not None]
    if len(points) < 3:
        return NotComputable("too_few_ages")
    ages = [float(age) for age, _ in points]
    pooled = fit_trend(ages, [p[0] for _, p in points], [p[1] for _, p in points], plan.alpha)
    lines = _fit_days(treatment, control, days, [age for age, _ in points], plan)
    if len(lines) < plan.min_days or not isinstance(pooled, EffectTrend):
        return pooled
    slopes = np.array([line.slope for line in lines])
    weights = np.array([1.0 / line.variance for line in lines])
    slope = float(weights @ slopes / weights.sum())
    df = slopes.size - 1
    variance = float(weights @ (slopes - slope) ** 2 / (df * weights.sum()))
    if variance <= 0:
        return pooled
    level = (pooled.first + pooled.last) / 2 - slope * (ages[0] + ages[-1]) / 2
    p_value = float(two_sided_t(slope / variance**0.5, df))
    return _make_trend(_Line(slope, variance, level), df, p_value, (ages[0], ages[-1]), plan.alpha)


def _fit_days(
    treatment: Records, control: Records, days: Sequence[int], ages: Sequence[int], plan: NoveltyPlan
) -> list[_Line]:
    """Fit one line per exposure day on which every age has an effect."""
    lines = []
    for day in days:
        found = [_read_point(_compare_at(treatment, control, [day], age, plan), plan) for age in ages]
        points = [point for point in found if point is not None]
        if len(points) == len(ages):
            table = np.array(points)
            lines.append(_fit_line(np.asarray(ages, dtype=np.float64), table[:, 0], table[:, 1]))
    return lines


def _fit_line(time: FloatArray, effect: FloatArray, se: FloatArray) -> _Line:
    """Fit a line by weighted least squares."""
    weight = se**-2.0
    centre = float(weight @ time / weight.sum())
    level = float(weight @ effect / weight.sum())
    spread = float(weight @ (time - centre) ** 2)
    slope = float(weight @ ((time - centre) * effect)) / spread
    return _Line(slope, 1.0 / spread, level - slope * centre)


def _make_trend(
    line: _Line, df: int | None, p_value: float, ends: tuple[float, float], alpha: float
) -> EffectTrend:
    """Name the pattern of a line."""
    first, last = (line.level + line.slope * end for end in ends)
    moved: Pattern = "fading" if abs(last) < abs(first) else "growing"
    return EffectTrend(
        slope=line.slope,
        se=line.variance**0.5,
        df=df,
        p_value=p_value,
        first=first,
        last=last,
        pattern=moved if p_value < alpha else "steady",
        method="columns" if df is None else "days",
    )
