"""Quantiles in two passes: the histogram's bound, the clustered interval, its coverage."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abplat.errors import InvalidInputError
from abplat.stats import (
    ComparisonPlan,
    LogHistogram,
    Moments,
    NotComputable,
    Quantile,
    QuantileLevels,
    bucket_of,
    compare_quantiles,
    count_below,
    estimate_quantile,
    find_quantile_levels,
    read_quantile,
)

_VALUES = st.lists(
    st.floats(-1e200, 1e200).filter(lambda v: v == 0 or abs(v) > 1e-200), min_size=1, max_size=40
)  # fmt: skip


def _events(rng: Any, n_units: int, per_unit: float = 5.0) -> tuple[Any, Any]:
    """Make events of which those of one unit are alike."""
    sizes = 1 + rng.poisson(per_unit - 1, n_units)
    units = np.repeat(np.arange(n_units), sizes)
    level = rng.normal(0, 1, n_units)[units]
    return np.exp(level + rng.normal(0, 0.5, units.size)), units


@settings(max_examples=100, deadline=None)
@given(values=_VALUES, p=st.floats(0, 1))
def test_the_histogram_is_within_one_per_cent(values: list[float], p: float) -> None:
    """Oracle: numpy.quantile(method="inverted_cdf"); zero and the negative side included."""
    found = LogHistogram.from_values(values).quantile(p)

    ordered = np.sort(values)
    rank = max(1, int(np.ceil(p * len(values) * (1 - 4 * np.finfo(float).eps))))
    assert found == pytest.approx(ordered[rank - 1], rel=0.01)


@settings(max_examples=100, deadline=None)
@given(first=_VALUES, second=_VALUES, third=_VALUES)
def test_histograms_merge_exactly(first: list[float], second: list[float], third: list[float]) -> None:
    """Property: any split, any order, the same counts as the whole."""
    parts = [LogHistogram.from_values(v) for v in (first, second, third)]
    whole = LogHistogram.from_values([*first, *second, *third])

    assert parts[0] + parts[1] + parts[2] == whole
    assert parts[2] + (parts[1] + parts[0]) == whole
    assert whole.n == len(first) + len(second) + len(third)


def test_a_million_log_normals_need_few_buckets() -> None:
    """About 650 buckets for 1M log-normals (sd 1.5); every quantile within 1 %."""
    values = np.random.default_rng(1).lognormal(0, 1.5, 1_000_000)
    histogram = LogHistogram.from_values(values)

    levels = np.array([0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999])
    wanted = np.quantile(values, levels, method="inverted_cdf")
    assert len(histogram.positive) < 760
    assert [histogram.quantile(p) for p in levels] == pytest.approx(wanted, rel=0.01)


def test_the_bucket_is_that_of_a_query() -> None:
    """Oracle: DuckDB, the formula of the docstring over positive, zero and negative values."""
    duckdb = pytest.importorskip("duckdb")
    values = np.random.default_rng(2).lognormal(0, 2, 2000) * np.tile([1, -1, 0, 1], 500)
    rows = duckdb.sql(
        "SELECT sign(x), CASE WHEN x = 0 THEN 0 ELSE ceil(ln(abs(x)) / ln(1.02)) END::INT, count(*) "
        "FROM (SELECT unnest($values) AS x) GROUP BY ALL",
        params={"values": values.tolist()},
    ).fetchall()
    ours = LogHistogram.from_values(values)

    sides = {1: ours.positive, -1: ours.negative}
    assert {(s, i): n for s, i, n in rows if s} == {
        (s, i): n for s, side in sides.items() for i, n in side.items()
    }
    assert [n for s, _, n in rows if not s] == [ours.zeros]


def test_zeros_can_be_left_out() -> None:
    """The median of all is 0; that of buyers is not."""
    histogram = LogHistogram.from_values([0] * 80 + [10] * 15 + [20] * 5)

    assert histogram.quantile(0.5) == 0.0
    assert histogram.quantile(0.5, ignore_zeros=True) == pytest.approx(10, rel=0.01)
    assert histogram.share_above(10.0) == 0.05
    assert histogram.share_above(0.0) == 0.2
    assert histogram.share_above(-1.0) == 1.0
    assert LogHistogram().quantile(0.5) == NotComputable("no_units")
    assert LogHistogram().share_above(1.0) == NotComputable("no_units")
    largest = np.finfo(float).max
    assert LogHistogram({40_000: 1}).quantile(1.0) == largest
    assert LogHistogram.from_values([largest]).quantile(1.0) == pytest.approx(largest, rel=0.02)


def test_the_share_below_is_the_ratio_of_the_one_estimator() -> None:
    """Oracle: variance of the linearised rows (m - F n) / mean n, with numpy."""
    rng = np.random.default_rng(3)
    values, units = _events(rng, 400)
    cut = float(np.quantile(values, 0.9))
    record = count_below(values, units, cut)
    found = find_quantile_levels(record, 0.9, 0.1)

    n, m = np.bincount(units), np.bincount(units, weights=values <= cut)
    share = m.sum() / n.sum()
    se = np.sqrt(((m - share * n) / n.mean()).var(ddof=1) / n.size)
    assert (found.share, found.se) == pytest.approx((share, se), rel=1e-10)
    assert found.upper - 0.9 == pytest.approx(1.6448536 * se, rel=1e-6)
    assert found.n_units == 400


def test_one_event_per_unit_is_the_binomial_interval() -> None:
    """Oracle: sqrt(p (1 - p) / (n - 1)) for independent events."""
    values = np.random.default_rng(4).normal(0, 1, 1000)
    found = estimate_quantile(values, np.arange(1000), 0.5)

    assert found.levels.se == pytest.approx(np.sqrt(0.25 / 999), rel=1e-9)
    assert found.value == np.quantile(values, 0.5)
    ends = np.quantile(values, [found.levels.lower, found.levels.upper])
    assert (found.ci_lower, found.ci_upper) == pytest.approx(ends)


def test_cells_add_up_in_both_passes() -> None:
    """Property: records and histograms of disjoint units give the result of the whole."""
    values, units = _events(np.random.default_rng(5), 300)
    first = units < 120
    guess = (LogHistogram.from_values(values[first]) + LogHistogram.from_values(values[~first])).quantile(
        0.75
    )
    cells = {str(i): count_below(values[rows], units[rows], guess) for i, rows in enumerate((first, ~first))}

    whole = find_quantile_levels(count_below(values, units, guess), 0.75)
    merged = find_quantile_levels(cells, 0.75)
    assert guess == pytest.approx(np.quantile(values, 0.75), rel=0.011)
    assert (merged.se, merged.share) == pytest.approx((whole.se, whole.share), rel=1e-10)


def test_the_clustered_interval_covers_and_the_naive_one_does_not() -> None:
    """1,000 seeded samples of 200 units with about five alike events: 95 % against about 75 %."""
    rng = np.random.default_rng(6)
    covered = naive = 0
    for _ in range(1000):
        values, units = _events(rng, 200)
        found = estimate_quantile(values, units, 0.5)
        alone = estimate_quantile(values, np.arange(units.size), 0.5)
        covered += found.ci_lower <= 1.0 <= found.ci_upper
        naive += alone.ci_lower <= 1.0 <= alone.ci_upper

    assert 929 <= covered <= 971
    assert naive < 800


def test_the_difference_of_quantiles_covers() -> None:
    """600 seeded A/B tests of the 75 % quantile, treatment 20 % quicker, unequal arms."""
    rng = np.random.default_rng(7)
    truth = np.exp(0.6744897502 * np.sqrt(1.25))
    covered = relative = 0
    for _ in range(600):
        (t, t_units), (c, c_units) = _events(rng, 150), _events(rng, 300)
        arms = estimate_quantile(0.8 * t, t_units, 0.75), estimate_quantile(c, c_units, 0.75)
        found = compare_quantiles(*arms)
        covered += found.ci_lower <= -0.2 * truth <= found.ci_upper
        relative += found.rel_ci_lower <= -0.2 <= found.rel_ci_upper

    assert 549 <= covered <= 586
    assert 549 <= relative <= 586


def test_a_comparison_swaps_and_scales() -> None:
    """Swapping the arms negates; minutes or seconds give the same p-value."""
    rng = np.random.default_rng(8)
    arms = [_events(rng, 150), _events(rng, 150)]
    a, b = (estimate_quantile(v, u, 0.9) for v, u in arms)
    c, d = (estimate_quantile(60 * v, u, 0.9) for v, u in arms)
    found, back, scaled = compare_quantiles(a, b), compare_quantiles(b, a), compare_quantiles(c, d)

    assert found.effect == -back.effect
    assert found.p_value == back.p_value
    assert scaled.effect == pytest.approx(60 * found.effect)
    assert (scaled.p_value, scaled.rel_effect) == pytest.approx((found.p_value, found.rel_effect))
    assert (found.p_value < 0.05) == (found.rel_ci_lower > 0 or found.rel_ci_upper < 0)
    assert found.method == "quantile"
    assert found.n_treatment == 150
    assert compare_quantiles(a, b, ComparisonPlan(alpha=0.2)).ci_upper < found.ci_upper


def test_collapsed_ends_are_no_interval() -> None:
    """The mistake of growthbook#5532: an interval without width claims to know everything."""
    waits = np.array([5.0] * 900 + [7.0] * 100)

    assert estimate_quantile(waits, np.arange(1000), 0.5) == NotComputable("no_local_variability")


