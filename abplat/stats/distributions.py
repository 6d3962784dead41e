"""Whether two arms spread over categories alike: paths, endings, channels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import special

from abplat.errors import InvalidInputError
from abplat.stats.moments import FloatArray
from abplat.stats.result import Computed, NotComputable

N_DRAWS: Final = 9_999
SEED: Final = 20_260_301
_CHUNK: Final = 250
_ENOUGH: Final = 250
_MANY: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class DistributionTest:
    """A permutation test of two distributions over categories.

    Attributes:
        statistic: Pearson's chi-square of the table.
        p_value: Share of the deals at least as uneven; the true one is among them if all were tried.
        n_draws: Deals that were tried: fewer than allowed where enough were as uneven before, and none
            of more than a hundred categories.
        n_categories: Categories after the rare ones were put together.
        n_pooled: Categories that were too rare to stand alone.
    """

    statistic: float
    p_value: float
    n_draws: int
    n_categories: int
    n_pooled: int


def compare_distributions(
    treatment: Mapping[str, int],
    control: Mapping[str, int],
    *,
    min_count: int = 5,
    n_draws: int = N_DRAWS,
    seed: int = SEED,
) -> Computed[DistributionTest]:
    """Test whether two arms spread over categories alike, by dealing the arms again.

    Why: customers take hundreds of paths, most of them rare, so the chi-square distribution does not
    hold. Rule: the arms of the customers are dealt again as the draw could have dealt them; given
    the counts of each category these deals are hypergeometric, so their cost does not grow with the
    customers. Rare categories are put together first, by counts that do not look at the arms. Dealing
    ends with the deal that is the 250th at least as uneven: a large p-value needs few deals. Of more
    than a hundred categories nothing is dealt: a gamma distribution has the exact mean and variance that
    the statistic has over all deals.

    Args:
        treatment: Units per category; every unit is in one category.
        control: The same for control; a category that one arm lacks has no units there.
        min_count: Categories with fewer units in both arms together are put together.
        n_draws: Deals to try at most.
        seed: Of the deals: the same inputs give the same p-value.

    Returns:
        The test; ``no_units`` for an empty arm, ``too_few_categories`` where only one is left.

    Raises:
        InvalidInputError: If a count is negative, or ``n_draws`` is not positive.

    References:
        Dawson (1954), Biometrika 41 (exact variance over all deals); Fisher (1935); Mehta, Patel (1983) for tables of many cells; Besag, Clifford (1991) for the
        sampled p-value h / l of the deal l that is the h-th as uneven, (b + 1) / (m + 1) after all m.

    Examples:
        >>> found = compare_distributions({"web": 70, "web > shop": 30}, {"web": 50, "web > shop": 50})
        >>> round(found.statistic, 3), found.p_value < 0.01
        (8.333, True)
    """
    if n_draws < 1:
        raise InvalidInputError.at("n_draws", f"must be positive, got {n_draws!r}")
    if min([*treatment.values(), *control.values(), 0]) < 0:
        raise InvalidInputError.at("counts", "must not be negative")
    if not sum(treatment.values()) or not sum(control.values()):
        return NotComputable("no_units")
    treated, total, n_pooled = _tabulate(treatment, control, min_count)
    if total.size < 2:
        return NotComputable("too_few_categories")
    n = int(treated.sum())
    observed = float(_chi_square(treated[None, :], total, n)[0])
    if total.size > _MANY:
        p_value, tried = _match_moments(observed, total, n), 0
    else:
        found, tried = _count_as_uneven(observed, total, n, n_draws, seed)
        p_value = found / tried if found == _ENOUGH else (1 + found) / (1 + tried)
    return DistributionTest(
        statistic=observed,
        p_value=p_value,
        n_draws=tried,
        n_categories=int(total.size),
        n_pooled=n_pooled,
    )


def _tabulate(
    treatment: Mapping[str, int], control: Mapping[str, int], min_count: int
) -> tuple[FloatArray, FloatArray, int]:
    """Return treated and all units per category, the rare ones put together at the end."""
    keys = sorted(set(treatment) | set(control))
    treated = np.array([treatment.get(key, 0) for key in keys], dtype=np.float64)
    total = treated + np.array([control.get(key, 0) for key in keys], dtype=np.float64)
    rare = total < min_count
    parts = [np.append(column[~rare], column[rare].sum()) for column in (treated, total)]
    used = parts[1] > 0
    return parts[0][used], parts[1][used], int(np.count_nonzero(rare & (total > 0)))


def _chi_square(treated: FloatArray, total: FloatArray, n: int) -> FloatArray:
    """Return Pearson's chi-square of tables with two rows, one table per row of ``treated``."""
    whole = float(total.sum())
    expected = total * (n / whole)
    squares = ((treated - expected) ** 2 / expected).sum(axis=1)
    return np.asarray(squares * (whole / (whole - n)), dtype=np.float64)


def _match_moments(observed: float, total: FloatArray, n: int) -> float:
    """Return the tail of the gamma distribution with the mean and variance that the statistic has over all deals."""
    whole, k = float(total.sum()), total.size
    arms = np.array([n, whole - n])
    spread = [(whole - 2) / (whole - 1), (k - 1) * (whole - k) / (whole - 1)]
    uneven = [(float(np.sum(whole / part)) - part.size**2) / (whole - 2) for part in (arms, total)]
    mean = (k - 1) * whole / (whole - 1)
    variance = 2 * whole / (whole - 3) * (spread[0] - uneven[0]) * (spread[1] - uneven[1])
    variance += whole**2 / (whole - 1) * uneven[0] * uneven[1]
    return float(special.gammaincc(mean**2 / variance, observed * mean / variance))


def _count_as_uneven(observed: float, total: FloatArray, n: int, n_draws: int, seed: int) -> tuple[int, int]:
    """Count the deals that are at least as uneven as the true one, and all that were tried."""
    rng = np.random.default_rng(seed)
    colours, found = total.astype(np.int64), 0
    for start in range(0, n_draws, _CHUNK):
        size = min(_CHUNK, n_draws - start)
        deals = rng.multivariate_hypergeometric(colours, n, size=size, method="marginals")
        as_uneven = _chi_square(deals.astype(np.float64), total, n) >= observed * (1 - 1e-12)
        at = np.flatnonzero(as_uneven)
        if found + at.size >= _ENOUGH:
            return _ENOUGH, start + int(at[_ENOUGH - found - 1]) + 1
        found += at.size
    return found, n_draws
