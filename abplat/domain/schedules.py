"""Schedules: when an experiment starts and ends by itself, and in which steps it opens."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, NamedTuple

import msgspec

from abplat.clock import format_instant, parse_duration, parse_instant
from abplat.domain.fields import Fields
from abplat.domain.layers import BUCKETS
from abplat.domain.lifecycle import HOLDING, RUNNING, UNSTARTED

MAX_STEPS: Final = 50
MAX_SAMPLE: Final = 10**12

START: Final = "start"
STOP: Final = "stop"
WIDEN: Final = "widen"
MISSED: Final = "missed"


class RampStep(msgspec.Struct, frozen=True, kw_only=True):
    """A share of customers, and what must come to pass before the next, greater one.

    All that is named must hold: so long a time, somebody's approval, so many customers per variant.
    """

    included: int
    hold: str | None
    approval: bool
    min_sample: int | None


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """When to start, when to stop, and how to open. After the last step everybody planned takes part."""

    start_at: str | None
    end_at: str | None
    ramp: tuple[RampStep, ...]


class Progress(NamedTuple):
    """Where an experiment stands on its schedule."""

    state: str
    is_killed: bool
    step: int | None
    """Position in the ramp; None where there is none, or it is done."""
    since: datetime | None
    is_approved: bool


def parse_schedule(document: Any, included: int = BUCKETS) -> Schedule:
    """Read a schedule.

    Args:
        document: Start, end and ramp.
        included: Share of customers that takes part after the ramp.

    Raises:
        InvalidInputError: With every fault found.
    """
    fields = Fields(document)
    schedule = Schedule(
        start_at=_read_instant(fields, "start_at"),
        end_at=_read_instant(fields, "end_at"),
        ramp=tuple(_read_step(part) for part in fields.parts("ramp", 0, MAX_STEPS, [])),
    )
    start_at, end_at = schedule.start_at, schedule.end_at
    if start_at and end_at and parse_instant(end_at) <= parse_instant(start_at):
        fields.fault("end_at", "is not after start_at", "bad_order")
    shares = [step.included for step in schedule.ramp]
    for place, (share, following) in enumerate(zip(shares, [*shares[1:], included], strict=False)):
        if share >= following:
            message = f"{share} does not grow to what follows ({following}); a ramp only opens"
            fields.fault(f"ramp[{place}].included", message, "not_growing")
    fields.finish("schedule")
    return schedule


def _read_instant(fields: Fields, name: str) -> str | None:
    """Read an instant and write it in UTC."""
    text = fields.value(name, None)
    found = None if text is None else fields.collect(name, lambda value: parse_instant(value, ""), text)
    return None if found is None else format_instant(found)


def _read_step(part: Fields) -> RampStep:
    """Read one step of a ramp."""
    sample = part.value("min_sample", None)
    step = RampStep(
        included=part.integer("included", 1, BUCKETS),
        hold=part.duration("hold", None),
        approval=part.flag("approval", default=False),
        min_sample=None if sample is None else part.integer("min_sample", 1, MAX_SAMPLE),
    )
    if step.hold is None and step.min_sample is None and not step.approval:
        part.fault("", "needs hold, approval or min_sample: what ends this step?", "required")
    part.no_more()
    return step


def find_due(schedule: Schedule, progress: Progress, now: datetime, sample: int | None) -> str | None:
    """Return what the schedule wants done now: start, stop, widen, missed, or nothing.

    Args:
        schedule: The schedule.
        progress: Where the experiment stands.
        now: The present instant.
        sample: Customers of the smallest variant; None where nobody has counted.
    """
    is_over = schedule.end_at is not None and parse_instant(schedule.end_at) <= now
    if progress.state in UNSTARTED:
        is_due = schedule.start_at is not None and parse_instant(schedule.start_at) <= now
        return (MISSED if is_over else START) if is_due else None
    if progress.state in HOLDING and is_over:
        return STOP
    if progress.state == RUNNING and not progress.is_killed and progress.step is not None:
        return WIDEN if _is_passed(schedule.ramp[progress.step], progress, now, sample) else None
    return None


def waits_for_sample(schedule: Schedule, progress: Progress, now: datetime) -> bool:
    """Tell whether only the number of customers is missing, so that counting them is worth it."""
    return (
        find_due(schedule, progress, now, None) is None
        and find_due(schedule, progress, now, MAX_SAMPLE) == WIDEN
    )


def _is_passed(step: RampStep, progress: Progress, now: datetime, sample: int | None) -> bool:
    """Tell whether everything has come to pass that a step waits for."""
    since = progress.since or now
    is_held = step.hold is None or since + parse_duration(step.hold) <= now
    is_large = step.min_sample is None or (sample is not None and sample >= step.min_sample)
    return is_held and is_large and (progress.is_approved or not step.approval)
