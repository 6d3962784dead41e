"""The maturity section of a Report: fixed horizons, what is in flight, weeks, and whether it lasts."""

from __future__ import annotations

from dataclasses import replace
from statistics import NormalDist

import msgspec
import numpy as np

from abplat import stats
from abplat.analysis.coherence import name_week, week_of
from abplat.analysis.effects import effect_alpha, plain
from abplat.analysis.gathered import Flags, FloatArray, Gathered
from abplat.analysis.journeys.results import OPEN
from abplat.analysis.lasting import check_lasting
from abplat.analysis.metrics import tabulate_risk
from abplat.analysis.plan import AnalysisPlan
from abplat.analysis.slices import Slicer, contrast, slice_primary
from abplat.analysis.tally import time_to_complete
from abplat.clock import format_instant, from_micros
from abplat.domain.report_base import Contrast
from abplat.domain.report_maturity import ArmMaturity, MaturitySection, WeekRow

MAX_WEEKS = 53
"""Of a longer experiment the last ones are shown."""


def describe_maturity(gathered: Gathered, plan: AnalysisPlan) -> MaturitySection | None:
    """Say how old the result is, what it will be, and whether the effect lasts."""
    population = gathered.population
    if not len(population):
        return None
    known = int(np.count_nonzero(gathered.mature)) / len(population)
    oldest = int(population.first_exposure.max()) + gathered.horizon_us
    slicer = slice_primary(gathered, plan)
    arms, forecast = _forecast(gathered, plan)
    weeks, tests = _by_week(gathered, plan, slicer)
    return MaturitySection(
        horizon_seconds=gathered.horizon_us / 1e6,
        share_known=known,
        all_mature_at=format_instant(from_micros(oldest)),
        arms=arms,
        forecast=forecast,
        weeks=weeks,
        weeks_p=tests,
        novelty=check_lasting(gathered, plan),
    )


def _forecast(gathered: Gathered, plan: AnalysisPlan) -> tuple[tuple[ArmMaturity, ...], tuple[Contrast, ...]]:
    """Forecast completion per arm and the difference, from everybody exposed so far.

    Kaplan-Meier over young and old customers says how many complete by the horizon; nobody is
    dropped for being young, and nobody's present state is taken for the last.
    """
    curves = [
        stats.kaplan_meier(table, plan.alpha) for table in tabulate_risk(gathered, plan, plan.journey["key"])
    ]
    known = [_is_followed(gathered, place) for place in range(len(curves))]
    ends = [
        curve if not isinstance(curve, stats.NotComputable) and followed else None
        for curve, followed in zip(curves, known, strict=True)
    ]
    arms = tuple(_describe_arm(gathered, plan, place, end) for place, end in enumerate(ends))
    return arms, tuple(
        _compare_ends(plan, place, ends[0], end) for place, end in enumerate(ends[1:], start=1)
    )


def _is_followed(gathered: Gathered, place: int) -> bool:
    """Tell whether anybody of an arm has been watched for the whole horizon."""
    return bool(gathered.arm(place).any())


def _describe_arm(
    gathered: Gathered, plan: AnalysisPlan, place: int, curve: stats.SurvivalCurve | None
) -> ArmMaturity:
    """Describe one arm."""
    mine = gathered.population.variant == place
    seconds, observed = time_to_complete(gathered, plan.journey["key"])
    expected = None if curve is None else _expect(curve, seconds[mine], observed[mine])
    return ArmMaturity(
        variant=plan.variants[place].key,
        n_exposed=int(np.count_nonzero(mine)),
        n_mature=int(np.count_nonzero(mine & gathered.mature)),
        n_open=_count_journeys(gathered, plan, mine, "open"),
        n_provisional=_count_journeys(gathered, plan, mine, "provisional"),
        n_completed=int(np.count_nonzero(observed & mine)),
        expected_completed=plain(expected),
        expected_share=None if curve is None else plain(1 - curve.survival[-1]),
        ci_lower=None if curve is None else plain(1 - curve.ci_upper[-1]),
        ci_upper=None if curve is None else plain(1 - curve.ci_lower[-1]),
        reason=None if curve is not None else "not_mature",
    )


