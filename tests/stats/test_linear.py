"""The anytime-valid linear model: its ratio, its interval and its error at every look."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import dblquad

from abplat.errors import InvalidInputError
from abplat.stats import (
    AnytimeTest,
    LinearPlan,
    Moments,
    NotComputable,
    compare_anytime,
    plan_linear,
)
from abplat.stats.sequential.linear import _make_row


def make_rows(seed: int, n: int = 60, lifts: tuple[float, ...] = (0.0, 0.3, -0.2)) -> tuple[np.ndarray, ...]:
    """Draw an arm code, a covariate and an outcome."""
    rng = np.random.default_rng(seed)
    arm = np.arange(n) % len(lifts)
    x = rng.normal(5, 2, n)
    return arm, x, 10 + 0.8 * x + np.asarray(lifts)[arm] + rng.normal(0, 1, n)


def read_arms(
    arm: np.ndarray, y: np.ndarray, x: np.ndarray | None = None
) -> tuple[dict[str, Moments], Moments]:
    """Make one record per arm."""
    records = [
        Moments.from_values(y[arm == k], covariate=None if x is None else x[arm == k])
        for k in range(int(arm.max()) + 1)
    ]
    return {str(k): record for k, record in enumerate(records) if k}, records[0]


def fit(treatments: dict[str, Moments], control: Moments, plan: LinearPlan) -> AnytimeTest:
    """Compare, and expect an answer."""
    found = compare_anytime(treatments, control, plan)
    assert isinstance(found, AnytimeTest)
    return found


@pytest.mark.parametrize("known_columns", [1, 2])
def test_the_ratio_is_that_of_the_rows(known_columns: int) -> None:
    """Oracle: rows with level and covariate projected out, and the t-shaped marginal of what is left.

    Without the null's columns the rest e has under the mixture the density |A|^-1/2 (e' A^-1 e)^(-m/2)
    with A = I + Z Z' tau^2 (arXiv 2210.08589, section 3), against (e' e)^(-m/2) under the null.
    """
    arm, x, y = make_rows(1)
    plan = LinearPlan(effect_sd=0.4)
    found = fit(*read_arms(arm, y, x if known_columns == 2 else None), plan)

    known = np.column_stack([np.ones(y.size), x])[:, :known_columns]
    basis = np.linalg.qr(known, mode="complete")[0][:, known.shape[1] :]
    e, z = basis.T @ y, basis.T @ np.column_stack([arm == 1, arm == 2]).astype(float)
    wide = np.eye(e.size) + plan.effect_sd**2 * z @ z.T
    ratio = e @ np.linalg.solve(wide, e) / (e @ e)
    wanted = -0.5 * np.linalg.slogdet(wide)[1] - e.size / 2 * math.log(ratio)
    assert found.log_e_value == pytest.approx(wanted, rel=1e-9)
    assert found.p_value == pytest.approx(min(1.0, math.exp(-wanted)), rel=1e-9)


def test_the_ratio_is_the_integral_of_the_likelihoods() -> None:
    """scipy.integrate.dblquad over effect and log of the spread, level integrated out by hand."""
    y, z, tau = np.array([0.2, -0.5, 0.9, 1.8, 0.4]), np.array([0.0, 0, 1, 1, 1]), 0.7
    e, t = y - y.mean(), z - z.mean()

    def density(effect: float, log_sd: float) -> float:
        """Return the likelihood of the rows at an effect in standard deviations, with 1/sd as prior."""
        sd = math.exp(log_sd)
        return sd**-4 * math.exp(-np.sum((e - effect * sd * t) ** 2) / (2 * sd * sd))

    def mixed(effect: float, log_sd: float) -> float:
        """Return it by the prior of the effect."""
        return density(effect, log_sd) * math.exp(-((effect / tau) ** 2) / 2) / (tau * math.sqrt(2 * math.pi))

    top, _ = dblquad(mixed, -6, 6, -8, 8)
    bottom, _ = dblquad(lambda log_sd, _: density(0.0, log_sd), 0, 1, -6, 6)
    found = fit(
        {"t": Moments.from_values(y[z == 1])}, Moments.from_values(y[z == 0]), LinearPlan(effect_sd=tau)
    )
    assert math.exp(found.log_e_value) == pytest.approx(top / bottom, rel=1e-4)


@pytest.mark.parametrize(
    ("t2", "df", "phi", "z2", "wanted"),
    [
        # Python savvi 0.3.1: savvi.linear_regression.log_bf(t2, nu, phi, z2)
        (4.0, 50, 10.0, 13.0, 0.6741721864225988),
        (12.25, 398, 25.0, 100.0, 4.018755176284472),
    ],
)
def test_the_t_ratio_is_that_of_savvi(t2: float, df: int, phi: float, z2: float, wanted: float) -> None:
    """A treatment on its own, from its t statistic."""
    effect = math.sqrt(t2 / z2)
    row = _make_row("t", effect, 1.0, z2, (df, LinearPlan(effect_sd=phi**-0.5)))

    assert -math.log(row.p_value) == pytest.approx(wanted, rel=1e-12)


def test_estimates_are_least_squares() -> None:
    """Oracle: statsmodels OLS of y on both treatments and the covariate."""
    arm, x, y = make_rows(2)
    found = fit(*read_arms(arm, y, x), plan_linear(60))

    model = sm.OLS(y, np.column_stack([np.ones(y.size), arm == 1, arm == 2, x])).fit()
    assert [row.effect for row in found.rows] == pytest.approx(model.params[1:3])
    assert [row.se for row in found.rows] == pytest.approx(model.bse[1:3])
    assert found.theta == pytest.approx(model.params[3:])
    assert found.df == model.df_resid


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(8, 90), effect_sd=st.sampled_from([0.1, 0.5, 3.0]))
def test_the_interval_agrees_with_the_p_value(seed: int, n: int, effect_sd: float) -> None:
    """0 is outside exactly when the p-value is below alpha; no end where too few units have come."""
    arm, x, y = make_rows(seed, n, (0.0, 1.0))
    [row] = fit(*read_arms(arm, y, x), LinearPlan(effect_sd=effect_sd)).rows

    if row.ci_lower is None or row.ci_upper is None:
        assert row.p_value >= 0.05
    else:
        assert (row.p_value < 0.05) == (row.ci_lower > 0 or row.ci_upper < 0)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), factor=st.sampled_from([0.01, 1e6]), move=st.sampled_from([-3.0, 1e6]))
def test_units_and_level_do_not_matter(seed: int, factor: float, move: float) -> None:
    """Scale and shift: evidence stays, effects scale; one treatment swapped for control turns its sign."""
    arm, x, y = make_rows(seed, 40, (0.0, 0.6))
    plan = LinearPlan(effect_sd=0.5)
    one = fit(*read_arms(arm, y, x), plan)
    other = fit(*read_arms(arm, factor * y + move, x), plan)
    swapped = fit(*read_arms(1 - arm, y, x), plan)

    assert other.log_e_value == pytest.approx(one.log_e_value, rel=1e-5, abs=1e-6)
    assert other.rows[0].effect == pytest.approx(factor * one.rows[0].effect, rel=1e-5, abs=1e-6)
    assert swapped.log_e_value == pytest.approx(one.log_e_value, rel=1e-9)
    assert swapped.rows[0].effect == pytest.approx(-one.rows[0].effect, rel=1e-9)


def test_a_constant_covariate_is_none_and_parts_are_the_whole() -> None:
    """And a covariate given twice counts once."""
    arm, x, y = make_rows(3, 40, (0.0, 0.6))
    plan = LinearPlan(effect_sd=0.5)
    plain = fit(*read_arms(arm, y), plan)
    constant = fit(*read_arms(arm, y, np.full(y.size, 0.1)), plan)
    treated, control = read_arms(arm[:20], y[:20], x[:20]), read_arms(arm[20:], y[20:], x[20:])
    added = fit({"1": treated[0]["1"] + control[0]["1"]}, treated[1] + control[1], plan)
    whole = fit(*read_arms(arm, y, x), plan)
    doubled = fit(*read_arms(arm, y, np.column_stack([x, x])), plan)

    assert constant.log_e_value == pytest.approx(plain.log_e_value)
    assert added.log_e_value == pytest.approx(whole.log_e_value)
    assert (doubled.log_e_value, doubled.df) == pytest.approx((whole.log_e_value, whole.df))


def test_the_error_is_kept_at_every_unit() -> None:
    """Looked at after every fourth unit from the sixth to the 120th, without an effect."""
    rng = np.random.default_rng(11)
    plan = plan_linear(120)
    runs, crossed = 150, 0
    for _ in range(runs):
        y, arm = rng.normal(0, 3, 120), np.arange(120) % 3
        looks = (compare_anytime(*read_arms(arm[:n], y[:n]), plan) for n in range(6, 121, 6))
        crossed += any(isinstance(look, AnytimeTest) and look.p_value < 0.05 for look in looks)

    assert crossed / runs < 0.05 + 3.3 * (0.05 * 0.95 / runs) ** 0.5


def test_nothing_to_compare_has_its_reason() -> None:
    """Empty arms, no degree of freedom, no spread."""
    one, empty = Moments.from_values([1.0]), Moments.from_values([])
    same = Moments.from_values([2.0, 2.0, 2.0])
    plan = LinearPlan(effect_sd=1.0)
    found = [compare_anytime({"t": t}, c, plan) for t, c in ((one, empty), (one, one), (same, same))]

    assert [each.reason for each in found if isinstance(each, NotComputable)] == [
        "no_units",
        "too_few_units",
        "zero_variance",
    ]


@pytest.mark.parametrize(
    "call",
    [
        lambda: LinearPlan(effect_sd=0.0),
        lambda: plan_linear(100, treatment_share=1.0),
        lambda: compare_anytime({}, Moments.from_values([1.0]), LinearPlan(effect_sd=1.0)),
        lambda: compare_anytime(
            {"t": Moments.from_values([1.0], covariate=[2.0])},
            Moments.from_values([1.0]),
            LinearPlan(effect_sd=1.0),
        ),
        lambda: compare_anytime(
            {"t": Moments.from_values([1.0], [2.0])},
            Moments.from_values([1.0], [2.0]),
            LinearPlan(effect_sd=1.0),
        ),
    ],
)
def test_bad_input_is_refused(call: Callable[[], object]) -> None:
    """By name."""
    with pytest.raises(InvalidInputError):
        call()
