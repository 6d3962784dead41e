"""What is known of each cluster: one row per cluster and variant, with its sums.

A cluster is whatever was assigned as one: a store, a contact centre team, or a team during one
period of a switchback. Journeys of one cluster share their luck, so the cluster is the unit.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from abplat.errors import InvalidInputError
from abplat.stats.moments import FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterTotals:
    """Sums per cluster and variant.

    Attributes:
        cluster: Key of the cluster, one per row.
        variant: Variant, one per row. A cluster with two variants has two rows.
        y: Sum of the outcome over the journeys of the row.
        d: Journeys (or any other denominator), positive.
        x: Covariates of the row known before the start, one tuple per row; empty without any.
        block: Group within which clusters were assigned (a pair, a region, the team of a
            switchback), one per row; empty without blocks.
        n_dropped: Journeys left out before summing (burn-in).

    Raises:
        InvalidInputError: If lengths differ, a number is not finite, ``d`` is not positive, a
            cluster and variant occur twice, or a cluster lies in two blocks.

    Examples:
        >>> ClusterTotals(cluster=("a", "b"), variant=("t", "c"), y=(3.0, 1.0), d=(10.0, 8.0)).d
        (10.0, 8.0)
    """

    cluster: tuple[str, ...]
    variant: tuple[str, ...]
    y: tuple[float, ...]
    d: tuple[float, ...]
    x: tuple[tuple[float, ...], ...] = ()
    block: tuple[str, ...] = ()
    n_dropped: int = 0

    def __post_init__(self) -> None:
        self._check_lengths()
        for i, (y, d) in enumerate(zip(self.y, self.d, strict=True)):
            if not math.isfinite(y) or not (math.isfinite(d) and d > 0):
                raise InvalidInputError.at(
                    f"y[{i}]", f"needs a finite sum and a positive d, got {y!r}, {d!r}"
                )
        if not all(math.isfinite(v) for row in self.x for v in row):
            raise InvalidInputError.at("x", "must be finite")
        if len(set(zip(self.cluster, self.variant, strict=True))) < len(self.cluster):
            raise InvalidInputError.at("cluster", "has two rows for the same variant; add them up first")
        if self.block and len(set(zip(self.cluster, self.block, strict=True))) > len(set(self.cluster)):
            raise InvalidInputError.at("block", "must be the same in all rows of a cluster")

    def _check_lengths(self) -> None:
        """Refuse columns of different lengths."""
        for name in ("variant", "y", "d", "x", "block"):
            found = getattr(self, name)
            if len(found) != len(self.cluster) and (found or name not in ("x", "block")):
                raise InvalidInputError.at(name, f"needs {len(self.cluster)} rows, got {len(found)}")
        if len({len(row) for row in self.x}) > 1:
            raise InvalidInputError.at("x", "needs the same number of covariates in each row")

    @classmethod
    def from_rows(
        cls,
        y: npt.ArrayLike,
        variant: Sequence[str] | npt.ArrayLike,
        cluster: Sequence[str] | npt.ArrayLike,
        *,
        covariates: npt.ArrayLike | None = None,
        block: Sequence[str] | npt.ArrayLike | None = None,
    ) -> ClusterTotals:
        """Add journeys up to their clusters.

        Args:
            y: Outcome per journey, shape (n,).
            variant: Variant per journey, shape (n,).
            cluster: Cluster per journey, shape (n,).
            covariates: Values known before the start, shape (n,) or (n, q); their mean per row of
                the result is used.
            block: Block of the cluster per journey, shape (n,).

        Returns:
            The sums.

        Raises:
            InvalidInputError: If lengths differ or a value is not finite.

        Examples:
            >>> ClusterTotals.from_rows([1, 0, 1], ["t", "t", "c"], ["a", "a", "b"]).y
            (1.0, 1.0)
        """
        values = np.asarray(y, dtype=np.float64)
        labels = [np.asarray(column).astype(str) for column in (cluster, variant)]
        if block is not None:
            labels.append(np.asarray(block).astype(str))
        if values.ndim != 1 or any(label.shape != values.shape for label in labels):
            raise InvalidInputError.at("cluster", f"needs one label per journey, for {values.size} journeys")
        keys, place = _group(labels)
        d = np.bincount(place, minlength=len(keys)).astype(np.float64)
        x: tuple[tuple[float, ...], ...] = ()
        if covariates is not None:
            table = np.asarray(covariates, dtype=np.float64).reshape(values.size, -1)
            means = [np.bincount(place, column, len(keys)) / d for column in table.T]
            x = tuple(zip(*(mean.tolist() for mean in means), strict=True))
        return cls(
            cluster=tuple(key[0] for key in keys),
            variant=tuple(key[1] for key in keys),
            y=_floats(np.bincount(place, values, len(keys)).astype(np.float64)),
            d=_floats(d),
            x=x,
            block=tuple(key[2] for key in keys) if block is not None else (),
        )


@dataclass(frozen=True, slots=True)
class SwitchbackPlan:
    """How a switchback alternates.

    Attributes:
        period: Length of a period, in the unit of the times.
        burn_in: Time at the start of each period whose journeys are left out, in all variants:
            what the period before has begun still works on.
        start: Start of the first period.
    """

    period: float
    burn_in: float = 0.0
    start: float = 0.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.period) and self.period > 0 and math.isfinite(self.start)):
            raise InvalidInputError.at("period", f"must be positive, got {self.period!r}")
        if not 0 <= self.burn_in < self.period:
            raise InvalidInputError.at("burn_in", f"must be shorter than a period, got {self.burn_in!r}")


def read_switchback(
    y: npt.ArrayLike,
    variant: Sequence[str] | npt.ArrayLike,
    times: npt.ArrayLike,
    plan: SwitchbackPlan,
    cluster: Sequence[str] | npt.ArrayLike | None = None,
) -> ClusterTotals:
    """Add the journeys of a switchback up to cluster and period.

    Why: what alternates is the period, so the period is the unit, not the journey. Rule: journeys
    in the burn-in of a period are dropped in all variants alike, so that a change still at work
    from the period before does not count for the other side.

    Args:
        y: Outcome per journey, shape (n,).
        variant: Variant in force, shape (n,).
        times: Time of each journey, shape (n,), in the unit of the plan; not before its start.
        plan: Length of a period, burn-in, start.
        cluster: What alternates on its own (a team, a store), shape (n,); left out, all together.

    Returns:
        Sums per cluster and period, with the cluster as block; ``n_dropped`` counts the burn-in.

    Raises:
        InvalidInputError: If lengths differ, a journey lies before the start, or a period of a
            cluster has two variants after its burn-in.

    References:
        Bojinov, Simchi-Levi, Zhao (2023), Management Science 69, section 2 (carryover).

    Examples:
        >>> plan = SwitchbackPlan(period=60, burn_in=10)
        >>> found = read_switchback([1, 0, 1, 1], ["t", "t", "c", "c"], [5, 20, 65, 80], plan)
        >>> found.cluster, found.y, found.n_dropped
        (('0', '1'), (0.0, 1.0), 2)
    """
    time, values = np.asarray(times, dtype=np.float64), np.asarray(y, dtype=np.float64)
    arms = np.asarray(variant).astype(str)
    owner = None if cluster is None else np.asarray(cluster).astype(str)
    if any(c is not None and c.shape != values.shape for c in (time, arms, owner)):
        raise InvalidInputError.at("times", f"needs one time per journey, for {values.size} journeys")
    if not np.isfinite(time).all() or (time < plan.start).any():
        raise InvalidInputError.at("times", "must be finite and not before the start of the plan")
    number, since = np.divmod(time - plan.start, plan.period)
    kept = since >= plan.burn_in
    unit = number.astype(np.int64).astype(str)
    if owner is not None:
        unit = np.char.add(np.char.add(owner, "/"), unit)
    block = None if owner is None else owner[kept]
    found = ClusterTotals.from_rows(values[kept], arms[kept], unit[kept], block=block)
    if len(set(found.cluster)) < len(found.cluster):
        raise InvalidInputError.at("variant", "must be one per cluster and period after the burn-in")
    return replace(found, n_dropped=int((~kept).sum()))


def _group(labels: Sequence[npt.NDArray[np.str_]]) -> tuple[list[tuple[str, ...]], npt.NDArray[np.intp]]:
    """Number the distinct combinations of labels in sorted order."""
    place = np.zeros(labels[0].shape, dtype=np.int64)
    for label in labels:
        levels, code = np.unique(label, return_inverse=True)
        place = place * max(levels.size, 1) + code
    _, first, code = np.unique(place, return_index=True, return_inverse=True)
    return list(zip(*(label[first].tolist() for label in labels), strict=True)), code


def _floats(values: FloatArray) -> tuple[float, ...]:
    """Turn an array into a tuple of Python floats."""
    return tuple(values.tolist())
