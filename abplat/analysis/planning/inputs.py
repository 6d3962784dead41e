"""The metric and the arrivals of a plan, out of numbers or out of history."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from abplat.analysis.planning.history import History, Measured
from abplat.analysis.planning.setting import TIME, Setting
from abplat.analysis.planning.subject import PlanSubject
from abplat.domain.plan_answers import HistoryFacts, OutcomeFacts
from abplat.domain.plan_parts import OutcomeNumbers, Traffic
from abplat.domain.plans import PlanRequest
from abplat.stats import NotComputable
from abplat.stats.planning import (
    Arrivals,
    Outcome,
    PastSurvival,
    count_outcome,
    mean_outcome,
    proportion_outcome,
    quantile_outcome,
    ratio_outcome,
    with_clusters,
    with_covariate,
)

LEAST_DAYS = 14


@dataclass(frozen=True, slots=True)
class PlanInputs:
    """What the answer is computed from; what is missing has its reason."""

    measured: Measured | NotComputable
    arrivals: Arrivals | NotComputable


def measure_numbers(numbers: OutcomeNumbers, setting: Setting) -> Measured:
    """Return the metric out of numbers that somebody knows.

    Raises:
        InvalidInputError: If the numbers allow no variance.
    """
    found = numbers.numbers
    if numbers.kind == TIME:
        return Measured(survival=_survive(numbers, setting.horizon_days), kind=TIME)
    if numbers.kind == "mean":
        outcome = mean_outcome(found["baseline"], found["sd"])
    elif numbers.kind == "proportion":
        outcome = proportion_outcome(found["baseline"])
    elif numbers.kind == "count":
        outcome = count_outcome(found["baseline"], found["dispersion"])
    elif numbers.kind == "quantile":
        outcome = quantile_outcome(found["baseline"], found["level"], found["density"], found["per_unit"])
    else:
        outcome = _ratio(found)
    return Measured(outcome=outcome, kind=numbers.kind)


def _ratio(found: dict[str, float]) -> Outcome:
    """Return the outcome of a ratio of sums."""
    top, bottom = found["numerator_sd"], found["denominator_sd"]
    means = (found["numerator_mean"], found["denominator_mean"])
    return ratio_outcome(means, (top**2, bottom**2), found["correlation"] * top * bottom)


def _survive(numbers: OutcomeNumbers, horizon_days: float) -> PastSurvival:
    """Return the curve of those still open: as given, or even hazards up to the horizon."""
    if numbers.survival_by_day:
        n_days = int(np.ceil(horizon_days))
        return PastSurvival(numbers.survival_by_day[:n_days])
    ends = np.minimum(np.arange(1, int(np.ceil(horizon_days)) + 1), horizon_days)
    return PastSurvival(tuple(((1 - numbers.numbers["completed"]) ** (ends / horizon_days)).tolist()))


def adjust(measured: Measured, request: PlanRequest) -> Measured:
    """Apply what the request says of covariate and clusters.

    Raises:
        InvalidInputError: If a number is out of range.
    """
    outcome, kept = measured.outcome, measured.variance_kept
    if outcome is None:
        return measured
    if request.covariate_correlation is not None:
        outcome = with_covariate(outcome, request.covariate_correlation)
        kept *= 1 - request.covariate_correlation**2
    if request.cluster is not None:
        part = request.cluster
        outcome = with_clusters(outcome, part.size, part.intraclass_correlation, part.size_variation)
    return replace(measured, outcome=outcome, variance_kept=kept)


def find_arrivals(
    traffic: Traffic | None, history: History | NotComputable | None
) -> Arrivals | NotComputable:
    """Return new units by day: as the request says, else as the history shows."""
    if traffic is not None and traffic.new_units_by_day:
        return Arrivals(traffic.new_units_by_day, traffic.share or 1.0)
    if history is None:
        message = "Say how many new units come: traffic.per_day or traffic.new_units_by_day."
        return NotComputable("no_traffic", message)
    if isinstance(history, NotComputable):
        return history
    days = _scaled(history, traffic)
    if len(days) < LEAST_DAYS:
        message = (
            f"The facts have only {len(days)} days whose customers have been watched for the whole horizon; "
            f"{LEAST_DAYS} are needed to compare a week with the week before. Give traffic.new_units_by_day."
        )
        return NotComputable("short_history", message)
    if not any(days):
        return NotComputable("no_traffic", "The test takes nobody: its share of the customers is 0.")
    return Arrivals(days)


def _scaled(history: History, traffic: Traffic | None) -> tuple[float, ...]:
    """Return how many of those who came in the test would take."""
    scale = history.scale if traffic is None or traffic.share is None else traffic.share
    return tuple(n * scale for n in history.new_units)


def describe_history(history: History, traffic: Traffic | None) -> HistoryFacts:
    """Return the history as an answer shows it."""
    return HistoryFacts(
        source=history.source,
        starts_on=f"{history.window.start:%Y-%m-%d}",
        ends_on=f"{history.window.end:%Y-%m-%d}",
        n_days=history.window.n_days,
        n_units=sum(history.new_units),
        n_measured=history.n_measured,
        new_units_by_day=_scaled(history, traffic),
    )


def describe_outcome(measured: Measured, subject: PlanSubject | None, setting: Setting) -> OutcomeFacts:
    """Return the metric as an answer shows it."""
    if measured.survival is not None:
        baseline = float(measured.survival.event_share(int(np.ceil(setting.horizon_days)))[-1])
    else:
        baseline = measured.outcome.baseline if measured.outcome else 0.0
    return OutcomeFacts(
        kind=measured.kind,
        metric=subject.metric.key if subject else None,
        unit=subject.metric.unit if subject else None,
        baseline=baseline,
        sd=None if measured.outcome is None else measured.outcome.variance**0.5,
        variance_kept=measured.variance_kept,
    )
