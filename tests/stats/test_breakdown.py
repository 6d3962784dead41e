"""The effect by the values of a dimension."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.meta_analysis import combine_effects
from statsmodels.stats.multitest import multipletests

from abplat.errors import InvalidInputError
from abplat.stats import (
    BreakdownPlan,
    ComparisonPlan,
    Moments,
    NotComputable,
    break_down,
    check_additivity,
    check_heterogeneity,
    compare,
    shrink_effects,
)

_EFFECTS = [0.12, 0.05, -0.02, 0.31, 0.07]
_SES = [0.04, 0.05, 0.03, 0.09, 0.06]


def make_rows(lifts: dict[Any, float], n: int = 400, seed: int = 5) -> dict[Any, Moments]:
    """Make one record with a covariate per value."""
    rng = np.random.default_rng(seed)
    rows = {}
    for value, lift in lifts.items():
        x = rng.normal(5, 2, n)
        rows[value] = Moments.from_values(0.8 * x + rng.normal(lift, 1, n), covariate=x)
    return rows


def test_q_and_tau_equal_the_meta_analysis() -> None:
    """Oracle: statsmodels.stats.meta_analysis.combine_effects(method_re="dl")."""
    found = check_heterogeneity(_EFFECTS, _SES)

    wanted = combine_effects(np.array(_EFFECTS), np.square(_SES), method_re="dl")
    assert found.statistic == pytest.approx(wanted.q, rel=1e-12)
    assert found.tau**2 == pytest.approx(wanted.tau2, rel=1e-12)
    assert found.i_squared == pytest.approx(wanted.i2, rel=1e-12)
    assert found.p_value == pytest.approx(wanted.test_homogeneity().pvalue, rel=1e-10)
    assert (found.effect, found.se) == pytest.approx((wanted.mean_effect_fe, wanted.sd_eff_w_fe), rel=1e-12)


def test_shrinkage_is_towards_the_random_effects_mean() -> None:
    """Oracle: combine_effects' random-effects mean, by tau^2 / (tau^2 + se^2)."""
    rows = shrink_effects(_EFFECTS, _SES)

    wanted = combine_effects(np.array(_EFFECTS), np.square(_SES), method_re="dl")
    own = wanted.tau2 / (wanted.tau2 + np.square(_SES))
    centre = wanted.mean_effect_re
    assert [row.weight for row in rows] == pytest.approx(own, rel=1e-10)
    assert [row.effect for row in rows] == pytest.approx(
        centre + own * (np.array(_EFFECTS) - centre), rel=1e-9
    )
    assert all(row.ci_lower <= row.effect <= row.ci_upper for row in rows)


def test_equal_effects_are_shrunk_to_one() -> None:
    """Without spread between the rows they share one effect, and Q has nothing to say."""
    rows = shrink_effects([0.1, 0.1, 0.1], [0.1, 0.2, 0.3])
    found = check_heterogeneity([0.1, 0.1, 0.1], [0.1, 0.2, 0.3])

    assert [row.effect for row in rows] == pytest.approx([0.1] * 3)
    assert {row.weight for row in rows} == {0.0}
    assert (found.statistic, found.p_value, found.i_squared) == pytest.approx((0.0, 1.0, 0.0), abs=1e-12)


def test_shrunken_effects_miss_the_truth_by_less() -> None:
    """Stein's effect: over 400 seeded breakdowns the squared miss is smaller than of the raw rows."""
    rng = np.random.default_rng(11)
    truth = rng.normal(0.1, 0.05, (400, 12))
    raw = truth + rng.normal(0, 0.1, truth.shape)
    shrunk = np.array([[r.effect for r in shrink_effects(row.tolist(), [0.1] * 12)] for row in raw])

    assert np.mean((shrunk - truth) ** 2) < 0.45 * np.mean((raw - truth) ** 2)