def test_what_cannot_be_computed_says_why() -> None:
    """Reasons instead of numbers."""
    few = np.arange(20.0)

    assert estimate_quantile([], [], 0.5) == NotComputable("no_units")
    assert estimate_quantile([1.0, 2.0], [1, 1], 0.5) == NotComputable("too_few_units")
    assert estimate_quantile(few, few, 0.99) == NotComputable("quantile_out_of_reach")
    assert find_quantile_levels(Moments.from_values([0, 0], [0, 0]), 0.5) == NotComputable("no_events")


def _quantile(p: float) -> Quantile:
    return Quantile(1.0, 0.1, 0.8, 1.2, QuantileLevels(p, p, 0.1, p - 0.05, p + 0.05, 10, 0.05))


@pytest.mark.parametrize(
    "call",
    [
        lambda: estimate_quantile([1.0], [1, 2]),
        lambda: estimate_quantile([float("nan")], [1]),
        lambda: estimate_quantile([1.0, 2.0], [1, 2], 1.0),
        lambda: find_quantile_levels(Moments.from_values([1.0, 2.0]), 0.5),
        lambda: find_quantile_levels(Moments.from_values([1, 2], [1, 2]), 0.0),
        lambda: find_quantile_levels(Moments.from_values([1, 2], [1, 2]), 0.5, alpha=1.0),
        lambda: read_quantile(_quantile(0.5).levels, 1.0, (2.0, 3.0)),
        lambda: read_quantile(_quantile(0.5).levels, 1.0, (0.0, float("inf"))),
        lambda: compare_quantiles(_quantile(0.5), _quantile(0.9)),
        lambda: LogHistogram.from_values(["a"]),
        lambda: LogHistogram.from_values([float("inf")]),
        lambda: LogHistogram({0: -1}),
        lambda: LogHistogram().quantile(2.0),
        lambda: bucket_of(0.0),
    ],
)
def test_a_wrong_call_is_refused(call: Callable[[], object]) -> None:
    """Rows and levels that cannot be are an error."""
    with pytest.raises(InvalidInputError):
        call()


def test_a_histogram_adds_up_with_histograms_only() -> None:
    """Adding a number is a mistake of the caller."""
    with pytest.raises(TypeError):
        LogHistogram() + 1
