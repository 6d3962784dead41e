"""The card of a metric: trend, noise, capping, covariate, sensitivity, and random halves."""

from __future__ import annotations

import math
from datetime import datetime

import numpy as np

from abplat import stats
from abplat.analysis.gather import gather
from abplat.analysis.gathered import Flags, FloatArray, Gathered, IntArray
from abplat.analysis.metrics import SAMPLE_KINDS, TIME_KINDS, UnitRows, arm_of, make_record, measure
from abplat.analysis.planning.entries import HISTORY_DAYS as TRAFFIC_DAYS
from abplat.analysis.planning.entries import PastSnapshot, Source, Window, last_window
from abplat.analysis.planning.history import find_entries, plan_past
from abplat.analysis.planning.subject import DAY_US, PlanSubject
from abplat.clock import format_instant, from_micros, to_micros
from abplat.config import Settings
from abplat.domain.metric_drift import find_drift
from abplat.domain.metric_history import (
    HISTORY_DAYS,
    SPLITS,
    WEEKS,
    CapEffect,
    DayRow,
    Detectable,
    MetricHistory,
    SplitCheck,
)
from abplat.domain.plans import PlanRequest
from abplat.facts.lake import Lake
from abplat.stats.planning import outcome_from_moments

CAP_QUANTILE = 0.999
ALPHA = 0.05
MAX_SPLIT_UNITS = 200_000
"""Random halves are made of so many customers at most."""
_BLOCK = 50
_Z = 1.959964


def read_metric_history(
    lake: Lake, subject: PlanSubject, request: PlanRequest, as_of: datetime, settings: Settings
) -> MetricHistory:
    """Read the last 90 days whose customers have been watched for the whole horizon.

    What a test could show is said of the traffic of the last 28 of them.

    Args:
        lake: The facts.
        subject: Whose metric it is.
        request: By which it was asked for.
        as_of: What was known then.
        settings: What the engine may use.
    """
    window = last_window(to_micros(as_of), subject.plan.horizon_us, HISTORY_DAYS)
    with PastSnapshot(lake, subject.plan.project, to_micros(as_of), settings) as snapshot:
        source, known = find_entries(snapshot, subject, request, window)
        if not snapshot.entries:
            return _nothing(subject, as_of, source, "no_history")
        plan = plan_past(subject, source)
        gathered = gather(snapshot, plan)
    if subject.metric.kind in {*TIME_KINDS, *SAMPLE_KINDS}:
        return _nothing(subject, as_of, source, "not_per_customer")
    found = measure(subject.metric, gathered, plan)
    picked = arm_of(found, gathered, 0)
    if found.reason is not None or int(picked.sum()) < 2:
        return _nothing(subject, as_of, source, found.reason or "too_few_units")
    return _describe(subject, as_of, (source, known), gathered, (found, picked))


def _nothing(subject: PlanSubject, as_of: datetime, source: Source, reason: str) -> MetricHistory:
    """Return a card without numbers."""
    return MetricHistory(
        metric=subject.metric.key,
        as_of=format_instant(as_of),
        horizon=str(subject.plan.experiment["horizon"]),
        source=source,
        window_from=None,
        window_to=None,
        n=0,
        value=None,
        variance=None,
        skewness=None,
        covariate_gain=None,
        reason=reason,
    )


def _describe(
    subject: PlanSubject,
    as_of: datetime,
    past: tuple[Source, Window],
    gathered: Gathered,
    measured: tuple[UnitRows, Flags],
) -> MetricHistory:
    """Return the card of a metric that has a number per customer."""
    (source, window), (found, picked) = past, measured
    days = (gathered.population.first_exposure - window.start_us) // DAY_US
    spread = linearise(found, picked)
    arrivals = np.bincount(days.clip(0), minlength=window.n_days).astype(float)
    rows = tuple(_day(found, picked, days, day, window.start_us) for day in np.unique(days[picked]).tolist())
    return MetricHistory(
        metric=subject.metric.key,
        as_of=format_instant(as_of),
        horizon=str(subject.plan.experiment["horizon"]),
        source=source,
        window_from=format_instant(window.start),
        window_to=format_instant(window.end),
        n=int(picked.sum()),
        value=_value(found, picked),
        variance=float(np.var(spread, ddof=1)),
        skewness=_skewness(spread),
        covariate_gain=_gain(found, picked),
        days=rows,
        drift=find_drift(rows),
        capping=_cap(found, picked),
        mde=_detect(found, picked, arrivals[-TRAFFIC_DAYS:], subject),
        false_positives=split_at_random(adjust(found, picked), seed=sum(subject.metric.key.encode())),
    )


def _value(found: UnitRows, picked: Flags) -> float | None:
    """Return the value of a metric over some customers."""
    below = float(picked.sum()) if found.denominator is None else math.fsum(found.denominator[picked])
    return math.fsum(found.values[picked]) / below if below else None


def linearise(found: UnitRows, picked: Flags) -> FloatArray:
    """Return one number per customer whose mean varies as the metric does: a ratio by the delta method."""
    values = found.values[picked]
    if found.denominator is None:
        return values
    below = found.denominator[picked]
    if not below.mean():
        return np.zeros(len(values))
    level = values.mean() / below.mean()
    return np.asarray(level + (values - level * below) / below.mean())