@given(
    st.lists(st.floats(-5, 5), min_size=2, max_size=8),
    st.floats(0.01, 100),
    st.floats(-10, 10),
)
def test_q_knows_no_scale_and_no_shift(effects: list[float], scale: float, shift: float) -> None:
    """Multiplying all by a constant, or adding one, leaves Q."""
    ses = [1.0 + 0.1 * i for i in range(len(effects))]
    first = check_heterogeneity(effects, ses)
    second = check_heterogeneity([e * scale + shift for e in effects], [s * scale for s in ses])

    assert second.statistic == pytest.approx(first.statistic, rel=1e-6, abs=1e-6)


def test_rows_are_the_comparisons_of_their_records() -> None:
    """A large row is compared as it stands; Benjamini-Hochberg goes over the rows."""
    treatment = make_rows({"web": 0.3, "app": 0.1, "shop": 0.0}, n=1500, seed=1)
    control = make_rows({"web": 0.0, "app": 0.0, "shop": 0.0}, n=1500, seed=2)
    found = break_down(treatment, control)

    wanted = [compare(treatment[k], control[k]) for k in treatment]
    assert [row.result for row in found.rows] == wanted
    adjusted = multipletests([w.p_value for w in wanted], method="fdr_bh")[1]
    assert [row.adjusted_p for row in found.rows] == pytest.approx(adjusted, rel=1e-12)
    assert found.interaction == check_heterogeneity([w.effect for w in wanted], [w.se for w in wanted])


def test_small_rows_take_over_the_slope_of_all() -> None:
    """Below refit_units a row has the theta of the whole, above its own."""
    treatment, control = make_rows({"a": 0.1, "b": 0.2}, seed=3), make_rows({"a": 0.0, "b": 0.0}, seed=4)
    reused = break_down(treatment, control)
    own = break_down(treatment, control, BreakdownPlan(refit_units=100))

    assert {row.result.theta for row in reused.rows} == {reused.whole.theta}
    assert all(row.result.theta != own.whole.theta for row in own.rows)
    assert reused.rows[0].result.effect == pytest.approx(own.rows[0].result.effect, abs=0.02)


def test_a_small_row_is_shown_without_a_result() -> None:
    """Its units count in the whole, but nothing is claimed of it."""
    treatment, control = make_rows({"a": 0, "b": 0}), make_rows({"a": 0, "b": 0}, seed=6)
    treatment["rare"] = make_rows({"rare": 0}, n=40)["rare"]
    found = break_down(treatment, control)

    assert found.rows[2].result == NotComputable("no_units")
    assert (found.rows[2].n_treatment, found.rows[2].n_control) == (40, 0)
    assert found.rows[2].adjusted_p is None
    assert found.whole.n_treatment == 840
    assert found.interaction.n_groups == 2


def test_a_dimension_from_after_exposure_is_not_judged() -> None:
    """The change may have moved it, so the rows compare different customers."""
    rows = make_rows({"a": 0, "b": 1})
    found = break_down(rows, make_rows({"a": 0, "b": 0}, seed=8), BreakdownPlan(is_pre_exposure=False))

    assert found.interaction == NotComputable("after_exposure")
    assert all(row.adjusted_p is None and row.shrunken is None for row in found.rows)
    assert all(row.result for row in found.rows)


def test_two_dimensions_from_after_exposure_are_not_judged() -> None:
    """None of the tests of a crossing is made."""
    rows = make_rows({("a", "x"): 0, ("b", "x"): 1, ("a", "y"): 0, ("b", "y"): 0})
    found = break_down(rows, rows, BreakdownPlan(is_pre_exposure=False))

    assert {*found.by_dimension, found.crossed} == {NotComputable("after_exposure")}


def test_two_dimensions_are_told_apart() -> None:
    """An effect that differs along one dimension only is found there and not in the crossing."""
    lifts = {("web", "new"): 0.0, ("web", "old"): 0.0, ("shop", "new"): 0.5, ("shop", "old"): 0.5}
    found = break_down(make_rows(lifts, seed=21), make_rows(dict.fromkeys(lifts, 0.0), seed=22))

    assert found.interaction.p_value < 1e-6
    assert found.by_dimension[0].p_value < 1e-6
    assert found.by_dimension[1].p_value > 0.01
    assert found.crossed.p_value > 0.01
    assert found.crossed.df == 1


