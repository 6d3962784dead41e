"""Metric definitions: what is counted, per customer, on a journey or at a touchpoint."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from abplat.clock import parse_duration
from abplat.domain.experiments import SCALES
from abplat.domain.fields import MAX_TEXT, MAX_TITLE, Fields, is_number, show, unstorable
from abplat.domain.metric_kinds import KINDS, MEASURES, MetricKind, find_kind

__all__ = ["KINDS", "MEASURES", "PRIMARY_KINDS", "Cap", "MetricDefinition", "Part", "parse_metric"]

PRIMARY_KINDS: Final = ("completion", "reach", "time_to_complete", "value")
"""What may decide an experiment: outcomes of the journey, never of one touchpoint (R2, R6)."""
TOUCHPOINT_KINDS: Final = (
    *("touchpoint", "count", "sum", "distinct", "mean", "ratio", "quantile", "threshold", "contacts"),
    *("csat", "ces", "nps", "emotion"),
)
"""What may stand for one touchpoint and be held against the journey."""
OPTIONS: Final = (
    *(
        "journey",
        "stage",
        "source",
        "target",
        "from_channel",
        "to_channel",
        "match",
        "over",
        "measure",
        "property",
    ),
    *("score", "channels", "levels", "window", "delay", "within", "follow_up", "cap", "quantile", "at_least"),
    *("bounds", "parts"),
)
"""Fields that some kinds need and others have no use for."""


class Matcher(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An event matches when every part given holds; a missing property never matches."""

    event: str
    channel: tuple[str, ...] = ()
    props: dict[str, tuple[str | int | float | bool, ...]] = {}


