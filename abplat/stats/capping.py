"""Capping: one extreme customer must not decide an experiment.

A cap is chosen once per metric and experiment, on both arms together and before any breakdown:
a cap per arm or per segment would take away exactly the difference that is to be measured. The
result is shown with and without it wherever they would be judged differently.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from abplat.errors import InvalidInputError
from abplat.stats.comparison import Comparison
from abplat.stats.histogram import LogHistogram
from abplat.stats.moments import FloatArray
from abplat.stats.result import Computed, NotComputable

Direction = Literal["better", "worse", "unclear"]


@dataclass(frozen=True, slots=True)
class Cap:
    """The value above which a unit's value counts as this value.

    Attributes:
        value: The cap, positive.
        level: The share of the population that it was to leave untouched; None if given directly.
        ignore_zeros: Whether units with the value 0 were left out of that population.
        share_capped: Share of all units whose value lies above the cap.
        n: Units of both arms together.
    """

    value: float
    level: float | None
    ignore_zeros: bool
    share_capped: float
    n: int

    def apply(self, values: npt.ArrayLike) -> FloatArray:
        """Cap values: of the outcome, and the same cap for its pre-period.

        Examples:
            >>> Cap(10.0, 0.99, False, 0.01, 100).apply([3.0, 40.0]).tolist()
            [3.0, 10.0]
        """
        return np.minimum(np.asarray(values, dtype=np.float64), self.value)


@dataclass(frozen=True, slots=True)
class CappedComparison:
    """A comparison with and without the cap.

    Attributes:
        capped: The result with the cap; it is the one that counts.
        uncapped: The result without.
        cap: The cap.
        is_different: Whether the two would be judged differently; then both are to be shown.
        capped_direction: ``better``, ``worse`` (the interval excludes 0, as the metric counts) or
            ``unclear``.
        uncapped_direction: The same without the cap.
    """

    capped: Computed[Comparison]
    uncapped: Computed[Comparison]
    cap: Cap
    is_different: bool
    capped_direction: Direction
    uncapped_direction: Direction


def choose_cap(
    arms: Mapping[str, npt.ArrayLike], level: float = 0.999, *, ignore_zeros: bool = False
) -> Computed[Cap]:
    """Choose the cap of a metric from all arms together.

    Args:
        arms: One value per unit and variant key; all arms of the experiment, at least two.
        level: Share of the units that the cap leaves untouched, between 0 and 1.
        ignore_zeros: Take the share among units with a value other than 0: for rare buyers, where
            otherwise the cap would be 0.

    Returns:
        The cap with the share of units it touches; ``no_units``, or ``cap_is_zero`` where it would
        not be positive.

    Raises:
        InvalidInputError: If there are fewer than two arms, a value is not finite, or the level
            lies outside (0, 1).

    References:
        Kohavi, Tang, Xu (2020), Trustworthy Online Controlled Experiments, chapter 22; Tukey
        (1962), section 14 (winsorising).

    Examples:
        >>> choose_cap({"control": range(1, 101), "treatment": range(1, 101)}, 0.9).value
        90.0
    """
    _check_level(level)
    values = _pool(arms)
    chosen = values[values != 0] if ignore_zeros else values
    if not chosen.size:
        return NotComputable("cap_is_zero" if values.size else "no_units")
    value = float(np.quantile(chosen, level, method="inverted_cdf"))
    if value <= 0:
        return NotComputable("cap_is_zero")
    return Cap(value, level, ignore_zeros, float(np.mean(values > value)), int(values.size))


def choose_ratio_caps(
    tops: Mapping[str, npt.ArrayLike],
    bottoms: Mapping[str, npt.ArrayLike],
    level: float = 0.999,
    *,
    ignore_zeros: bool = False,
) -> tuple[Computed[Cap], Computed[Cap]]:
    """Choose the caps of a ratio's numerator and denominator on the same population.

    Why: a numerator capped over all units and a denominator capped over those that have one are
    caps at different places, and the ratio is then of neither population.

    Args:
        tops: Numerators per unit and variant key.
        bottoms: Denominators, same keys and lengths.
        level: As for ``choose_cap``.
        ignore_zeros: Leave out, for both, the units whose denominator is 0.

    Returns:
        The cap of the numerator and that of the denominator.

    Raises:
        InvalidInputError: If keys or lengths differ, and as for ``choose_cap``.

    References:
        As for ``choose_cap``.

    Examples:
        >>> top, bottom = {"a": [1, 2, 3], "b": [0, 0, 9]}, {"a": [1, 1, 2], "b": [0, 4, 4]}
        >>> [cap.n for cap in choose_ratio_caps(top, bottom, 0.9, ignore_zeros=True)]
        [6, 6]
    """
    if set(tops) != set(bottoms):
        raise InvalidInputError.at("bottoms", "needs the same arms as the numerators")
    pairs = {key: (np.asarray(tops[key], np.float64), np.asarray(bottoms[key], np.float64)) for key in tops}
    if any(a.shape != b.shape for a, b in pairs.values()):
        raise InvalidInputError.at("bottoms", "needs one denominator per numerator")
    kept = {key: (b != 0) if ignore_zeros else np.ones(b.shape, dtype=bool) for key, (_, b) in pairs.items()}
    chosen = [choose_cap({key: pair[i][kept[key]] for key, pair in pairs.items()}, level) for i in (0, 1)]
    caps = [
        _restate(cap, _pool(arms), ignore_zeros=ignore_zeros)
        for cap, arms in zip(chosen, (tops, bottoms), strict=True)
    ]
    return caps[0], caps[1]


def _restate(cap: Computed[Cap], values: FloatArray, *, ignore_zeros: bool) -> Computed[Cap]:
    """State the share that a cap touches among all units."""
    if isinstance(cap, NotComputable):
        return cap
    return Cap(cap.value, cap.level, ignore_zeros, float(np.mean(values > cap.value)), int(values.size))


def choose_cap_from_histogram(
    arms: Mapping[str, LogHistogram], level: float = 0.999, *, ignore_zeros: bool = False
) -> Computed[Cap]:
    """Choose the cap of a metric from the histograms of all arms: within 1 %, without rows.

    Args:
        arms: Histogram per variant key, at least two.
        level: As for ``choose_cap``.
        ignore_zeros: As for ``choose_cap``.

    Returns:
        The cap; ``no_units`` or ``cap_is_zero``.

    Raises:
        InvalidInputError: If there are fewer than two arms, or the level lies outside (0, 1).

    References:
        Masson, Rim, Lee (2019), DDSketch, VLDB 12: the error of a quantile read from log buckets.

    Examples:
        >>> arm = LogHistogram.from_values(range(1, 101))
        >>> round(choose_cap_from_histogram({"a": arm, "b": arm}, 0.9).value)
        90
    """
    _check_level(level)
    _check_arms(arms)
    whole = LogHistogram()
    for histogram in arms.values():
        whole = whole + histogram
    found = whole.quantile(level, ignore_zeros=ignore_zeros)
    if isinstance(found, NotComputable):
        return NotComputable("cap_is_zero") if whole.n else found
    if found <= 0:
        return NotComputable("cap_is_zero")
    share = whole.share_above(found)
    return Cap(found, level, ignore_zeros, share if isinstance(share, float) else 0.0, whole.n)


def _check_level(level: float) -> None:
    """Refuse a level outside (0, 1)."""
    if not 0 < level < 1:
        raise InvalidInputError.at("level", f"must lie between 0 and 1, got {level!r}")


def _check_arms(arms: Mapping[str, object]) -> None:
    """Refuse fewer than two arms: a cap belongs to an experiment, not to an arm."""
    if len(arms) < 2:
        raise InvalidInputError.at("arms", "needs all arms of the experiment, at least two")


def _pool(arms: Mapping[str, npt.ArrayLike]) -> FloatArray:
    """Lay the values of all arms end to end."""
    _check_arms(arms)
    try:
        values = np.concatenate([np.asarray(arm, dtype=np.float64).ravel() for arm in arms.values()])
    except (TypeError, ValueError) as error:
        raise InvalidInputError.at("arms", "must hold numbers") from error
    if not np.isfinite(values).all():
        raise InvalidInputError.at("arms", "must hold finite numbers")
    return np.asarray(values, dtype=np.float64)


def weigh_cap(
    capped: Computed[Comparison],
    uncapped: Computed[Comparison],
    cap: Cap,
    direction: Literal["up", "down"] = "up",
) -> CappedComparison:
    """Put the results with and without the cap side by side, and say whether they are judged alike.

    Args:
        capped: The comparison of capped values.
        uncapped: The comparison of the values as they are.
        cap: The cap.
        direction: Whether ``up`` or ``down`` is better.

    Returns:
        Both, with what each would say.

    Raises:
        Nothing of its own: both comparisons were checked when they were made.

    References:
        Wilcox (2012), Introduction to Robust Estimation, section 3.3: a Winsorised mean answers another
        question than the mean, so both are shown.

    Examples:
        >>> from abplat.stats.estimator import compare
        >>> from abplat.stats.moments import Moments
        >>> base, cap = np.arange(40.0), Cap(30.0, 0.75, False, 0.25, 80)
        >>> both = [compare(Moments.from_values(f(base + 9)), Moments.from_values(f(base)))
        ...         for f in (cap.apply, np.asarray)]
        >>> weigh_cap(both[0], both[1], cap).is_different
        False
    """
    if not math.isfinite(cap.value):
        raise InvalidInputError.at("cap", "must be finite")
    first, second = _judge(capped, direction), _judge(uncapped, direction)
    return CappedComparison(capped, uncapped, cap, first != second, first, second)


def _judge(found: Computed[Comparison], direction: Literal["up", "down"]) -> Direction:
    """Say which way an interval points."""
    if isinstance(found, NotComputable) or found.ci_lower <= 0 <= found.ci_upper:
        return "unclear"
    return "better" if (found.effect > 0) == (direction == "up") else "worse"