def test_a_crossing_is_found() -> None:
    """One cell that is special shows up as more than the sum of both dimensions."""
    lifts = {("web", "new"): 0.6, ("web", "old"): 0.0, ("shop", "new"): 0.0, ("shop", "old"): 0.0}
    found = break_down(make_rows(lifts, seed=31), make_rows(dict.fromkeys(lifts, 0.0), seed=32))

    assert found.crossed.p_value < 1e-4


def test_the_rest_of_the_sum_equals_weighted_least_squares() -> None:
    """Oracle: statsmodels WLS residual sum of squares, and its moment estimate of tau."""
    import statsmodels.api as sm

    cells = [(a, b) for a in "xyz" for b in "pq"]
    effects, ses = [0.1, 0.3, 0.2, -0.1, 0.0, 0.4], [0.05, 0.06, 0.07, 0.05, 0.08, 0.04]
    found = check_additivity(effects, ses, cells)

    design = np.array([[1, a == "y", a == "z", b == "q"] for a, b in cells], float)
    fit = sm.WLS(effects, design, weights=np.power(ses, -2.0)).fit()
    w = np.power(ses, -2.0)
    trace = w.sum() - np.trace(np.linalg.inv(design.T * w @ design) @ (design.T * w**2 @ design))
    assert found.statistic == pytest.approx(fit.ssr, rel=1e-10)
    assert found.df == 2
    assert found.tau**2 == pytest.approx((fit.ssr - 2) / trace, rel=1e-10)


def test_nothing_to_test_has_its_reason() -> None:
    """Fewer than two rows, or as many parameters as rows, leave nothing to test."""
    assert check_heterogeneity([0.1], [0.1]) == NotComputable("too_few_strata")
    assert check_additivity([0.1, 0.2], [0.1, 0.1], [("a", "b"), ("c", "d")]) == NotComputable(
        "too_few_strata"
    )
    assert shrink_effects([0.1], [0.1])[0].effect == 0.1
    assert shrink_effects([], []) == ()


def test_swapping_the_arms_turns_the_signs() -> None:
    """Rows and shrunken rows turn over; the tests stay."""
    a, b = make_rows({"a": 0.3, "b": 0.1}, seed=41), make_rows({"a": 0.0, "b": 0.0}, seed=42)
    first, second = break_down(a, b), break_down(b, a)

    for one, two in zip(first.rows, second.rows, strict=True):
        assert one.result.effect == pytest.approx(-two.result.effect)
        assert one.shrunken.effect == pytest.approx(-two.shrunken.effect)
    assert first.interaction.statistic == pytest.approx(second.interaction.statistic)


@pytest.mark.parametrize(
    "values", [{}, {"a": 1, ("b", "c"): 1}, {3: 1}, {(): 1}], ids=["none", "mixed", "number", "empty"]
)
def test_wrong_values_are_refused(values: Any) -> None:
    """Values are texts, or tuples of one length."""
    record = Moments.from_values([1.0, 2.0])
    with pytest.raises(InvalidInputError):
        break_down(dict.fromkeys(values, record), dict.fromkeys(values, record))


@pytest.mark.parametrize(
    "call",
    [
        lambda: check_heterogeneity([1.0], []),
        lambda: check_heterogeneity([float("nan"), 1], [1, 1]),
        lambda: shrink_effects([1.0, 2.0], [1.0, 0.0]),
        lambda: shrink_effects([1.0], [1.0], alpha=2),
        lambda: check_additivity([1.0, 2.0], [1.0, 1.0], [("a",)]),
        lambda: BreakdownPlan(min_units=1),
        lambda: BreakdownPlan(comparison=ComparisonPlan(alpha=2)),
    ],
)
def test_a_wrong_call_is_refused(call: Any) -> None:
    """Lengths, errors and plans are checked."""
    with pytest.raises(InvalidInputError):
        call()
