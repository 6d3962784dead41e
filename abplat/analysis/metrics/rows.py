"""One number per exposed customer, and the moment records made of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from abplat import stats
from abplat.analysis.gathered import Flags, FloatArray, Gathered

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


def sum_moments(found: UnitRows, gathered: Gathered, n_variants: int) -> tuple[stats.Moments, ...]:
    """Return one moment record per variant, over its customers who count."""
    pooled = gathered.mature if found.keep is None else gathered.mature & found.keep
    # One shift for all arms keeps the records addable and the digits of large values.
    shift = find_shift(found, np.asarray(pooled))
    return tuple(make_record(found, arm_of(found, gathered, variant), shift) for variant in range(n_variants))


def find_shift(found: UnitRows, picked: Flags) -> tuple[float, ...]:
    """Return the rounded mean of each column over some customers."""
    columns = [each for each in (found.values, found.denominator, found.covariate) if each is not None]
    return tuple(_rounded_mean(column[picked]) for column in columns)


def make_record(found: UnitRows, picked: Flags, shift: tuple[float, ...]) -> stats.Moments:
    """Return the moment record of some customers."""
    return stats.Moments.from_values(
        found.values[picked],
        denominator=None if found.denominator is None else found.denominator[picked],
        covariate=None if found.covariate is None else found.covariate[picked],
        shift=shift,
    )


def _rounded_mean(seen: FloatArray) -> float:
    """Return the rounded mean, 0 of nobody."""
    return round(float(seen.mean()), _DIGITS) if len(seen) else 0.0
