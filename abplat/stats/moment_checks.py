"""Checks of moment records: sums that no data can have are refused when they are read."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Final, Protocol

import numpy as np

from abplat.errors import InvalidInputError

_COLUMN: Final = re.compile(r"^(?:y|d|xd?(?:[2-9]|[1-9]\d+)?)$")
_TOLERANCE: Final = 1e-9


class _Record(Protocol):
    """The numbers of a moment record."""

    @property
    def columns(self) -> tuple[str, ...]: ...
    @property
    def n(self) -> int: ...
    @property
    def shift(self) -> Sequence[float]: ...
    @property
    def sum(self) -> Sequence[float]: ...
    @property
    def cross(self) -> Sequence[float]: ...
    @property
    def cube_y(self) -> float | None: ...


def check_record(record: _Record) -> None:
    """Refuse a record that no data can have produced.

    Args:
        record: The record.

    Raises:
        InvalidInputError: For unknown columns, a negative or fractional n, numbers that are not
            finite, lengths that do not fit, or sums that are impossible.
    """
    _check_columns(record.columns)
    _check_count(record.n)
    _check_numbers(record)
    _check_possible(record)


def _check_columns(columns: tuple[str, ...]) -> None:
    """Refuse unknown, doubled or wrongly ordered columns."""
    known = all(_COLUMN.match(c) for c in columns)
    if not columns or columns[0] != "y" or not known or list(columns) != sorted(set(columns), key=_rank):
        message = f"must be y, then d, x, xd, x2, xd2 ... as far as used, got {columns!r}"
        raise InvalidInputError.at("columns", message)
    for name in columns:
        if name.startswith("xd") and "x" + name[2:] not in columns:
            raise InvalidInputError.at("columns", f"{name} has no covariate x{name[2:]}")


def _rank(column: str) -> tuple[int, int]:
    """Order y, d, x, xd, x2, xd2, ..."""
    if column in ("y", "d"):
        return (0, "yd".index(column))
    digits = column.lstrip("xd")
    return (int(digits) if digits else 1, int(column.startswith("xd")))


def _check_count(n: int) -> None:
    """Refuse a number of units that is negative, fractional or no number."""
    if isinstance(n, bool) or not isinstance(n, (int, np.integer)):
        raise InvalidInputError.at("n", f"must be a whole number, got {n!r}")
    if n < 0:
        raise InvalidInputError.at("n", f"must not be negative, got {n}")


def _check_numbers(record: _Record) -> None:
    """Refuse wrong lengths and numbers that are not finite."""
    k = len(record.columns)
    for field, size in (("shift", k), ("sum", k), ("cross", k * (k + 1) // 2)):
        found = getattr(record, field)
        if len(found) != size:
            raise InvalidInputError.at(field, f"needs {size} numbers for {k} columns, got {len(found)}")
        if not all(map(math.isfinite, found)):
            raise InvalidInputError.at(field, f"must be finite, got {found!r}")
    if record.cube_y is not None and not math.isfinite(record.cube_y):
        raise InvalidInputError.at("cube_y", f"must be finite, got {record.cube_y!r}")


def _check_possible(record: _Record) -> None:
    """Refuse sums that no data can have: products must be those of real columns."""
    if not record.n:
        if any(record.sum) or any(record.cross) or record.cube_y:
            raise InvalidInputError.at("n", "is 0, yet the sums are not")
        return
    rows = _border(record)
    if rows is None or not _is_positive(rows):
        raise InvalidInputError.at("cross", "no data can have these sums: the covariance is not positive")
    if record.cube_y is not None and abs(record.cube_y) > record.cross[0] ** 1.5 * (1 + _TOLERANCE) + 1e-300:
        raise InvalidInputError.at("cube_y", "no data can have this sum of cubes next to the sum of squares")


def _border(record: _Record) -> list[list[float]] | None:
    """Return the scaled matrix of n, sums and products, lower triangle; None with a negative square."""
    upper = iter(record.cross)
    k = len(record.columns)
    rows = [[1.0]] + [[total] for total in record.sum]
    for i in range(k):
        for j in range(i, k):
            rows[j + 1].append(next(upper))
    squares = [rows[i][i] for i in range(1, k + 1)]
    if min(squares) < 0:
        return None
    scale = [math.sqrt(record.n)] + [math.sqrt(s) if s > 0 else 1.0 for s in squares]
    return [[rows[0][0]]] + [
        [value / scale[i] / scale[j] for j, value in enumerate(rows[i])] for i in range(1, k + 1)
    ]


def _is_positive(rows: list[list[float]]) -> bool:
    """Tell whether a scaled lower triangle is positive semi-definite to the tolerance (Cholesky)."""
    size = len(rows)
    for j in range(size):
        pivot = rows[j][j]
        below = [rows[i][j] for i in range(j + 1, size)]
        if pivot < -_TOLERANCE:
            return False
        if pivot <= _TOLERANCE:
            if any(value * value > 4 * _TOLERANCE for value in below):
                return False
            continue
        for i in range(j + 1, size):
            factor = rows[i][j] / pivot
            for m in range(j + 1, i + 1):
                rows[i][m] -= factor * rows[m][j]
    return True
