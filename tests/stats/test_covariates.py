"""Several covariates, units without a past, arms that differed before: against rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st

from abplat.errors import InvalidInputError
from abplat.stats import (
    ComparisonPlan,
    Moments,
    NotComputable,
    check_covariate_balance,
    compare,
    compare_rows,
    fill_missing_covariates,
    select_columns,
)
from abplat.stats.pivoting import find_dependent, solve_pivoted

_WITHIN = ComparisonPlan(theta_rule="within_arms")


def _arms(seed: int = 3, q: int = 4) -> list[tuple[Any, Any]]:
    rng = np.random.default_rng(seed)
    made = []
    for n, lift in ((400, 0.4), (300, 0.0)):
        x = rng.normal(0, 1, (n, q)) @ rng.normal(0, 1, (q, q)) + np.arange(q)
        made.append((x @ np.linspace(1, 2, q) + rng.normal(0, 2, n) + lift, x))
    return made


def _least_squares(arms: list[tuple[Any, Any]]) -> Any:
    y = np.concatenate([y for y, _ in arms])
    treated = np.r_[np.ones(arms[0][0].size), np.zeros(arms[1][0].size)]
    design = np.column_stack([np.ones_like(y), treated, np.vstack([x for _, x in arms])])
    return sm.OLS(y, design).fit()


def test_four_covariates_are_analysis_of_covariance() -> None:
    """Oracle: statsmodels OLS of y on treatment and four covariates; one df per covariate."""
    arms = _arms()
    records = [Moments.from_values(y, covariate=x) for y, x in arms]
    found, bare = compare(*records, _WITHIN), compare(*[Moments.from_values(y) for y, _ in arms])

    fit = _least_squares(arms)
    assert len(records[0].cross) == 15
    assert found.effect == pytest.approx(fit.params[1], rel=1e-10)
    assert found.theta == pytest.approx(fit.params[2:], rel=1e-9)
    assert found.se < bare.se
    residual = [Moments.from_values(y - x @ np.array(found.theta)) for y, x in arms]
    assert found.df == pytest.approx(compare(*residual).df - 4, rel=1e-10)
    assert found.se == pytest.approx(compare(*residual).se, rel=1e-10)


def test_a_singular_covariate_is_dropped_and_named() -> None:
    """A sum of the others, a doubled and a constant column change nothing but the flags."""
    arms = _arms()
    odd = [(y, np.column_stack([x, x.sum(axis=1), 2 * x[:, 0], np.full(y.size, 7.0)])) for y, x in arms]
    found, plain = ([Moments.from_values(y, covariate=x) for y, x in a] for a in (odd, arms))
    one, other = compare(*found, _WITHIN), compare(*plain, _WITHIN)

    assert one.effect == pytest.approx(other.effect, rel=1e-8)
    assert (one.se, one.df) == pytest.approx((other.se, other.df), rel=1e-8)
    assert sum(theta == 0.0 for theta in one.theta) == 3
    assert one.flags == ("covariate_singular",)
    assert other.flags == ()
    assert compare_rows(found[:1], found[1:], _WITHIN)[0].flags == one.flags


def test_an_uncorrelated_covariate_is_not_called_singular() -> None:
    """A slope that is exactly 0 because nothing is explained raises no flag."""
    record = Moments.from_values([1.0, 2.0, 3.0, 2.0], covariate=[1.0, 0.0, 1.0, 0.0])

    assert compare(record, record).theta == (0.0,)
    assert compare(record, record).flags == ()


def test_a_penalty_shrinks_the_slopes_and_leaves_the_effect_unbiased() -> None:
    """Oracle: numpy.linalg.solve with the penalty on the diagonal; a huge one is no adjustment."""
    arms = _arms()
    records = [Moments.from_values(y, covariate=x) for y, x in arms]
    found = compare(*records, ComparisonPlan(theta_rule="within_arms", ridge=0.3))

    spread = sum(np.cov(np.column_stack([y, x]).T) * (y.size - 1) for y, x in arms)
    inner = spread[1:, 1:] + 0.3 * np.diag(np.diag(spread)[1:])
    assert found.theta == pytest.approx(np.linalg.solve(inner, spread[1:, 0]), rel=1e-9)
    loose = compare(*records, ComparisonPlan(ridge=1e12))
    assert loose.effect == pytest.approx(compare(*[Moments.from_values(y) for y, _ in arms]).effect, rel=1e-6)
    with pytest.raises(InvalidInputError):
        ComparisonPlan(ridge=-1.0)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), size=st.integers(1, 5), scale=st.sampled_from([1e-6, 1.0, 1e6]))
def test_pivots_solve_what_numpy_solves(seed: int, size: int, scale: float) -> None:
    """Oracle: numpy.linalg.solve on regular systems of any scale; nothing is found dependent."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(0, scale, (size + 5, size))
    matrix, right = rows.T @ rows, rng.normal(0, 1, size)
    found = solve_pivoted(matrix.tolist(), right.tolist(), [0.0] * size)

    assert found == pytest.approx(np.linalg.solve(matrix, right), rel=1e-5)
    assert not any(find_dependent(matrix.tolist(), [0.0] * size))


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), constant=st.floats(-1e6, 1e6))
def test_a_constant_covariate_is_none(seed: int, constant: float) -> None:
    """Property: adding a covariate that does not vary gives the unadjusted comparison."""
    rng = np.random.default_rng(seed)
    y = [rng.normal(1, 1, 30), rng.normal(0, 2, 20)]
    adjusted = compare(*[Moments.from_values(v, covariate=np.full(v.size, constant)) for v in y])
    plain = compare(*[Moments.from_values(v) for v in y])

    wanted = (plain.effect, plain.se, plain.df)
    assert (adjusted.effect, adjusted.se, adjusted.df) == pytest.approx(wanted, rel=1e-12)


