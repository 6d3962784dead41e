"""Group sequential tests: bounds for the looks that were made, at the information they had.

The looks need not be planned or even: bounds follow from the information (SE^-2, not days) at each
look and the error spent so far. Efficacy bounds never count on the futility bounds being kept
(non-binding), so a team may go on past one without harm to the error rate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from scipy.special import ndtri

from abplat.errors import InvalidInputError
from abplat.stats.inputs import FloatArray, as_finite_array, require_between, require_choice, require_finite
from abplat.stats.sequential.recursion import (
    START,
    Z_CAP,
    Stage,
    advance,
    counted_looks,
    log_lower_tail,
    log_tail,
    solve_bound,
    solve_lower_bound,
    walk_through,
)
from abplat.stats.sequential.spending import Spending, spend


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupSequentialPlan:
    """How the error of a test may be spent over its looks; fixed before the start.

    Attributes:
        alpha: Error rate over all looks and both sides, below 0.5.
        sides: 2, or 1 where only a gain is looked for.
        spending: How alpha is spent.
        beta: Type II error that futility bounds may spend; None for no futility bounds.
        futility_spending: How beta is spent.

    Raises:
        InvalidInputError: If a rate or the number of sides is out of range.
    """

    alpha: float = 0.05
    sides: Literal[1, 2] = 2
    spending: Spending = field(default_factory=Spending)
    beta: float | None = None
    futility_spending: Spending = field(default_factory=lambda: Spending("hwang_shih_decani", -2.0))

    def __post_init__(self) -> None:
        require_between("alpha", self.alpha, 0.0, 0.5)
        require_choice("sides", self.sides, (1, 2))
        if self.beta is not None:
            require_between("beta", self.beta, 0.0, 1 - self.alpha / self.sides)

    @property
    def side_alpha(self) -> float:
        """Error rate of one side."""
        return self.alpha / self.sides


@dataclass(frozen=True, slots=True)
class Bounds:
    """What the standardised effect is held against at each look; one entry per look.

    Attributes:
        fractions: Share of the planned information at the look.
        upper: At or above it the treatment is better.
        lower: At or below it the treatment is worse; -8 throughout for a one-sided test.
        futility: At or below it a gain is out of reach; None where no futility was planned.
        alpha_spent: Error spent up to and with the look, both sides together.
    """

    fractions: tuple[float, ...]
    upper: tuple[float, ...]
    lower: tuple[float, ...]
    alpha_spent: tuple[float, ...]
    futility: tuple[float, ...] | None = None

    @property
    def pairs(self) -> tuple[tuple[float, float], ...]:
        """Lower and upper bound of each look, without futility."""
        return tuple(zip(self.lower, self.upper, strict=True))

    @property
    def closed_pairs(self) -> tuple[tuple[float, float], ...]:
        """Lower and upper bound of each look when the futility bounds are kept."""
        futility = self.futility or self.lower
        return tuple((max(low, f), up) for low, up, f in zip(self.lower, self.upper, futility, strict=True))


@dataclass(frozen=True, slots=True)
class Crossing:
    """How likely each look is to end the test, given an effect.

    Attributes:
        upper: Probability per look of ending there as better.
        lower: Probability per look of ending there as worse, or as futile.
    """

    upper: tuple[float, ...]
    lower: tuple[float, ...]

    @property
    def power(self) -> float:
        """Probability of being shown better at some look."""
        return sum(self.upper)


def set_bounds(
    fractions: Sequence[float],
    plan: GroupSequentialPlan | None = None,
    *,
    final: bool = False,
    drift: float | None = None,
) -> Bounds:
    """Return the bounds of every look so far, for a group sequential test by error spending.

    Looking daily at a plain 5 % test rejects a true null in 22 to 27 % of tests. These bounds keep
    the error at alpha for any number of looks at any information, as long as the times of looking
    do not depend on the effect seen. A look that adds less than 1e-4 of information, and one whose
    share of alpha underflows, gets the bound 8 and spends nothing.

    Args:
        fractions: Information at each look over the planned information, rising; may pass 1
            (over-running: what is left of alpha is spent at the first look at or past 1).
        plan: Alpha, sides and spending; the default is two-sided 5 % with O'Brien-Fleming spending.
        final: The last look given is the last one ever: it spends all that is left, also below 1.
        drift: Expected Z at the planned information under the effect the test was planned for;
            needed for (and only used by) futility bounds: see :func:`solve_drift`.

    Returns:
        One bound of each kind per look, on the scale of Z = effect / SE, capped at 8.

    Raises:
        InvalidInputError: If fractions are not positive and non-falling, or futility lacks a drift.

    References:
        Lan and DeMets (1983), Biometrika 70; Jennison and Turnbull (2000), Group Sequential
        Methods, chapters 7 and 19.

    Examples:
        >>> set_bounds([0.2, 0.4, 0.6, 0.8, 1.0]).upper[-1].__round__(3)
        2.031
        >>> pocock = GroupSequentialPlan(spending=Spending("pocock"))
        >>> [round(bound, 3) for bound in set_bounds([0.5, 1.0], pocock).upper]
        [2.157, 2.201]
    """
    plan = plan or GroupSequentialPlan()
    times = _read_fractions(fractions)
    counted = counted_looks(times.tolist())
    targets = spend(plan.spending, times[list(counted)], plan.side_alpha)
    if final and counted[-1] == times.size - 1:
        targets[-1] = plan.side_alpha
    solved = _solve_looks(times[list(counted)], targets, plan, drift)
    return _place(times, counted, solved)


def next_bound(information: Sequence[float], earlier: Sequence[tuple[float, float]], target: float) -> float:
    """Return the upper bound of one more look, with the bounds of earlier looks as they were used.

    This is how monitoring works: what was decided stays, and only the new look is solved for.

    Args:
        information: Information at all looks with the new one, rising; in any unit.
        earlier: Lower and upper bound used at each earlier look.
        target: Error of one side that the new look may spend; 0 or less gives 8.

    Returns:
        The bound of Z at the new look.

    Raises:
        InvalidInputError: If there is not one pair of bounds per earlier look.

    References:
        Jennison and Turnbull (2000), chapter 7.

    Examples:
        >>> round(next_bound([0.5, 1.0], [(-2.963, 2.963)], 0.025 - 0.00153), 3)
        1.969
    """
    if len(earlier) != len(information) - 1:
        raise InvalidInputError.at("earlier", "needs one pair of bounds per earlier look")
    stage = walk_through(information, earlier)[-1]
    return Z_CAP if stage is None else solve_bound(stage, information[-1], target)


def crossing(bounds: Bounds, drift: float, *, keep_futility: bool = True) -> Crossing:
    """Return how likely each look is to end the test, given the effect.

    Args:
        bounds: The bounds.
        drift: Expected Z at information fraction 1: effect times the root of planned information.
        keep_futility: Whether the team stops at futility bounds; they do not bind.

    Returns:
        Probabilities per look; under drift 0 and without futility ``upper`` is the error spent.

    Raises:
        InvalidInputError: If the drift is not finite.

    References:
        Jennison and Turnbull (2000), section 19.2.

    Examples:
        >>> bounds = set_bounds([0.25, 0.5, 0.75, 1.0])
        >>> round(crossing(bounds, 0.0).power, 6)
        0.025
        >>> round(crossing(bounds, 2.8).power, 3)
        0.792
    """
    require_finite("drift", drift)
    pairs = bounds.closed_pairs if keep_futility else bounds.pairs
    counted = counted_looks(bounds.fractions)
    times, kept = [bounds.fractions[k] for k in counted], [pairs[k] for k in counted]
    rows = zip(counted, walk_through(times, kept), times, kept, strict=True)
    ends = {index: _ends(stage, time, pair, drift) for index, stage, time, pair in rows}
    every = [ends.get(index, (0.0, 0.0)) for index in range(len(pairs))]
    return Crossing(tuple(up for up, _ in every), tuple(down for _, down in every))


def solve_drift(fractions: Sequence[float], plan: GroupSequentialPlan, power: float) -> float:
    """Return the drift at which a group sequential test has the power asked for.

    With futility (``plan.beta``) the bounds depend on the drift: it is solved for together with
    them, as if they are kept.

    Args:
        fractions: Information fractions of the planned looks, the last usually 1.
        plan: The test.
        power: Probability of being shown better at some look.

    Returns:
        Expected Z at information fraction 1; (drift / (z_alpha + z_beta))^2 is the inflation.

    Raises:
        InvalidInputError: If power is not above the error rate and below 1.

    References:
        Jennison and Turnbull (2000), chapters 2 and 7.

    Examples:
        >>> round(solve_drift([0.5, 1.0], GroupSequentialPlan(), 0.8), 3)
        2.807
    """
    require_between("power", power, plan.side_alpha, 1.0)
    from scipy.optimize import brentq  # noqa: PLC0415 - slow to import, and few calls need it

    if plan.beta is None:
        fixed = set_bounds(fractions, plan)
        return float(brentq(lambda drift: crossing(fixed, drift).power - power, 0.0, 40.0, xtol=1e-10))

    def miss(drift: float) -> float:
        """Return how far power is off with the futility bounds that this drift gives."""
        return crossing(set_bounds(fractions, plan, drift=drift), drift).power - power

    start = float(ndtri(power) - ndtri(plan.side_alpha))
    return float(brentq(miss, start * 0.5, start * 3.0 + 2.0, xtol=1e-8))


def inflation_factor(fractions: Sequence[float], plan: GroupSequentialPlan, power: float = 0.8) -> float:
    """Return how many times the units of a one-look test a group sequential test needs at most.

    Args:
        fractions: Information fractions of the planned looks.
        plan: The test.
        power: Power wanted.

    Returns:
        The ratio of largest sample sizes, usually 1.0 to 1.3.

    Raises:
        InvalidInputError: If the fractions do not rise, or the power lies outside (alpha, 1).

    References:
        Jennison and Turnbull (2000), chapter 2 (their R_P and R_B of tables 2.2 and 2.4).

    Examples:
        >>> looks = [k / 14 for k in range(1, 15)]
        >>> round(inflation_factor(looks, GroupSequentialPlan()), 3)
        1.042
    """
    needed = float(ndtri(power) - ndtri(plan.side_alpha))
    return (solve_drift(fractions, plan, power) / needed) ** 2


def _read_fractions(fractions: Sequence[float]) -> FloatArray:
    """Check the fractions: some, positive and never falling."""
    times = as_finite_array("fractions", fractions, positive=True)
    if times.ndim != 1 or times.size == 0 or np.any(np.diff(times) < 0):
        raise InvalidInputError.at("fractions", "needs a rising row of information fractions")
    return times


def _solve_looks(
    times: FloatArray, targets: FloatArray, plan: GroupSequentialPlan, drift: float | None
) -> Bounds:
    """Solve for all bounds at looks that count."""
    upper = _solve_upper(times, np.diff(targets, prepend=0.0), plan.sides)
    lower = tuple(-u for u in upper) if plan.sides == 2 else (-Z_CAP,) * len(upper)
    futility = _solve_futility(times, upper, plan, drift) if plan.beta is not None else None
    return Bounds(tuple(times.tolist()), upper, lower, tuple((targets * plan.sides).tolist()), futility)


def _place(times: FloatArray, counted: tuple[int, ...], solved: Bounds) -> Bounds:
    """Put bounds that nothing crosses at the looks that do not count."""
    if len(counted) == times.size:
        return solved
    order = np.searchsorted(counted, np.arange(times.size), side="right") - 1
    is_new = np.isin(np.arange(times.size), counted)

    def fill(values: tuple[float, ...], idle: float) -> tuple[float, ...]:
        """Take each look's own value where it counts."""
        return tuple(np.where(is_new, np.asarray(values)[order], idle).tolist())

    futility = None if solved.futility is None else fill(solved.futility, -Z_CAP)
    spent = tuple(np.asarray(solved.alpha_spent)[order].tolist())
    upper, lower = fill(solved.upper, Z_CAP), fill(solved.lower, -Z_CAP)
    return Bounds(tuple(times.tolist()), upper, lower, spent, futility)


