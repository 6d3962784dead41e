"""Error rates and coverage by seeded simulation: the short form."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from abplat.stats import Comparison, ComparisonPlan, Moments, Table, compare_rows, proportion_interval
from abplat.stats.tails import upper_chi_square

pytestmark = pytest.mark.calibration

_RUNS = 3000


def _results(draw: Any, plan: ComparisonPlan) -> list[Comparison]:
    pairs = [(draw(is_treated=True), draw(is_treated=False)) for _ in range(_RUNS)]
    found = compare_rows([a for a, _ in pairs], [b for _, b in pairs], plan)
    return [f for f in found if isinstance(f, Comparison)]


def _is_near(share: float, wanted: float, runs: int = _RUNS) -> bool:
    return abs(share - wanted) < 3.5 * np.sqrt(wanted * (1 - wanted) / runs)


@pytest.mark.parametrize("kind", ["mean", "covariate", "ratio", "skewed"])
def test_nothing_is_found_where_nothing_is(kind: str) -> None:
    """A/A: false positives within binomial bounds of 5 %."""
    rng = np.random.default_rng(100)

    def draw(*, is_treated: bool) -> Moments:
        n = 150 if is_treated else 90
        x = rng.normal(5, 1, n)
        if kind == "mean":
            return Moments.from_values(x)
        if kind == "skewed":
            return Moments.from_values(rng.gamma(2.0, 1.0, 400))
        if kind == "covariate":
            return Moments.from_values(x + rng.normal(0, 1, n), covariate=x)
        d = 1 + rng.poisson(3, n)
        return Moments.from_values(d * x, d)

    plan = ComparisonPlan(kind="ratio" if kind == "ratio" else "mean")
    found = _results(draw, plan)

    assert len(found) == _RUNS
    assert _is_near(np.mean([f.p_value < 0.05 for f in found]), 0.05)


@pytest.mark.parametrize("spread", [0.2, 0.3, 0.5])
def test_fieller_holds_its_coverage_where_control_is_noisy(spread: float) -> None:
    """Control mean with CV 0.2 to 0.5 and a lift of 50 %: 95 % (delta falls to 91 %)."""
    rng = np.random.default_rng(200)
    n = 50

    def draw(*, is_treated: bool) -> Moments:
        return Moments.from_values(rng.normal(1.5 if is_treated else 1.0, spread * np.sqrt(n), n))

    found = _results(draw, ComparisonPlan())

    answered = [f for f in found if f.rel_reason is None]
    refused = _RUNS - len(answered)
    covered = sum(f.rel_ci_lower <= 0.5 <= f.rel_ci_upper for f in answered)
    assert covered / _RUNS <= 0.965
    # a refusal stands for an unbounded set, which nearly always holds the truth
    assert (covered + refused) / _RUNS >= 0.95 - 3.5 * np.sqrt(0.05 * 0.95 / _RUNS)


def test_a_large_lift_with_a_covariate_is_covered() -> None:
    """Lift of 50 %, covariate with correlation 0.8: coverage of the relative interval 95 %."""
    rng = np.random.default_rng(300)

    def draw(*, is_treated: bool) -> Moments:
        x = rng.normal(10, 2, 120)
        return Moments.from_values((1.5 if is_treated else 1.0) * x + rng.normal(0, 1.5, 120), covariate=x)

    found = _results(draw, ComparisonPlan())

    assert _is_near(np.mean([f.rel_ci_lower <= 0.5 <= f.rel_ci_upper for f in found]), 0.95)


@pytest.mark.parametrize("method", ["score", "newcombe", "agresti_caffo"])
def test_small_tables_are_covered(method: Any) -> None:
    """Exact coverage over all tables of 25 and 40 units at 30 and 12 %: between 93 and 98 %."""
    from scipy import stats as scipy_stats

    p, q = 0.30, 0.12
    covered = 0.0
    for x in range(26):
        for y in range(41):
            chance = scipy_stats.binom.pmf(x, 25, p) * scipy_stats.binom.pmf(y, 40, q)
            if chance < 1e-9:
                continue
            found = proportion_interval(Table(x, 25, y, 40), method)
            covered += chance * (found.ci_lower <= p - q <= found.ci_upper)

    assert 0.93 < covered < 0.98


def test_p_values_of_an_a_a_are_uniform() -> None:
    """Ten equal bins of 3,000 p-values pass a chi-square at 0.001."""
    rng = np.random.default_rng(400)
    found = _results(lambda **_: Moments.from_values(rng.exponential(1.0, 300)), ComparisonPlan())

    counts = np.histogram([f.p_value for f in found], bins=10, range=(0, 1))[0]
    assert upper_chi_square(float(((counts - 300) ** 2 / 300).sum()), 9) > 0.001
