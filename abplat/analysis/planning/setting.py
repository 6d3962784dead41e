"""The test as it will be run: what the request says, what the experiment says, then the defaults."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, cast

from abplat.analysis.planning.subject import DAY_US, PlanSubject
from abplat.clock import parse_duration
from abplat.domain.plan_answers import TestFacts
from abplat.domain.plans import EQUIVALENCE, MAX_HORIZON_DAYS, NON_INFERIORITY, SUPERIORITY, PlanRequest
from abplat.errors import InvalidInputError
from abplat.stats.planning import Design, Monitoring, best_shares, comparison_alpha, power_with_guardrails
from abplat.stats.sequential import Spending

TIME = "time_to_complete"
_ALPHA = 0.05


@dataclass(frozen=True, slots=True)
class Setting:
    """A planned test.

    Attributes:
        design: As the statistics see it: for a time everything is on the scale of log hazard ratios,
            where up is sooner.
        is_time: Whether the metric is a time.
        effect: On the scale of the design, for a time the hazard ratio; None where none is named.
        margin: As it was asked for.
        direction: Which way is good for the metric.
        arms: Names of the arms, control first.
        horizon_days: How long a customer is watched.
        starts_on: First day.
        n_weeks: Rows of the table.
        question: superiority, non_inferiority or equivalence.
    """

    design: Design
    is_time: bool
    effect: float | None
    margin: float | None
    direction: str
    arms: tuple[str, ...]
    horizon_days: float
    starts_on: date
    n_weeks: int
    question: str = SUPERIORITY

    @property
    def is_equivalence(self) -> bool:
        """Whether a difference either way is to be ruled out."""
        return self.question == EQUIVALENCE

    @property
    def sign(self) -> int:
        """Way in which the smallest effect is sought."""
        if self.effect is not None and self.effect != 0 and self.design.margin is None and not self.is_time:
            return 1 if self.effect > 0 else -1
        return 1 if self.direction == "up" else -1

    @property
    def maturation_days(self) -> float:
        """Days that the last customer must still be watched; a time counts the open ones too."""
        return 0.0 if self.is_time else self.horizon_days

    def describe(self) -> TestFacts:
        """Return the test as an answer shows it."""
        design = self.design
        watched = design.monitoring
        return TestFacts(
            question=self.question,
            alpha=design.alpha,
            comparison_alpha=comparison_alpha(design),
            power=design.power,
            sides=design.sides,
            scale="hazard_ratio" if self.is_time else design.scale,
            effect=self.effect,
            margin=self.margin,
            direction=self.direction,
            family=design.family,
            arms=self.arms,
            shares=design.shares,
            monitoring=watched.kind,
            looks=watched.n_looks,
            spending=watched.spending.family if watched.kind == "group_sequential" else None,
            horizon_days=self.horizon_days,
        )


def make_setting(request: PlanRequest, subject: PlanSubject | None, today: date) -> Setting:
    """Fill in what the request leaves open.

    Args:
        request: The request.
        subject: What the definitions say; None where the request has numbers.
        today: First day of the test where none is named.

    Raises:
        InvalidInputError: If the parts do not fit together.
    """
    is_time = _kind(request, subject) == TIME
    margin = _margin(request, subject)
    question = request.question or (SUPERIORITY if margin is None else NON_INFERIORITY)
    if question == EQUIVALENCE and is_time:
        message = "equivalence is not planned for a time; write non_inferiority"
        raise InvalidInputError.at("question", message, "not_used")
    direction = request.direction or _direction(subject, is_time=is_time)
    shares, arms = _arms(request, subject)
    return Setting(
        design=_design(request, subject, _Sides(margin, direction, is_time), shares),
        is_time=is_time,
        effect=_effect(request, subject, margin, direction, is_time=is_time),
        margin=margin,
        direction=direction,
        arms=arms,
        horizon_days=_horizon_days(request, subject),
        starts_on=request.starts_on or today,
        n_weeks=request.weeks,
        question=question,
    )


def _margin(request: PlanRequest, subject: PlanSubject | None) -> float | None:
    """Return the margin: as named, the guardrail's, or that of an experiment whose rule is non-inferiority.

    Raises:
        InvalidInputError: If one is asked for and nobody has said any.
    """
    if request.question == SUPERIORITY:
        return None
    margin = request.margin
    if margin is None and subject is not None and subject.metric.role == "guardrail":
        margin = subject.metric.margin
    if margin is None and subject is not None and subject.metric.role == "primary":
        margin = subject.plan.experiment.get("goal_margin")
    if margin is None and request.question is not None:
        message = f"is missing; {request.question} is up to a margin, such as 0.02"
        raise InvalidInputError.at("margin", message, "required")
    return margin


@dataclass(frozen=True, slots=True)
class _Sides:
    """What is better, and by how much it may be worse."""

    margin: float | None
    direction: str
    is_time: bool


def _kind(request: PlanRequest, subject: PlanSubject | None) -> str:
    """Return the kind of the metric."""
    if subject is not None:
        return subject.metric.kind
    return request.outcome.kind if request.outcome else ""


def _direction(subject: PlanSubject | None, *, is_time: bool) -> str:
    """Return which way is good where the request does not say."""
    if subject is not None:
        return subject.metric.direction
    return "down" if is_time else "up"


def _arms(request: PlanRequest, subject: PlanSubject | None) -> tuple[tuple[float, ...], tuple[str, ...]]:
    """Return the share and the name of each arm, control first."""
    named: Sequence[Any] = ()
    if subject is not None and subject.is_experiment:
        named = [variant for variant in subject.plan.variants if variant.weight > 0]
    weights = request.weights or tuple(float(variant.weight) for variant in named)
    n_arms = len(request.weights) or request.arms or len(named) or 2
    if request.allocation == "best":
        shares = best_shares(n_arms - 1)
    elif len(weights) == n_arms:
        shares = tuple(weight / sum(weights) for weight in weights)
    else:
        shares = (1 / n_arms,) * n_arms
    if len(named) == n_arms:
        return shares, tuple(variant.key for variant in named)
    treatments = ["treatment"] if n_arms == 2 else [f"treatment {place}" for place in range(1, n_arms)]
    return shares, ("control", *treatments)


def _design(
    request: PlanRequest, subject: PlanSubject | None, sides: _Sides, shares: tuple[float, ...]
) -> Design:
    """Return the design."""
    alpha = request.alpha or (subject.plan.alpha if subject is not None else _ALPHA)
    margin, direction, scale = sides.margin, sides.direction, request.scale
    if sides.is_time:
        scale, direction = "absolute", "up" if direction == "down" else "down"
        margin = None if margin is None else math.log1p(margin)
    if margin is not None and request.sides == 2:
        message = "is 2; a margin is tested on one side, so write 1 or leave it out"
        raise InvalidInputError.at("sides", message, "not_used")
    watched = request.monitoring
    return Design(
        alpha=alpha,
        power=power_with_guardrails(request.power, request.guardrails),
        sides=cast("Any", request.sides or (2 if margin is None else 1)),
        shares=shares,
        family=cast("Any", request.family or _family(subject, len(shares), margin)),
        margin=margin,
        direction=cast("Any", direction),
        scale=cast("Any", scale),
        null_variance=cast("Any", request.null_variance),
        monitoring=Monitoring(
            kind=cast("Any", watched.kind),
            n_looks=watched.looks,
            spending=Spending(cast("Any", watched.spending), watched.parameter),
        ),
    )


def _family(subject: PlanSubject | None, n_arms: int, margin: float | None) -> str:
    """Return how treatments share alpha in a report: the metric that decides by Bonferroni, others not."""
    decides = subject is None or subject.metric.role == "primary"
    return "bonferroni" if n_arms > 2 and decides and margin is None else "none"


def _effect(
    request: PlanRequest, subject: PlanSubject | None, margin: float | None, direction: str, *, is_time: bool
) -> float | None:
    """Return the effect to be shown: as named, the smallest one worth acting on, or none but the margin."""
    effect = request.effect
    if effect is None and request.hazard_ratio is None and margin is None:
        effect = _worthwhile(request, subject, direction)
    if effect is None and margin is not None:
        effect = 0.0
    if not is_time:
        return effect
    if request.hazard_ratio is not None:
        return request.hazard_ratio
    return None if effect is None else 1 / (1 + effect)


def _worthwhile(request: PlanRequest, subject: PlanSubject | None, direction: str) -> float | None:
    """Return the experiment's smallest effect worth acting on, which is relative."""
    if subject is None or request.scale != "relative" or subject.metric.role != "primary":
        return None
    least = subject.plan.min_effect
    if least is None:
        return None
    return least if direction == "up" else -min(least, 0.99)


def _horizon_days(request: PlanRequest, subject: PlanSubject | None) -> float:
    """Return how long a customer is watched."""
    days = 0.0
    if subject is not None:
        days = subject.plan.horizon_us / DAY_US
    elif request.horizon is not None:
        days = parse_duration(request.horizon, "horizon").total_seconds() / 86_400
    if days > MAX_HORIZON_DAYS:
        message = f"is {days:,.0f} days; nothing longer than {MAX_HORIZON_DAYS:,} days is planned"
        raise InvalidInputError.at("horizon", message, "bad_duration")
    return days
