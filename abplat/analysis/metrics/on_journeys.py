"""Metrics that are counted on the journeys of a customer."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from abplat.analysis.gathered import Flags, FloatArray, Gathered, IntArray, WalkedJourney
from abplat.analysis.journeys.results import ABANDONED, ABORTED
from abplat.analysis.metrics.rows import UnitRows, cut, ratio, share, useful
from abplat.analysis.plan import AnalysisPlan, PlannedMetric
from abplat.analysis.tally import spans_of, tally
from abplat.domain.metric_kinds import LIFECYCLE_LEVELS


def measure_completion(metric: PlannedMetric, gathered: Gathered, _: AnalysisPlan) -> UnitRows:
    """Who completed a journey within the horizon."""
    return share(gathered.walked[metric.journey].rows.completed)


def measure_start(metric: PlannedMetric, gathered: Gathered, _: AnalysisPlan) -> UnitRows:
    """Who started a journey."""
    return share(gathered.walked[metric.journey].rows.started)


def measure_reach(metric: PlannedMetric, gathered: Gathered, plan: AnalysisPlan) -> UnitRows:
    """Who reached a stage within the horizon."""
    rows = gathered.walked[metric.journey].rows
    return share(np.asarray(rows.reached[:, place_of(plan, metric.journey, metric.stage)]))


def measure_completion_per_journey(metric: PlannedMetric, gathered: Gathered, _: AnalysisPlan) -> UnitRows:
    """Completed journeys over journeys."""
    rows = gathered.walked[metric.journey].rows
    return ratio(rows.completed_journeys, rows.journeys)


def measure_effort(metric: PlannedMetric, gathered: Gathered, _: AnalysisPlan) -> UnitRows:
    """Touchpoints of journeys per customer."""
    walked = gathered.walked[metric.journey]
    covariate = useful(walked.effort_before, gathered.mature)
    found = UnitRows(walked.rows.touchpoints.astype(np.float64), "mean", covariate)
    return cut(found, metric.detail.get("cap"), gathered.mature)


def measure_effort_per_completion(metric: PlannedMetric, gathered: Gathered, _: AnalysisPlan) -> UnitRows:
    """Touchpoints of completed journeys over completed journeys."""
    walked = gathered.walked[metric.journey]
    done = completed_in_time(walked, gathered)
    unit = walked.unit[done]
    touchpoints = np.bincount(
        unit, weights=walked.journeys.touchpoints[done], minlength=len(gathered.population)
    )
    return ratio(touchpoints, np.bincount(unit, minlength=len(gathered.population)))


def measure_switches(metric: PlannedMetric, gathered: Gathered, _: AnalysisPlan) -> UnitRows:
    """Changes of channel per customer; where events record the forced ones, those alone."""
    if metric.key in gathered.contacts:
        span = spans_of(metric, gathered.horizon_us)
        values = tally(gathered, gathered.contacts[metric.key], is_value=False, span=span)
    else:
        values = gathered.walked[metric.journey].rows.switches.astype(np.float64)
    return cut(UnitRows(values, "mean"), metric.detail.get("cap"), gathered.mature)


def measure_backtracking(metric: PlannedMetric, gathered: Gathered, _: AnalysisPlan) -> UnitRows:
    """Steps back: who took one, or how many."""
    return _share_or_mean(metric, gathered.walked[metric.journey].rows.backtracks)


def measure_recapture(metric: PlannedMetric, gathered: Gathered, _: AnalysisPlan) -> UnitRows:
    """Requests for a known field: who met one, or how many."""
    return _share_or_mean(metric, gathered.walked[metric.journey].rows.recaptures)


def _share_or_mean(metric: PlannedMetric, counts: IntArray) -> UnitRows:
    """Return who has any, or how many each has."""
    return UnitRows(counts.astype(np.float64), "mean") if metric.measure == "count" else share(counts > 0)


def measure_abandonment(metric: PlannedMetric, gathered: Gathered, plan: AnalysisPlan) -> UnitRows:
    """Whose last journey ended not completed, before a stage where one is named."""
    point = abandonment_point(gathered.walked[metric.journey], len(gathered.population))
    if metric.stage is None:
        return share(point >= 0)
    return share(point == place_of(plan, metric.journey, metric.stage))


def abandonment_point(walked: WalkedJourney, n: int) -> IntArray:
    """Return the stage that was missing when each customer's last journey ended, -1 where none did."""
    journeys, point = walked.journeys, np.full(n, -1, np.int64)
    left = (journeys.status == ABANDONED) | (journeys.status == ABORTED)
    # Journeys stand in the order of their start, so the last one is written last.
    point[walked.unit[walked.counted]] = np.where(left, journeys.next_stage, -1)[walked.counted]
    return point


