"""From moment records to arms: means, places and quadratic forms, for one pair of arms or for rows.

Notation of the method: an arm has column means ``m`` and covariance ``S``; its value is ``M``
with gradient ``g`` (mean: ``m_y``; ratio: ``m_y / m_d``), its covariates are ``P`` with gradients
``h``. With strata of pooled shares ``W``: ``m = sum W m_s`` and ``V = sum W^2 S_s / n_s``.

What is subtracted between the arms is first taken off something that both share, so that a
difference of values of 1e9 keeps its digits: these are the *places* below. A mean is taken off one
origin per stratum and column (control's shift). A ratio is taken off control's ratio ``r``, as
``M - r = (m_y - r m_d) / m_d``, where the products of the origins are taken without rounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import mul
from typing import Final, NamedTuple, Protocol

import numpy as np

from abplat.stats.tails import Numbers

_ROUNDING: Final = 4096 * float(np.finfo(float).eps)
"""A covariate's spread below this share of its sum of squares is rounding: it is constant."""

_HALF: Final = 2.0**27 + 1.0
"""Splits a float into two halves whose products are exact."""


class RecordLike(Protocol):
    """A moment record of floats, or of arrays over rows."""

    @property
    def n(self) -> Numbers:
        """Units."""
        ...

    @property
    def shift(self) -> Numbers:
        """Constant per column."""
        ...

    @property
    def sum(self) -> Numbers:
        """Sum per column."""
        ...

    @property
    def cross(self) -> Numbers:
        """Sum of products per pair of columns."""
        ...

    @property
    def cube_y(self) -> Numbers:
        """Sum of cubes of y; None (NaN in a row) where not kept."""
        ...


class Layout(NamedTuple):
    """Where the columns of a plan stand in the record.

    ``points`` names for the outcome, then for each covariate, the column above and the one below
    (None for a mean); ``columns`` are all that are used, ``before`` those of the covariates and
    ``bottoms`` the denominators.
    """

    points: tuple[tuple[int, int | None], ...]
    columns: tuple[int, ...]
    before: tuple[int, ...]
    bottoms: tuple[int, ...]


class Cell(NamedTuple):
    """One arm within one stratum: means, also off the origin, and sums of products about them."""

    n: Numbers
    origin: Numbers
    place: dict[int, Numbers]
    mean: dict[int, Numbers]
    centred: list[list[Numbers]]


class Forms(NamedTuple):
    """Quadratic forms of one cell: g'Sg, g'Sh per covariate, h'Sh per pair; S with n - 1."""

    n: Numbers
    scale: Numbers
    gg: Numbers
    gh: list[Numbers]
    hh: list[list[Numbers]]
    value: Numbers
    place: Numbers
    covariates: list[Numbers]
    places: list[Numbers]


class Arm(NamedTuple):
    """One arm: its value, the places of value and covariates, and the forms of its cells."""

    n: Numbers
    value: Numbers
    place: Numbers
    places: list[Numbers]
    cells: list[Forms]
    merged: list[Cell]


class _Reference(NamedTuple):
    """What a value is taken off in both arms: a ratio, and the rest of it at each cell's origin."""

    top: int
    bottom: int | None
    ratio: Numbers
    offsets: Sequence[Numbers]


class _Point(NamedTuple):
    """A mean or a ratio of means of one arm, with what its gradient is made of.

    ``rests`` holds per cell the mean of what is taken off the reference: ``y``, or ``y - r d``.
    """

    top: int
    bottom: int | None
    value: Numbers
    scale: Numbers
    place: Numbers
    rests: Sequence[Numbers]


def read_cell(record: RecordLike, origin: Numbers, layout: Layout, k: int) -> Cell:
    """Turn sums into means and centred products for the columns in use."""
    n, shift, total, cross = record.n, record.shift, record.sum, record.cross
    place: dict[int, Numbers] = {}
    mean: dict[int, Numbers] = {}
    centred: list[list[Numbers]] = [[0.0] * k for _ in range(k)]
    for at, i in enumerate(layout.columns):
        whole = total[i]
        rest = whole / n
        mean[i] = shift[i] + rest
        place[i] = (shift[i] - origin[i]) + rest
        row = centred[i]
        start = i * k - i * (i + 1) // 2
        for j in layout.columns[at:]:
            row[j] = centred[j][i] = cross[start + j] - whole * total[j] / n
        if i in layout.before:
            row[i] = row[i] * (row[i] > _ROUNDING * cross[start + i])
    return Cell(n, origin, place, mean, centred)


def build_arms(
    treatment: Sequence[Cell], control: Sequence[Cell], weights: Sequence[Numbers], layout: Layout
) -> tuple[Arm, Arm]:
    """Weigh the cells of both arms together and take gradients at their means."""
    base = _average(control, weights, layout)
    references = [_refer(control, base, top, bottom) for top, bottom in layout.points]
    moved = _average(treatment, weights, layout)
    return _build(treatment, weights, moved, references), _build(control, weights, base, references)


