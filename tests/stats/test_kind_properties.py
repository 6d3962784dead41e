"""The laws of test_properties for every kind of estimator: swap, scale, shift, merge, one stratum, constant past."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abplat.stats import (
    ClusterTotals,
    Comparison,
    ComparisonPlan,
    Moments,
    NotComputable,
    RateTable,
    RiskTable,
    Table,
    compare,
    compare_clusters,
    compare_counts,
    compare_quantiles,
    compare_rates,
    compare_restricted_means,
    estimate_quantile,
    fit_cox,
    log_rank,
    proportion_interval,
    ratio_interval,
)

_SEEDS = st.integers(0, 50_000)
_FEW = settings(max_examples=12, deadline=None)
Rows = dict[str, Any]


def draw_rows(seed: int, n: int = 80) -> Rows:
    """Draw an outcome, a denominator, and both before."""
    rng = np.random.default_rng(seed)
    xd = 1.0 + rng.poisson(3, n)
    x = 2 * xd + rng.normal(0, 1, n)
    d = 1.0 + rng.poisson(3, n)
    return {"y": 3 * d + 0.5 * x + rng.normal(0, 1, n), "d": d, "x": x, "xd": xd}


KINDS: dict[str, tuple[tuple[str, ...], str]] = {
    "mean": (("y",), "mean"),
    "covariate": (("y", "x"), "mean"),
    "ratio": (("y", "d"), "ratio"),
    "ratio with a covariate": (("y", "d", "x"), "ratio"),
    "ratio with a ratio before": (("y", "d", "x", "xd"), "ratio"),
    "count": (("y",), "count"),
}
RULES = ("min_variance", "within_arms", "pooled_total", "per_stratum")


def make_record(
    rows: Rows, columns: tuple[str, ...], part: slice = slice(None), shift: Any = None
) -> Moments:
    """Make the record of some rows."""
    chosen = {name: rows[name][part] for name in columns}
    return Moments.from_values(chosen["y"], chosen.get("d"), chosen.get("x"), chosen.get("xd"), shift=shift)


def make_arms(kind: str, seed: int, change: Callable[[Rows], Rows] = lambda rows: rows) -> list[Moments]:
    """Make both arms of a kind."""
    return [make_record(change(draw_rows(seed + i, 80 - 20 * i)), KINDS[kind][0]) for i in range(2)]


def judge(kind: str, arms: Any, **plan: Any) -> Comparison:
    """Compare, and expect a number."""
    found = compare(arms[0], arms[1], ComparisonPlan(kind=KINDS[kind][1], min_stratum_units=2, **plan))  # type: ignore[arg-type]
    assert isinstance(found, Comparison)
    return found


@pytest.mark.parametrize("kind", KINDS)
@_FEW
@given(seed=_SEEDS, rule=st.sampled_from(RULES))
def test_swapping_the_arms_negates(kind: str, seed: int, rule: str) -> None:
    """Effect and interval turn their sign; error and p-value stay."""
    one, two = make_arms(kind, seed)
    first, second = judge(kind, (one, two), theta_rule=rule), judge(kind, (two, one), theta_rule=rule)

    assert first.effect == pytest.approx(-second.effect, rel=1e-9, abs=1e-12)
    assert (first.se, first.p_value) == pytest.approx((second.se, second.p_value), rel=1e-9)
    assert first.ci_lower == pytest.approx(-second.ci_upper, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("kind", KINDS)
@_FEW
@given(seed=_SEEDS, factor=st.sampled_from([0.01, 7.0, 1e6]))
def test_scaling_the_outcome_scales_the_effect(kind: str, seed: int, factor: float) -> None:
    """And so does scaling the past, which must change nothing at all."""
    plain = judge(kind, make_arms(kind, seed))
    scaled = judge(kind, make_arms(kind, seed, lambda rows: {**rows, "y": factor * rows["y"]}))
    past = judge(kind, make_arms(kind, seed, lambda rows: {**rows, "x": factor * rows["x"]}))

    assert (scaled.effect, scaled.se) == pytest.approx((factor * plain.effect, factor * plain.se), rel=1e-8)
    assert scaled.rel_effect == pytest.approx(plain.rel_effect, rel=1e-8)
    assert (past.effect, past.se) == pytest.approx((plain.effect, plain.se), rel=1e-8)


@pytest.mark.parametrize("kind", ["mean", "covariate", "count"])
@_FEW
@given(seed=_SEEDS, move=st.sampled_from([-2.0, 1e6]))
def test_shifting_changes_no_difference(kind: str, seed: int, move: float) -> None:
    """A constant added to the outcome, and one added to the past."""
    plain = judge(kind, make_arms(kind, seed))
    moved = judge(
        kind, make_arms(kind, seed, lambda rows: {**rows, "y": rows["y"] + move, "x": rows["x"] - move})
    )

    assert (moved.effect, moved.se) == pytest.approx((plain.effect, plain.se), rel=1e-6)


@pytest.mark.parametrize("kind", ["ratio", "ratio with a ratio before"])
@_FEW
@given(seed=_SEEDS, move=st.sampled_from([-2.0, 100.0]))
def test_a_ratio_shifts_with_its_denominator(kind: str, seed: int, move: float) -> None:
    """A constant per denominator is a constant in the ratio."""
    plain = judge(kind, make_arms(kind, seed))
    moved = judge(kind, make_arms(kind, seed, lambda rows: {**rows, "y": rows["y"] + move * rows["d"]}))

    assert (moved.effect, moved.se) == pytest.approx((plain.effect, plain.se), rel=1e-6)


@pytest.mark.parametrize("kind", KINDS)
@_FEW
@given(seed=_SEEDS, cut=st.integers(2, 50))
def test_merged_records_compare_as_the_whole(kind: str, seed: int, cut: int) -> None:
    """On equal and unequal shifts."""
    columns = KINDS[kind][0]
    rows = [draw_rows(seed + i) for i in range(2)]
    shift = tuple(float(i) for i in range(len(columns)))
    whole = judge(kind, [make_record(r, columns) for r in rows])
    merged = judge(
        kind,
        [
            make_record(r, columns, slice(cut), shift) + make_record(r, columns, slice(cut, None))
            for r in rows
        ],
    )

    assert (merged.effect, merged.se, merged.p_value) == pytest.approx(
        (whole.effect, whole.se, whole.p_value), rel=1e-7
    )


@pytest.mark.parametrize("kind", KINDS)
@_FEW
@given(seed=_SEEDS, rule=st.sampled_from(RULES))
def test_one_stratum_is_none(kind: str, seed: int, rule: str) -> None:
    """Whatever the slopes: not even CUPED may be lost."""
    arms = make_arms(kind, seed)

    assert judge(kind, [{"all": arm} for arm in arms], theta_rule=rule) == judge(kind, arms, theta_rule=rule)


@pytest.mark.parametrize("kind", ["covariate", "ratio with a covariate", "ratio with a ratio before"])
@_FEW
@given(seed=_SEEDS, constant=st.sampled_from([0.0, 0.1, 1e8]))
def test_a_constant_past_is_none(kind: str, seed: int, constant: float) -> None:
    """A past that does not vary (as a ratio: that is the same everywhere) adjusts nothing."""
    plain = "mean" if kind == "covariate" else "ratio"
    is_ratio = kind == "ratio with a ratio before"

    def flatten(rows: Rows) -> Rows:
        return {**rows, "x": constant * rows["xd"] if is_ratio else np.full(rows["x"].size, constant)}

    one, other = judge(kind, make_arms(kind, seed, flatten)), judge(plain, make_arms(plain, seed))
    assert (one.effect, one.se) == pytest.approx((other.effect, other.se), rel=1e-7)


@_FEW
@given(seed=_SEEDS, factor=st.sampled_from([0.1, 60.0]))
def test_restricted_means_and_ranks_keep_the_laws(seed: int, factor: float) -> None:
    """Swap negates, minutes or hours scale, cells add up to the whole, one stratum is none."""
    rng = np.random.default_rng(seed)
    times = [np.round(rng.exponential(m, 120), 2) + 0.01 for m in (1.0, 1.4)]
    seen = [rng.random(120) < 0.8 for _ in times]
    a, b = (RiskTable.from_times(t, s) for t, s in zip(times, seen, strict=True))
    scaled = [RiskTable.from_times(factor * t, s) for t, s in zip(times, seen, strict=True)]
    parts = [
        RiskTable.from_times(t[:50], s[:50]) + RiskTable.from_times(t[50:], s[50:])
        for t, s in zip(times, seen, strict=True)
    ]
    one, swapped = compare_restricted_means(a, b, 1.0, 0.05), compare_restricted_means(b, a, 1.0, 0.05)
    longer, added = (
        compare_restricted_means(*scaled, factor, 0.05),
        compare_restricted_means(*parts, 1.0, 0.05),
    )

    assert one.effect == pytest.approx(-swapped.effect)  # type: ignore[union-attr]
    assert (longer.effect, longer.p_value) == pytest.approx((factor * one.effect, one.p_value))  # type: ignore[union-attr]
    assert added == one
    assert log_rank(*parts) == log_rank(a, b)
    assert log_rank({"all": a}, {"all": b}).statistic == pytest.approx(log_rank(a, b).statistic)  # type: ignore[union-attr]
    assert log_rank(b, a).p_value == pytest.approx(log_rank(a, b).p_value)  # type: ignore[union-attr]
    assert fit_cox({"all": a}, {"all": b}).se == pytest.approx(fit_cox(a, b).se)  # type: ignore[union-attr]
    assert fit_cox(*parts).log_hazard_ratio == pytest.approx(fit_cox(a, b).log_hazard_ratio)  # type: ignore[union-attr]


@_FEW
@given(seed=_SEEDS, factor=st.sampled_from([0.01, 1e5]), move=st.sampled_from([-3.0, 1e4]))
def test_quantiles_keep_the_laws(seed: int, factor: float, move: float) -> None:
    """Swap negates, scale scales, a shift changes no difference."""
    rng = np.random.default_rng(seed)
    rows = [rng.exponential(m, 300) for m in (1.0, 1.5)]
    units = np.arange(300) // 3

    def judge_rows(change: Callable[[Any], Any]) -> Comparison:
        found = [estimate_quantile(change(r), units) for r in rows]
        assert not any(isinstance(each, NotComputable) for each in found)
        compared = compare_quantiles(*found)  # type: ignore[arg-type]
        assert isinstance(compared, Comparison)
        return compared

    one, scaled, moved = (judge_rows(c) for c in (lambda r: r, lambda r: factor * r, lambda r: r + move))
    rows.reverse()
    swapped = judge_rows(lambda r: r)
    assert (swapped.effect, swapped.se) == pytest.approx((-one.effect, one.se))
    assert (scaled.effect, scaled.se) == pytest.approx((factor * one.effect, factor * one.se))
    assert (moved.effect, moved.se) == pytest.approx((one.effect, one.se), rel=1e-6)


@_FEW
@given(x=st.integers(1, 40), y=st.integers(1, 40))
def test_shares_and_rates_keep_the_laws(x: int, y: int) -> None:
    """Swap negates a difference and inverts a ratio; counting what was not done negates."""
    one, other = proportion_interval(Table(x, 50, y, 60)), proportion_interval(Table(y, 60, x, 50))
    missed = proportion_interval(Table(50 - x, 50, 60 - y, 60))
    ratio, inverse = ratio_interval(Table(x, 50, y, 60)), ratio_interval(Table(y, 60, x, 50))
    rate, back = compare_rates(RateTable(x, 2.0, y, 3.0)), compare_rates(RateTable(y, 3.0, x, 2.0))

    assert (one.effect, one.ci_lower) == pytest.approx((-other.effect, -other.ci_upper), abs=1e-9)  # type: ignore[union-attr]
    assert missed.ci_upper == pytest.approx(-one.ci_lower, abs=1e-9)  # type: ignore[union-attr]
    assert (1 + ratio.ci_lower) * (1 + inverse.ci_upper) == pytest.approx(1.0, rel=1e-6)  # type: ignore[union-attr]
    assert rate.ratio * back.ratio == pytest.approx(1.0)  # type: ignore[union-attr]
    assert (rate.ci_lower * back.ci_upper, rate.p_value) == pytest.approx((1.0, back.p_value), rel=1e-6)  # type: ignore[union-attr]


@_FEW
@given(seed=_SEEDS)
def test_counts_and_clusters_keep_the_laws(seed: int) -> None:
    """Swap negates counts; the ratio of clusters scales with its unit and shifts with its denominator."""
    rng = np.random.default_rng(seed)
    arms = [Moments.from_values(rng.poisson(m, 90).astype(float)) for m in (1.0, 1.3)]
    one, other = compare_counts(*arms), compare_counts(*reversed(arms))
    names = tuple("tc"[i % 2] for i in range(24))
    y, d = rng.normal(50, 5, 24), rng.integers(20, 40, 24).astype(float)

    def judge_clusters(values: Any) -> Any:
        totals = ClusterTotals(
            cluster=tuple(map(str, range(24))), variant=names, y=tuple(values.tolist()), d=tuple(d.tolist())
        )
        return compare_clusters(totals, "t", "c").comparison  # type: ignore[union-attr]

    plain, scaled = judge_clusters(y), judge_clusters(100 * y)
    assert one.comparison.effect == pytest.approx(-other.comparison.effect)  # type: ignore[union-attr]
    assert (scaled.effect, scaled.se) == pytest.approx((100 * plain.effect, 100 * plain.se))
    moved = judge_clusters(y + 3 * d)
    assert (moved.effect, moved.se) == pytest.approx((plain.effect, plain.se))
