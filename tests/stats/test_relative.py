"""Relative effects: Fieller, delta, log, refusals and signs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import optimize
from scipy import stats as scipy_stats

from abplat.stats import ComparisonPlan, Moments, compare


def _small(seed: int, mean: float, n: int = 40) -> Moments:
    return Moments.from_values(np.random.default_rng(seed).normal(mean, 4, n))


def test_fieller_solves_its_equation() -> None:
    """Oracle: the roots of (T - rho C)^2 = t^2 (vT + rho^2 vC), found by scipy.optimize.brentq."""
    a, b = _small(1, 12), _small(2, 10)
    found = compare(a, b)

    (mt, vt), (mc, vc) = ((m.mean[0], m.covariance[0, 0] / m.n) for m in (a, b))
    t = scipy_stats.t.ppf(0.975, found.df)
    roots = [
        optimize.brentq(lambda rho: (mt - rho * mc) ** 2 - t**2 * (vt + rho**2 * vc), low, high)
        for low, high in ((0.0, mt / mc), (mt / mc, 5.0))
    ]
    assert (found.rel_ci_lower, found.rel_ci_upper) == pytest.approx((roots[0] - 1, roots[1] - 1), rel=1e-9)
    assert found.rel_effect == pytest.approx(mt / mc - 1, rel=1e-12)


@pytest.mark.parametrize("denominator", ["adjusted", "unadjusted"])
def test_delta_is_the_gradient_of_the_ratio(arms: Any, denominator: str) -> None:
    """Oracle: the variance of L by numeric gradient over (M_T, P_T, M_C, P_C) of the rows."""
    plan = ComparisonPlan(relative="delta", denominator=denominator, reference="normal")
    found = compare(arms[0].record("x"), arms[1].record("x"), plan)

    share = arms[0].y.size / (arms[0].y.size + arms[1].y.size)
    theta = found.theta[0]

    def lift(means: Any) -> float:
        mt, pt, mc, pc = means
        effect = mt - mc - theta * (pt - pc)
        base = mc + share * theta * (pt - pc) if denominator == "adjusted" else mc
        return float(effect / base)

    at = np.array([arms[0].y.mean(), arms[0].x.mean(), arms[1].y.mean(), arms[1].x.mean()])
    slope = optimize.approx_fprime(at, lift, 1e-7)
    spread = np.zeros((4, 4))
    spread[:2, :2] = np.cov(arms[0].y, arms[0].x) / arms[0].y.size
    spread[2:, 2:] = np.cov(arms[1].y, arms[1].x) / arms[1].y.size
    half = scipy_stats.norm.ppf(0.975) * np.sqrt(slope @ spread @ slope)
    assert found.rel_effect == pytest.approx(lift(at), rel=1e-10)
    assert found.rel_ci_upper - found.rel_effect == pytest.approx(half, rel=1e-5)


def test_the_log_interval_is_that_of_the_log_ratio() -> None:
    """Oracle: ln T - ln C with variance vT / T^2 + vC / C^2."""
    a, b = _small(1, 12), _small(2, 10)
    found = compare(a, b, ComparisonPlan(relative="log", reference="normal"))

    (mt, vt), (mc, vc) = ((m.mean[0], m.covariance[0, 0] / m.n) for m in (a, b))
    half = scipy_stats.norm.ppf(0.975) * np.sqrt(vt / mt**2 + vc / mc**2)
    assert found.rel_ci_lower == pytest.approx(mt / mc * np.exp(-half) - 1, rel=1e-9)
    assert found.rel_p_value == pytest.approx(
        2 * scipy_stats.norm.sf(abs(np.log(mt / mc)) / (half / 1.959963984540054))
    )


@pytest.mark.parametrize("relative", ["fieller", "delta", "log"])
def test_every_interval_agrees_with_its_p_value(relative: str) -> None:
    """At alpha = p the interval touches 0 exactly; for Fieller this is the p-value of the effect."""
    a, b = _small(1, 12), _small(2, 10)
    first = compare(a, b, ComparisonPlan(relative=relative))
    found = compare(a, b, ComparisonPlan(relative=relative, alpha=first.rel_p_value))

    assert found.rel_ci_lower == pytest.approx(0.0, abs=1e-9)
    if relative == "fieller":
        assert first.rel_p_value == first.p_value


def test_a_noisy_control_gets_no_relative_interval() -> None:
    """Where Fieller's G reaches 1 only the absolute difference is given, with the reason."""
    found = compare(_small(1, 12), _small(2, 0.3))

    assert found.rel_reason == "control_mean_near_zero"
    assert (found.rel_effect, found.rel_ci_lower, found.rel_p_value) == (None, None, None)
    assert found.ci_lower > 0


def test_a_control_of_zero_has_no_relative_effect() -> None:
    """Nothing can be said in per cent of nothing."""
    found = compare(Moments.from_values([0.0, 1.0, 1.0]), Moments.from_values([0.0, 0.0, 0.0]))

    assert found.rel_reason == "zero_baseline"


def test_a_logarithm_needs_positive_means() -> None:
    """A mean below zero refuses the log scale."""
    found = compare(_small(1, -12), _small(2, 10), ComparisonPlan(relative="log"))

    assert found.rel_reason == "non_positive_mean"


def test_a_negative_control_keeps_the_sign_of_the_difference() -> None:
    """The mistake of growthbook#6658: a lift must not flip with the sign of the baseline."""
    up = compare(_small(1, -8), _small(2, -10))
    down = compare(_small(1, -12), _small(2, -10))

    assert up.effect > 0
    assert up.rel_effect > 0
    assert down.rel_effect < 0
    assert up.flags == ("negative_control",)
    assert up.rel_effect == pytest.approx(up.effect / abs(up.control_value))


def test_the_control_is_not_taken_as_known() -> None:
    """The mistake of spotify-confidence: at a large lift the noise of control widens the interval."""
    found = compare(_small(1, 17, 4000), _small(2, 10, 4000), ComparisonPlan(relative="delta"))

    naive = found.se / found.control_value
    assert (found.rel_ci_upper - found.rel_effect) / 1.96 > 1.2 * naive
