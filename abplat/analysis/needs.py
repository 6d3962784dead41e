"""What metrics need of the facts besides journeys: which events, with which of their parts.

A need is read once whatever the number of metrics; what it found stands in ``Gathered.contacts``
under its key: that of the metric, with a suffix where a metric counts two kinds of events.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from abplat.analysis.plan import PlannedMetric
from abplat.domain.journeys import Matcher, parse_journey
from abplat.domain.metric_kinds import ASSISTED_CHANNELS

OVER = "#over"
"""Suffix of the events of a denominator."""
_PLAIN = frozenset({"touchpoint", "count", "complaints", "churn", "threshold", "retention", "ratio"})
_NUMBERS = frozenset({"sum", "mean", "quantile", "threshold"})
_ASSISTED = frozenset({"contacts", "first_contact_resolution", "repeat_contact", "avoidable_contacts"})
_STRICT = frozenset({"mean", "quantile"})
_SCORES = frozenset({"csat", "ces", "nps", "emotion", "response_rate"})


class Need(NamedTuple):
    """Events to be read.

    Attributes:
        key: Where they will stand.
        match: Documents of matchers; None for every event.
        channels: Channels to which events without one of their own in ``match`` are held.
        label: Property whose text is wanted.
        number: Property whose number takes the place of the value.
        by_channel: Whether the channel is wanted as label.
        is_strict: Whether an event without a number is left out rather than worth nothing.
    """

    key: str
    match: tuple[Mapping[str, Any], ...] | None
    channels: tuple[str, ...] = ()
    label: str | None = None
    number: str | None = None
    by_channel: bool = False
    is_strict: bool = False

    def matchers(self) -> tuple[Matcher, ...] | None:
        """Return the matchers, read by the reader of journeys: they mean the same there."""
        if self.match is None:
            return (Matcher("", self.channels),) if self.channels else None
        documents = [_within(dict(matcher), self.channels) for matcher in self.match]
        # A journey has two stages at least.
        stages = [{"key": key, "match": documents} for key in ("a", "b")]
        return (
            parse_journey({"key": "m", "stages": stages, "window": "1s"}, require_owner=False).stages[0].match
        )


def _within(matcher: dict[str, Any], channels: tuple[str, ...]) -> dict[str, Any]:
    """Hold a matcher to some channels, unless it names its own."""
    return {**matcher, "channel": list(channels)} if channels and not matcher.get("channel") else matcher


def list_needs(metrics: Iterable[PlannedMetric]) -> list[Need]:
    """Return what metrics need, each key once."""
    found: dict[str, Need] = {}
    for metric in metrics:
        for need in (*_needs_of(metric), *list_needs(part for _, part in metric.parts)):
            found.setdefault(need.key, need)
    return list(found.values())


def _needs_of(metric: PlannedMetric) -> Iterator[Need]:
    """Return what one metric needs."""
    detail, kind = metric.detail, metric.kind
    own, label = metric.match, detail.get("property")
    if kind in {"value", "value_per_journey"}:
        yield Need(metric.key, own)
    elif kind in _ASSISTED:
        channels = tuple(detail.get("channels") or (() if own else ASSISTED_CHANNELS))
        wanted = label or ("reason" if kind == "avoidable_contacts" else None)
        yield Need(metric.key, own, channels, label=wanted, by_channel=kind == "contacts")
    elif kind == "coverage":
        yield Need(metric.key, None, tuple(detail.get("channels") or ()))
    elif kind == "channel_switches":
        if own:
            yield Need(metric.key, own, label="reason")
    elif kind == "distinct":
        yield Need(metric.key, own, label=label)
    elif kind in _PLAIN | _NUMBERS | {"renewal"}:
        number = label if kind in _NUMBERS else None
        yield Need(metric.key, own, number=number, is_strict=kind in _STRICT)
    if detail.get("over"):
        yield Need(metric.key + OVER, tuple(detail["over"]), label=label if kind == "renewal" else None)


def list_scores(metrics: Iterable[PlannedMetric]) -> tuple[str, ...]:
    """Return the names of the scores that metrics read."""
    return tuple(sorted({str(metric.detail["score"]) for metric in metrics if metric.kind in _SCORES}))
