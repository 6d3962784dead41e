"""Moment records: the sums from which every mean-like comparison follows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Moments:
    """Sums over the units of one arm (or one cell of it), one row per unit; addable.

    Attributes:
        columns: Which of ``y`` (outcome), ``d`` (denominator), ``x`` (pre-period outcome), ``xd``
            (pre-period denominator), then ``x2``, ``xd2``... are held, in this order.
        n: Units.
        shift: Constant taken off each column before summing.
        sum: Sum of (value - shift) per column.
        cross: Sums of products of (value - shift), upper triangle, row by row.
        cube_y: Sum of (y - shift) cubed; None where not kept.
    """

    columns: tuple[str, ...]
    n: int
    shift: tuple[float, ...]
    sum: tuple[float, ...]
    cross: tuple[float, ...]
    cube_y: float | None = None

    @classmethod
    def from_values(
        cls,
        y: npt.ArrayLike,
        denominator: npt.ArrayLike | None = None,
        covariate: npt.ArrayLike | None = None,
        covariate_denominator: npt.ArrayLike | None = None,
        shift: tuple[float, ...] | None = None,
    ) -> Moments:
        """Sum the values of units; ``covariate`` may have several columns (shape n, q)."""
        raise NotImplementedError

    @classmethod
    def from_sums(
        cls,
        n: int,
        sums: Mapping[str, float],
        products: Mapping[str, float],
        shift: Mapping[str, float] | None = None,
        cube_y: float | None = None,
    ) -> Moments:
        """Read sums made elsewhere (``{"y": ..}`` and ``{"y*y": .., "y*d": ..}``), and check them."""
        raise NotImplementedError

    def __add__(self, other: Moments) -> Moments:
        raise NotImplementedError


Strata = Moments | Mapping[str, Moments]
