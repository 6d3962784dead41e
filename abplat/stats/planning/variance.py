"""The noise of what is tested: at the true effect, and at the border of the null."""

from __future__ import annotations

from abplat.errors import InvalidInputError
from abplat.stats.planning.design import Design
from abplat.stats.planning.outcome import Outcome
from abplat.stats.proportions import constrained_rate, constrained_rate_of_ratio


def absolute_effect(outcome: Outcome, value: float, design: Design) -> float:
    """Return an effect or margin in the unit of the metric."""
    if design.scale == "absolute":
        return value
    if outcome.baseline == 0:
        raise InvalidInputError.at("baseline", "a relative effect needs a control value other than 0")
    return value * abs(outcome.baseline)


def unit_variance(outcome: Outcome, effect: float, design: Design) -> float:
    """Return n times the variance of what is tested, at the true effect."""
    treated = outcome.baseline + absolute_effect(outcome, effect, design)
    control = outcome.variance / design.shares[0]
    if design.margin is not None and design.scale == "relative":
        sign = 1 if (design.direction == "up") == (outcome.baseline > 0) else -1
        control *= (1 - sign * design.margin) ** 2
    return outcome.variance_at(treated) / design.treatment_share + control


def restricted_variance(outcome: Outcome, effect: float, design: Design) -> float:
    """Return n times the variance of what is tested if both shares lay on the margin.

    The shares are those most likely at the margin given what is expected (Farrington, Manning 1990,
    method 3); a saving by covariates or a cost of clusters is kept.
    """
    margin = (design.margin or 0.0) * (-1 if design.direction == "up" else 1)
    shares = design.treatment_share, design.shares[0]
    treated = outcome.baseline + absolute_effect(outcome, effect, design)
    expected = (shares[0] * treated, shares[0], shares[1] * outcome.baseline, shares[1])
    factor = outcome.variance / (outcome.baseline * (1 - outcome.baseline))
    if design.scale == "absolute":
        control = constrained_rate(expected, max(-1.0, min(1.0, margin)))
        weight, at_null = 1.0, control + margin
    else:
        weight = max(1.0 + margin, 1e-12)
        control = constrained_rate_of_ratio(expected, weight)
        at_null = control * weight
    at_null = min(max(at_null, 0.0), 1.0)
    noise = at_null * (1 - at_null) / shares[0] + weight**2 * control * (1 - control) / shares[1]
    return factor * noise