def adjust(found: UnitRows, picked: Flags) -> FloatArray:
    """Return the numbers less what the covariate foretells."""
    spread = linearise(found, picked)
    if found.covariate is None:
        return spread
    before = found.covariate[picked]
    scale = float(np.var(before))
    slope = float(np.cov(spread, before, ddof=0)[0, 1]) / scale if scale else 0.0
    return np.asarray(spread - slope * (before - before.mean()))


def _gain(found: UnitRows, picked: Flags) -> float | None:
    """Return the share of variance that the covariate takes away."""
    if found.covariate is None:
        return None
    whole = float(np.var(linearise(found, picked)))
    return 1 - float(np.var(adjust(found, picked))) / whole if whole else None


def _skewness(values: FloatArray) -> float | None:
    """Return the skewness of the values."""
    sd = float(values.std())
    return float(np.mean(((values - values.mean()) / sd) ** 3)) if sd else None


def _day(found: UnitRows, picked: Flags, days: IntArray, day: int, begin_us: int) -> DayRow:
    """Return the customers of one day."""
    mine = np.asarray(picked & (days == day))
    spread = linearise(found, mine)
    return DayRow(
        day=format_instant(from_micros(begin_us + day * DAY_US))[:10],
        n=int(mine.sum()),
        value=_value(found, mine),
        variance=float(np.var(spread, ddof=1)) if len(spread) > 1 else None,
    )


def _cap(found: UnitRows, picked: Flags) -> CapEffect | None:
    """Say what a cap would change; nothing of a share, or where the cap would be 0."""
    if found.kind != "mean":
        return None
    values = found.values[picked]
    chosen = stats.choose_cap({"even": values[::2], "odd": values[1::2]}, CAP_QUANTILE)
    if isinstance(chosen, stats.NotComputable):
        return None
    capped = np.minimum(values, chosen.value)
    return CapEffect(
        quantile=CAP_QUANTILE,
        cap=chosen.value,
        share_capped=chosen.share_capped,
        value=float(capped.mean()),
        variance=float(np.var(capped, ddof=1)),
    )


def _detect(
    found: UnitRows, picked: Flags, arrivals: FloatArray, subject: PlanSubject
) -> tuple[Detectable, ...]:
    """Return the smallest relative effects that tests of some weeks show."""
    outcome = outcome_from_moments(make_record(found, picked), found.kind)
    if isinstance(outcome, stats.NotComputable):
        return tuple(Detectable(weeks=week, n_units=0, mde=None, reason=outcome.reason) for week in WEEKS)
    history = stats.Arrivals(tuple(arrivals.tolist()))
    rows = stats.tabulate_mde(
        outcome, stats.Design(scale="relative"), history, max(WEEKS), subject.horizon_days
    )
    return tuple(
        Detectable(weeks=row.week, n_units=row.n_units, mde=row.mde, reason=row.reason)
        for row in rows
        if row.week in WEEKS
    )


def split_at_random(values: FloatArray, seed: int, splits: int = SPLITS) -> SplitCheck | None:
    """Divide the same customers into random halves, again and again, and count how often these differ.

    Args:
        values: One number per customer.
        seed: What the draws begin with.
        splits: How often.

    Returns:
        The share of splits that differ at 5 %, with its interval; None where nothing varies.
    """
    values = values[:MAX_SPLIT_UNITS]
    if len(values) < 4 or not values.std():
        return None
    centred, generator, rejected = values - values.mean(), np.random.default_rng(seed), 0
    for begin in range(0, splits, _BLOCK):
        halves = generator.random((min(_BLOCK, splits - begin), len(values))) < 0.5
        rejected += int(np.count_nonzero(np.abs(_welch(halves, centred)) > _Z))
    low, high = _interval(rejected, splits)
    return SplitCheck(
        splits=splits,
        alpha=ALPHA,
        n_rejected=rejected,
        rate=rejected / splits,
        ci_lower=low,
        ci_upper=high,
        is_suspicious=not low <= ALPHA <= high,
    )


def _welch(halves: Flags, values: FloatArray) -> FloatArray:
    """Return Welch's statistic of each split."""
    n, total, squares = len(values), values.sum(), float(values @ values)
    n_one = halves.sum(axis=1).clip(2, n - 2)
    one, one_squares = halves @ values, halves @ values**2
    means = one / n_one, (total - one) / (n - n_one)
    spreads = (
        (one_squares - n_one * means[0] ** 2) / (n_one - 1) / n_one,
        (squares - one_squares - (n - n_one) * means[1] ** 2) / (n - n_one - 1) / (n - n_one),
    )
    return np.asarray((means[0] - means[1]) / np.sqrt(np.maximum(spreads[0] + spreads[1], 1e-300)))


def _interval(k: int, n: int) -> tuple[float, float]:
    """Return the 99 % interval of a share (Wilson 1927): a thousand splits are to raise few false alarms."""
    z = 2.575829
    middle, half = (k + z**2 / 2) / (n + z**2), z * math.sqrt(k * (n - k) / n + z**2 / 4) / (n + z**2)
    return max(0.0, middle - half), min(1.0, middle + half)
