"""What may be said about the effect once a group sequential test has ended.

The plain estimate of a test that stopped early is too large and its interval too short, because
stopping chose it. The stage-wise order of outcomes (an earlier crossing is stronger evidence, then
the larger Z) gives a p-value, an interval and a median-unbiased estimate that allow for the looks
made and need none of those that were not.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
from scipy.special import logsumexp, ndtri_exp

from abplat.errors import InvalidInputError
from abplat.stats.inputs import as_finite_array, require_between, require_choice, require_finite
from abplat.stats.result import Computed, NotComputable
from abplat.stats.sequential.recursion import (
    START,
    Z_CAP,
    Stage,
    advance,
    counted_looks,
    log_lower_tail,
    log_tail,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoppedTest:
    """A group sequential test at the look where it ended.

    Attributes:
        information: SE^-2 at every look up to and with the last one, in order.
        earlier: Lower and upper bound used at each look before the last.
        effect: Estimate at the last look, in the unit of the metric.
        alpha: Error rate of the interval.
        sides: 2, or 1 for a one-sided p-value and a lower bound alone.

    Raises:
        InvalidInputError: If the parts do not fit or a number is bad.
    """

    information: tuple[float, ...]
    earlier: tuple[tuple[float, float], ...]
    effect: float
    alpha: float = 0.05
    sides: Literal[1, 2] = 2

    def __post_init__(self) -> None:
        as_finite_array("information", self.information, positive=True)
        require_finite("effect", self.effect)
        require_between("alpha", self.alpha)
        require_choice("sides", self.sides, (1, 2))
        if len(self.earlier) != len(self.information) - 1:
            raise InvalidInputError.at("earlier", "needs one pair of bounds per look before the last")

    @property
    def z(self) -> float:
        """Standardised effect at the last look."""
        return self.effect * math.sqrt(self.information[-1])


@dataclass(frozen=True, slots=True)
class StagewiseResult:
    """Inference after a stop, in the unit of the metric.

    Attributes:
        effect: Median-unbiased estimate: as often too high as too low.
        ci_lower: Lower end of the interval.
        ci_upper: Upper end; None for a one-sided test.
        p_value: Stage-wise p-value; at or below alpha exactly when a bound was crossed.
        log10_p: Its decimal logarithm, kept where the p-value itself would underflow.
        naive_effect: The plain estimate, for comparison.
    """

    effect: float
    ci_lower: float
    ci_upper: float | None
    p_value: float
    log10_p: float
    naive_effect: float


@dataclass(frozen=True, slots=True, eq=False)
class _Exit:
    """One look with what reached it and the values above and below which it ends."""

    stage: Stage
    information: float
    lower: float
    upper: float


def infer_after_stop(test: StoppedTest) -> Computed[StagewiseResult]:
    """Return the p-value, interval and estimate of a test that ended at a look.

    Valid at a crossing, at the last look and past it. Data that came in after a crossing
    (over-running) are added by handing in the information and effect of the larger data set in the
    place of the look that crossed, with the bounds of the looks before it.

    Args:
        test: Information and bounds of the looks made, and the estimate at the last one.

    Returns:
        The result, or NotComputable (``information_not_grown``) if the last look adds less than
        1e-4 of information to those before.

    Raises:
        InvalidInputError: If bounds or information do not fit together.

    References:
        Tsiatis, Rosner and Mehta (1984), Biometrics 40 (order and interval); Jennison and Turnbull
        (2000), chapter 8; Hall and Ding (2008) for over-running by deletion of a look.

    Examples:
        >>> stopped = StoppedTest(information=(100.0, 200.0), earlier=((-2.963, 2.963),), effect=0.18)
        >>> result = infer_after_stop(stopped)
        >>> round(result.p_value, 4), round(result.effect, 4)
        (0.0128, 0.1787)
    """
    counted = counted_looks(test.information)
    if counted[-1] != len(test.information) - 1:
        return NotComputable("information_not_grown")
    exits = _walk_to_end(test, counted)
    if exits is None:
        raise InvalidInputError.at("earlier", "the bounds leave nothing that could reach the last look")
    above, below = _log_order(exits, 0.0)
    log_p = above if test.sides == 1 else min(math.log(2) + min(above, below), 0.0)
    level = test.alpha / test.sides
    upper = _solve(exits, test, 1 - level) if test.sides == 2 else None
    middle, lower = _solve(exits, test, 0.5), _solve(exits, test, level)
    return StagewiseResult(middle, lower, upper, math.exp(log_p), log_p / math.log(10), test.effect)


def _walk_to_end(test: StoppedTest, counted: tuple[int, ...]) -> tuple[_Exit, ...] | None:
    """Return every counted look with what reached it; the last one ends at the Z seen."""
    stage: Stage | None = START
    exits: list[_Exit] = []
    for place, then in pairwise(counted):
        low, up = test.earlier[place]
        low = min(low, test.z - Z_CAP) if low <= -Z_CAP else low
        if stage is None:
            return None
        exits.append(_Exit(stage, test.information[place], low, up))
        stage = (
            None if low >= up else advance(stage, test.information[place], (low, up), test.information[then])
        )
    return None if stage is None else (*exits, _Exit(stage, test.information[-1], test.z, test.z))


def _log_order(exits: tuple[_Exit, ...], theta: float) -> tuple[float, float]:
    """Return the log probabilities of an outcome at least as high, and at least as low, as that seen."""
    above = [log_tail(one.stage, one.information, one.upper, theta) for one in exits]
    below = [log_lower_tail(one.stage, one.information, one.lower, theta) for one in exits]
    return float(logsumexp(above)), float(logsumexp(below))


def _solve(exits: tuple[_Exit, ...], test: StoppedTest, level: float) -> float:
    """Return the effect under which an outcome at least as high has a given probability."""
    goal = float(ndtri_exp(math.log(level)))
    unit = 1 / math.sqrt(exits[-1].information)

    def miss(drift: float) -> float:
        """Return the normal score of the probability above, less the one wanted."""
        above, below = _log_order(exits, drift * unit)
        score = float(ndtri_exp(min(above, -1e-300)) if above < below else -ndtri_exp(min(below, -1e-300)))
        return score - goal

    from scipy.optimize import brentq  # noqa: PLC0415 - slow to import, and few calls need it

    low, high = _bracket(miss, test.z)
    return float(brentq(miss, low, high, xtol=1e-10)) * unit


def _bracket(miss: Callable[[float], float], centre: float) -> tuple[float, float]:
    """Return two drifts around the root of a rising function."""
    width = 2.0
    while miss(centre - width) > 0:
        width *= 2
    low = centre - width
    width = 2.0
    while miss(centre + width) < 0:
        width *= 2
    return low, centre + width


def repeated_intervals(
    effects: Sequence[float], ses: Sequence[float], upper: Sequence[float]
) -> tuple[tuple[float, float], ...]:
    """Return the repeated interval of every look: effect -/+ bound x SE, right at all looks at once.

    This is the interval to draw while the test goes on: together they miss the true effect in at
    most alpha of tests, whatever the rule by which the team stops.

    Args:
        effects: Estimate at each look, in the unit of the metric.
        ses: Standard error at each look.
        upper: Upper bound of Z of the symmetric two-sided test at each look.

    Returns:
        Lower and upper end per look.

    Raises:
        InvalidInputError: If the lengths differ or a number is bad.

    References:
        Jennison and Turnbull (1989), JRSS B 51; (2000), chapter 9.

    Examples:
        >>> repeated_intervals([1.0], [0.25], [3.0])
        ((0.25, 1.75),)
    """
    effect, se = as_finite_array("effects", effects), as_finite_array("ses", ses, positive=True)
    bound = as_finite_array("upper", upper)
    if not effect.shape == se.shape == bound.shape:
        raise InvalidInputError.at("upper", "needs as many bounds and errors as effects")
    ends = np.stack([effect - bound * se, effect + bound * se], axis=-1)
    return tuple((float(low), float(high)) for low, high in ends)
