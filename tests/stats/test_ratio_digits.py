"""Ratios of columns whose mean dwarfs the spread, against exact rational arithmetic."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

import numpy as np
import pytest

from abplat.stats import Comparison, ComparisonPlan, Moments, compare, compare_rows
from abplat.stats.arms import subtract_product

_DIGITS = 1e-8
_RATIO = ComparisonPlan(kind="ratio")

Column = Callable[[np.random.Generator, int], np.ndarray]

_COLUMNS: dict[str, tuple[Column, Column]] = {
    "above": (lambda rng, n: 1e9 + rng.normal(0, 1, n), lambda _, n: np.full(n, 3.0)),
    "below": (lambda rng, n: rng.normal(5, 2, n), lambda rng, n: 1e9 + rng.normal(0, 1, n)),
    "both": (lambda rng, n: 1e9 + rng.normal(0, 1, n), lambda rng, n: 1e9 + rng.normal(0, 1, n)),
    "uneven": (lambda rng, n: 1e9 + rng.normal(0, 1, n), lambda rng, n: 7e8 + rng.normal(0, 1, n)),
    "counts": (lambda rng, n: 1e9 + rng.normal(0, 1, n), lambda rng, n: 1.0 + rng.poisson(3, n)),
}


class _Exact:
    """A ratio of means and its linearised values, in rational numbers."""

    def __init__(self, top: Sequence[float], bottom: Sequence[float]) -> None:
        """Read the columns."""
        pairs = [(Fraction(float(a)), Fraction(float(b))) for a, b in zip(top, bottom, strict=True)]
        whole = sum(b for _, b in pairs)
        self.n = len(pairs)
        self.value = Fraction(sum(a for a, _ in pairs)) / whole
        self.rests = [(a - self.value * b) * self.n / whole for a, b in pairs]

    def product(self, other: _Exact) -> Fraction:
        """Return the covariance of two means of linearised values."""
        total = sum(a * b for a, b in zip(self.rests, other.rests, strict=True))
        return Fraction(total) / (self.n - 1) / self.n


def _both_doors(treatment: Moments, control: Moments) -> tuple[Comparison, Comparison]:
    """Compare one pair, and the same pair as a row."""
    return compare(treatment, control, _RATIO), compare_rows([treatment], [control], _RATIO)[0]


@pytest.mark.parametrize("name", _COLUMNS)
@pytest.mark.parametrize("shift", [None, 7.25], ids=["same_shift", "other_shift"])
def test_a_ratio_of_large_means_keeps_its_digits(name: str, shift: float | None) -> None:
    """Oracle: difference of exact ratios and its delta-method error in rational numbers."""
    top, bottom = _COLUMNS[name]
    rng = np.random.default_rng(11)
    columns = [(top(rng, n), bottom(rng, n)) for n in (400, 300)]
    treatment, control = (Moments.from_values(y, d) for y, d in columns)
    if shift is not None:
        moved = (treatment.shift[0] + shift, treatment.shift[1])
        treatment = Moments.from_values(*columns[0], shift=moved)

    exact = [_Exact(y, d) for y, d in columns]
    effect = float(exact[0].value - exact[1].value)
    se = float(sum(arm.product(arm) for arm in exact)) ** 0.5
    for found in _both_doors(treatment, control):
        assert found.effect == pytest.approx(effect, rel=_DIGITS)
        assert found.se == pytest.approx(se, rel=_DIGITS)


@pytest.mark.parametrize("name", ["above", "both", "uneven"])
def test_an_adjusted_ratio_of_large_means_keeps_its_digits(name: str) -> None:
    """Oracle: slope and adjusted difference of exact ratios, with a ratio known before."""
    top, bottom = _COLUMNS[name]
    rng = np.random.default_rng(12)
    columns = []
    for n in (400, 300):
        x, xd = top(rng, n), bottom(rng, n)
        columns.append((x + rng.normal(0, 1, n), xd, x, xd))
    treatment, control = (Moments.from_values(*arm) for arm in columns)

    after, before = ([_Exact(*arm[i : i + 2]) for arm in columns] for i in (0, 2))
    top_sum = sum(a.product(b) for a, b in zip(after, before, strict=True))
    theta = Fraction(top_sum) / sum(b.product(b) for b in before)
    effect = after[0].value - after[1].value - theta * (before[0].value - before[1].value)
    for found in _both_doors(treatment, control):
        assert found.theta[0] == pytest.approx(float(theta), rel=_DIGITS)
        assert found.effect == pytest.approx(float(effect), rel=_DIGITS)


@pytest.mark.parametrize("shares", ["fixed", "random"])
def test_a_stratified_ratio_of_large_means_keeps_its_digits(shares: str) -> None:
    """Oracle: exact means weighted by pooled shares, then their ratio."""
    rng = np.random.default_rng(13)
    sizes = {"new": (200, 150), "old": (100, 250)}
    cells = {
        key: [(1e9 + rng.normal(level, 1, n), np.full(n, 3.0)) for n in pair]
        for level, (key, pair) in enumerate(sizes.items())
    }
    arms = [{key: Moments.from_values(*pair[i]) for key, pair in cells.items()} for i in (0, 1)]
    found = compare(arms[0], arms[1], ComparisonPlan(kind="ratio", strata_shares=shares))

    total = sum(sum(pair) for pair in sizes.values())
    exact = sum(
        Fraction(sum(sizes[key]), total)
        * (_Exact(*pair[0]).value - _Exact(*pair[1]).value)  # the denominator is 3 everywhere
        for key, pair in cells.items()
    )
    assert found.effect == pytest.approx(float(exact), rel=_DIGITS)


def test_equal_arms_differ_by_nothing() -> None:
    """What is taken off both arms is the same number, so the effect is 0 and no rounding of it."""
    rng = np.random.default_rng(14)
    arm = Moments.from_values(1e9 + rng.normal(0, 1, 50), 7.0 + rng.poisson(2, 50))

    assert [found.effect for found in _both_doors(arm, arm)] == [0.0, 0.0]


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e9])
def test_the_product_is_taken_off_without_rounding(scale: float) -> None:
    """Oracle: the same in rational numbers."""
    rng = np.random.default_rng(15)
    b, c = rng.normal(size=100) * scale, rng.normal(size=100)
    a = b * c
    found = subtract_product(a, b, c)

    exact = [float(Fraction(x) - Fraction(y) * Fraction(z)) for x, y, z in zip(a, b, c, strict=True)]
    assert found.tolist() == exact
