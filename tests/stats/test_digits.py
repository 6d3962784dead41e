"""Effects at a mean that dwarfs the spread, against exact rational arithmetic."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pytest

from abplat.stats import ComparisonPlan, Moments, compare, compare_rows

_LEVEL = 1e9
_DIGITS = 1e-9


def _draw(seed: int, n: int, lift: float = 0.0) -> tuple[list[float], list[float]]:
    """Draw an outcome and a covariate with mean 1e9 and standard deviation 1."""
    rng = np.random.default_rng(seed)
    before = rng.normal(0, 1, n)
    outcome = 0.8 * before + 0.6 * rng.normal(0, 1, n) + lift
    return (_LEVEL + outcome).tolist(), (_LEVEL + before).tolist()


def _mean(values: Sequence[float]) -> Fraction:
    """Return the exact mean of floats."""
    return sum(map(Fraction, values), Fraction(0)) / len(values)


def _covariance(a: Sequence[float], b: Sequence[float]) -> Fraction:
    """Return the exact covariance of floats."""
    left, right = _mean(a), _mean(b)
    products = ((Fraction(x) - left) * (Fraction(y) - right) for x, y in zip(a, b, strict=True))
    return sum(products, Fraction(0)) / (len(a) - 1)


@pytest.mark.parametrize("shifts", [(None, None), (1e9, 1e9), (1e9, 1e9 + 3.0), (1e9 - 7.25, 1e9)], ids=str)
def test_the_effect_of_a_large_mean_keeps_its_digits(shifts: tuple[float | None, float | None]) -> None:
    """Oracle: the difference of exact means in rational numbers, with equal and unequal shifts."""
    values = [_draw(1, 400, 0.01)[0], _draw(2, 300)[0]]
    given = [None if s is None else (s,) for s in shifts]
    treatment, control = (Moments.from_values(v, shift=s) for v, s in zip(values, given, strict=True))
    found, (row,) = compare(treatment, control), compare_rows([treatment], [control])

    wanted = float(_mean(values[0]) - _mean(values[1]))
    se = float(sum(_covariance(v, v) / len(v) for v in values)) ** 0.5
    for result in (found, row):
        assert result.effect == pytest.approx(wanted, rel=_DIGITS)
        assert result.se == pytest.approx(se, rel=_DIGITS)


@pytest.mark.parametrize("rule", ["min_variance", "pooled_total"])
def test_an_adjusted_effect_of_large_means_keeps_its_digits(rule: str) -> None:
    """Oracle: slope and adjusted difference of the same floats in rational numbers."""
    arms = [_draw(3, 400, 0.01), _draw(4, 300)]
    treatment, control = (Moments.from_values(y, covariate=x) for y, x in arms)
    plan = ComparisonPlan(theta_rule=rule)
    found, (row,) = compare(treatment, control, plan), compare_rows([treatment], [control], plan)

    if rule == "pooled_total":
        y, x = ([*a, *b] for a, b in zip(*arms, strict=True))
        theta = _covariance(y, x) / _covariance(x, x)
    else:
        top, bottom = (sum(_covariance(a[i], a[1]) / len(a[0]) for a in arms) for i in (0, 1))
        theta = Fraction(top) / Fraction(bottom)
    (y_t, x_t), (y_c, x_c) = arms
    wanted = float(_mean(y_t) - _mean(y_c) - theta * (_mean(x_t) - _mean(x_c)))
    for result in (found, row):
        assert result.theta[0] == pytest.approx(float(theta), rel=_DIGITS)
        assert result.effect == pytest.approx(wanted, rel=_DIGITS)


@pytest.mark.parametrize("shares", ["fixed", "random"])
def test_a_stratified_effect_of_large_means_keeps_its_digits(shares: str) -> None:
    """Oracle: pooled shares times exact differences, with strata six orders of magnitude apart."""
    cells = {"far": (_draw(5, 200, 0.02)[0], _draw(6, 100)[0])}
    cells["near"] = tuple([v - _LEVEL + 1e3 for v in _draw(s, 150)[0]] for s in (7, 8))  # type: ignore[assignment]
    arms = [{key: Moments.from_values(cell[i]) for key, cell in cells.items()} for i in (0, 1)]
    found = compare(arms[0], arms[1], ComparisonPlan(strata_shares=shares))

    total = sum(len(values) for cell in cells.values() for values in cell)
    wanted = sum(Fraction(len(a) + len(b), total) * (_mean(a) - _mean(b)) for a, b in cells.values())
    assert found.effect == pytest.approx(float(wanted), rel=_DIGITS)
