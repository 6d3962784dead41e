"""The answer for a time to complete: completions carry the information, and time brings them."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from abplat.analysis.planning.answers import (
    MAX_UNITS,
    NO_EFFECT,
    Parts,
    bounds_by_look,
    day_after,
    describe_run_time,
    split_arms,
)
from abplat.analysis.planning.setting import Setting
from abplat.domain.plan_answers import AtUnits, LookFacts, SizeFacts, WeekFacts
from abplat.stats import NotComputable
from abplat.stats.planning import (
    Arrivals,
    Design,
    EventPlan,
    PastSurvival,
    RunTime,
    count_events,
    expected_events,
    needed_drift,
    plan_events,
    power_of_events,
)

_LARGEST_RATIO = 1_000.0


def answer_time(
    past: PastSurvival, setting: Setting, arrivals: Arrivals | NotComputable, n_units: int | None
) -> Parts:
    """Compute every part of an answer, by Schoenfeld's count of events.

    Args:
        past: Share of control still open by day, up to the horizon.
        setting: The test; its effect is a hazard ratio.
        arrivals: New units by day, or why they are not known.
        n_units: Units that somebody asks about, all watched for the whole horizon.
    """
    parts = Parts()
    size = _size(past, setting)
    timing = _timing(past, setting, arrivals, size)
    if isinstance(size, NotComputable):
        parts.miss("size", size)
    else:
        parts.size = size
    if isinstance(timing, NotComputable):
        parts.miss("run_time", timing)
    else:
        parts.run_time = describe_run_time(_as_run_time(timing, arrivals), setting)
    if n_units is not None:
        parts.at_units = _at_units(past, setting, n_units)
    if isinstance(arrivals, NotComputable):
        parts.miss("weeks", arrivals)
    else:
        parts.weeks = tuple(_week(past, setting, arrivals, week) for week in range(1, setting.n_weeks + 1))
    parts.looks = _looks(past, setting, arrivals, timing)
    return parts


def _share_of_events(past: PastSurvival, hazard_ratio: float, design: Design) -> float:
    """Return the completions that one unit brings within the horizon, in control and one treatment."""
    n_days = len(past.by_day)
    control = float(past.event_share(n_days)[-1])
    treated = float(past.event_share(n_days, hazard_ratio)[-1])
    return design.shares[0] * control + design.treatment_share * treated


def _size(past: PastSurvival, setting: Setting) -> SizeFacts | NotComputable:
    """Return the completions needed, and the units that bring them once all have been watched."""
    if setting.effect is None:
        return NO_EFFECT
    events = count_events(setting.effect, setting.design)
    if isinstance(events, NotComputable):
        return events
    total = events / _share_of_events(past, setting.effect, setting.design)
    if total > MAX_UNITS:
        return NotComputable(
            "not_reached", f"More than {MAX_UNITS:,} units are needed; name a larger effect."
        )
    sizes = tuple(math.ceil(round(total * share, 6)) for share in setting.design.shares)
    plain = Design(alpha=setting.design.alpha, power=setting.design.power, sides=setting.design.sides)
    return SizeFacts(
        n_units=sum(sizes),
        arms=split_arms(sizes, setting),
        effect=setting.effect,
        effect_absolute=None,
        power=power_of_events(events, setting.effect, setting.design),
        inflation=(needed_drift(setting.design) / needed_drift(plain)) ** 2,
        n_events=events,
    )


def _timing(
    past: PastSurvival,
    setting: Setting,
    arrivals: Arrivals | NotComputable,
    size: SizeFacts | NotComputable,
) -> EventPlan | NotComputable:
    """Return when the completions are expected."""
    if isinstance(size, NotComputable):
        return size
    if isinstance(arrivals, NotComputable):
        return arrivals
    return plan_events(arrivals, past, size.effect, setting.design)


def _as_run_time(timing: EventPlan, arrivals: Arrivals | NotComputable) -> RunTime:
    """Return the weeks of entry and waiting together as a run time."""
    n_days = 0 if isinstance(arrivals, NotComputable) else len(arrivals.new_units)
    days = 7 * timing.n_weeks
    return RunTime(timing.n_weeks, 0.0, float(days), timing.n_units, days > n_days)


def _find_ratio(setting: Setting, brings: Callable[[float], float]) -> float | NotComputable:
    """Return the hazard ratio nearest to 1 that is shown, given the completions it brings."""
    from scipy.optimize import brentq  # noqa: PLC0415 - slow to import, and few calls need it

    design = setting.design
    towards = 1 if design.direction == "up" else -1
    margin = design.margin or 0.0
    share = design.treatment_share / (design.treatment_share + design.shares[0])
    needed = needed_drift(design)

    def miss(gain: float) -> float:
        """Return the drift of the completions (Schoenfeld 1981), less the one needed."""
        information = brings(math.exp(towards * gain)) * share * (1 - share)
        return (gain + margin) * math.sqrt(information) - needed

    if miss(math.log(_LARGEST_RATIO)) < 0:
        return NotComputable("not_reached", "No ratio of hazards is shown by so few completions.")
    gain = brentq(miss, -margin, math.log(_LARGEST_RATIO), xtol=1e-10)
    return math.exp(towards * float(gain))


def _at_units(past: PastSurvival, setting: Setting, n_units: int) -> AtUnits:
    """Return what a number of units would show."""

    def brings(ratio: float) -> float:
        """Return the completions of all units."""
        return n_units * _share_of_events(past, ratio, setting.design)

    mde = _find_ratio(setting, brings)
    return AtUnits(
        n_units=n_units,
        power=None if setting.effect is None else _power(brings(setting.effect), setting),
        mde=None if isinstance(mde, NotComputable) else mde,
        mde_absolute=None,
    )


def _power(events: float, setting: Setting) -> float | None:
    """Return the chance of showing the effect with so many completions."""
    if setting.effect is None or events <= 0:
        return None
    return power_of_events(events, setting.effect, setting.design)


def _week(past: PastSurvival, setting: Setting, arrivals: Arrivals, week: int) -> WeekFacts:
    """Return one row: units come in all the time, and those still open count as long as they were watched."""

    def brings(ratio: float) -> float:
        """Return the completions expected by the end of the week."""
        return float(expected_events(arrivals, past, ratio, setting.design, week)[-1])

    mde = _find_ratio(setting, brings)
    return WeekFacts(
        week=week,
        ends_on=day_after(setting, 7 * week),
        n_units=int(arrivals.by_week(week)[-1]),
        mde=None if isinstance(mde, NotComputable) else mde,
        mde_absolute=None,
        power=None if setting.effect is None else _power(brings(setting.effect), setting),
        reason=mde.reason if isinstance(mde, NotComputable) else None,
    )


def _looks(
    past: PastSurvival,
    setting: Setting,
    arrivals: Arrivals | NotComputable,
    timing: EventPlan | NotComputable,
) -> tuple[LookFacts, ...]:
    """Return the planned looks: at shares of the completions, so at the week that brings them."""
    if setting.design.monitoring.kind == "fixed":
        return ()
    found = bounds_by_look(setting)
    weeks: list[int | None] = [None] * len(found)
    if isinstance(timing, EventPlan) and isinstance(arrivals, Arrivals) and setting.effect is not None:
        curve = expected_events(arrivals, past, setting.effect, setting.design, timing.n_weeks)
        wanted = np.asarray([fraction for fraction, _, _ in found]) * timing.n_events
        weeks = (np.searchsorted(curve, wanted - 1e-9) + 1).tolist()
    return tuple(
        LookFacts(
            look=place,
            fraction=fraction,
            z_upper=upper,
            z_lower=lower,
            n_units=None,
            on=None if week is None else day_after(setting, 7 * week),
        )
        for place, ((fraction, upper, lower), week) in enumerate(zip(found, weeks, strict=True), start=1)
    )
