"""Looking at one column of a moment record as if it were the outcome."""

from __future__ import annotations

from collections.abc import Mapping

from abplat.errors import InvalidInputError
from abplat.stats.moments import Moments, Strata


def select_columns(record: Moments, outcome: str, denominator: str | None = None) -> Moments:
    """Take one column of a record as its outcome, and perhaps another as its denominator.

    Why: "did the arms differ before exposure" and "did the denominator move" are comparisons of
    their own, and the record already holds what they need.

    Args:
        record: The record of an arm.
        outcome: The column to be looked at, such as ``x`` or ``d``.
        denominator: The column it is divided by, such as ``xd``; left out for a mean.

    Returns:
        A record with the columns ``y`` (and ``d``); its ``cube_y`` is known only for ``y``.

    Raises:
        InvalidInputError: If the record has no such column.

    References:
        Deng, Xu, Kohavi, Walker (2013), WSDM: the covariate is an outcome measured before exposure.

    Examples:
        >>> record = Moments.from_values([1.0, 2.0], covariate=[5.0, 7.0])
        >>> float(select_columns(record, "x").mean[0])
        6.0
    """
    names = [outcome] if denominator is None else [outcome, denominator]
    for name in names:
        if name not in record.columns:
            raise InvalidInputError.at("columns", f"has no {name!r}, only {', '.join(record.columns)}")
    places = [record.columns.index(name) for name in names]
    cross = [
        record.cross[_place(i, j, len(record.columns))] for a, i in enumerate(places) for j in places[a:]
    ]
    return Moments(
        ("y", "d")[: len(names)],
        record.n,
        tuple(record.shift[i] for i in places),
        tuple(record.sum[i] for i in places),
        tuple(cross),
        record.cube_y if outcome == "y" else None,
    )


def select_strata(strata: Strata, outcome: str, denominator: str | None = None) -> Strata:
    """Take one column of every stratum as its outcome.

    Examples:
        >>> record = Moments.from_values([1.0, 2.0], covariate=[5.0, 7.0])
        >>> sorted(select_strata({"new": record}, "x"))
        ['new']
    """
    if isinstance(strata, Moments):
        return select_columns(strata, outcome, denominator)
    return {key: select_columns(record, outcome, denominator) for key, record in strata.items()}


def columns_of(strata: Strata) -> tuple[str, ...]:
    """Return the columns of an arm; empty without strata."""
    if isinstance(strata, Mapping):
        return next((record.columns for record in strata.values()), ())
    return strata.columns


def _place(i: int, j: int, k: int) -> int:
    """Return where the product of two columns stands in the upper triangle of k columns."""
    low, high = min(i, j), max(i, j)
    return low * k - low * (low - 1) // 2 + high - low