def test_units_without_a_past_are_kept_with_an_indicator() -> None:
    """Oracle: statsmodels OLS with X set to 0 and an indicator column."""
    rng = np.random.default_rng(8)
    arms = _arms(q=1)
    known = {str(i): np.where(rng.random(y.size) < 0.3, np.nan, x[:, 0]) for i, (y, x) in enumerate(arms)}
    filled = fill_missing_covariates(known)
    records = [Moments.from_values(y, covariate=filled[str(i)].covariate) for i, (y, _) in enumerate(arms)]
    found = compare(*records, _WITHIN)

    fit = _least_squares([(y, filled[str(i)].covariate) for i, (y, _) in enumerate(arms)])
    assert found.n_treatment == 400
    assert found.effect == pytest.approx(fit.params[1], rel=1e-9)
    assert found.theta == pytest.approx(fit.params[2:], rel=1e-9)
    assert filled["0"].n_missing == (int(np.isnan(known["0"]).sum()),)


def test_the_value_put_into_a_hole_does_not_matter() -> None:
    """Property of the indicator: any constant in place of 0 gives the same effect."""
    arms = _arms(q=1)
    rng = np.random.default_rng(9)
    holes = [rng.random(y.size) < 0.2 for y, _ in arms]
    found = []
    for constant in (0.0, 50.0):
        tables = [
            np.column_stack([np.where(h, constant, x[:, 0]), h])
            for (_, x), h in zip(arms, holes, strict=True)
        ]
        found.append(
            compare(*[Moments.from_values(y, covariate=t) for (y, _), t in zip(arms, tables, strict=True)])
        )

    assert found[0].effect == pytest.approx(found[1].effect, rel=1e-9)
    assert found[0].se == pytest.approx(found[1].se, rel=1e-9)


def test_indicators_follow_the_patterns_of_all_arms() -> None:
    """Columns missing together share an indicator; a hole in one arm gives all arms the column."""
    nan = float("nan")
    filled = fill_missing_covariates({"a": [[1, nan, nan], [2, 5, 6]], "b": [[3, 1, 1], [nan, 2, 2]]})
    ratio = fill_missing_covariates({"a": [1, 2], "b": [nan, 1]}, {"a": [4, nan], "b": [nan, 2]})

    assert {key: one.n_indicators for key, one in filled.items()} == {"a": 2, "b": 2}
    assert filled["a"].covariate.tolist() == [[1, 0, 0, 0, 1], [2, 5, 6, 0, 0]]
    assert ratio["a"].covariate.tolist() == [[1, 0], [0, 1]]
    assert ratio["a"].denominator.tolist() == [[4, 1], [0, 1]]
    assert fill_missing_covariates({"a": [1.0, 2.0]})["a"].covariate.shape == (2, 1)


@pytest.mark.parametrize(
    "call",
    [
        lambda: fill_missing_covariates({}),
        lambda: fill_missing_covariates({"a": ["x"]}),
        lambda: fill_missing_covariates({"a": [float("inf")]}),
        lambda: fill_missing_covariates({"a": [[[1.0]]]}),
        lambda: fill_missing_covariates({"a": [1.0], "b": [[1.0, 2.0]]}),
        lambda: fill_missing_covariates({"a": [1.0]}, {"b": [1.0]}),
        lambda: fill_missing_covariates({"a": [1.0]}, {"a": [1.0, 2.0]}),
        lambda: check_covariate_balance(Moments.from_values([1.0, 2.0]), Moments.from_values([1.0, 2.0])),
        lambda: select_columns(Moments.from_values([1.0]), "x"),
    ],
)
def test_a_wrong_call_is_refused(call: Callable[[], object]) -> None:
    """Arms that do not fit together are an error of the caller."""
    with pytest.raises(InvalidInputError):
        call()


