"""Metric definitions: what is counted, per customer, on a journey or at a touchpoint."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from abplat.domain.fields import MAX_TITLE, Fields, is_number, show, unstorable

JOURNEY_KINDS: Final = ("completion", "start", "reach", "time_to_complete", "effort", "value")
KINDS: Final = (*JOURNEY_KINDS, "touchpoint")
PRIMARY_KINDS: Final = ("completion", "reach", "time_to_complete", "value")
"""What may decide an experiment: outcomes of the journey, never of one touchpoint (R2, R6)."""
MEASURES: Final = ("customers", "count", "value")

_LESS_IS_BETTER = ("time_to_complete", "effort")
_NEEDS_JOURNEY = ("completion", "start", "reach", "time_to_complete", "effort")


class Matcher(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An event matches when every part given holds; a missing property never matches."""

    event: str
    channel: tuple[str, ...] = ()
    props: dict[str, tuple[str | int | float | bool, ...]] = {}


class MetricDefinition(msgspec.Struct, frozen=True, kw_only=True):
    """One metric. ``stage`` belongs to reach, ``match`` to touchpoint and value, ``measure`` to touchpoint."""

    key: str
    title: str
    owner: str
    kind: str
    journey: str | None
    direction: str
    stage: str | None
    match: tuple[Matcher, ...]
    measure: str | None


def parse_metric(document: Any) -> MetricDefinition:
    """Read a metric.

    Raises:
        InvalidInputError: With every fault found.

    Examples:
        >>> parse_metric({"key": "m", "title": "M", "owner": "Ada", "kind": "completion",
        ...               "journey": "buy"}).direction
        'up'
    """
    fields = Fields(document)
    kind = fields.choice("kind", KINDS)
    metric = MetricDefinition(
        key=fields.key("key"),
        title=fields.text("title"),
        owner=fields.text("owner"),
        kind=kind or "",
        journey=fields.key("journey", None),
        direction=fields.choice("direction", ("up", "down"), "down" if kind in _LESS_IS_BETTER else "up"),
        stage=fields.key("stage", None),
        match=tuple(_read_matchers(fields)),
        measure=fields.choice("measure", MEASURES, "customers" if kind == "touchpoint" else None),
    )
    _check_parts(fields, metric)
    fields.finish("metric")
    return metric


def _check_parts(fields: Fields, metric: MetricDefinition) -> None:
    """Hold each optional part against the kind that needs it or has no use for it."""
    if metric.kind in _NEEDS_JOURNEY and metric.journey is None:
        fields.fault("journey", f"is missing; {metric.kind} is counted on a journey", "required")
    if metric.kind == "reach" and metric.stage is None:
        fields.fault("stage", "is missing; name the stage to be reached", "required")
    if metric.kind != "reach" and metric.stage is not None:
        fields.fault("stage", f"has no meaning for kind {metric.kind}; remove it", "not_used")
    if metric.kind == "touchpoint" and not metric.match:
        fields.fault("match", "is missing; list the events that are counted", "required")
    if metric.kind not in ("touchpoint", "value") and metric.match:
        fields.fault("match", f"has no meaning for kind {metric.kind}; remove it", "not_used")
    if metric.kind != "touchpoint" and metric.measure is not None:
        fields.fault("measure", f"has no meaning for kind {metric.kind}; remove it", "not_used")


def _read_matchers(fields: Fields) -> Iterator[Matcher]:
    """Read the matchers of a metric."""
    for part in fields.parts("match", 0, 100, []):
        channels = part.document.get("channel")
        if isinstance(channels, str):
            channels = [channels]
        listed = Fields({"channel": channels}, part.path, part.problems).items("channel", 0, 100, [])
        part.value("channel", None)
        yield Matcher(
            event=part.text("event") or "",
            channel=tuple(_read_texts(part, "channel", listed)),
            props={
                name: _read_values(part, name, value) for name, value in part.mapping("props", 20).items()
            },
        )
        part.no_more()


def _read_texts(part: Fields, name: str, values: list[Any]) -> Iterator[str]:
    """Read a list of short texts."""
    for value in values:
        if isinstance(value, str) and value and len(value) <= MAX_TITLE and not unstorable(value):
            yield value
        else:
            part.fault(name, f"{show(value)} is not a text of 1 to {MAX_TITLE} characters", "bad_text")


def _read_values(part: Fields, name: str, value: Any) -> tuple[Any, ...]:
    """Read the values that a property may have: one, or a list."""
    values = value if isinstance(value, list | tuple) else [value]
    if not values or len(values) > 1_000:
        part.fault(f"props.{name}"[:MAX_TITLE], "needs 1 to 1000 values", "bad_length")
        return ()
    for each in values:
        plain = isinstance(each, bool) or is_number(each) or (isinstance(each, str) and not unstorable(each))
        if not plain:
            part.fault(
                f"props.{name}"[:MAX_TITLE], f"{show(each)} is not a text, number or flag", "bad_value"
            )
    return tuple(values)
