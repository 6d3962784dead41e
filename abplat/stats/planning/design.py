"""How a test will be run, and the drift it needs: everything about size that no metric decides."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

from scipy.special import ndtr, ndtri

from abplat.errors import InvalidInputError
from abplat.stats.inputs import (
    as_finite_array,
    require_between,
    require_choice,
    require_count,
    require_finite,
    require_positive,
)
from abplat.stats.selection.dunnett import SharedControl, dunnett_critical_value
from abplat.stats.sequential.confidence_sequence import ConfidenceSequencePlan, sequence_critical_values
from abplat.stats.sequential.group_sequential import (
    Bounds,
    GroupSequentialPlan,
    crossing,
    set_bounds,
    solve_drift,
)
from abplat.stats.sequential.recursion import Z_CAP
from abplat.stats.sequential.spending import Spending

Scale = Literal["absolute", "relative"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Monitoring:
    """When the results will be read.

    Attributes:
        kind: ``fixed`` (once, at the end), ``group_sequential`` or ``always_valid``.
        n_looks: Evenly spaced looks, the last at the planned end.
        spending: How a group sequential test spends alpha.

    Raises:
        InvalidInputError: If the kind is unknown or the number of looks does not fit it.
    """

    kind: Literal["fixed", "group_sequential", "always_valid"] = "fixed"
    n_looks: int = 1
    spending: Spending = field(default_factory=Spending)

    def __post_init__(self) -> None:
        require_choice("kind", self.kind, ("fixed", "group_sequential", "always_valid"))
        require_count("n_looks", self.n_looks, 1)
        if self.kind == "fixed" and self.n_looks != 1:
            raise InvalidInputError.at("n_looks", "a fixed test is read once")

    @property
    def fractions(self) -> tuple[float, ...]:
        """Information fractions of the looks."""
        return tuple(float(k) / self.n_looks for k in range(1, self.n_looks + 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """A planned test, whatever its metric.

    Attributes:
        alpha: Error rate over all comparisons and looks.
        power: Chance wanted of showing the effect, for one treatment.
        sides: 2, or 1; with a margin it must be 1.
        shares: Share of the units in each arm, control first; sums to 1.
        family: How several treatments share alpha: ``none``, ``bonferroni`` or ``dunnett``.
        margin: Non-inferiority margin on ``scale``, above 0; None for superiority.
        direction: Whether ``up`` or ``down`` is better; matters with a margin.
        scale: Whether effects and margins are ``absolute`` or ``relative`` to the control value.
        null_variance: The standard error that a share is held against its margin with:
            ``estimated`` (from the two shares seen; large tables) or ``restricted`` (from the most
            likely shares at the margin, Farrington and Manning; the score test of small tables).
        monitoring: When results will be read.

    Raises:
        InvalidInputError: If a part is out of range or the parts do not fit.
    """

    alpha: float = 0.05
    power: float = 0.8
    sides: Literal[1, 2] = 2
    shares: tuple[float, ...] = (0.5, 0.5)
    family: Literal["none", "bonferroni", "dunnett"] = "none"
    margin: float | None = None
    direction: Literal["up", "down"] = "up"
    scale: Scale = "absolute"
    null_variance: Literal["estimated", "restricted"] = "estimated"
    monitoring: Monitoring = field(default_factory=Monitoring)

    def __post_init__(self) -> None:
        require_between("alpha", self.alpha)
        require_choice("sides", self.sides, (1, 2))
        require_between("power", self.power, self.alpha / self.sides, 1.0)
        shares = as_finite_array("shares", self.shares, positive=True)
        if shares.size < 2 or abs(shares.sum() - 1) > 1e-9:
            raise InvalidInputError.at("shares", "needs control and a treatment at least, summing to 1")
        require_choice("family", self.family, ("none", "bonferroni", "dunnett"))
        require_choice("direction", self.direction, ("up", "down"))
        require_choice("scale", self.scale, ("absolute", "relative"))
        require_choice("null_variance", self.null_variance, ("estimated", "restricted"))
        if self.margin is not None:
            require_positive("margin", self.margin)
            require_choice("sides with a margin", self.sides, [1])

    @property
    def n_treatments(self) -> int:
        """Treatments that are compared with control."""
        return len(self.shares) - 1

    @property
    def treatment_share(self) -> float:
        """Share of the smallest treatment: the one that is hardest to judge."""
        return min(self.shares[1:])


def best_shares(n_treatments: int) -> tuple[float, ...]:
    """Return the shares that judge several treatments best: the control is sqrt(K) times as large.

    Args:
        n_treatments: Treatments that share the control, at least 1.

    Returns:
        Shares, control first.

    Raises:
        InvalidInputError: If there is no treatment.

    References:
        Dunnett (1955).

    Examples:
        >>> [round(share, 4) for share in best_shares(4)]
        [0.3333, 0.1667, 0.1667, 0.1667, 0.1667]
    """
    k = require_count("n_treatments", n_treatments, 1)
    total = k + k**0.5
    return (k**0.5 / total,) + (1 / total,) * k


def power_with_guardrails(power: float, n_guardrails: int) -> float:
    """Return the power each metric needs so that goal and guardrails together keep the one wanted.

    A launch asks for the goal to be shown and every guardrail to be shown harmless. Their alpha
    needs no correction (all must hold), but every one of them can fail: the type II error is split.

    Args:
        power: Chance wanted of a launch, between 0 and 1.
        n_guardrails: Guardrails beside the goal.

    Returns:
        1 - (1 - power) / (n_guardrails + 1).

    Raises:
        InvalidInputError: If a number is out of range.

    References:
        Schultzberg, Ankargren and Frånberg (2024), arXiv 2402.11609.

    Examples:
        >>> round(power_with_guardrails(0.8, 3), 6)
        0.95
    """
    return 1 - (1 - require_between("power", power)) / (require_count("n_guardrails", n_guardrails) + 1)


def comparison_alpha(design: Design) -> float:
    """Return the error rate left for one comparison when several treatments share alpha.

    Args:
        design: The design.

    Returns:
        Alpha (both sides): itself, over K, or that of Dunnett's critical value for these shares.

    Raises:
        Nothing of its own: a design is checked when it is made.

    References:
        Dunnett (1955); equal variances in all arms.

    Examples:
        >>> round(comparison_alpha(Design(shares=(0.25,) * 4, family="dunnett")), 4)
        0.0188
    """
    if design.family == "none" or design.n_treatments == 1:
        return design.alpha
    if design.family == "bonferroni":
        return design.alpha / design.n_treatments
    control = design.shares[0]
    loadings = tuple((share / (share + control)) ** 0.5 for share in design.shares[1:])
    critical = dunnett_critical_value(SharedControl(loadings, design.sides), design.alpha)
    return design.sides * float(ndtr(-critical))


@lru_cache(maxsize=256)
def needed_drift(design: Design) -> float:
    """Return the expected Z at the planned end that gives the design its power.

    Args:
        design: The design.

    Returns:
        1.960 + 0.842 for a fixed two-sided 5 % test with power 80 %, more for each look and arm.

    Raises:
        Nothing of its own: a design is checked when it is made.

    References:
        Jennison and Turnbull (2000), chapter 7; for always-valid designs the same recursion with the
        bounds of arXiv 2103.06476, equation 9.

    Examples:
        >>> round(needed_drift(Design()), 4)
        2.8016
        >>> monitoring = Monitoring(kind="always_valid", n_looks=14)
        >>> round((needed_drift(Design(monitoring=monitoring)) / needed_drift(Design())) ** 2, 2)
        1.76
    """
    alpha = comparison_alpha(design)
    if design.monitoring.kind == "fixed":
        return float(ndtri(design.power) - ndtri(alpha / design.sides))
    fractions = design.monitoring.fractions
    if design.monitoring.kind == "group_sequential":
        return solve_drift(fractions, _spending_plan(design), design.power)
    from scipy.optimize import brentq  # noqa: PLC0415 - slow to import, and few calls need it

    bounds = look_bounds(design)
    return float(brentq(lambda d: crossing(bounds, d).power - design.power, 0.0, 40.0, xtol=1e-10))


def look_bounds(design: Design) -> Bounds:
    """Return what Z is held against at each planned look.

    Args:
        design: The design.

    Returns:
        The bounds; one look with the plain critical value for a fixed test.

    Raises:
        Nothing of its own: a design is checked when it is made.

    References:
        As for ``set_bounds`` and ``sequence_critical_values``.

    Examples:
        >>> round(look_bounds(Design()).upper[0], 3)
        1.96
    """
    if design.monitoring.kind != "always_valid":
        return set_bounds(design.monitoring.fractions, _spending_plan(design))
    alpha = comparison_alpha(design)
    plan = ConfidenceSequencePlan(planned_n=1.0, alpha=alpha, sides=design.sides)
    upper = tuple(sequence_critical_values(design.monitoring.fractions, plan).tolist())
    lower = tuple(-u for u in upper) if design.sides == 2 else (-Z_CAP,) * len(upper)
    return Bounds(design.monitoring.fractions, upper, lower, (alpha,) * len(upper))


def _spending_plan(design: Design) -> GroupSequentialPlan:
    """Return the group sequential plan of one comparison."""
    alpha = comparison_alpha(design)
    return GroupSequentialPlan(alpha=alpha, sides=design.sides, spending=design.monitoring.spending)


def power_of_drift(drift: float, design: Design) -> float:
    """Return the chance that a comparison with a given drift is shown, in its own direction.

    Args:
        drift: Expected Z at the planned end.
        design: The design.

    Returns:
        The power.

    Raises:
        InvalidInputError: If the drift is not finite.

    References:
        Jennison and Turnbull (2000), section 19.2.

    Examples:
        >>> round(power_of_drift(2.8016, Design()), 4)
        0.8
    """
    value = require_finite("drift", drift)
    if design.monitoring.kind == "fixed":
        return float(ndtr(value + ndtri(comparison_alpha(design) / design.sides)))
    return min(crossing(look_bounds(design), value).power, 1.0)
