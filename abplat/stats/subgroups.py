"""Whether the effect has different signs in different subgroups."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from abplat.errors import InvalidInputError
from abplat.stats.result import Computed, NotComputable
from abplat.stats.tails import upper_chi_square


@dataclass(frozen=True, slots=True)
class GailSimon:
    """Test of a qualitative interaction: effects of different sign in different subgroups.

    Attributes:
        statistic: The smaller of ``q_plus`` and ``q_minus``.
        p_value: Chance of such a statistic if no effect changes its sign between subgroups.
        q_plus: Sum of squared scores of the subgroups with a gain.
        q_minus: Sum of squared scores of those with a loss.
        n_subgroups: Subgroups compared.
    """

    statistic: float
    p_value: float
    q_plus: float
    q_minus: float
    n_subgroups: int


def gail_simon(effects: Sequence[float], ses: Sequence[float]) -> Computed[GailSimon]:
    """Test whether the effect has different signs in different subgroups.

    Why: a change that helps one persona and hurts another must not be shipped to all on the
    average. Rule: Q+ and Q- sum the squared standardised effects of each sign; the smaller one is
    held against a binomial mixture of chi-squares.

    Args:
        effects: Effect per subgroup (disjoint units, pre-exposure subgroups).
        ses: Their standard errors, positive.

    Returns:
        The statistic and its p-value; ``too_few_strata`` for fewer than two subgroups.

    Raises:
        InvalidInputError: If lengths differ, a number is not finite or an error not positive.

    References:
        Gail, Simon (1985), Biometrics 41, eq. 4 and table 1.

    Examples:
        >>> round(gail_simon([0.04, -0.04], [0.01, 0.01]).p_value, 6)
        3.2e-05
    """
    if len(effects) != len(ses):
        raise InvalidInputError.at("ses", f"needs one per effect, got {len(ses)} for {len(effects)}")
    for i, (effect, se) in enumerate(zip(effects, ses, strict=True)):
        if not math.isfinite(effect) or not (math.isfinite(se) and se > 0):
            message = f"needs a finite effect and a positive error, got {effect!r}, {se!r}"
            raise InvalidInputError.at(f"effects[{i}]", message)
    k = len(effects)
    if k < 2:
        return NotComputable("too_few_strata")
    squares = [(e / s) ** 2 * (1 if e > 0 else -1) for e, s in zip(effects, ses, strict=True)]
    q_plus = sum(q for q in squares if q > 0)
    q_minus = -sum(q for q in squares if q < 0)
    statistic = min(q_plus, q_minus)
    p_value = 1.0
    if statistic > 0:
        p_value = sum(
            math.comb(k - 1, h) / 2 ** (k - 1) * upper_chi_square(statistic, h) for h in range(1, k)
        )
    return GailSimon(statistic, p_value, q_plus, q_minus, k)
