"""Two by two tables: what a proportion is counted in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from abplat.errors import InvalidInputError
from abplat.stats.moments import Moments

_SMALL_CELL: Final = 10.0


@dataclass(frozen=True, slots=True)
class Table:
    """A two by two table: units and how many of them did it, per arm.

    Attributes:
        treatment_count: Units with outcome 1 in treatment.
        treatment_n: Units in treatment.
        control_count: Units with outcome 1 in control.
        control_n: Units in control.

    Raises:
        InvalidInputError: If a count is not a whole number between 0 and its n.

    Examples:
        >>> Table(7, 34, 1, 34).treatment_rate
        0.20588235294117646
    """

    treatment_count: int
    treatment_n: int
    control_count: int
    control_n: int

    def __post_init__(self) -> None:
        for name in ("treatment_count", "treatment_n", "control_count", "control_n"):
            value = getattr(self, name)
            if isinstance(value, bool) or int(value) != value or value < 0:
                raise InvalidInputError.at(name, f"must be a whole number, not negative, got {value!r}")
        if self.treatment_count > self.treatment_n or self.control_count > self.control_n:
            raise InvalidInputError.at("count", "must not be larger than the units of its arm")

    @property
    def treatment_rate(self) -> float:
        """Share of treatment units with outcome 1."""
        return self.treatment_count / self.treatment_n

    @property
    def control_rate(self) -> float:
        """Share of control units with outcome 1."""
        return self.control_count / self.control_n


def read_table(treatment: Moments, control: Moments) -> Table:
    """Read a two by two table out of the records of a 0/1 outcome."""
    counts = []
    for arm in (treatment, control):
        shift, n = arm.shift[0], arm.n
        total = arm.sum[0] + n * shift
        squares = arm.cross[0] + 2 * shift * arm.sum[0] + n * shift * shift
        tolerance = 1e-9 * max(n, 1)
        whole = round(total)
        if abs(squares - total) > tolerance or abs(total - whole) > tolerance or not 0 <= whole <= n:
            raise InvalidInputError.at("cross", "a proportion needs outcomes that are 0 or 1")
        counts += [whole, n]
    return Table(*counts)


def is_small_table(table: Table) -> bool:
    """Tell whether a cell is expected to hold fewer than ten units if both arms were alike."""
    done = table.treatment_count + table.control_count
    n = table.treatment_n + table.control_n
    smaller = min(table.treatment_n, table.control_n)
    return min(done, n - done) * smaller / n < _SMALL_CELL