class Cap(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a customer's value is cut off: at a number, or at a quantile of all arms together."""

    at: float | None = None
    quantile: float | None = None
    ignore_zeros: bool = False


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One metric of a composite and what one of its units is worth."""

    metric: str
    weight: float


class MetricDefinition(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One metric; :mod:`abplat.domain.metric_kinds` says which fields a kind needs and may have."""

    key: str
    title: str
    owner: str
    kind: str
    journey: str | None
    direction: str
    stage: str | None
    match: tuple[Matcher, ...]
    measure: str | None
    description: str = ""
    margin: float | None = None
    """Margin proposed for a guardrail; the kind's own where it is left out."""
    scale: str | None = None
    source: str | None = None
    target: str | None = None
    from_channel: str | None = None
    to_channel: str | None = None
    over: tuple[Matcher, ...] = ()
    """Events of the denominator: the other events of a ratio, invitations, contracts with a due date."""
    property: str | None = None
    score: str | None = None
    channels: tuple[str, ...] = ()
    levels: tuple[str, ...] = ()
    window: str | None = None
    """How long is counted; the experiment's horizon where it is left out."""
    delay: str | None = None
    """How long after the exposure counting begins."""
    within: str | None = None
    follow_up: str | None = None
    cap: Cap | None = None
    quantile: float | None = None
    at_least: float | None = None
    bounds: tuple[float, float] | None = None
    """Lowest and highest score that can be given."""
    parts: tuple[Part, ...] = ()


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
    kind = find_kind(fields.choice("kind", KINDS) or "completion")
    measures = kind.measures or MEASURES[:3]
    metric = MetricDefinition(
        key=fields.key("key"),
        title=fields.text("title"),
        owner=fields.text("owner"),
        kind=kind.key,
        journey=fields.key("journey", None),
        direction=fields.choice("direction", ("up", "down"), kind.direction_of(document)),
        stage=fields.key("stage", None),
        match=tuple(_read_matchers(fields, "match")),
        measure=fields.choice("measure", measures, kind.measures[0] if kind.measures else None),
        description=fields.text("description", "", MAX_TEXT),
        margin=fields.share("margin", None, 0.0, 1e9),
        scale=fields.choice("scale", SCALES, None),
        source=fields.key("source", None),
        target=fields.key("target", None),
        from_channel=fields.key("from_channel", None),
        to_channel=fields.key("to_channel", None),
        over=tuple(_read_matchers(fields, "over")),
        property=fields.text("property", None),
        score=fields.text("score", None),
        channels=tuple(_read_texts(fields, "channels", fields.items("channels", 0, 100, []))),
        levels=tuple(_read_texts(fields, "levels", fields.items("levels", 0, 20, []))),
        **_read_numbers(fields),
    )
    _check_parts(fields, metric, kind)
    fields.finish("metric")
    return metric


def _read_numbers(fields: Fields) -> dict[str, Any]:
    """Read windows, limits and the parts of a composite."""
    return {
        "window": fields.duration("window", None),
        "delay": fields.duration("delay", None),
        "within": fields.duration("within", None),
        "follow_up": fields.duration("follow_up", None),
        "cap": _read_cap(fields),
        "quantile": fields.share("quantile", None),
        "at_least": _read_number(fields, "at_least"),
        "bounds": _read_bounds(fields),
        "parts": tuple(_read_parts(fields)),
    }


def _read_number(fields: Fields, name: str) -> float | None:
    """Read a number."""
    found = fields.value(name, None)
    if found is None or is_number(found):
        return None if found is None else float(found)
    fields.fault(name, f"{show(found)} is not a number; write one such as 3", "bad_number")
    return None


def _read_cap(fields: Fields) -> Cap | None:
    """Read where values are cut off."""
    document = fields.value("cap", None)
    if document is None:
        return None
    part = Fields(document, fields.where("cap"), fields.problems)
    cap = Cap(
        at=part.share("at", None, 0.0, 2.0**53),
        quantile=part.share("quantile", None, 0.5, 1.0),
        ignore_zeros=part.flag("ignore_zeros", default=False),
    )
    part.no_more()
    if (cap.at is None) == (cap.quantile is None):
        fields.fault("cap", "needs either at (a number) or quantile (such as 0.99)", "bad_cap")
    return cap


def _read_bounds(fields: Fields) -> tuple[float, float] | None:
    """Read the lowest and highest score."""
    found = fields.items("bounds", 2, 2, [None, None])
    if found == [None, None]:
        return None
    if len(found) == 2 and all(is_number(each) for each in found) and found[0] < found[1]:
        return float(found[0]), float(found[1])
    fields.fault(
        "bounds", f"{show(found)} is not [lowest, highest]; write two numbers such as [1, 7]", "bad_bounds"
    )
    return None


def _read_parts(fields: Fields) -> Iterator[Part]:
    """Read the parts of a composite."""
    for part in fields.parts("parts", 0, 20, []):
        weight = _read_number(part, "weight")
        if weight is None and part.document.get("weight") is None:
            part.fault("weight", "is missing; say what one unit of the metric is worth", "required")
        yield Part(metric=part.key("metric") or "", weight=weight or 0.0)
        part.no_more()


_FIXES: Final = {
    "journey": "{kind} is counted on a journey",
    "stage": "name the stage to be reached",
    "match": "list the events that are counted",
    "over": "list the events of the denominator",
    "source": "name the stage where the link begins",
    "target": "name the stage where the link ends",
    "score": "name the score that customers give",
    "property": "name the property to be read",
    "quantile": "name the quantile, such as 0.9",
    "at_least": "name the number to be reached",
    "parts": "list metrics with their weights",
    "delay": "say how long after the exposure counting begins, such as 7d",
    "window": "say how long is counted, such as 7d",
}


def _check_parts(fields: Fields, metric: MetricDefinition, kind: MetricKind) -> None:
    """Hold each optional part against the kind that needs it or has no use for it."""
    used = {*kind.needs, *kind.may, *(("measure",) if kind.measures else ())}
    for name in OPTIONS:
        has = getattr(metric, name) not in (None, ())
        if name in kind.needs and not has and not _is_noted(fields, name):
            fields.fault(name, f"is missing; {_FIXES[name].format(kind=kind.key)}", "required")
        if name not in used and has:
            fields.fault(name, f"has no meaning for kind {kind.key}; remove it", "not_used")
    if metric.source is not None and metric.source == metric.target:
        fields.fault(
            "target", f"{show(metric.target)} is where the link begins; name the next stage", "bad_link"
        )
    if (metric.margin is None) != (metric.scale is None):
        fields.fault("margin", "needs margin and scale (relative or absolute) together", "bad_margin")
    if "cap" in used and metric.cap is not None and metric.measure == "customers":
        fields.fault("cap", "has no meaning for a share of customers; remove it", "not_used")


def _is_noted(fields: Fields, name: str) -> bool:
    """Tell whether a field is faulty already."""
    return any(problem.path.startswith(fields.where(name)) for problem in fields.problems)


def window_seconds(metric: MetricDefinition, horizon: float) -> float:
    """Return how long after the exposure a customer must have been watched for this metric.

    Examples:
        >>> late = {"key": "m", "title": "M", "owner": "A", "kind": "retention", "delay": "7d", "window": "7d",
        ...         "match": [{"event": "visit"}]}
        >>> window_seconds(parse_metric(late), 86_400.0) / 86_400
        14.0
    """

    def length(text: str | None) -> float:
        return parse_duration(text).total_seconds() if text else 0.0

    counted = length(metric.window) or horizon
    return max(horizon + length(metric.follow_up), length(metric.delay) + counted)


def _read_matchers(fields: Fields, name: str) -> Iterator[Matcher]:
    """Read the matchers of a metric."""
    for part in fields.parts(name, 0, 100, []):
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