def measure_lifecycle(metric: PlannedMetric, gathered: Gathered, plan: AnalysisPlan) -> UnitRows:
    """The highest level of the stages reached within the horizon; 0 for who reached none."""
    levels = [*(metric.detail.get("levels") or LIFECYCLE_LEVELS)]
    reached = gathered.walked[metric.journey].rows.reached
    values = np.zeros(len(gathered.population))
    for place, stage in enumerate(plan.journeys[metric.journey]["stages"]):
        if stage.get("lifecycle") in levels:
            level = float(levels.index(stage["lifecycle"]))
            values = np.where(reached[:, place], np.maximum(values, level), values)
    return UnitRows(values, "mean")


def place_of(plan: AnalysisPlan, journey: str, stage: str | None) -> int:
    """Return the position of a stage in its journey."""
    return [each["key"] for each in plan.journeys[journey]["stages"]].index(stage)


def completed_in_time(walked: WalkedJourney, gathered: Gathered) -> Flags:
    """Return which journeys count and were completed within the horizon."""
    limit = gathered.population.first_exposure[walked.unit] + gathered.horizon_us
    return np.asarray(walked.counted & walked.journeys.completed & (walked.journeys.end <= limit))


class Crossing(NamedTuple):
    """What became of a link in each journey.

    Attributes:
        at_source: Which journeys reached its source within the horizon, in the channel asked for.
        crossed: Which of them went from there to its target, in the channel asked for.
        spent_us: Time from source to target; of the others, time until nothing more was seen.
    """

    at_source: Flags
    crossed: Flags
    spent_us: FloatArray


def cross_link(metric: PlannedMetric, gathered: Gathered, plan: AnalysisPlan) -> Crossing:
    """Follow one link, between two stages reached one after the other, through all journeys that count."""
    walked = gathered.walked[metric.journey]
    journeys = walked.journeys
    source, target = (place_of(plan, metric.journey, metric.detail[name]) for name in ("source", "target"))
    limit = gathered.population.first_exposure[walked.unit] + gathered.horizon_us
    time, order, channel = journeys.stage_time, journeys.stage_order, journeys.stage_channel
    came, went = (_code(walked, metric.detail.get(name)) for name in ("from_channel", "to_channel"))
    at_source = walked.counted & (order[:, source] >= 0) & (time[:, source] <= limit)
    at_source &= (came is None) | (channel[:, source] == came)
    crossed = at_source & (order[:, target] == order[:, source] + 1) & (time[:, target] <= limit)
    crossed &= (went is None) | (channel[:, target] == went)
    last = np.minimum(np.minimum(journeys.end, limit), gathered.as_of_us)
    spent = np.where(crossed, time[:, target], last) - time[:, source]
    return Crossing(np.asarray(at_source), np.asarray(crossed), np.maximum(spent, 0).astype(np.float64))


def _code(walked: WalkedJourney, channel: str | None) -> int | None:
    """Return the code of a channel; one that nobody used has none of the codes there are."""
    if channel is None:
        return None
    return walked.channels.index(channel) if channel in walked.channels else len(walked.channels)


def measure_link_conversion(metric: PlannedMetric, gathered: Gathered, plan: AnalysisPlan) -> UnitRows:
    """Who has a journey that crosses the link."""
    return share(_customers(metric, gathered, cross_link(metric, gathered, plan).crossed))


def measure_link_rate(metric: PlannedMetric, gathered: Gathered, plan: AnalysisPlan) -> UnitRows:
    """Who crosses the link, of those who reached its source."""
    found = cross_link(metric, gathered, plan)
    crossed, there = (_customers(metric, gathered, flags) for flags in (found.crossed, found.at_source))
    return ratio(crossed.astype(np.float64), there.astype(np.float64))


def _customers(metric: PlannedMetric, gathered: Gathered, journeys: Flags) -> Flags:
    """Return which customers have one of some journeys."""
    found = np.zeros(len(gathered.population), bool)
    found[gathered.walked[metric.journey].unit[journeys]] = True
    return found
