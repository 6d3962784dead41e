"""A histogram on a fixed logarithmic grid: quantiles from counts, within 1 % of the value.

The grid never depends on the data, so histograms of any two sets of rows add up to exactly the
histogram of both: one ``GROUP BY`` in any engine, any order, any number of machines. Nothing is
ever collapsed, so the error bound holds at every quantile.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from abplat.errors import InvalidInputError
from abplat.stats.result import Computed, NotComputable

GROWTH: Final = 1.02
"""Each bucket ends 2 % above the one before it, so its middle is within 1 % of all it holds."""


@dataclass(frozen=True, slots=True)
class LogHistogram:
    """Counts of values on the grid 1.02^i, with zero and a negative side; addable.

    Why: it finds the quantile around which a second pass counts exactly, it serves caps, and it
    is one query: ``SELECT sign(x), ceil(ln(abs(x)) / ln(1.02)), count(*) GROUP BY ALL``.

    Attributes:
        positive: Count per bucket i of values in (1.02^(i-1), 1.02^i].
        zeros: Count of values that are 0.
        negative: The same as ``positive`` for the absolute value of negative values.

    Raises:
        InvalidInputError: If a count is not a whole number of at least 0.

    References:
        Masson, Rim, Lee (2019), DDSketch, PVLDB 12, section 2 (here without the collapse).

    Examples:
        >>> first, second = LogHistogram.from_values([0, 3]), LogHistogram.from_values([5, -1])
        >>> (first + second).n
        4
    """

    positive: Mapping[int, int] = field(default_factory=dict)
    zeros: int = 0
    negative: Mapping[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        sides = [*self.positive.items(), *self.negative.items(), (0, self.zeros)]
        for bucket, count in sides:
            if isinstance(count, bool) or int(count) != count or count < 0 or int(bucket) != bucket:
                raise InvalidInputError.at("histogram", f"bucket {bucket!r} has the count {count!r}")

    @classmethod
    def from_values(cls, values: npt.ArrayLike) -> LogHistogram:
        """Count values.

        Args:
            values: Any shape, finite.

        Returns:
            The histogram.

        Raises:
            InvalidInputError: If a value is not a finite number.

        Examples:
            >>> LogHistogram.from_values([1.0, 1.0, 1.02]).positive
            {0: 2, 1: 1}
        """
        try:
            flat = np.asarray(values, dtype=np.float64).ravel()
        except (TypeError, ValueError) as error:
            raise InvalidInputError.at("values", "must hold numbers") from error
        if not np.isfinite(flat).all():
            raise InvalidInputError.at("values", "must be finite")
        return cls(_count(flat[flat > 0]), int((flat == 0).sum()), _count(-flat[flat < 0]))

    def __add__(self, other: LogHistogram) -> LogHistogram:
        """Add the counts of two sets of values."""
        if not isinstance(other, LogHistogram):
            return NotImplemented
        positive = _add(self.positive, other.positive)
        return LogHistogram(positive, self.zeros + other.zeros, _add(self.negative, other.negative))

    @property
    def n(self) -> int:
        """Values counted."""
        return self.zeros + sum(self.positive.values()) + sum(self.negative.values())

    def quantile(self, p: float, *, ignore_zeros: bool = False) -> Computed[float]:
        """Return a value within 1 % of the smallest value that a share p does not exceed.

        Args:
            p: Between 0 and 1.
            ignore_zeros: Whether zeros are left out of the population.

        Returns:
            The middle of the bucket in which the quantile lies; ``no_units`` where it is empty.

        Raises:
            InvalidInputError: If p lies outside [0, 1].

        Examples:
            >>> round(LogHistogram.from_values(range(1, 101)).quantile(0.5), 1)
            49.9
        """
        if not 0 <= p <= 1:
            raise InvalidInputError.at("p", f"must lie between 0 and 1, got {p!r}")
        steps = self._steps(ignore_zeros=ignore_zeros)
        total = sum(count for _, count in steps)
        if not total:
            return NotComputable("no_units")
        rank = max(1, math.ceil(p * total * (1 - 4 * sys.float_info.epsilon)))
        reached = np.cumsum([count for _, count in steps])
        return steps[int(np.searchsorted(reached, rank))][0]

    def share_above(self, value: float) -> Computed[float]:
        """Return the share of values in buckets above that of a value.

        Examples:
            >>> LogHistogram.from_values([1.0, 2.0, 3.0, 4.0]).share_above(3.0)
            0.25
        """
        if not self.n:
            return NotComputable("no_units")
        limit = (
            _middle(bucket_of(value)) if value > 0 else (0.0 if value == 0 else -_middle(bucket_of(-value)))
        )
        above = sum(count for middle, count in self._steps(ignore_zeros=False) if middle > limit)
        return above / self.n

    def _steps(self, *, ignore_zeros: bool) -> list[tuple[float, int]]:
        """Return the middle and count of every bucket, in the order of the values."""
        below = [(-_middle(i), self.negative[i]) for i in sorted(self.negative, reverse=True)]
        zero = [(0.0, self.zeros)] if self.zeros and not ignore_zeros else []
        above = [(_middle(i), self.positive[i]) for i in sorted(self.positive)]
        return [step for step in (*below, *zero, *above) if step[1]]


def bucket_of(value: float) -> int:
    """Return the bucket of a positive value: the same formula as in a query.

    Args:
        value: A positive number, in the unit of the metric.

    Returns:
        The number of the bucket: rising with the value, 0 for 1, negative below 1.

    Raises:
        InvalidInputError: If the value is not positive: zero and below have sides of their own.

    References:
        Masson, Rim, Lee (2019), DDSketch, VLDB 12, without its collapsing of buckets.

    Examples:
        >>> bucket_of(1.0), bucket_of(1.5), bucket_of(0.5)
        (0, 21, -35)
    """
    if not (math.isfinite(value) and value > 0):
        raise InvalidInputError.at("value", f"must be positive, got {value!r}")
    return math.ceil(math.log(value) / math.log(GROWTH))


def _count(values: npt.NDArray[np.float64]) -> dict[int, int]:
    """Count positive values per bucket."""
    buckets = np.ceil(np.log(values) / math.log(GROWTH)).astype(np.int64)
    found, counts = np.unique(buckets, return_counts=True)
    return dict(zip(found.tolist(), counts.tolist(), strict=True))


def _add(first: Mapping[int, int], second: Mapping[int, int]) -> dict[int, int]:
    """Add counts bucket by bucket."""
    return {i: first.get(i, 0) + second.get(i, 0) for i in sorted({*first, *second})}


def _middle(bucket: int) -> float:
    """Return the value whose relative distance to both ends of a bucket is the same."""
    exponent = bucket * math.log(GROWTH) + math.log(2 / (1 + GROWTH))
    if exponent >= math.log(sys.float_info.max):
        return sys.float_info.max
    return math.exp(exponent)
