"""What a plan says: numbers with their assumptions, and a reason for every number that is missing."""

from __future__ import annotations

import math
from typing import Any

import msgspec

SCHEMA_VERSION = 1


class Frozen(msgspec.Struct, frozen=True, kw_only=True):
    """Base of the parts."""


class TestFacts(Frozen, frozen=True, kw_only=True):
    """The test as it was planned, defaults filled in."""

    __test__ = False

    question: str
    """``superiority`` or ``non_inferiority``."""
    alpha: float
    comparison_alpha: float
    """What is left for one treatment against control."""
    power: float
    sides: int
    scale: str
    """Scale of every effect here: ``relative``, ``absolute`` or ``hazard_ratio``."""
    effect: float | None
    margin: float | None
    direction: str
    family: str
    arms: tuple[str, ...]
    shares: tuple[float, ...]
    monitoring: str
    looks: int
    spending: str | None
    horizon_days: float


class OutcomeFacts(Frozen, frozen=True, kw_only=True):
    """The metric as the past shows it, or as it was given."""

    kind: str
    metric: str | None
    unit: str | None
    baseline: float
    """Control value; for a time the share that completes within the horizon."""
    sd: float | None
    """Of one unit, after all adjustments; None for a time."""
    variance_kept: float
    """Share of the variance that the covariate leaves."""


class HistoryFacts(Frozen, frozen=True, kw_only=True):
    """The part of the past that stands for the future."""

    source: str
    """``exposures`` or ``first_touchpoints``."""
    starts_on: str
    ends_on: str
    """The first day that is no longer part of it."""
    n_days: int
    n_units: int
    """Units that came in."""
    n_measured: int
    """Those of them whose metric is the control value."""
    new_units_by_day: tuple[float, ...]
    """Of those who come in, how many the test would take."""


class ArmSize(Frozen, frozen=True, kw_only=True):
    """One arm."""

    variant: str
    share: float
    n_units: int


class SizeFacts(Frozen, frozen=True, kw_only=True):
    """The units needed to show the effect."""

    n_units: int
    arms: tuple[ArmSize, ...]
    effect: float
    effect_absolute: float | None
    """In the unit of the metric."""
    power: float
    inflation: float
    """Units over those of the same test with one treatment, read once."""
    n_events: int | None = None
    """Completions needed, control and one treatment together; for a time alone."""


class RunTimeFacts(Frozen, frozen=True, kw_only=True):
    """How long that takes."""

    n_weeks: int
    entry_ends_on: str
    maturation_days: float
    total_days: float
    ends_on: str
    n_units: int
    is_extrapolated: bool


class AtUnits(Frozen, frozen=True, kw_only=True):
    """What a given number of units would show."""

    n_units: int
    power: float | None
    """Of showing the effect; None where none is named."""
    mde: float | None
    mde_absolute: float | None


class LookFacts(Frozen, frozen=True, kw_only=True):
    """One planned look."""

    look: int
    fraction: float
    z_upper: float | None
    """Z at which the test stops for a result above; None where no Z does."""
    z_lower: float | None
    n_units: int | None
    on: str | None


class WeekFacts(Frozen, frozen=True, kw_only=True):
    """What the test would show if units came in for this many weeks."""

    week: int
    ends_on: str
    n_units: int
    mde: float | None
    mde_absolute: float | None
    power: float | None
    reason: str | None


class Gap(Frozen, frozen=True, kw_only=True):
    """A part that could not be computed, and why."""

    part: str
    reason: str
    message: str


class PlanAnswer(Frozen, frozen=True, kw_only=True):
    """Everything that a plan says."""

    schema_version: int = SCHEMA_VERSION
    starts_on: str
    test: TestFacts
    outcome: OutcomeFacts | None
    history: HistoryFacts | None
    size: SizeFacts | None
    run_time: RunTimeFacts | None
    at_units: AtUnits | None
    looks: tuple[LookFacts, ...]
    weeks: tuple[WeekFacts, ...]
    assumptions: tuple[str, ...]
    gaps: tuple[Gap, ...]


def find_days(answer: PlanAnswer, effect: float) -> int | None:
    """Return after how many days a plan shows an effect of this size; None where its weeks are not enough.

    Customers come in for whole weeks, so that every day of the week counts alike, and the last ones are
    watched to their end.

    Args:
        answer: The plan.
        effect: Size of the effect on the scale of the plan; its sign does not matter.
    """
    enough = [week for week in answer.weeks if week.mde is not None and abs(week.mde) <= abs(effect) + 1e-12]
    return list_days(answer)[enough[0].week] if enough else None


def list_days(answer: PlanAnswer) -> dict[int, int]:
    """Return how many days pass until the result, by how many weeks customers come in."""
    is_time = answer.outcome is not None and answer.outcome.kind == "time_to_complete"
    watched = 0.0 if is_time else answer.test.horizon_days  # a time counts those who are still open
    return {week.week: math.ceil(7 * week.week + watched) for week in answer.weeks}


def encode_answer(answer: PlanAnswer) -> bytes:
    """Write an answer as canonical JSON: the same answer gives the same bytes."""
    return msgspec.json.encode(answer, order="deterministic")


def decode_answer(document: Any) -> PlanAnswer:
    """Read an answer back from its JSON value."""
    return msgspec.convert(document, PlanAnswer)
