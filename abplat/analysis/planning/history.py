"""What the past says of a metric: its control value, its noise and how fast new customers come."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from functools import reduce
from operator import add

import numpy as np

from abplat import stats
from abplat.analysis.gather import gather
from abplat.analysis.gathered import Gathered
from abplat.analysis.metrics import (
    SAMPLE_KINDS,
    TIME_KINDS,
    UnitRows,
    arm_of,
    make_record,
    measure,
    tabulate_metric,
)
from abplat.analysis.metrics.rows import find_shift, make_records
from abplat.analysis.plan import AnalysisPlan, PlannedVariant
from abplat.analysis.planning.entries import PSEUDO_VARIANT, PastSnapshot, Source, Window, last_window
from abplat.analysis.planning.subject import DAY_US, PlanSubject
from abplat.clock import format_instant, from_micros, to_micros
from abplat.config import Settings
from abplat.domain.plans import PlanRequest
from abplat.facts.lake import Lake
from abplat.stats import NotComputable
from abplat.stats.planning import Outcome, PastSurvival, outcome_from_moments

_PSEUDO_VARIANTS = (PlannedVariant(PSEUDO_VARIANT, PSEUDO_VARIANT, 10_000),)


@dataclass(frozen=True, slots=True)
class Measured:
    """The metric in control: an outcome, or for a time the curve of those still open."""

    outcome: Outcome | None = None
    survival: PastSurvival | None = None
    variance_kept: float = 1.0
    kind: str = "mean"


@dataclass(frozen=True, slots=True)
class History:
    """The days that stand for the future.

    Attributes:
        source: What stands for the exposures.
        window: The days.
        new_units: Units that came in on each day, all arms.
        scale: Units that the test will take for one that came in.
        n_measured: Units whose metric is the control value: those of control.
        measured: The metric, or why it cannot be planned.
    """

    source: Source
    window: Window
    new_units: tuple[int, ...]
    scale: float
    n_measured: int
    measured: Measured | NotComputable


def read_history(
    lake: Lake, subject: PlanSubject, request: PlanRequest, as_of: datetime, settings: Settings
) -> History | NotComputable:
    """Read the last 28 days whose customers have been watched for the whole horizon.

    Args:
        lake: The facts.
        subject: Whose metric it is.
        request: May name the event that stands for the exposure.
        as_of: What was known then.
        settings: What the engine may use.

    Returns:
        The history, or NotComputable (``no_history``) where nobody came in.
    """
    as_of_us = to_micros(as_of)
    window = last_window(as_of_us, subject.plan.horizon_us)
    with PastSnapshot(lake, subject.plan.project, as_of_us, settings) as snapshot:
        source, known = find_entries(snapshot, subject, request, window)
        if not snapshot.entries:
            return NotComputable("no_history", _describe_absence(snapshot, subject, window))
        plan = plan_past(subject, source)
        gathered = gather(snapshot, plan)
    if not len(gathered.population):
        return NotComputable("no_history", _describe_absence(None, subject, window))
    share = subject.share / subject.past.share if source == "exposures" and subject.past else subject.share
    return History(
        source=source,
        window=known,
        new_units=_count_by_day(gathered, known),
        scale=share,
        n_measured=int(np.count_nonzero(gathered.arm(0))),
        measured=_measure(replace(subject, plan=plan), gathered, known),
    )


def plan_past(subject: PlanSubject, source: Source) -> AnalysisPlan:
    """Return the plan by which the past is gathered: its variants, and one metric."""
    plan = replace(subject.plan, variants=_PSEUDO_VARIANTS, metrics=(subject.metric,))
    if source != "exposures" or subject.past is None:
        return plan
    experiment = {**plan.experiment, "overrides": dict.fromkeys(subject.past.overrides, "")}
    return replace(plan, variants=subject.past.variants, experiment=experiment)


def find_entries(
    snapshot: PastSnapshot, subject: PlanSubject, request: PlanRequest, window: Window
) -> tuple[Source, Window]:
    """Take exposures where there are any, else first touchpoints."""
    past = subject.past
    if past is not None and request.entry_event is None:
        known = snapshot.find_exposures(past, window)
        if snapshot.entries or past.is_required:
            return "exposures", known
    return "first_touchpoints", snapshot.find_first_touchpoints(window, request.entry_event)


def _describe_absence(snapshot: PastSnapshot | None, subject: PlanSubject, window: Window) -> str:
    """Say that nobody came in, and what can be done."""
    first = None if snapshot is None else snapshot.first_fact_us()
    through = None if snapshot is None else snapshot.data_through_us()
    known = "There are no touchpoints at all."
    if first is not None and through is not None:
        begin, end = (format_instant(from_micros(instant)) for instant in (first, through))
        known = f"The facts reach from {begin} to {end}."
    elif snapshot is None:
        known = "Nobody met a variant that is planned."
    return (
        f"Nobody came in from {window.start:%Y-%m-%d} to {window.end:%Y-%m-%d}, the last days whose customers "
        f"have been watched for {subject.horizon_days:g} days. {known} Name another instant with as_of, or give "
        "numbers in outcome and traffic."
    )


def _count_by_day(gathered: Gathered, window: Window) -> tuple[int, ...]:
    """Count the customers who came in on each day."""
    days = (gathered.population.first_exposure - window.start_us) // DAY_US
    return tuple(np.bincount(days, minlength=window.n_days).tolist())


def _measure(subject: PlanSubject, gathered: Gathered, window: Window) -> Measured | NotComputable:
    """Return the metric of control."""
    if subject.metric.kind in TIME_KINDS:
        return _measure_time(subject, gathered)
    if subject.metric.kind in SAMPLE_KINDS:
        return NotComputable("not_planned", "A quantile is planned from numbers: give outcome and traffic.")
    found = measure(subject.metric, gathered, subject.plan)
    record = sum_days(found, gathered, window)
    if record is None:
        return NotComputable("no_units", "Nobody came into control in these days.")
    outcome = outcome_from_moments(record, found.kind)
    if isinstance(outcome, NotComputable):
        return outcome
    bare = outcome_from_moments(_without_covariate(found, gathered), found.kind)
    kept = 1.0 if isinstance(bare, NotComputable) else outcome.variance / bare.variance
    return Measured(outcome=outcome, variance_kept=kept, kind=found.kind)


def sum_days(found: UnitRows, gathered: Gathered, window: Window) -> stats.Moments | None:
    """Add up the moment records of control, one per day on which its customers came in."""
    control = arm_of(found, gathered, 0)
    if not control.any():
        return None
    days = (gathered.population.first_exposure - window.start_us) // DAY_US
    met, day = np.unique(days[control], return_inverse=True)
    cells = np.full(control.size, -1, np.int64)
    cells[control] = day
    records = make_records(found, cells, met.size, find_shift(found, cells))
    return reduce(add, records)


def _without_covariate(found: UnitRows, gathered: Gathered) -> stats.Moments:
    """Return the record of the values alone."""
    bare, control = replace(found, covariate=None), arm_of(found, gathered, 0)
    return make_record(bare, control)


def _measure_time(subject: PlanSubject, gathered: Gathered) -> Measured | NotComputable:
    """Return the share of control that is still open at the end of each day."""
    table = tabulate_metric(subject.metric, gathered, subject.plan)[0]
    curve = stats.kaplan_meier(table)
    if isinstance(curve, NotComputable):
        return curve
    if not curve.n_events:
        return NotComputable("no_events", "What is timed happened to nobody in these days.")
    ends = 86_400.0 * np.arange(1, int(np.ceil(subject.horizon_days)) + 1)
    at = np.searchsorted(curve.times, ends, side="right")
    by_day = np.concatenate([[1.0], np.asarray(curve.survival)])[at]
    return Measured(survival=PastSurvival(tuple(by_day.tolist())), kind="time_to_complete")