def _build(
    cells: Sequence[Cell],
    weights: Sequence[Numbers],
    mean: dict[int, Numbers],
    references: Sequence[_Reference],
) -> Arm:
    """Weigh the cells of one arm together."""
    outcome, *points = [_locate(r, cells, weights, mean) for r in references]
    forms = [
        _form(at, cell, w * w / cell.n, outcome, points)
        for at, (cell, w) in enumerate(zip(cells, weights, strict=True))
    ]
    n = sum(cell.n for cell in cells)
    return Arm(n, outcome.value, outcome.place, [p.place for p in points], forms, list(cells))


def _average(cells: Sequence[Cell], weights: Sequence[Numbers], layout: Layout) -> dict[int, Numbers]:
    """Return the means of an arm."""
    if len(cells) == 1:
        return cells[0].mean
    return {i: _weigh([c.mean[i] for c in cells], weights) for i in layout.columns}


def _weigh(values: Sequence[Numbers], weights: Sequence[Numbers]) -> Numbers:
    """Return a weighted sum over cells; a single cell has weight 1."""
    if len(values) == 1:
        return values[0]
    return sum(map(mul, weights, values))


def _refer(cells: Sequence[Cell], mean: dict[int, Numbers], top: int, bottom: int | None) -> _Reference:
    """Choose what a value is taken off: control's ratio, or nothing where it is a mean."""
    if bottom is None:
        return _Reference(top, None, 0.0, ())
    ratio = mean[top] / mean[bottom]
    offsets = [subtract_product(c.origin[top], ratio, c.origin[bottom]) for c in cells]
    return _Reference(top, bottom, ratio, offsets)


def subtract_product(a: Numbers, b: Numbers, c: Numbers) -> Numbers:
    """Return ``a - b c`` without the rounding of the product.

    References:
        Dekker (1971), A floating-point technique for extending the available precision, eq. 5.14.

    Examples:
        >>> third = 1e9 / 3.0
        >>> subtract_product(1e9, third, 3.0), 1e9 - third * 3.0
        (5.960464477539063e-08, 0.0)
    """
    product = b * c
    b_high, c_high = _HALF * b, _HALF * c
    b_high, c_high = b_high - (b_high - b), c_high - (c_high - c)
    b_low, c_low = b - b_high, c - c_high
    rounded = ((b_high * c_high - product) + b_high * c_low + b_low * c_high) + b_low * c_low
    return (a - product) - rounded


def _locate(
    reference: _Reference, cells: Sequence[Cell], weights: Sequence[Numbers], mean: dict[int, Numbers]
) -> _Point:
    """Return a value of an arm: how large it is, and where it stands off the reference."""
    top, bottom, ratio, offsets = reference
    if bottom is None:
        rests = [c.place[top] for c in cells]
        return _Point(top, None, mean[top], 1.0, _weigh(rests, weights), rests)
    rests = [
        offset + c.place[top] - ratio * c.place[bottom] for offset, c in zip(offsets, cells, strict=True)
    ]
    scale = 1.0 / mean[bottom]
    return _Point(top, bottom, mean[top] / mean[bottom], scale, _weigh(rests, weights) * scale, rests)


def _form(at: int, cell: Cell, scale: Numbers, outcome: _Point, points: Sequence[_Point]) -> Forms:
    """Evaluate the quadratic forms of one cell, and its own (linearised) values."""
    size = cell.n - 1.0
    gg = _product(outcome, outcome, cell) / size
    gh = [_product(outcome, p, cell) / size for p in points]
    hh = [[_product(p, q, cell) / size for q in points] for p in points]
    value, place = _stand(outcome, cell, at)
    values, places = [], []
    for point in points:
        own, stand = _stand(point, cell, at)
        values.append(own)
        places.append(stand)
    return Forms(cell.n, scale, gg, gh, hh, value, place, values, places)


def _stand(point: _Point, cell: Cell, at: int) -> tuple[Numbers, Numbers]:
    """Return the value of one cell, linearised at the arm's means, and its place."""
    if point.bottom is None:
        return cell.mean[point.top], point.rests[at]
    apart = (point.rests[at] - point.place * cell.mean[point.bottom]) * point.scale
    return point.value + apart, point.place + apart


def _product(a: _Point, b: _Point, cell: Cell) -> Numbers:
    """Return a' C b with the gradients of two values and the centred products of a cell."""
    above = _side(a, b.top, cell.centred)
    return above if b.bottom is None else (above - b.value * _side(a, b.bottom, cell.centred)) * b.scale


def _side(point: _Point, column: int, centred: list[list[Numbers]]) -> Numbers:
    """Return a' C e: the products of a value with one column."""
    above = centred[point.top][column]
    if point.bottom is None:
        return above
    return (above - point.value * centred[point.bottom][column]) * point.scale
