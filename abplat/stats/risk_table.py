"""Risk tables: counts per time bin, from which everything about time to event follows.

A unit that has not completed by the end of the data is open, not failed: its time is censored.
Per bin a table counts events and censored units; tables of disjoint units add up. Units at risk
follow by counting down, so nothing else needs to be kept.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from abplat.errors import InvalidInputError

FloatArray = npt.NDArray[np.float64]
CountArray = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class RiskTable:
    """Counts per time bin of one arm (or one stratum of it); addable.

    Why: curves, medians, restricted means and log-rank tests need only these counts. A time in
    (previous edge, edge] counts as happening at the edge, the first bin includes 0, and within a
    bin events come before censoring. With an edge at every distinct time nothing is lost; a
    regular grid should have at least 100 bins up to the horizon.

    Attributes:
        edges: Right end of each bin, increasing, not negative, in the unit of time.
        events: Units whose event fell into the bin.
        censored: Units last seen without the event in the bin; they are at risk for its events.

    Raises:
        InvalidInputError: If lengths differ, edges do not increase or a count is negative.

    Examples:
        >>> table = RiskTable((2.0, 4.0, 6.0, 10.0), (1, 0, 1, 0), (0, 1, 0, 1))
        >>> table.n, table.at_risk
        (4, (4, 3, 2, 1))
    """

    edges: tuple[float, ...]
    events: tuple[int, ...]
    censored: tuple[int, ...]

    def __post_init__(self) -> None:
        if not len(self.edges) == len(self.events) == len(self.censored):
            raise InvalidInputError.at("edges", "needs one edge, one event count, one censored count per bin")
        edges = np.asarray(self.edges, dtype=np.float64)
        if not np.isfinite(edges).all() or (edges < 0).any() or (np.diff(edges) <= 0).any():
            raise InvalidInputError.at("edges", "must be finite, not negative and increase")
        for field in ("events", "censored"):
            counts = np.asarray(getattr(self, field) or [0])
            if counts.dtype.kind not in "iu" or (counts < 0).any():
                raise InvalidInputError.at(field, "needs whole numbers, not negative")

    @classmethod
    def from_times(
        cls,
        times: npt.ArrayLike,
        observed: npt.ArrayLike,
        tau: float | None = None,
        n_bins: int | None = None,
    ) -> RiskTable:
        """Count times into bins.

        Args:
            times: Time to event or to last sight per unit, shape (n,), not negative.
            observed: Whether the event was seen, shape (n,).
            tau: Horizon: a later time is censored at tau. Left out, nothing is cut.
            n_bins: Regular bins up to the horizon; left out, one bin per distinct time (exact).

        Returns:
            The table; with ``tau`` its last edge is tau.

        Raises:
            InvalidInputError: If lengths differ, a time is negative or not finite, tau is not
                positive, or ``n_bins`` is given below 1.

        Examples:
            >>> RiskTable.from_times([2, 4, 6, 12], [True, False, True, True], tau=10).censored
            (0, 1, 0, 1)
        """
        time, seen = _read_times(times, observed)
        if tau is not None:
            if not (math.isfinite(tau) and tau > 0):
                raise InvalidInputError.at("tau", f"must be positive, got {tau!r}")
            seen = seen & (time <= tau)
            time = np.minimum(time, tau)
        edges = _choose_edges(time, tau, n_bins)
        place = np.searchsorted(edges, time, side="left")
        events = np.bincount(place[seen], minlength=edges.size)
        censored = np.bincount(place[~seen], minlength=edges.size)
        return cls(tuple(edges.tolist()), tuple(events.tolist()), tuple(censored.tolist()))

    def __add__(self, other: RiskTable) -> RiskTable:
        """Add the counts of disjoint units, on the union of both sets of edges."""
        if not isinstance(other, RiskTable):
            return NotImplemented
        edges = np.union1d(self.edges, other.edges)
        a, b = spread_table(self, edges), spread_table(other, edges)
        events, censored = a[0] + b[0], a[1] + b[1]
        return RiskTable(tuple(edges.tolist()), tuple(events.tolist()), tuple(censored.tolist()))

    @property
    def n(self) -> int:
        """Units."""
        return sum(self.events) + sum(self.censored)

    @property
    def at_risk(self) -> tuple[int, ...]:
        """Units at risk for the events of each bin."""
        gone = np.cumsum([0, *(e + c for e, c in zip(self.events, self.censored, strict=True))])
        return tuple((self.n - gone[:-1]).tolist())

    @property
    def follow_up(self) -> float:
        """Last time at which a unit was seen; 0 without units."""
        used = [t for t, e, c in zip(self.edges, self.events, self.censored, strict=True) if e or c]
        return used[-1] if used else 0.0


def spread_table(table: RiskTable, edges: FloatArray) -> tuple[CountArray, CountArray]:
    """Lay the counts of a table out on a finer set of edges."""
    place = np.searchsorted(edges, np.asarray(table.edges, dtype=np.float64))
    events = np.zeros(edges.size, dtype=np.int64)
    censored = np.zeros(edges.size, dtype=np.int64)
    events[place] = table.events
    censored[place] = table.censored
    return events, censored


def count_down(events: CountArray, censored: CountArray) -> CountArray:
    """Return the units at risk for the events of each bin."""
    leaving = events + censored
    return np.asarray(leaving.sum() - np.cumsum(leaving) + leaving, dtype=np.int64)


def _read_times(times: npt.ArrayLike, observed: npt.ArrayLike) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
    """Read times and flags, one per unit."""
    try:
        time = np.asarray(times, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidInputError.at("times", "must hold numbers") from error
    flags = np.asarray(observed)
    if time.ndim != 1 or time.shape != flags.shape:
        raise InvalidInputError.at("observed", f"needs one flag per time, got {flags.shape} for {time.shape}")
    if not (np.isfinite(time).all() and (time >= 0).all()):
        raise InvalidInputError.at("times", "must be finite and not negative")
    if flags.size and not np.isin(flags, (0, 1)).all():
        raise InvalidInputError.at("observed", "must be true or false")
    return time, flags.astype(bool)


def _choose_edges(time: FloatArray, tau: float | None, n_bins: int | None) -> FloatArray:
    """Choose the right ends of the bins: every distinct time, or a regular grid."""
    if n_bins is None:
        return np.unique(time if tau is None else np.append(time, tau))
    if isinstance(n_bins, bool) or n_bins != int(n_bins) or n_bins < 1:
        raise InvalidInputError.at("n_bins", f"must be a whole number of at least 1, got {n_bins!r}")
    end = tau if tau is not None else float(time.max(initial=0.0))
    if end <= 0:
        return np.unique(np.append(time, 0.0))
    return np.linspace(0.0, end, n_bins + 1)[1:]
