"""Moment records: the sums from which every mean-like comparison follows.

One record holds the sums of one metric over the units of one arm, or of one cell of it (a
stratum, a day of exposure, a value of a dimension). Records of disjoint units add up, so a table
of small records answers for every coarser grouping. The values are taken off a constant ``shift``
before they are squared: sums of raw squares lose every digit of the variance once the mean is
large against the spread.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np
import numpy.typing as npt

from abplat.errors import InvalidInputError
from abplat.stats.moment_checks import check_record
from abplat.stats.result import Computed, NotComputable

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Moments:
    """Sums over the units of one arm (or one cell of it), one row per unit; addable.

    Why: fifteen numbers per cell replace the rows, and mean, ratio, covariate adjustment and
    strata all follow from them. A record is checked when it is made: one that no data can have
    produced is refused.

    Attributes:
        columns: Which of ``y`` (outcome), ``d`` (denominator), ``x`` (pre-period outcome), ``xd``
            (pre-period denominator), then ``x2``, ``xd2``, ``x3``... are held, in this order.
            What a metric does not use is left out, not zero.
        n: Units.
        shift: Constant taken off each column before summing, in its unit.
        sum: Sum of (value - shift) per column.
        cross: Sums of products of (value - shift): upper triangle, row by row, so
            ``k (k + 1) / 2`` numbers for k columns.
        cube_y: Sum of (y - shift) cubed; None where not kept. Only warnings on skew need it.

    Raises:
        InvalidInputError: For a negative or fractional n, numbers that are not finite, lengths
            that do not fit the columns, or sums that no data can have.

    References:
        Chan, Golub, LeVeque (1983), Algorithms for computing the sample variance, The American
        Statistician 37, eq. 2.1 (merging centred sums).

    Examples:
        >>> Moments(("y",), 3, (0.0,), (6.0,), (14.0,)).mean
        array([2.])
    """

    columns: tuple[str, ...]
    n: int
    shift: tuple[float, ...]
    sum: tuple[float, ...]
    cross: tuple[float, ...]
    cube_y: float | None = None

    def __post_init__(self) -> None:
        check_record(self)

    @classmethod
    def from_values(
        cls,
        y: npt.ArrayLike,
        denominator: npt.ArrayLike | None = None,
        covariate: npt.ArrayLike | None = None,
        covariate_denominator: npt.ArrayLike | None = None,
        shift: Sequence[float] | None = None,
    ) -> Moments:
        """Sum the values of units.

        Args:
            y: Outcome per unit, shape (n,), 0/1 for a proportion.
            denominator: Denominator per unit, shape (n,), for a ratio of sums.
            covariate: Pre-exposure values, shape (n,), or (n, q) for q covariates.
            covariate_denominator: Their denominators, same shape, for a ratio.
            shift: Constant per column, shared by records that are to be added exactly. Left out,
                a column is shifted by its rounded mean where that is large against its spread.

        Returns:
            The record.

        Raises:
            InvalidInputError: If lengths differ or a value is not finite.

        Examples:
            >>> Moments.from_values([1, 2, 3], covariate=[0, 1, 5]).columns
            ('y', 'x')
        """
        columns, values = _stack(y, denominator, covariate, covariate_denominator)
        shifts = _choose_shift(values) if shift is None else np.asarray(shift, dtype=np.float64)
        if shifts.shape != (len(columns),):
            raise InvalidInputError.at("shift", f"needs {len(columns)} numbers, one per column")
        centred = values - shifts[:, None]
        product = centred @ centred.T
        upper = product[np.triu_indices(len(columns))]
        cube = float(np.sum(centred[0] * centred[0] * centred[0]))  # a power is ten times slower
        totals = centred.sum(axis=1)
        return cls(columns, values.shape[1], _floats(shifts), _floats(totals), _floats(upper), cube)

    @classmethod
    def from_sums(
        cls,
        n: int,
        sums: Mapping[str, float],
        products: Mapping[str, float],
        shift: Mapping[str, float] | None = None,
        cube_y: float | None = None,
    ) -> Moments:
        """Read sums that a database has made, and check them.

        Args:
            n: Units (rows of one row per unit).
            sums: Sum of (value - shift) per column, such as ``{"y": 120.0, "x": 80.0}``.
            products: Sum of products per pair: ``{"y*y": .., "y*x": .., "x*x": ..}``.
            shift: Constant per column; a column left out has 0.
            cube_y: Sum of (y - shift) cubed, where kept.

        Returns:
            The record.

        Raises:
            InvalidInputError: If a pair is missing or unknown, or the sums are impossible.

        Examples:
            >>> Moments.from_sums(4, {"y": 3.0}, {"y*y": 3.0}).mean
            array([0.75])
        """
        columns = tuple(sums)
        pairs = [f"{a}*{b}" for a, b in combinations_with_replacement(columns, 2)]
        if set(pairs) != set(products):
            wanted = ", ".join(sorted(set(pairs) ^ set(products)))
            raise InvalidInputError.at("products", f"needs exactly one sum per pair; look at {wanted}")
        given = shift or {}
        if not set(given) <= set(columns):
            raise InvalidInputError.at("shift", "names a column that has no sum")
        shifts = tuple(float(given.get(c, 0.0)) for c in columns)
        cross = tuple(float(products[p]) for p in pairs)
        return cls(columns, n, shifts, tuple(float(sums[c]) for c in columns), cross, cube_y)

    def __add__(self, other: Moments) -> Moments:
        """Merge two records of disjoint units: plainly with one shift, centred with two."""
        if not isinstance(other, Moments):
            return NotImplemented
        if self.columns != other.columns:
            raise InvalidInputError.at("columns", f"differ: {self.columns} and {other.columns}")
        if not self.n or not other.n:
            return self if self.n else other
        if self.shift == other.shift:
            return _add_plainly(self, other)
        return _add_centred(self, other)

    @property
    def mean(self) -> FloatArray:
        """Mean of each column, shape (k,); empty where there are no units."""
        if not self.n:
            return np.empty(0)
        return np.asarray(self.shift) + np.asarray(self.sum) / self.n

    @property
    def covariance(self) -> Computed[FloatArray]:
        """Covariance of the columns with divisor n - 1, shape (k, k)."""
        if self.n < 2:
            return NotComputable("no_units" if not self.n else "too_few_units")
        return _centre(self) / (self.n - 1)


Strata = Moments | Mapping[str, Moments]
"""One record, or one per stratum: pre-exposure cells whose shares are known."""


def pool_strata(strata: Strata) -> Moments:
    """Add up the records of an arm.

    Args:
        strata: One record, or one per stratum.

    Returns:
        The record of all units.

    Raises:
        InvalidInputError: If the mapping is empty or columns differ.

    Examples:
        >>> a = Moments.from_values([1.0, 2.0])
        >>> pool_strata({"new": a, "old": a}).n
        4
    """
    if isinstance(strata, Moments):
        return strata
    records = list(strata.values())
    if not records:
        raise InvalidInputError.at("strata", "needs at least one stratum")
    total = records[0]
    for record in records[1:]:
        total = total + record
    return total


def _floats(values: FloatArray) -> tuple[float, ...]:
    """Turn an array into a tuple of Python floats."""
    return tuple(values.tolist())


def _stack(
    y: npt.ArrayLike,
    denominator: npt.ArrayLike | None,
    covariate: npt.ArrayLike | None,
    covariate_denominator: npt.ArrayLike | None,
) -> tuple[tuple[str, ...], FloatArray]:
    """Name the columns and lay them into one array of shape (k, n)."""
    rows = {"y": _read_column("y", y)}
    if denominator is not None:
        rows["d"] = _read_column("denominator", denominator)
    first = _read_columns("covariate", covariate)
    second = _read_columns("covariate_denominator", covariate_denominator)
    if second and len(second) != len(first):
        raise InvalidInputError.at("covariate_denominator", "needs one column per covariate")
    for i, values in enumerate(first):
        suffix = str(i + 1) if i else ""
        rows[f"x{suffix}"] = values
        if second:
            rows[f"xd{suffix}"] = second[i]
    if len({values.shape for values in rows.values()}) > 1:
        lengths = ", ".join(f"{name} {values.size}" for name, values in rows.items())
        raise InvalidInputError.at("values", f"must have one row per unit each, got lengths {lengths}")
    return tuple(rows), np.stack(list(rows.values()))


def _read_column(name: str, values: npt.ArrayLike) -> FloatArray:
    """Read one column of finite numbers."""
    try:
        column = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidInputError.at(name, "must hold numbers") from error
    if column.ndim != 1:
        raise InvalidInputError.at(name, f"must have one dimension, got shape {column.shape}")
    if not np.isfinite(column).all():
        place = int(np.flatnonzero(~np.isfinite(column))[0])
        raise InvalidInputError.at(f"{name}[{place}]", f"must be finite, got {column[place]}")
    return column


def _read_columns(name: str, values: npt.ArrayLike | None) -> list[FloatArray]:
    """Read one column or a table of columns."""
    if values is None:
        return []
    table = np.asarray(values)
    if table.ndim == 2:
        return [_read_column(f"{name}[{i}]", table[:, i]) for i in range(table.shape[1])]
    return [_read_column(name, table)]


def _choose_shift(values: FloatArray) -> FloatArray:
    """Shift a column by its rounded mean where that is large against its spread, else not at all."""
    if not values.shape[1]:
        return np.zeros(len(values))
    mean = values.mean(axis=1)
    spread = values.std(axis=1)
    rounded = np.where(np.abs(mean) >= 1, np.rint(mean), mean)
    return np.where(np.abs(mean) > 8 * spread, rounded, 0.0)


def _square(upper: Sequence[float], k: int) -> FloatArray:
    """Lay an upper triangle out as a symmetric matrix."""
    full = np.zeros((k, k))
    rows, columns = np.triu_indices(k)
    full[rows, columns] = upper
    full[columns, rows] = upper
    return full


def _centre(record: Moments) -> FloatArray:
    """Return the sums of products about the means, shape (k, k)."""
    total = np.asarray(record.sum)
    return _square(record.cross, len(total)) - np.outer(total, total) / record.n


def _centre_cube(record: Moments) -> float | None:
    """Return the sum of cubes of y about its mean."""
    if record.cube_y is None:
        return None
    mean = record.sum[0] / record.n
    return record.cube_y - 3 * mean * record.cross[0] + 2 * record.n * mean**3


def _add_plainly(a: Moments, b: Moments) -> Moments:
    """Add records with one shift: number by number."""
    cube = None if a.cube_y is None or b.cube_y is None else a.cube_y + b.cube_y
    total = tuple(x + y for x, y in zip(a.sum, b.sum, strict=True))
    cross = tuple(x + y for x, y in zip(a.cross, b.cross, strict=True))
    return Moments(a.columns, a.n + b.n, a.shift, total, cross, cube)


def _add_centred(a: Moments, b: Moments) -> Moments:
    """Add records with different shifts about their joint mean, which becomes the shift."""
    n = a.n + b.n
    apart = b.mean - a.mean
    mean = a.mean + apart * (b.n / n)
    left, right = _centre(a), _centre(b)
    product = _clip(left + right + np.outer(apart, apart) * (a.n / n * b.n))
    upper = product[np.triu_indices(len(mean))]
    cube_a, cube_b, d = _centre_cube(a), _centre_cube(b), float(apart[0])
    cube = None
    if cube_a is not None and cube_b is not None:
        cube = cube_a + cube_b + d**3 * a.n * b.n * (a.n - b.n) / n**2
        cube += 3 * d * (a.n * float(right[0, 0]) - b.n * float(left[0, 0])) / n
        limit = float(product[0, 0]) ** 1.5
        cube = max(-limit, min(limit, cube))
    return Moments(a.columns, n, _floats(mean), (0.0,) * len(mean), _floats(upper), cube)


def _clip(product: FloatArray) -> FloatArray:
    """Take what rounding has pushed below 0 back to 0, so that a merge of good records is good."""
    size = np.sqrt(np.maximum(np.diag(product), 0.0))
    scale = np.where(size > 0, size, 1.0)
    scaled = np.where(np.outer(size, size) > 0, product / np.outer(scale, scale), 0.0)
    values, vectors = np.linalg.eigh(scaled)
    if values[0] >= 0:
        return np.asarray(scaled * np.outer(scale, scale))
    mended = (vectors * np.maximum(values, 0.0)) @ vectors.T
    return np.asarray(mended * np.outer(scale, scale))
