"""How fine the time bins of a risk table must be.

Seven-day bins on two years of survival move the log-rank chi-square by 1 %, thirty-day bins by 8 %
and the restricted mean by 4 %. A hundred bins up to the horizon keep both below what anybody reads.
"""

from __future__ import annotations

import math
from typing import Final

from abplat.errors import InvalidInputError
from abplat.stats.result import Computed, NotComputable
from abplat.stats.risk_table import RiskTable

MIN_BINS: Final = 100
"""Bins that a risk table needs up to its horizon, unless it has one per distinct time."""

_WIDTHS: Final = (1, 5, 15, 60, 300, 900, 3_600, 4 * 3_600, 86_400, 7 * 86_400)


def choose_bin_width(tau: float) -> float:
    """Choose the widest handy bin that still leaves a hundred of them up to the horizon.

    Journeys that last minutes get seconds, those that last months get days.

    Args:
        tau: Horizon in seconds, positive.

    Returns:
        Width in seconds: a second, 5 or 15 seconds, a minute, 5 or 15 minutes, an hour, 4 hours, a
        day or a week; a hundredth of the horizon where even a second is too wide.

    Raises:
        InvalidInputError: If tau is not positive.

    References:
        As for ``check_bins``.

    Examples:
        >>> choose_bin_width(7 * 86_400), choose_bin_width(3_600), choose_bin_width(50)
        (3600.0, 15.0, 0.5)
    """
    if not (math.isfinite(tau) and tau > 0):
        raise InvalidInputError.at("tau", f"must be positive, got {tau!r}")
    fitting = [width for width in _WIDTHS if tau / width >= MIN_BINS]
    return float(fitting[-1]) if fitting else tau / MIN_BINS


def check_bins(table: RiskTable, tau: float, *, exact: bool = False) -> Computed[int]:
    """Count the bins up to the horizon, and refuse too few.

    Args:
        table: Risk table of one arm.
        tau: Horizon.
        exact: Whether the table has one bin per distinct time; then nothing is lost at any number.

    Returns:
        The number of bins up to tau; ``too_few_bins`` below 100.

    Raises:
        InvalidInputError: If tau is not positive.

    References:
        Klein, Moeschberger (2003), chapter 5.4: grouped times. The bound of 100 bins keeps log-rank and
        restricted mean within 1 % of those of exact times on the data of Loprinzi et al. (1994).

    Examples:
        >>> table = RiskTable.from_times([1.0, 5.0, 9.0], [True] * 3, tau=10.0, n_bins=20)
        >>> check_bins(table, 10.0).reason
        'too_few_bins'
    """
    if not (math.isfinite(tau) and tau > 0):
        raise InvalidInputError.at("tau", f"must be positive, got {tau!r}")
    n_bins = sum(1 for edge in table.edges if edge <= tau)
    return n_bins if exact or n_bins >= MIN_BINS else NotComputable("too_few_bins")