def _expect(curve: stats.SurvivalCurve, seconds: FloatArray, observed: Flags) -> float:
    """Return the completions to expect: those seen, and the chance of each customer still watched."""
    times, survival = np.asarray(curve.times), np.asarray([1.0, *curve.survival])
    still = survival[np.searchsorted(times, seconds[~observed], side="right")]
    # Whoever passed the horizon without completing stands at its end and has no chance left.
    chance = np.where(still > 0, 1 - survival[-1] / np.where(still > 0, still, 1.0), 0.0)
    return float(np.count_nonzero(observed) + chance.sum())


def _count_journeys(gathered: Gathered, plan: AnalysisPlan, mine: Flags, what: str) -> int:
    """Count the customers with a counted journey that is open, or provisionally abandoned."""
    walked = gathered.walked[plan.journey["key"]]
    journeys = walked.journeys
    hit = walked.counted & (journeys.status == OPEN if what == "open" else journeys.provisional)
    has = np.zeros(mine.size, bool)
    has[walked.unit[hit]] = True
    return int(np.count_nonzero(has & mine))


def _compare_ends(
    plan: AnalysisPlan, place: int, control: stats.SurvivalCurve | None, curve: stats.SurvivalCurve | None
) -> Contrast:
    """Compare the shares to be expected at the horizon (Greenwood errors)."""
    key = plan.variants[place].key
    if control is None or curve is None:
        return Contrast(variant=key, reason="not_mature")
    effect = control.survival[-1] - curve.survival[-1]
    se = (control.se[-1] ** 2 + curve.se[-1] ** 2) ** 0.5
    if se <= 0:
        return Contrast(variant=key, reason="zero_variance")
    normal = NormalDist()
    half = normal.inv_cdf(1 - effect_alpha(plan.primary, plan) / 2) * se
    return Contrast(
        variant=key,
        effect=float(effect),
        ci_lower=float(effect - half),
        ci_upper=float(effect + half),
        p_value=2 * normal.cdf(-abs(effect) / se),
    )


def _by_week(
    gathered: Gathered, plan: AnalysisPlan, slicer: Slicer
) -> tuple[tuple[WeekRow, ...], tuple[Contrast, ...]]:
    """Show the primary metric by the week of the first exposure, and test whether the weeks differ."""
    week = week_of(gathered.population.first_exposure)
    found = np.unique(week)[-MAX_WEEKS:]
    code = np.where(week < found[0], -1, np.searchsorted(found, week))
    names = [name_week(each) for each in found.tolist()]
    records = dict(zip(names, slicer.add_up(code, len(names)), strict=True))
    young = np.bincount(code + 1, weights=~gathered.mature, minlength=len(names) + 1)[1:]
    mature = dict(zip(names, (young == 0).tolist(), strict=True))
    rows: list[WeekRow] = []
    tests = []
    for place in range(1, len(plan.variants)):
        breakdown = stats.break_down(
            {name: each[place] for name, each in records.items()},
            {name: each[0] for name, each in records.items()},
            stats.BreakdownPlan(comparison=replace(slicer.comparison, alpha=plan.alpha), min_units=30),
        )
        rows += [_week_row(plan.variants[place].key, row, mature[row.value[0]]) for row in breakdown.rows]
        tests.append(_test_row(plan.variants[place].key, breakdown.interaction))
    return tuple(rows), tuple(tests)


def _week_row(variant: str, row: stats.BreakdownRow, is_mature: bool) -> WeekRow:  # noqa: FBT001
    """Write the row of a week."""
    return WeekRow(
        **msgspec.structs.asdict(contrast(variant, row.result)),
        week=row.value[0],
        n_control=row.n_control,
        n_treatment=row.n_treatment,
        is_mature=is_mature,
        p_adjusted=plain(row.adjusted_p),
    )


def _test_row(variant: str, found: stats.Computed[stats.Heterogeneity]) -> Contrast:
    """Write the test whether the weeks differ."""
    if isinstance(found, stats.NotComputable):
        return Contrast(variant=variant, reason=found.reason)
    return Contrast(variant=variant, effect=plain(found.effect), p_value=plain(found.p_value))
