"""From a request to the answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from abplat.analysis.planning.answers import Parts, answer_outcome
from abplat.analysis.planning.history import History, Measured, read_history
from abplat.analysis.planning.inputs import (
    adjust,
    describe_history,
    describe_outcome,
    find_arrivals,
    measure_numbers,
)
from abplat.analysis.planning.setting import Setting, make_setting
from abplat.analysis.planning.subject import PlanSubject, read_subject
from abplat.analysis.planning.times import answer_time
from abplat.analysis.planning.words import list_assumptions
from abplat.clock import parse_instant
from abplat.config import Settings
from abplat.domain.plan_answers import Gap, PlanAnswer
from abplat.domain.plans import PlanRequest
from abplat.errors import InvalidInputError
from abplat.facts.lake import Lake
from abplat.stats import NotComputable
from abplat.stats.planning import Arrivals


@dataclass(frozen=True, slots=True)
class Facts:
    """Where the past is read."""

    lake: Lake
    settings: Settings


def make_answer(
    request: PlanRequest, now: datetime, facts: Facts | None = None, subject: Mapping[str, Any] | None = None
) -> PlanAnswer:
    """Answer a request.

    Args:
        request: The request.
        now: The present instant: what was known by then, unless the request names another.
        facts: Where the past is read; not needed where the request has numbers.
        subject: What ``services.planning.find_subject`` has found.

    Raises:
        InvalidInputError: If the parts of the request do not fit each other or the past.
    """
    found = None if subject is None else read_subject(subject)
    setting = make_setting(request, found, now.date())
    history = _read_history(request, found, facts, now)
    measured = _measure(request, setting, history)
    arrivals = find_arrivals(request.traffic, history)
    parts = _compute(request, setting, measured, arrivals)
    seen = history if isinstance(history, History) else None
    return PlanAnswer(
        starts_on=setting.starts_on.isoformat(),
        test=setting.describe(),
        outcome=None if isinstance(measured, NotComputable) else describe_outcome(measured, found, setting),
        history=None if seen is None else describe_history(seen, request.traffic),
        size=parts.size,
        run_time=parts.run_time,
        at_units=parts.at_units,
        looks=parts.looks,
        weeks=parts.weeks,
        assumptions=list_assumptions(request, found, setting, history, measured, arrivals),
        gaps=tuple(parts.gaps),
    )


def _read_history(
    request: PlanRequest, subject: PlanSubject | None, facts: Facts | None, now: datetime
) -> History | NotComputable | None:
    """Read the past where the request has no numbers."""
    if subject is None:
        return None
    if facts is None:
        raise InvalidInputError.at("experiment", "needs the facts of a project")
    as_of = parse_instant(request.as_of, "as_of") if request.as_of else now
    return read_history(facts.lake, subject, request, as_of, facts.settings)


def _measure(
    request: PlanRequest, setting: Setting, history: History | NotComputable | None
) -> Measured | NotComputable:
    """Return the metric of control with its adjustments."""
    if request.outcome is not None:
        return adjust(measure_numbers(request.outcome, setting), request)
    if history is None:
        return NotComputable("no_history", "There is neither an outcome nor a history.")
    if isinstance(history, NotComputable):
        return history
    if isinstance(history.measured, NotComputable):
        return history.measured
    return adjust(history.measured, request)


def _compute(
    request: PlanRequest,
    setting: Setting,
    measured: Measured | NotComputable,
    arrivals: Arrivals | NotComputable,
) -> Parts:
    """Compute the parts, or say why there are none."""
    if isinstance(measured, NotComputable):
        parts = Parts(gaps=[Gap(part="outcome", reason=measured.reason, message=measured.message)])
        for part in ("size", "run_time", "weeks"):
            parts.miss(part, measured)
        return parts
    if measured.survival is not None:
        if not measured.survival.event_share(len(measured.survival.by_day))[-1] > 0:
            why = NotComputable("no_events", "Nobody completes within the horizon; name a longer one.")
            return _compute(request, setting, why, arrivals)
        return answer_time(measured.survival, setting, arrivals, request.n_units)
    if measured.outcome is None:
        return _compute(request, setting, NotComputable("no_units"), arrivals)
    if setting.design.scale == "relative" and measured.outcome.baseline == 0:
        return _compute(request, setting, NotComputable("zero_baseline"), arrivals)
    return answer_outcome(measured.outcome, setting, arrivals, request.n_units)
