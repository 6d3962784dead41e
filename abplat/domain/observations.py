"""Observations: what surveys, mystery visits, panels and external series say beside the experiment.

They stand next to a result and explain it. They were not randomised, so no number of theirs ever
enters an estimate or a verdict.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

import msgspec

from abplat.clock import parse_instant
from abplat.domain.fields import MAX_TEXT, Fields, is_number, show
from abplat.errors import InvalidInputError

KINDS: Final = ("survey", "mystery_visit", "panel", "interview", "review", "series")
LEANINGS: Final = ("for", "against", "neutral")
MAX_POINTS: Final = 2_000


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """One number of an external series."""

    at: str
    value: float


class ObservationDefinition(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One evidence item or external series, attached to a journey, an experiment, or both."""

    key: str
    title: str
    owner: str
    kind: str
    journey: str | None = None
    experiment: str | None = None
    variant: str | None = None
    stage: str | None = None
    observed_from: str
    observed_to: str | None = None
    n: int | None = None
    """How many people, visits or answers it rests on."""
    finding: str = ""
    leaning: str = "neutral"
    """Whether it speaks for the change or against it, as its owner reads it."""
    source: str = ""
    """Where it comes from: a document, an address, an institute."""
    unit: str = ""
    points: tuple[Point, ...] = ()


def parse_observation(document: Any) -> ObservationDefinition:
    """Read an observation.

    Raises:
        InvalidInputError: With every fault found.

    Examples:
        >>> parse_observation({"key": "v", "title": "Store visits", "owner": "Ada", "kind": "mystery_visit",
        ...                    "journey": "buy", "observed_from": "2026-03-01T00:00:00Z", "n": 12,
        ...                    "finding": "Staff did not know the new form."}).leaning
        'neutral'
    """
    fields = Fields(document)
    observation = ObservationDefinition(
        key=fields.key("key"),
        title=fields.text("title"),
        owner=fields.text("owner"),
        kind=fields.choice("kind", KINDS) or KINDS[0],
        journey=fields.key("journey", None),
        experiment=fields.key("experiment", None),
        variant=fields.key("variant", None),
        stage=fields.key("stage", None),
        observed_from=fields.instant("observed_from") or "",
        observed_to=fields.instant("observed_to", None),
        n=None if fields.document.get("n") is None else fields.integer("n", 0, 2**53 - 1, 0),
        finding=fields.text("finding", "", MAX_TEXT),
        leaning=fields.choice("leaning", LEANINGS, "neutral"),
        source=fields.text("source", "", MAX_TEXT),
        unit=fields.text("unit", ""),
        points=tuple(_read_points(fields)),
    )
    fields.value("n", None)
    _check(fields, observation)
    fields.finish("observation")
    return observation


def _check(fields: Fields, observation: ObservationDefinition) -> None:
    """Check that it is attached to something and says something."""
    if observation.journey is None and observation.experiment is None:
        fields.fault("journey", "is missing; attach it to a journey, an experiment, or both", "required")
    if observation.kind == "series" and not observation.points:
        fields.fault("points", "is missing; a series needs at least one {at, value}", "required")
    if observation.kind != "series":
        if observation.points:
            fields.fault("points", f"has no meaning for kind {observation.kind}; remove it", "not_used")
        if not observation.finding:
            fields.fault("finding", "is missing; say in a sentence what was found", "required")
    for name, holder in (("variant", "experiment"), ("stage", "journey")):
        if getattr(observation, name) is not None and getattr(observation, holder) is None:
            fields.fault(name, f"has no meaning without {holder}; name it", "not_used")


def _parse(fields: Fields, name: str, value: Any) -> datetime | None:
    """Return an instant; note the fault where it is none."""
    try:
        return parse_instant(value)
    except InvalidInputError as error:
        fields.fault(name, error.problems[0].message, error.problems[0].code)
        return None


def _read_points(fields: Fields) -> Iterator[Point]:
    """Read the numbers of a series, in the order of time."""
    before: datetime | None = None
    for part in fields.parts("points", 0, MAX_POINTS, []):
        at, value = part.value("at"), part.value("value")
        instant = _parse(part, "at", at) if at is not None else None
        if value is not None and not is_number(value):
            part.fault("value", f"{show(value)} is not a number; write one such as 4.2", "bad_number")
        if instant is not None and before is not None and instant <= before:
            part.fault(
                "at", f"{show(at)} does not come after the point before it; sort them by time", "bad_order"
            )
        before = instant or before
        part.no_more()
        if instant is not None and is_number(value):
            yield Point(at=str(at), value=float(value))
