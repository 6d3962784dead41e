"""Sample size, power and smallest effect, for every metric kind and design by one formula.

A comparison has drift = distance / SE, and the design says which drift it needs. So the units follow
in closed form, n = drift^2 (v_T / s_T + v_C / s_C) / distance^2, and a table of many rows costs one
solve of the design. Small fixed tests of constant variance get Student's instead of the normal law.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy.special import chdtr, chdtri, nctdtr, nctdtrinc, ndtri, stdtrit

from abplat.errors import InvalidInputError
from abplat.stats.inputs import require_finite, require_positive
from abplat.stats.planning.design import Design, comparison_alpha, needed_drift, power_of_drift
from abplat.stats.planning.outcome import Outcome
from abplat.stats.planning.variance import absolute_effect, restricted_variance, unit_variance
from abplat.stats.result import Computed, NotComputable

_NORMAL_FROM = 5_000.0
"""Degrees of freedom from which the normal law is used: the power differs by less than 1e-4."""

_FAR = 1_000.0
"""Critical value from which only the variance is left to chance: the drift differs by less than 1e-5."""


@dataclass(frozen=True, slots=True)
class SampleSize:
    """The units a test needs.

    Attributes:
        n_units: Units of all arms together.
        arm_sizes: Units of each arm, control first.
        effect: The effect planned for, on the scale of the design.
        power: Power reached with these units.
        inflation: Units over those of the same test read once with one treatment.
    """

    n_units: int
    arm_sizes: tuple[int, ...]
    effect: float
    power: float
    inflation: float


def calculate_power(outcome: Outcome, effect: float, n_units: float, design: Design) -> float:
    """Return the chance of showing an effect with a number of units.

    A relative effect is judged through the difference: Fieller's interval of the lift, the default
    of :func:`abplat.stats.compare`, excludes 0 exactly when the test of the difference rejects, so
    the noise of the control value is not counted twice.

    Args:
        outcome: The metric.
        effect: True effect on the scale of the design (0.05 relative is +5 % of the control value).
        n_units: Units of all arms together.
        design: The test.

    Returns:
        Power between 0 and 1: superiority in the direction of the effect, or non-inferiority.

    Raises:
        InvalidInputError: If a number is bad or the effect impossible for the metric.

    References:
        Noncentral t: Cohen (1988); group sequential: Jennison and Turnbull (2000),
        chapter 7; relative margins: Tamhane and Logan (2004), test of T - (1 - m) C; shares against
        a margin with the restricted variance: Farrington and Manning (1990), eq. 4 and 10.

    Examples:
        >>> from abplat.stats.planning import mean_outcome
        >>> round(calculate_power(mean_outcome(0.0, 1.0), 0.5, 128, Design()), 4)
        0.8015
    """
    units = require_positive("n_units", n_units)
    drift = _drift(outcome, effect, units, design)
    df = _degrees(units, design)
    if not _is_student(outcome, design, df):
        return power_of_drift(drift, design)
    critical = -float(stdtrit(df, comparison_alpha(design) / design.sides))
    missed = float(nctdtr(df, drift, critical))
    # With a drift in the thousands the law is no longer computed, and only the variance is left to chance.
    return 1 - missed if math.isfinite(missed) else float(chdtr(df, df * (drift / critical) ** 2))


def calculate_sample_size(outcome: Outcome, effect: float, design: Design) -> Computed[SampleSize]:
    """Return the units that a test needs to show an effect.

    Args:
        outcome: The metric.
        effect: True effect on the scale of the design; with a margin it may be 0.
        design: The test with the power wanted.

    Returns:
        The sizes, or NotComputable (``not_reached``) where the effect is no better than the margin,
        or none at all: then no number of units is enough.

    Raises:
        InvalidInputError: If a number is bad or the effect impossible for the metric.

    References:
        As for :func:`calculate_power`.

    Examples:
        >>> from abplat.stats.planning import mean_outcome, proportion_outcome
        >>> calculate_sample_size(proportion_outcome(0.10), 0.01, Design()).n_units
        29498
        >>> calculate_sample_size(mean_outcome(0.0, 1.0), 0.5, Design()).arm_sizes
        (64, 64)
    """
    distance = _distance(outcome, effect, design)
    if distance <= 0:
        return NotComputable("not_reached", "The effect is not better than what it is tested against.")
    variance = unit_variance(outcome, effect, design)
    needed = needed_drift(design) + _null_excess(outcome, effect, design)
    units = needed**2 * variance / distance**2
    units = _add_student_units(outcome, effect, design, units)
    sizes = tuple(max(math.ceil(round(units * share, 6)), 2) for share in design.shares)
    plain = Design(alpha=design.alpha, power=design.power, sides=design.sides)
    inflation = (needed_drift(design) / needed_drift(plain)) ** 2
    reached = calculate_power(outcome, effect, sum(sizes), design)
    return SampleSize(sum(sizes), sizes, effect, reached, inflation)


def calculate_mde(outcome: Outcome, n_units: float, design: Design, *, sign: int = 1) -> Computed[float]:
    """Return the smallest effect that a number of units shows with the power of the design.

    With a margin it is the smallest effect (it may be negative) under which the metric is still
    shown to be non-inferior.

    Args:
        outcome: The metric.
        n_units: Units of all arms together.
        design: The test.
        sign: 1 for a rise, -1 for a fall: shares and counts differ.

    Returns:
        The effect on the scale of the design, or NotComputable: ``too_few_units`` where two arms
        have fewer than three units between them, ``not_reached`` where even the largest possible
        effect is not shown.

    Raises:
        InvalidInputError: If a number is bad.

    References:
        As for :func:`calculate_power`; the equation is solved with the SE at the effect, since the
        variance of shares and counts grows with it.

    Examples:
        >>> from abplat.stats.planning import proportion_outcome
        >>> round(calculate_mde(proportion_outcome(0.10), 29_498, Design()), 5)
        0.01
    """
    if _degrees(require_positive("n_units", n_units), design) < 1:
        return NotComputable("too_few_units")
    towards = math.copysign(1, sign) if design.margin is None else {"up": 1, "down": -1}[design.direction]
    low, high = _gain_range(outcome, design, towards)
    needed = _needed(outcome, n_units, design)
    from scipy.optimize import brentq  # noqa: PLC0415 - slow to import, and few calls need it

    def miss(gain: float) -> float:
        """Return the drift, less the one needed."""
        effect = towards * gain
        return _drift(outcome, effect, n_units, design) - needed

    if miss(high) < 0:
        return NotComputable("not_reached", "No possible effect is shown by so few units.")
    if miss(low) >= 0:
        return towards * low  # the margin reaches beyond the worst that can happen
    return towards * float(brentq(miss, low, high, xtol=1e-14, rtol=1e-12))


def _distance(outcome: Outcome, effect: float, design: Design) -> float:
    """Return how far the truth is from the null, in the unit of the metric, towards being shown."""
    absolute = absolute_effect(outcome, require_finite("effect", effect), design)
    if design.margin is None:
        return abs(absolute)
    gain = absolute if design.direction == "up" else -absolute
    return gain + absolute_effect(outcome, design.margin, design)


def _drift(outcome: Outcome, effect: float, units: float, design: Design) -> float:
    """Return the expected Z, less what a test with another variance under its null asks on top."""
    variance = unit_variance(outcome, effect, design)
    have = _distance(outcome, effect, design) * math.sqrt(units / variance)
    return have - _null_excess(outcome, effect, design)


def _null_excess(outcome: Outcome, effect: float, design: Design) -> float:
    """Return what the critical value grows by where the null's own variance is used, in standard errors."""
    if design.null_variance == "estimated" or design.margin is None or outcome.growth != "binomial":
        return 0.0
    ratio = restricted_variance(outcome, effect, design) / unit_variance(outcome, effect, design)
    critical = -float(ndtri(comparison_alpha(design) / design.sides))
    return critical * (math.sqrt(ratio) - 1)


