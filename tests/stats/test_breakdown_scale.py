"""Breakdowns on the relative scale and the intervals of rows that were picked."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from abplat.errors import InvalidInputError
from abplat.stats import (
    BreakdownPlan,
    Comparison,
    ComparisonPlan,
    Heterogeneity,
    Moments,
    break_down,
    check_skew,
    compare,
    compare_quantiles,
    estimate_quantile,
    fcr_intervals,
    linearise,
)

Rows = dict[str, Moments]


def make_rows(seed: int, lift: float, levels: dict[str, float] | None = None) -> Rows:
    """Draw values of dimensions whose level differs; the lift multiplies all."""
    rng = np.random.default_rng(seed)
    found = levels or {"web": 1.0, "app": 4.0, "shop": 9.0}
    return {
        key: Moments.from_values(level * (1 + lift) * rng.gamma(4, 0.25, 4000))
        for key, level in found.items()
    }


def test_one_lift_is_one_relative_effect_and_many_absolute_ones() -> None:
    """+10 % at levels of 1, 4 and 9: the rows differ in units and agree in per cent."""
    arms = make_rows(1, 0.1), make_rows(2, 0.0)
    absolute, relative = (
        break_down(*arms, BreakdownPlan(scale=scale)).interaction  # type: ignore[arg-type]
        for scale in ("absolute", "relative")
    )

    assert isinstance(absolute, Heterogeneity)
    assert isinstance(relative, Heterogeneity)
    assert absolute.p_value < 1e-6
    assert relative.p_value > 0.05
    assert relative.effect == pytest.approx(0.1, abs=3 * relative.se)


def test_relative_errors_are_those_of_the_delta_method() -> None:
    """By hand: Var(T/C) = (vT + (T/C)^2 vC) / C^2 (Deng, Knoblich, Lu 2018), pooled by precision."""
    treatment, control = make_rows(3, 0.2), make_rows(4, 0.0)
    found = break_down(treatment, control, BreakdownPlan(scale="relative")).interaction

    lifts, errors = [], []
    for key in treatment:
        (t, c) = (float(arm[key].mean[0]) for arm in (treatment, control))
        (v_t, v_c) = (float(arm[key].covariance[0, 0]) / arm[key].n for arm in (treatment, control))  # type: ignore[index]
        lifts.append(t / c - 1)
        errors.append(((v_t + (t / c) ** 2 * v_c) / c**2) ** 0.5)
    weights = np.array(errors) ** -2
    assert isinstance(found, Heterogeneity)
    assert found.effect == pytest.approx(float(weights @ lifts / weights.sum()), rel=1e-9)
    assert found.se == pytest.approx(float(weights.sum()) ** -0.5, rel=1e-9)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 999), factor=st.sampled_from([0.01, 1e6]))
def test_the_relative_scale_knows_no_unit(seed: int, factor: float) -> None:
    """Cents or euros: Q of the relative effects stays."""
    arms = make_rows(seed, 0.05), make_rows(seed + 1, 0.0)
    scaled = [
        {k: Moments.from_sums(r.n, {"y": factor * (r.sum[0] + r.n * r.shift[0])},
                              {"y*y": factor**2 * (r.cross[0] + 2 * r.shift[0] * r.sum[0] + r.n * r.shift[0] ** 2)})
         for k, r in arm.items()}
        for arm in arms
    ]  # fmt: skip
    one, other = (
        break_down(*pair, BreakdownPlan(scale="relative")).interaction
        for pair in (arms, (scaled[0], scaled[1]))
    )

    assert isinstance(one, Heterogeneity)
    assert isinstance(other, Heterogeneity)
    assert other.statistic == pytest.approx(one.statistic, rel=1e-5, abs=1e-6)


def test_picked_rows_have_the_intervals_of_picked_rows() -> None:
    """Oracle: fcr_intervals of the normal effects; rows that are not picked have none."""
    levels = {f"row{i}": 5.0 for i in range(12)}
    treatment, control = make_rows(5, 0.0, levels), make_rows(6, 0.0, levels)
    treatment |= make_rows(7, 0.06, {"row0": 5.0, "row1": 5.0})
    plan = BreakdownPlan(comparison=ComparisonPlan(reference="normal"))
    found = break_down(treatment, control, plan)

    picked = [i for i, row in enumerate(found.rows) if row.adjusted_p is not None and row.adjusted_p <= 0.05]
    results = [compare(treatment[k], control[k], plan.comparison) for k in treatment]
    assert all(isinstance(r, Comparison) for r in results)
    wanted = fcr_intervals([r.effect for r in results], [r.se for r in results], picked)  # type: ignore[union-attr]
    got = [row.selected for row in found.rows if row.selected is not None]
    assert {0, 1} <= set(picked)
    assert [r.ci_lower for r in got] == pytest.approx([w.ci_lower for w in wanted])
    assert [r.ci_upper for r in got] == pytest.approx([w.ci_upper for w in wanted])
    assert [row.selected is not None for row in found.rows] == [i in picked for i in range(12)]
    assert all(r.rel_ci_lower is not None and r.rel_ci_lower > 0 for r in got)


def test_an_unknown_scale_is_refused() -> None:
    """By name."""
    with pytest.raises(InvalidInputError):
        BreakdownPlan(scale="log")  # type: ignore[arg-type]


def test_a_ratio_is_linearised_as_the_delta_method_does() -> None:
    """Mean and variance of the record are those of the ratio; its skewness is seen in simulation."""
    rng = np.random.default_rng(3)
    y, d = rng.lognormal(0, 1.5, 500), 1.0 + rng.poisson(3, 500)
    record = linearise(y * d, d)

    ratio = compare(
        Moments.from_values(y * d, d),
        Moments.from_values(y[:200] * d[:200], d[:200]),
        ComparisonPlan(kind="ratio"),
    )
    plain = compare(record, linearise(y[:200] * d[:200], d[:200]))
    assert isinstance(ratio, Comparison)
    assert isinstance(plain, Comparison)
    assert (plain.effect, plain.se) == pytest.approx((ratio.effect, ratio.se), rel=1e-9)


def test_skewness_of_a_ratio_is_that_of_its_linearised_values() -> None:
    """Oracle: the third central moment by scipy.stats.skew; y alone is far more skewed than the ratio."""
    rng = np.random.default_rng(4)
    d = np.exp(rng.normal(0, 1.2, 3000))
    y = d * rng.normal(2, 0.3, 3000)
    small, large = (y[:300], d[:300]), (y[300:], d[300:])
    found = check_skew(linearise(*small), linearise(*large))
    raw = check_skew(Moments.from_values(small[0]), Moments.from_values(large[0]))

    parts = []
    for top, bottom in (small, large):
        ratio = top.sum() / bottom.sum()
        rest = (top - ratio * bottom) / bottom.mean()
        parts.append((rest.var(ddof=1) / rest.size, scipy_stats.skew(rest) * rest.std() ** 3 / rest.size**2))
    (v_t, k_t), (v_c, k_c) = parts
    assert found.skewness == pytest.approx((k_t - k_c) / (v_t + v_c) ** 1.5, rel=0.02)  # type: ignore[union-attr]
    assert abs(found.skewness) < abs(raw.skewness) / 3  # type: ignore[union-attr]


def test_an_adjusted_mean_is_linearised_as_well() -> None:
    """With the slope of the comparison the record has the variance of the adjusted mean."""
    rng = np.random.default_rng(6)
    x = rng.gamma(2, 1, 400)
    y = 3 * x + rng.normal(0, 0.1, 400)
    record = linearise(y, covariate=x, theta=3.0)

    assert float(record.mean[0]) == pytest.approx(y.mean())
    assert float(record.covariance[0, 0]) == pytest.approx(np.var(y - 3 * x, ddof=1), rel=1e-6)  # type: ignore[index]


@pytest.mark.parametrize(
    ("y", "d"), [([1.0, 2.0], [1.0]), ([1.0, 2.0], [1.0, -1.0]), ([1.0, float("nan")], None)]
)
def test_values_that_cannot_be_linearised_are_refused(y: list[float], d: list[float] | None) -> None:
    """By name."""
    with pytest.raises(InvalidInputError):
        linearise(y, d)


def test_a_cap_and_a_quantile_exclude_each_other() -> None:
    """One metric definition has one of them; a share has no cap at all."""
    rows = np.arange(1.0, 501.0)
    quantile = estimate_quantile(rows, rows)
    plan = ComparisonPlan(cap_level=0.99)

    assert isinstance(compare_quantiles(quantile, quantile, replace(plan, cap_level=None)), Comparison)  # type: ignore[arg-type]
    with pytest.raises(InvalidInputError, match="quantile needs no cap"):
        compare_quantiles(quantile, quantile, plan)  # type: ignore[arg-type]
    for bad in ({"cap_level": 1.0}, {"cap_level": 0.9, "kind": "proportion"}):
        with pytest.raises(InvalidInputError):
            ComparisonPlan(**bad)  # type: ignore[arg-type]
