"""The answer to a request: sizes, weeks and what could be seen, for every kind but a time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from abplat.analysis.planning.setting import Setting
from abplat.domain.plan_answers import ArmSize, AtUnits, Gap, LookFacts, RunTimeFacts, SizeFacts, WeekFacts
from abplat.stats import NotComputable
from abplat.stats.planning import (
    Arrivals,
    Outcome,
    RunTime,
    SampleSize,
    calculate_equivalence_power,
    calculate_equivalence_size,
    calculate_mde,
    calculate_power,
    calculate_sample_size,
    expected_looks,
    look_bounds,
    plan_run_time,
)
from abplat.stats.sequential.recursion import Z_CAP

MAX_UNITS = 10**12
NO_EFFECT = NotComputable("no_effect", "Name the effect to be shown; the smallest ones by week stand below.")

TOO_FEW = NotComputable("too_few_units", "Some arm would have fewer than two units; ask about more.")


@dataclass(slots=True)
class Parts:
    """The parts of an answer as they are found."""

    size: SizeFacts | None = None
    run_time: RunTimeFacts | None = None
    at_units: AtUnits | None = None
    looks: tuple[LookFacts, ...] = ()
    weeks: tuple[WeekFacts, ...] = ()
    gaps: list[Gap] = field(default_factory=list)

    def miss(self, part: str, why: NotComputable) -> None:
        """Note that a part has no number."""
        self.gaps.append(Gap(part=part, reason=why.reason, message=why.message))


def answer_outcome(
    outcome: Outcome, setting: Setting, arrivals: Arrivals | NotComputable, n_units: int | None
) -> Parts:
    """Compute every part of an answer.

    Args:
        outcome: The metric.
        setting: The test.
        arrivals: New units by day, or why they are not known.
        n_units: Units that somebody asks about.

    Raises:
        InvalidInputError: If the effect is impossible for the metric.
    """
    parts = Parts()
    size = _size(outcome, setting)
    run_time = _run_time(size, setting, arrivals)
    if isinstance(size, NotComputable):
        parts.miss("size", size)
    else:
        parts.size = _describe_size(size, outcome, setting)
    if isinstance(run_time, NotComputable):
        parts.miss("run_time", run_time)
    else:
        parts.run_time = describe_run_time(run_time, setting)
    if n_units is not None and is_enough(n_units, setting):
        parts.at_units = _at_units(outcome, setting, n_units)
    elif n_units is not None:
        parts.miss("at_units", TOO_FEW)
    parts.looks = _looks(setting, size, run_time, arrivals)
    if isinstance(arrivals, NotComputable):
        parts.miss("weeks", arrivals)
    else:
        parts.weeks = tuple(_weeks(outcome, setting, arrivals))
    return parts


def is_enough(n_units: float, setting: Setting) -> bool:
    """Tell whether every arm would have a variance."""
    return n_units * min(setting.design.shares) >= 2


def _size(outcome: Outcome, setting: Setting) -> SampleSize | NotComputable:
    """Return the units needed."""
    if setting.effect is None:
        return NO_EFFECT
    find = calculate_equivalence_size if setting.is_equivalence else calculate_sample_size
    size = find(outcome, setting.effect, setting.design)
    if not isinstance(size, NotComputable) and size.n_units > MAX_UNITS:
        return NotComputable(
            "not_reached", f"More than {MAX_UNITS:,} units are needed; name a larger effect."
        )
    return size


def _run_time(
    size: SampleSize | NotComputable, setting: Setting, arrivals: Arrivals | NotComputable
) -> RunTime | NotComputable:
    """Return the weeks needed."""
    if isinstance(size, NotComputable):
        return size
    if isinstance(arrivals, NotComputable):
        return arrivals
    return plan_run_time(size.n_units, arrivals, setting.maturation_days)


def to_absolute(value: float | None, baseline: float, setting: Setting) -> float | None:
    """Return an effect in the unit of the metric."""
    if value is None or setting.design.scale == "absolute":
        return value
    return value * abs(baseline)


def _describe_size(size: SampleSize, outcome: Outcome, setting: Setting) -> SizeFacts:
    """Return the units as an answer shows them."""
    return SizeFacts(
        n_units=size.n_units,
        arms=split_arms(size.arm_sizes, setting),
        effect=size.effect,
        effect_absolute=to_absolute(size.effect, outcome.baseline, setting),
        power=size.power,
        inflation=size.inflation,
    )


def split_arms(sizes: Sequence[int], setting: Setting) -> tuple[ArmSize, ...]:
    """Return the units of each arm with its name."""
    named = zip(setting.arms, setting.design.shares, sizes, strict=True)
    return tuple(ArmSize(variant=arm, share=share, n_units=n) for arm, share, n in named)


def day_after(setting: Setting, days: float) -> str:
    """Return the day that many days after the start."""
    return (setting.starts_on + timedelta(days=math.ceil(round(days, 9)))).isoformat()


def describe_run_time(run_time: RunTime, setting: Setting) -> RunTimeFacts:
    """Return the weeks as an answer shows them."""
    return RunTimeFacts(
        n_weeks=run_time.n_weeks,
        entry_ends_on=day_after(setting, 7 * run_time.n_weeks),
        maturation_days=run_time.maturation_days,
        total_days=run_time.total_days,
        ends_on=day_after(setting, run_time.total_days),
        n_units=run_time.n_units,
        is_extrapolated=run_time.is_extrapolated,
    )


def _at_units(outcome: Outcome, setting: Setting, n_units: int) -> AtUnits:
    """Return what a number of units would show."""
    mde = _mde(outcome, setting, n_units)
    found = None if isinstance(mde, NotComputable) else mde
    power = _power(outcome, setting, n_units)
    return AtUnits(
        n_units=n_units,
        power=power,
        mde=found,
        mde_absolute=to_absolute(found, outcome.baseline, setting),
    )


def bounds_by_look(setting: Setting) -> list[tuple[float, float | None, float | None]]:
    """Return fraction, upper and lower bound of every planned look; a bound that nothing reaches is None."""
    bounds = look_bounds(setting.design)
    upper = [None if value >= Z_CAP else value for value in bounds.upper]
    lower = [None if value <= -Z_CAP else value for value in bounds.lower]
    return list(zip(bounds.fractions, upper, lower, strict=True))


def _looks(
    setting: Setting,
    size: SampleSize | NotComputable,
    run_time: RunTime | NotComputable,
    arrivals: Arrivals | NotComputable,
) -> tuple[LookFacts, ...]:
    """Return the planned looks, with their days where the weeks are known."""
    if setting.design.monitoring.kind == "fixed":
        return ()
    found = bounds_by_look(setting)
    days: Sequence[int | None] = [None] * len(found)
    n_units = None if isinstance(size, NotComputable) else size.n_units
    if not isinstance(run_time, NotComputable) and not isinstance(arrivals, NotComputable):
        days = expected_looks([fraction for fraction, _, _ in found], arrivals, run_time.n_weeks)
        n_units = run_time.n_units
    return tuple(
        LookFacts(
            look=place,
            fraction=fraction,
            z_upper=upper,
            z_lower=lower,
            n_units=None if n_units is None else math.ceil(round(n_units * fraction, 6)),
            on=None if day is None else day_after(setting, day + setting.maturation_days),
        )
        for place, ((fraction, upper, lower), day) in enumerate(zip(found, days, strict=True), start=1)
    )


def _weeks(outcome: Outcome, setting: Setting, arrivals: Arrivals) -> list[WeekFacts]:
    """Return what each week more would show."""
    curve = arrivals.by_week(setting.n_weeks).tolist()
    return [_week(outcome, setting, week, units) for week, units in enumerate(curve, start=1)]


def _week(outcome: Outcome, setting: Setting, week: int, units: float) -> WeekFacts:
    """Return one row."""
    mde: float | NotComputable = TOO_FEW if units >= 1 else NotComputable("no_units")
    power = None
    if is_enough(units, setting):
        mde, power = _mde(outcome, setting, units), _power(outcome, setting, units)
    found = None if isinstance(mde, NotComputable) else mde
    return WeekFacts(
        week=week,
        ends_on=day_after(setting, 7 * week + setting.maturation_days),
        n_units=int(units),
        mde=found,
        mde_absolute=to_absolute(found, outcome.baseline, setting),
        power=power,
        reason=mde.reason if isinstance(mde, NotComputable) else None,
    )


def _mde(outcome: Outcome, setting: Setting, units: float) -> float | NotComputable:
    """Return the smallest effect that shows; equivalence looks for none."""
    if setting.is_equivalence:
        return NO_EFFECT
    return calculate_mde(outcome, units, setting.design, sign=setting.sign)


def _power(outcome: Outcome, setting: Setting, units: float) -> float | None:
    """Return the chance of showing what is to be shown."""
    if setting.effect is None:
        return None
    find = calculate_equivalence_power if setting.is_equivalence else calculate_power
    return find(outcome, setting.effect, units, setting.design)