def _degrees(n_units: float, design: Design) -> float:
    """Return the degrees of freedom of control and one treatment."""
    return n_units * (design.shares[0] + design.treatment_share) - 2


def _is_student(outcome: Outcome, design: Design, df: float) -> bool:
    """Tell whether the size is small enough for Student's law to matter."""
    return outcome.growth == "constant" and design.monitoring.kind == "fixed" and 0 < df < _NORMAL_FROM


def _add_student_units(outcome: Outcome, effect: float, design: Design, units: float) -> float:
    """Return the units with what Student's law asks on top of the normal law."""
    total = max(units, 4.0)
    while calculate_power(outcome, effect, total, design) < design.power - 1e-9:
        total += max(1.0, total * 0.001)
    return total


def _needed(outcome: Outcome, n_units: float, design: Design) -> float:
    """Return the drift needed, a little larger under Student's law."""
    df = _degrees(n_units, design)
    if not _is_student(outcome, design, df):
        return needed_drift(design)
    critical = -float(stdtrit(df, comparison_alpha(design) / design.sides))
    if critical >= _FAR:  # the library searches without end for so large a drift
        return critical * math.sqrt(float(chdtri(df, 1 - design.power)) / df)
    return float(nctdtrinc(df, 1 - design.power, critical))


def _gain_range(outcome: Outcome, design: Design, towards: float) -> tuple[float, float]:
    """Return the gains, on the scale of the design, between which the smallest one is sought."""
    unit = abs(outcome.baseline) if design.scale == "relative" else 1.0
    if unit == 0:
        raise InvalidInputError.at("baseline", "a relative effect needs a control value other than 0")
    below = outcome.baseline if outcome.growth != "constant" else math.inf
    above = 1 - outcome.baseline if outcome.growth == "binomial" else math.inf
    ahead, behind = (above, below) if towards > 0 else (below, above)
    far = min(ahead, 1e6 * (abs(outcome.baseline) + math.sqrt(outcome.variance))) * (1 - 1e-9)
    start = 0.0 if design.margin is None else -min(design.margin, behind / unit * (1 - 1e-9))
    return start, far / unit