def test_any_column_can_be_looked_at_as_an_outcome(arms: Any) -> None:
    """Oracle: the record made of that column's rows."""
    arm = arms[0]
    record = arm.record("d", "x", "xd")
    seen = select_columns(record, "xd", "d")

    wanted = Moments.from_values(arm.xd, arm.d)
    assert seen.mean == pytest.approx(wanted.mean, rel=1e-12)
    assert seen.covariance == pytest.approx(wanted.covariance, rel=1e-10)
    assert select_columns(record, "y").cube_y == record.cube_y
    assert seen.cube_y is None


def test_balance_is_a_comparison_of_the_covariates(arms: Any) -> None:
    """Oracle: scipy normal p-value of the difference of the pre-period ratio, by the delta method."""
    treatment, control = (arm.record("d", "x", "xd") for arm in arms)
    found = check_covariate_balance(treatment, control)

    rows = [(a.x - a.x.mean() / a.xd.mean() * a.xd) / a.xd.mean() for a in arms]
    gap = arms[0].x.mean() / arms[0].xd.mean() - arms[1].x.mean() / arms[1].xd.mean()
    se = np.sqrt(sum(r.var(ddof=1) / r.size for r in rows))
    assert (found.gaps[0], found.ses[0]) == pytest.approx((gap, se), rel=1e-10)
    assert found.alarm is False
    assert found.covariates == ("x",)
    by_strata = check_covariate_balance(*(arm.strata("x") for arm in arms))
    assert by_strata.ses[0] < check_covariate_balance(arms[0].record("x"), arms[1].record("x")).ses[0]


def test_balance_alarms_as_the_flag_does() -> None:
    """A shift in one of two covariates: the finding, its p-value and the flag agree."""
    rng = np.random.default_rng(12)
    records = [
        Moments.from_values(rng.normal(0, 1, 900), covariate=rng.normal([0.0, gap], 1, (900, 2)))
        for gap in (0.25, 0.0)
    ]
    found = check_covariate_balance(*records)

    assert found.alarm
    assert "covariate_imbalance" in compare(*records).flags
    assert found.p_value == pytest.approx(2 * min(found.p_values))
    assert found.p_values[1] < found.p_values[0]
    assert "x2" in found.detail


def test_balance_false_alarms_are_rare() -> None:
    """3,000 seeded A/A tests of three covariates: about one in a thousand alarms."""
    rng = np.random.default_rng(13)
    alarms = 0
    for _ in range(3000):
        x = rng.normal(0, 1, (120, 3))
        arms = [Moments.from_values(x[rows, 0], covariate=x[rows]) for rows in (slice(0, 60), slice(60, 120))]
        alarms += check_covariate_balance(*arms).alarm

    assert alarms <= 10


def test_a_covariate_without_spread_passes_only_if_equal() -> None:
    """Two constants that differ between the arms cannot be chance."""
    same, other = ([1.0, 1.0, 1.0], [2.0, 2.0, 2.0])
    y = [1.0, 2.0, 4.0]
    equal = check_covariate_balance(*[Moments.from_values(y, covariate=same)] * 2)
    apart = check_covariate_balance(
        Moments.from_values(y, covariate=same), Moments.from_values(y, covariate=other)
    )

    assert (equal.p_value, equal.alarm) == (1.0, False)
    assert (apart.p_value, apart.alarm) == (0.0, True)
    empty = Moments.from_values([], covariate=[])
    assert check_covariate_balance(empty, empty) == NotComputable("no_units")


def test_lalonde_with_two_pre_period_covariates(real_data: Any) -> None:
    """Oracles: Dehejia, Wahba (1999): 1,794 (671 with HC2); statsmodels OLS on re74 and re75."""
    df = real_data("nsw_dehejia_wahba.csv.gz")
    parts = [df[df.treat == t] for t in (1, 0)]
    arms = [(p.re78.to_numpy(), p[["re74", "re75"]].to_numpy()) for p in parts]
    plain = compare(*[Moments.from_values(y) for y, _ in arms])
    records = [Moments.from_values(y, covariate=x) for y, x in arms]

    assert (plain.effect, plain.se) == pytest.approx((1794.34, 671.00), abs=0.01)
    assert compare(*records, _WITHIN).effect == pytest.approx(_least_squares(arms).params[1], rel=1e-9)
    assert check_covariate_balance(*records).alarm is False
