"""Metrics of assisted contacts: how often a customer had to ask, and ask again."""

from __future__ import annotations

import numpy as np

from abplat.analysis.gathered import Contacts, Gathered, IntArray
from abplat.analysis.metrics.on_journeys import completed_in_time
from abplat.analysis.metrics.rows import UnitRows, cut, ratio, share
from abplat.analysis.plan import AnalysisPlan, PlannedMetric
from abplat.analysis.tally import inside, spans_of, watched

WITHIN_US = 7 * 86_400 * 1_000_000
"""How soon a second contact on a topic is a repeat, unless a metric says otherwise."""


def measure_avoidable(metric: PlannedMetric, gathered: Gathered, plan: AnalysisPlan) -> UnitRows:
    """Contacts whose recorded reason is a stage of the journey."""
    contacts, span = gathered.contacts[metric.key], spans_of(metric, gathered.horizon_us)
    stages = {stage["key"] for stage in plan.journeys[metric.journey]["stages"]}
    named = np.array([*(label in stages for label in contacts.labels), False])
    label = np.full(len(contacts.unit), -1) if contacts.label is None else contacts.label
    hit = inside(gathered, contacts, span) & named[label]
    counts = np.bincount(contacts.unit[hit], minlength=len(gathered.population)).astype(np.float64)
    keep = watched(gathered, span)
    return cut(UnitRows(counts, "mean", keep=keep), metric.detail.get("cap"), gathered.mature & keep)


def measure_repeat(metric: PlannedMetric, gathered: Gathered, _: AnalysisPlan) -> UnitRows:
    """Who had a second contact on a topic soon after the one before."""
    contacts, span = gathered.contacts[metric.key], spans_of(metric, gathered.horizon_us)
    hit = inside(gathered, contacts, span)
    unit, ts, topic = contacts.unit[hit], contacts.ts[hit], _topics(contacts)[hit]
    order = np.lexsort((ts, topic, unit))
    unit, ts, topic = unit[order], ts[order], topic[order]
    again = (unit[1:] == unit[:-1]) & (topic[1:] == topic[:-1])
    again &= ts[1:] - ts[:-1] <= (metric.micros("within") or WITHIN_US)
    found = np.zeros(len(gathered.population), bool)
    found[unit[1:][again]] = True
    return share(found, watched(gathered, span))


def measure_first_contact(metric: PlannedMetric, gathered: Gathered, _: AnalysisPlan) -> UnitRows:
    """Journeys resolved with one contact, and none on its topic soon after, over journeys."""
    walked, contacts = gathered.walked[metric.journey], gathered.contacts[metric.key]
    rows = gathered.walked[metric.journey].rows
    resolved = np.flatnonzero(completed_in_time(walked, gathered))
    unit, journeys = walked.unit[resolved], walked.journeys
    start, end = journeys.start[resolved], journeys.end[resolved]
    within = metric.micros("within") or WITHIN_US
    topics = _topics(contacts)
    first, n_all = _first_between(contacts, np.zeros_like(topics), (unit, np.zeros_like(unit)), start, end)
    topic = np.where(n_all > 0, topics[first], -2)
    n_after = _first_between(contacts, topics, (unit, topic), end + 1, end + within)[1]
    good = (n_all == 1) & (n_after == 0)
    top = np.bincount(unit[good], minlength=len(gathered.population))
    keep = np.asarray(gathered.population.first_exposure + gathered.horizon_us + within < gathered.as_of_us)
    return ratio(top.astype(np.float64), rows.journeys.astype(np.float64), keep)


def _topics(contacts: Contacts) -> IntArray:
    """Return the topic of each contact; without a property all have the same."""
    if contacts.label is None:
        return np.zeros(len(contacts.unit), np.int64)
    return contacts.label.astype(np.int64)


def _first_between(
    contacts: Contacts, topics: IntArray, wanted: tuple[IntArray, IntArray], begin: IntArray, end: IntArray
) -> tuple[IntArray, IntArray]:
    """Return per question the first contact of a customer on a topic in a time, and how many there are."""
    if not len(contacts.unit):
        return np.zeros(len(begin), np.int64), np.zeros(len(begin), np.int64)
    times = np.unique(np.concatenate([contacts.ts, begin, end]))
    asked = np.stack([np.concatenate([contacts.unit, wanted[0]]), np.concatenate([topics, wanted[1]])])
    _, group = np.unique(asked, axis=1, return_inverse=True)
    group = group.ravel()
    own, other = group[: len(contacts.unit)], group[len(contacts.unit) :]

    def place(groups: IntArray, instants: IntArray) -> IntArray:
        return np.asarray(groups * len(times) + np.searchsorted(times, instants))

    keys = place(own, contacts.ts)
    order = np.argsort(keys, kind="stable")
    lower = np.searchsorted(keys[order], place(other, begin), side="left")
    upper = np.searchsorted(keys[order], place(other, end), side="right")
    return order[np.minimum(lower, len(order) - 1)], np.maximum(upper - lower, 0)
