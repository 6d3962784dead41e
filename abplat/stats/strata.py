"""Strata: pairing the cells of two arms, merging the small ones, weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from abplat.errors import InvalidInputError
from abplat.stats.moments import Moments, Strata, pool_strata


class PairedStrata(NamedTuple):
    """The cells of two arms, stratum by stratum, with pooled shares and what was done to them."""

    treatment: tuple[Moments, ...]
    control: tuple[Moments, ...]
    weights: tuple[float, ...]
    flags: tuple[str, ...]


def pair_strata(treatment: Strata, control: Strata, min_units: int) -> PairedStrata:
    """Pair the strata of two arms; those too small in an arm are merged, and a flag says so."""
    if isinstance(treatment, Moments) and isinstance(control, Moments):
        return PairedStrata((treatment,), (control,), (1.0,), ())
    if isinstance(treatment, Moments) or isinstance(control, Moments):
        raise InvalidInputError.at("strata", "both arms need strata, or neither")
    pairs = _pair(treatment, control)
    kept = [p for p in pairs if min(p[0].n, p[1].n) >= min_units]
    small = [p for p in pairs if min(p[0].n, p[1].n) < min_units and p[0].n + p[1].n > 0]
    flags: tuple[str, ...] = ()
    if small:
        rest = _merge(small)
        while kept and min(rest[0].n, rest[1].n) < min_units:
            smallest = min(range(len(kept)), key=lambda i: min(kept[i][0].n, kept[i][1].n))
            rest = _merge([rest, kept.pop(smallest)])
        kept.append(rest)
        flags = ("strata_merged",) if len(kept) > 1 else ("strata_dropped",)
    if not kept:
        kept = [_merge(pairs)]
    total = sum(a.n + b.n for a, b in kept)
    weights = tuple((a.n + b.n) / total if total else 1.0 for a, b in kept)
    return PairedStrata(tuple(a for a, _ in kept), tuple(b for _, b in kept), weights, flags)


def _pair(treatment: Mapping[str, Moments], control: Mapping[str, Moments]) -> list[tuple[Moments, Moments]]:
    """Put the cells of both arms side by side; a stratum that one arm lacks is empty there."""
    empty = _empty_like(pool_strata(treatment), pool_strata(control))
    keys = list(dict.fromkeys([*treatment, *control]))
    return [(treatment.get(key, empty), control.get(key, empty)) for key in keys]


def _empty_like(a: Moments, b: Moments) -> Moments:
    """Make a record without units with the columns of both arms."""
    if a.columns != b.columns:
        raise InvalidInputError.at("columns", f"differ between the arms: {a.columns} and {b.columns}")
    k = len(a.columns)
    return Moments(a.columns, 0, (0.0,) * k, (0.0,) * k, (0.0,) * (k * (k + 1) // 2))


def _merge(pairs: list[tuple[Moments, Moments]]) -> tuple[Moments, Moments]:
    """Add pairs up, arm by arm."""
    left, right = pairs[0]
    for a, b in pairs[1:]:
        left, right = left + a, right + b
    return left, right