def _solve_upper(times: FloatArray, targets: FloatArray, sides: int) -> tuple[float, ...]:
    """Solve for the upper bound of each look in turn."""
    stage, bounds = START, [solve_bound(START, float(times[0]), float(targets[0]))]
    for before, now, target in zip(times.tolist(), times[1:].tolist(), targets[1:].tolist(), strict=False):
        lower = -bounds[-1] if sides == 2 else -Z_CAP
        stage = advance(stage, before, (lower, bounds[-1]), now)
        bounds.append(solve_bound(stage, now, target))
    return tuple(bounds)


def _solve_futility(
    times: FloatArray, upper: tuple[float, ...], plan: GroupSequentialPlan, drift: float | None
) -> tuple[float, ...]:
    """Solve for the bound of each look below which the planned effect spends its share of beta."""
    if drift is None:
        raise InvalidInputError.at("drift", "is needed for futility bounds: see solve_drift")
    theta = require_finite("drift", drift)
    spent = np.diff(spend(plan.futility_spending, times, plan.beta or 0.0), prepend=0.0)
    stage: Stage | None = START
    bounds: list[float] = []
    for index, (now, up) in enumerate(zip(times.tolist(), upper, strict=True)):
        low = -Z_CAP if stage is None else solve_lower_bound(stage, now, float(spent[index]), theta)
        low = up if stage is None else min(low, up)
        bounds.append(low)
        if stage is not None and index + 1 < times.size:
            stage = advance(stage, now, (low, up), float(times[index + 1])) if low < up else None
    return tuple(bounds)


def _ends(stage: Stage | None, time: float, pair: tuple[float, float], drift: float) -> tuple[float, float]:
    """Return the probabilities of ending at a look above and below its bounds."""
    if stage is None:
        return 0.0, 0.0
    up = float(np.exp(log_tail(stage, time, pair[1], drift)))
    return up, float(np.exp(log_lower_tail(stage, time, pair[0], drift)))
