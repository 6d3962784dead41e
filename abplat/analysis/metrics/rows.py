"""One number per exposed customer, and the moment records made of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from abplat import stats
from abplat.analysis.gathered import Flags, FloatArray, Gathered, IntArray
from abplat.analysis.metrics.cells_kernel import add_columns, add_up

_DIGITS = 6


@dataclass(frozen=True, slots=True)
class UnitRows:
    """One metric over all exposed customers, in the order of the population.

    Attributes:
        values: The number of each customer: the numerator of a ratio.
        kind: How arms are compared.
        covariate: What the customer was like before the exposure, where that varies.
        denominator: The other number of a ratio.
        keep: Who counts besides being mature; None for everybody.
        reason: Why there is no number at all, a code.
        note: What to add to the name of the method.
    """

    values: FloatArray
    kind: Literal["mean", "proportion", "ratio"]
    covariate: FloatArray | None = None
    denominator: FloatArray | None = None
    keep: Flags | None = None
    reason: str | None = None
    note: str = ""


def share(flags: Flags, keep: Flags | None = None) -> UnitRows:
    """Return a share of customers."""
    return UnitRows(flags.astype(np.float64), "proportion", keep=keep)


def ratio(top: NDArray[Any], bottom: NDArray[Any], keep: Flags | None = None) -> UnitRows:
    """Return a ratio of sums; a customer without a denominator stays in."""
    return UnitRows(top.astype(np.float64), "ratio", denominator=bottom.astype(np.float64), keep=keep)


def useful(covariate: FloatArray, mature: Flags) -> FloatArray | None:
    """Return a covariate that varies among the customers compared, or nothing."""
    seen = covariate[mature]
    return covariate if len(seen) and seen.min() < seen.max() else None


def cut(found: UnitRows, cap: Mapping[str, Any] | None, mature: Flags) -> UnitRows:
    """Cut values off where the definition says, on all arms together; the covariate at the same place."""
    if not cap:
        return found
    limit, text = cap.get("at"), "capped as defined"
    if limit is None:
        seen = found.values[mature]
        # Which arm a value belongs to must not matter, so the halves are no arms.
        chosen = stats.choose_cap(
            {"even": seen[::2], "odd": seen[1::2]},
            float(cap["quantile"]),
            ignore_zeros=bool(cap.get("ignore_zeros")),
        )
        if isinstance(chosen, stats.NotComputable):
            return replace(found, reason=chosen.reason)
        limit, text = chosen.value, f"capped at {chosen.value:.6g}, which concerns {chosen.share_capped:.2%}"
    covariate = None if found.covariate is None else np.minimum(found.covariate, limit)
    return replace(
        found, values=np.minimum(found.values, limit), covariate=covariate, note=text or found.note
    )


def arm_of(found: UnitRows, gathered: Gathered, variant: int) -> Flags:
    """Return the customers of a variant who count for a metric."""
    arm = gathered.arm(variant)
    return arm if found.keep is None else np.asarray(arm & found.keep)


def arms_of(found: UnitRows, gathered: Gathered) -> IntArray:
    """Return the variant of each customer who counts for a metric, -1 for all others."""
    return gathered.arms if found.keep is None else np.where(found.keep, gathered.arms, -1)


def sum_moments(found: UnitRows, gathered: Gathered, n_variants: int) -> tuple[stats.Moments, ...]:
    """Return one moment record per variant, over its customers who count."""
    # One shift for all arms keeps the records addable and the digits of large values.
    arms = arms_of(found, gathered)
    return make_records(found, arms, n_variants, find_shift(found, arms))


def sum_cells(
    found: UnitRows, gathered: Gathered, code: NDArray[np.integer[Any]], size: tuple[int, int]
) -> list[tuple[stats.Moments, ...]]:
    """Return per cell one moment record per variant, over the customers who count.

    Args:
        found: The metric.
        gathered: Says who is in which arm.
        code: Per customer the cell, -1 for none.
        size: How many cells and how many variants there are.
    """
    n_cells, n_variants = size
    arms = arms_of(found, gathered)
    cells = np.where((arms < 0) | (code < 0), -1, code * n_variants + arms)
    records = make_records(found, cells, n_cells * n_variants, find_shift(found, arms))
    return [records[cell * n_variants : (cell + 1) * n_variants] for cell in range(n_cells)]


def find_shift(found: UnitRows, cells: IntArray) -> tuple[float, ...]:
    """Return the rounded mean of each column over the customers of all cells, 0 of nobody and of a share."""
    if _is_share(found):
        return (0.0,)
    n, totals = add_columns(cells, _stack(found))
    return tuple(round(total / n, _DIGITS) if n else 0.0 for total in totals.tolist())


def make_records(
    found: UnitRows, cells: IntArray, n_cells: int, shift: tuple[float, ...]
) -> tuple[stats.Moments, ...]:
    """Return the moment record of the customers of every cell; a cell below 0 is none."""
    if _is_share(found):
        return _count_shares(found, cells, n_cells)
    names, k = tuple(_columns(found)), len(shift)
    counts, sums = add_up(cells, _stack(found), np.array(shift), n_cells)
    return tuple(
        stats.Moments(names, n, shift, tuple(row[:k]), tuple(row[k:-1]), row[-1])
        for n, row in zip(counts.tolist(), sums.tolist(), strict=True)
    )


def _is_share(found: UnitRows) -> bool:
    """Tell whether the values are nothing but ones and zeros."""
    return found.kind == "proportion" and len(_columns(found)) == 1


def _count_shares(found: UnitRows, cells: IntArray, n_cells: int) -> tuple[stats.Moments, ...]:
    """Return the record of every cell of a share: a one is its own square and cube."""
    n = np.bincount(cells + 1, minlength=n_cells + 1)[1:].tolist()
    ones = np.bincount(cells + 1, weights=found.values, minlength=n_cells + 1)[1:].tolist()
    return tuple(
        stats.Moments(("y",), size, (0.0,), (one,), (one,), one) for size, one in zip(n, ones, strict=True)
    )


def make_record(found: UnitRows, picked: Flags) -> stats.Moments:
    """Return the moment record of some customers."""
    cells = np.where(picked, 0, -1)
    return make_records(found, cells, 1, find_shift(found, cells))[0]


def add_exactly(values: FloatArray, arms: IntArray, n_variants: int) -> list[float]:
    """Return the sum of each arm; nothing is rounded but the last."""
    if np.array_equal(values, np.rint(values)):
        sums = np.bincount(arms + 1, weights=values, minlength=n_variants + 1)[1:]
        return [float(total) for total in sums]
    any_worth = values != 0
    return [math.fsum(values[any_worth & (arms == place)].tolist()) for place in range(n_variants)]


def _columns(found: UnitRows) -> dict[str, FloatArray]:
    """Return the columns of a record by their names."""
    columns = {"y": found.values, "d": found.denominator, "x": found.covariate}
    return {name: column for name, column in columns.items() if column is not None}


def _stack(found: UnitRows) -> FloatArray:
    """Return the columns of a record, one below the other."""
    return np.stack(list(_columns(found).values()))
