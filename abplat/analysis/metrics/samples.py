"""Metrics that are a quantile: of events, or of completed journeys, clustered by customer."""

from __future__ import annotations

from typing import Final, NamedTuple

from abplat.analysis.gathered import FloatArray, Gathered, IntArray
from abplat.analysis.metrics.on_journeys import completed_in_time
from abplat.analysis.plan import PlannedMetric
from abplat.analysis.tally import inside, spans_of, watched

SAMPLE_KINDS: Final = ("quantile", "stage_latency")


class Sample(NamedTuple):
    """The values of one arm, with whose they are."""

    values: FloatArray
    units: IntArray


def sample_events(metric: PlannedMetric, gathered: Gathered, variant: int) -> Sample:
    """Return the values of one arm whose quantile is asked for."""
    arm = gathered.arm(variant)
    if metric.kind == "stage_latency":
        walked = gathered.walked[metric.journey]
        done = completed_in_time(walked, gathered) & arm[walked.unit]
        spent = (walked.journeys.end[done] - walked.journeys.start[done]) / 1e6
        return Sample(spent, walked.unit[done])
    contacts, span = gathered.contacts[metric.key], spans_of(metric, gathered.horizon_us)
    hit = inside(gathered, contacts, span) & (arm & watched(gathered, span))[contacts.unit]
    return Sample(contacts.value[hit], contacts.unit[hit])
