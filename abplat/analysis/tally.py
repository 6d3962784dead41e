"""One number per exposed customer out of the events that a metric counts."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from abplat.analysis.gathered import Contacts, Flags, FloatArray, Gathered
from abplat.analysis.plan import PlannedMetric


class Span(NamedTuple):
    """The time after exposure in which something counts, in microseconds: ``delay`` to ``delay + length``."""

    delay_us: int
    length_us: int


def spans_of(metric: PlannedMetric, horizon_us: int) -> Span:
    """Return when a metric counts: its own window, or the horizon."""
    follow_up = metric.micros("follow_up") or 0
    return Span(metric.micros("delay") or 0, (metric.micros("window") or horizon_us) + follow_up)


def inside(gathered: Gathered, contacts: Contacts, span: Span, *, before: bool = False) -> Flags:
    """Return which events fall into a span after exposure, both ends included.

    With ``before``, into the equally long span that ends at the exposure: what the customer was
    like before anything could have an effect, for variance reduction.
    """
    exposed = gathered.population.first_exposure[contacts.unit]
    if before:
        return np.asarray((contacts.ts >= exposed - span.length_us) & (contacts.ts < exposed))
    begin = exposed + span.delay_us
    return np.asarray((contacts.ts >= begin) & (contacts.ts <= begin + span.length_us))


def tally(
    gathered: Gathered, contacts: Contacts, *, is_value: bool, span: Span | None = None, before: bool = False
) -> FloatArray:
    """Count the events of each customer within a span (the horizon), or sum their values."""
    hit = inside(gathered, contacts, span or Span(0, gathered.horizon_us), before=before)
    weights = contacts.value[hit] if is_value else None
    counted = np.bincount(contacts.unit[hit], weights=weights, minlength=len(gathered.population))
    return counted.astype(np.float64)


def watched(gathered: Gathered, span: Span) -> Flags:
    """Return whose span has closed: nobody is counted whose window is still open."""
    return np.asarray(gathered.population.first_exposure + span.delay_us + span.length_us < gathered.as_of_us)


def time_to_complete(gathered: Gathered, journey: str) -> tuple[FloatArray, Flags]:
    """Return seconds from exposure to first completion, and whether it was seen.

    Everyone else is censored at the end of the horizon or at ``as_of``, whichever is earlier: not
    completed yet is not a failure. Immature customers take part.
    """
    return gathered.once(("time", journey), lambda: _time(gathered, journey))


def _time(gathered: Gathered, journey: str) -> tuple[FloatArray, Flags]:
    """Find when each customer first completed."""
    first = gathered.walked[journey].rows.first_completion
    followed = np.minimum(gathered.horizon_us, gathered.as_of_us - gathered.population.first_exposure)
    observed = (first >= 0) & (first <= followed)
    return np.where(observed, first, followed) / 1e6, observed
