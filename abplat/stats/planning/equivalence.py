"""Sample size and power to show that two arms are the same up to a margin (two one-sided tests)."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from scipy.special import gammaln, ndtr, ndtri, stdtrit

from abplat.errors import InvalidInputError
from abplat.stats.inputs import require_finite, require_positive
from abplat.stats.planning.design import Design, comparison_alpha
from abplat.stats.planning.outcome import Outcome
from abplat.stats.planning.size import SampleSize
from abplat.stats.planning.variance import absolute_effect
from abplat.stats.quadrature import gauss_legendre
from abplat.stats.result import Computed, NotComputable

_NORMAL_FROM: Final = 5_000.0
_MOST_UNITS: Final = 1e15


def calculate_equivalence_power(outcome: Outcome, effect: float, n_units: float, design: Design) -> float:
    """Return the chance of showing that two arms differ by less than the margin.

    Rule: both one-sided tests of :func:`abplat.stats.check_equivalence` must reject. For means the
    chance is exact under Student's law; else normal. A relative margin tests T - (1 - m) C and
    T - (1 + m) C, whose standard errors differ a little; the chance given is then a lower bound.

    Args:
        outcome: The metric.
        effect: True effect on the scale of the design; mostly 0.
        n_units: Units of all arms together.
        design: A one-sided test read once, with the margin on both sides; ``alpha`` is that of each
            one-sided test.

    Returns:
        Power between 0 and 1.

    Raises:
        InvalidInputError: If the design has no margin or looks before the end, or a number is bad.

    References:
        Schuirmann (1987); Phillips (1990), J. Pharmacokinetics and Biopharmaceutics 18 (exact power);
        R ``PowerTOST::power.TOST``.

    Examples:
        >>> from abplat.stats.planning import mean_outcome
        >>> design = Design(margin=0.2, sides=1)
        >>> round(calculate_equivalence_power(mean_outcome(0.0, 1.0), 0.0, 858, design), 3)
        0.8
    """
    margin = _require_margin(design)
    units = require_positive("n_units", n_units)
    gap = absolute_effect(outcome, require_finite("effect", effect), design)
    reach = absolute_effect(outcome, margin, design)
    below, above = (
        (reach + sign * gap) * math.sqrt(units / _variance(outcome, gap, design, sign * margin))
        for sign in (1, -1)
    )
    df = units * (design.shares[0] + design.treatment_share) - 2
    alpha = comparison_alpha(design)
    if outcome.growth != "constant" or not 0 < df < _NORMAL_FROM:
        return max(0.0, float(ndtr(above + ndtri(alpha)) - ndtr(-below - ndtri(alpha))))
    return _student_power(below, above, df, -float(stdtrit(df, alpha)))


def calculate_equivalence_size(outcome: Outcome, effect: float, design: Design) -> Computed[SampleSize]:
    """Return the units needed to show that two arms differ by less than the margin.

    Why: "no difference was found" is not "there is none". A cheap change, a migration or a cap on
    cost wants the second, and that has its own sample size, mostly larger.

    Args:
        outcome: The metric.
        effect: True effect on the scale of the design; mostly 0.
        design: As for :func:`calculate_equivalence_power`.

    Returns:
        The sizes, or NotComputable (``not_reached``) where the effect lies on or beyond the margin.

    Raises:
        InvalidInputError: As for :func:`calculate_equivalence_power`.

    References:
        As for :func:`calculate_equivalence_power`; R ``PowerTOST::sampleN.TOST``.

    Examples:
        >>> from abplat.stats.planning import mean_outcome
        >>> found = calculate_equivalence_size(mean_outcome(0.0, 1.0), 0.0, Design(margin=0.2, sides=1))
        >>> found.arm_sizes
        (429, 429)
    """
    if abs(effect) >= _require_margin(design):
        return NotComputable("not_reached", "The effect lies on the margin or beyond it.")

    def power(units: float) -> float:
        """Return the power of a number of units."""
        return calculate_equivalence_power(outcome, effect, units, design)

    low, high = 4.0, 8.0
    while power(high) < design.power:
        low, high = high, high * 2
        if high > _MOST_UNITS:
            return NotComputable("not_reached", "No number of units is enough.")
    while high - low > max(0.25, high * 1e-9):
        middle = (low + high) / 2
        low, high = (middle, high) if power(middle) < design.power else (low, middle)
    sizes = tuple(max(math.ceil(round(high * share - 0.15 * share, 6)), 2) for share in design.shares)
    while power(sum(sizes)) < design.power:
        sizes = tuple(size + 1 for size in sizes)
    return SampleSize(sum(sizes), sizes, effect, power(sum(sizes)), 1.0)


def _require_margin(design: Design) -> float:
    """Return the margin of a design that two one-sided tests can have."""
    if design.margin is None:
        raise InvalidInputError.at("margin", "is missing; equivalence is up to a margin")
    if design.monitoring.kind != "fixed":
        raise InvalidInputError.at("monitoring", "equivalence is tested once, at the end")
    return design.margin


def _variance(outcome: Outcome, gap: float, design: Design, weight: float) -> float:
    """Return n times the variance of one of the two statistics, at the true effect."""
    control = outcome.variance / design.shares[0]
    if design.scale == "relative":
        control *= (1 - math.copysign(1.0, outcome.baseline) * weight) ** 2
    return outcome.variance_at(outcome.baseline + gap) / design.treatment_share + control


def _student_power(below: float, above: float, df: float, critical: float) -> float:
    """Integrate the chance that both tests reject over the standard deviation that is seen."""
    top = min((below + above) / (2 * critical), 1 + 9.0 / math.sqrt(2 * df) + 9.0 / df)
    if top <= 0:
        return 0.0
    nodes, weights = gauss_legendre(max(0.0, 1 - 9.0 / math.sqrt(2 * df)), top, 4)
    log_density = math.log(2) + df / 2 * math.log(df / 2) - float(gammaln(df / 2))
    density = np.exp(log_density + (df - 1) * np.log(nodes) - df * nodes**2 / 2)
    inside = ndtr(above - critical * nodes) - ndtr(-below + critical * nodes)
    return float(weights @ (np.maximum(inside, 0.0) * density))
