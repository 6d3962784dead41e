"""Sample size, power and smallest effect against statsmodels, R and simulation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import stdtr
from statsmodels.stats.power import NormalIndPower, TTestIndPower
from statsmodels.stats.rates import power_poisson_diff_2indep

from abplat.errors import InvalidInputError
from abplat.stats import NotComputable
from abplat.stats.planning import (
    Design,
    Monitoring,
    Outcome,
    best_shares,
    calculate_mde,
    calculate_power,
    calculate_sample_size,
    count_outcome,
    mean_outcome,
    proportion_outcome,
    ratio_outcome,
    with_clusters,
    with_covariate,
)

Draws = npt.NDArray[np.float64]
UNIT = mean_outcome(0.0, 1.0)
GROUP = Monitoring(kind="group_sequential", n_looks=5)
ANY_TIME = Monitoring(kind="always_valid", n_looks=5)


@pytest.mark.parametrize(("effect", "n", "ratio"), [(0.5, 64, 1.0), (0.2, 300, 2.0), (1.0, 10, 1.0)])
def test_power_of_a_mean_is_students(effect: float, n: int, ratio: float) -> None:
    """Statsmodels TTestIndPower.power, which counts both tails: the far one is below 1e-4 here."""
    design = Design(shares=(1 / (1 + ratio), ratio / (1 + ratio)))
    oracle = TTestIndPower().power(effect, nobs1=n, alpha=0.05, ratio=ratio)

    assert calculate_power(UNIT, effect, n * (1 + ratio), design) == pytest.approx(oracle, abs=1e-4)


def test_size_of_a_mean_is_that_of_r() -> None:
    """R power.t.test(delta = 0.5, sd = 1, power = 0.8): n = 63.76576, so 64 per group."""
    assert calculate_sample_size(UNIT, 0.5, Design()).arm_sizes == (64, 64)
    # R power.t.test(delta = 1, sd = 1, power = 0.9): n = 22.02110
    assert calculate_sample_size(UNIT, 1.0, Design(power=0.9)).arm_sizes == (23, 23)


def test_large_sizes_are_normal() -> None:
    """Statsmodels NormalIndPower.solve_power."""
    oracle = NormalIndPower().solve_power(0.02, power=0.8, alpha=0.05)

    assert calculate_sample_size(UNIT, 0.02, Design()).arm_sizes[0] == int(np.ceil(oracle))


def test_size_of_shares_is_the_textbook_formula() -> None:
    """(z_a + z_b)^2 (p1 q1 + p2 q2) / d^2: Fleiss, Levin and Paik (2003), without pooling."""
    size = calculate_sample_size(proportion_outcome(0.10), 0.02, Design())
    expected = (1.959964 + 0.841621) ** 2 * (0.09 + 0.12 * 0.88) / 0.02**2

    assert size.arm_sizes[0] == int(np.ceil(expected))
    assert size.power == pytest.approx(0.8, abs=1e-3)


def test_power_of_counts_is_that_of_statsmodels() -> None:
    """Statsmodels power_poisson_diff_2indep(method_var="alt"), two-sided."""
    oracle = power_poisson_diff_2indep(
        1.1, 1.0, 2_000, value=0, alpha=0.05, method_var="alt", return_results=False
    )

    assert calculate_power(count_outcome(1.0), 0.1, 4_000, Design()) == pytest.approx(oracle, abs=1e-5)


def test_covariate_saves_its_share() -> None:
    """1 - rho^2 of the units."""
    plain, adjusted = (
        calculate_sample_size(outcome, 0.02, Design()).n_units
        for outcome in (UNIT, with_covariate(UNIT, 0.7))
    )

    assert adjusted / plain == pytest.approx(0.51, abs=1e-3)


def test_relative_effects_are_of_the_control_value() -> None:
    """+5 % of 20 is 1; with the sign of the effect where the baseline is negative."""
    relative = Design(scale="relative")
    one = calculate_sample_size(mean_outcome(20.0, 50.0), 0.05, relative)

    assert one.n_units == calculate_sample_size(mean_outcome(20.0, 50.0), 1.0, Design()).n_units
    assert one.n_units == calculate_sample_size(mean_outcome(-20.0, 50.0), 0.05, relative).n_units


def test_non_inferiority_needs_the_distance_to_the_margin() -> None:
    """With no true effect the margin is the distance; a gain adds to it, a harm beyond it has no size."""
    design = Design(margin=0.1, sides=1, alpha=0.025)
    flat = calculate_sample_size(UNIT, 0.0, design)

    assert flat.arm_sizes[0] == pytest.approx(calculate_sample_size(UNIT, 0.1, Design()).arm_sizes[0], abs=1)
    assert calculate_sample_size(UNIT, 0.05, design).n_units < flat.n_units
    assert calculate_sample_size(UNIT, -0.1, design) == NotComputable(
        "not_reached", "The effect is not better than what it is tested against."
    )
    falling = Design(margin=0.1, sides=1, alpha=0.025, direction="down")
    assert (
        calculate_sample_size(UNIT, -0.05, falling).n_units
        == calculate_sample_size(UNIT, 0.05, design).n_units
    )


@pytest.mark.parametrize(("direction", "baseline"), [("up", 10.0), ("down", 10.0), ("up", -10.0)])
def test_relative_margin_has_planned_power_in_simulation(
    direction: Literal["up", "down"], baseline: float
) -> None:
    """Tamhane and Logan (2004): T - (1 -/+ m) C, 20,000 seeded tests, within 1.5 points."""
    design = Design(margin=0.2, sides=1, direction=direction, scale="relative")
    n = calculate_sample_size(mean_outcome(baseline, 10.0), 0.0, design).arm_sizes[0]
    rng = np.random.default_rng(1)
    se = 10.0 / n**0.5
    sign = 1 if (direction == "up") == (baseline > 0) else -1
    factor = 1 - sign * 0.2
    treatment, control = baseline + se * rng.standard_normal((2, 20_000))
    z = (treatment - factor * control) / (se * (1 + factor**2) ** 0.5)
    z = z if direction == "up" else -z

    assert np.mean(z > 1.644854) == pytest.approx(0.8, abs=0.015)


def test_power_of_small_means_in_simulation() -> None:
    """20,000 seeded t-tests with the planned size: within 1.5 points of 80 %."""
    n = calculate_sample_size(UNIT, 0.8, Design()).arm_sizes[0]
    x = np.random.default_rng(2).standard_normal((20_000, 2, n))
    gap = x[:, 1].mean(1) + 0.8 - x[:, 0].mean(1)
    t = gap / np.sqrt((x[:, 0].var(1, ddof=1) + x[:, 1].var(1, ddof=1)) / n)

    assert np.mean(2 * stdtr(2 * n - 2, -np.abs(t)) < 0.05) == pytest.approx(0.8, abs=0.015)


@pytest.mark.parametrize("outcome", ["share", "count"])
def test_power_of_shares_and_counts_in_simulation(outcome: str) -> None:
    """40,000 seeded tests with unequal arms: within 1.5 points of 80 %."""
    rng = np.random.default_rng(3)
    design = Design(shares=(0.7, 0.3))
    model, base, effect = (
        (proportion_outcome(0.2), 0.2, 0.05) if outcome == "share" else (count_outcome(2.0), 2.0, 0.2)
    )
    sizes = calculate_sample_size(model, effect, design).arm_sizes
    if outcome == "share":
        sums = [rng.binomial(n, p, 40_000) for n, p in zip(sizes, (base, base + effect), strict=True)]
    else:
        sums = [rng.poisson(n * rate, 40_000) for n, rate in zip(sizes, (base, base + effect), strict=True)]
    values = [total / n for total, n in zip(sums, sizes, strict=True)]
    spreads = [v * (1 - v) if outcome == "share" else v for v in values]
    z = (values[1] - values[0]) / np.sqrt(spreads[0] / sizes[0] + spreads[1] / sizes[1])

    assert np.mean(np.abs(z) > 1.959964) == pytest.approx(0.8, abs=0.015)


@pytest.mark.parametrize("kind", ["ratio", "covariate", "clusters"])
def test_power_of_other_kinds_in_simulation(kind: str) -> None:
    """6,000 seeded tests drawn unit by unit (clusters: by cluster): within 1.5 points of 80 %."""
    rng = np.random.default_rng(12)
    z = {"ratio": _ratio_tests, "covariate": _covariate_tests, "clusters": _cluster_tests}[kind](rng, 6_000)

    assert np.mean(z > 1.959964) == pytest.approx(0.8, abs=0.015)


def _welch(values: list[Draws]) -> Draws:
    """Return Z of every row: control first, then treatment, one column per unit."""
    control, treatment = values
    spread = sum(arm.var(axis=1, ddof=1) / arm.shape[1] for arm in values)
    return (treatment.mean(axis=1) - control.mean(axis=1)) / np.sqrt(spread)


def _ratio_tests(rng: np.random.Generator, runs: int) -> Draws:
    """Test value per visit by the delta method."""
    outcome = ratio_outcome((2.0, 4.0), (1 + 0.25 * 3, 3.0), 0.5 * 3)
    n = calculate_sample_size(outcome, 0.08, Design()).arm_sizes[0]
    linear = []
    for effect in (0.0, 0.08):
        visits = 1.0 + rng.poisson(3.0, (runs, n))
        value = (0.5 + effect) * visits + rng.standard_normal((runs, n))
        ratio = value.mean(axis=1) / visits.mean(axis=1)
        linear.append(ratio[:, None] + (value - ratio[:, None] * visits) / visits.mean(axis=1)[:, None])
    return _welch(linear)


def _covariate_tests(rng: np.random.Generator, runs: int) -> Draws:
    """Test means adjusted for a covariate of correlation 0.8, its slope from both arms."""
    n = calculate_sample_size(with_covariate(UNIT, 0.8), 0.2, Design()).arm_sizes[0]
    before = rng.standard_normal((2, runs, n))
    after = 0.8 * before + 0.6 * rng.standard_normal((2, runs, n))
    centred = before - before.mean(axis=2, keepdims=True)
    slope = (centred * after).sum(axis=(0, 2)) / (centred**2).sum(axis=(0, 2))
    left = after - slope[:, None] * before
    return _welch([left[0], left[1] + 0.2])


def _cluster_tests(rng: np.random.Generator, runs: int) -> Draws:
    """Test means of clusters of ten with intraclass correlation 0.1."""
    n = calculate_sample_size(with_clusters(UNIT, 10, 0.1), 0.15, Design()).arm_sizes[0]
    sd = (0.1 + 0.9 / 10) ** 0.5
    return _welch([effect + sd * rng.standard_normal((runs, round(n / 10))) for effect in (0.0, 0.15)])


def test_several_treatments_have_planned_power_in_simulation() -> None:
    """Three treatments, Dunnett's value, best shares: each is shown in 80 % within 1.5 points."""
    design = Design(shares=best_shares(3), family="dunnett")
    size = calculate_sample_size(UNIT, 0.1, design)
    rng = np.random.default_rng(4)
    control = rng.standard_normal(40_000) / size.arm_sizes[0] ** 0.5
    treated = 0.1 + rng.standard_normal(40_000) / size.arm_sizes[1] ** 0.5
    z = (treated - control) / np.sqrt(1 / size.arm_sizes[0] + 1 / size.arm_sizes[1])

    assert np.mean(z > 2.33) == pytest.approx(0.8, abs=0.015)
    assert size.inflation > 1.1


@pytest.mark.parametrize("monitoring", [Monitoring(), GROUP, ANY_TIME], ids=["fixed", "group", "any_time"])
@pytest.mark.parametrize(
    "model", [UNIT, proportion_outcome(0.3), count_outcome(4.0, 2.0)], ids=["mean", "share", "count"]
)
@pytest.mark.parametrize("sign", [1, -1])
def test_smallest_effect_size_and_power_agree(monitoring: Monitoring, model: Outcome, sign: int) -> None:
    """There and back for every kind and design."""
    design = Design(monitoring=monitoring)
    mde = calculate_mde(model, 3_000, design, sign=sign)

    assert np.sign(mde) == sign
    assert calculate_power(model, mde, 3_000, design) == pytest.approx(0.8, abs=1e-6)
    assert calculate_sample_size(model, mde, design).n_units == pytest.approx(3_000, abs=2)


@given(st.floats(0.02, 0.95), st.integers(200, 100_000))
@settings(max_examples=20, deadline=None)
def test_more_units_show_less(share: float, n: int) -> None:
    """The smallest effect falls with the units, by the root of two for twice as many."""
    design = Design(scale="relative")
    more, fewer = (
        calculate_mde(proportion_outcome(share), 2 * n, design),
        calculate_mde(proportion_outcome(share), n, design),
    )

    if not isinstance(fewer, NotComputable):
        assert more < fewer


def test_smallest_effect_with_a_margin_may_be_a_harm() -> None:
    """Many units show non-inferiority even under a small true harm; few need a gain."""
    design = Design(margin=0.1, sides=1)

    assert -0.1 < calculate_mde(UNIT, 100_000, design) < 0
    assert calculate_mde(UNIT, 100, design) > 0
    assert calculate_mde(UNIT, 100_000, Design(margin=0.1, sides=1, direction="down")) > 0


def test_impossible_effects_are_not_reached() -> None:
    """Four units cannot show any share, and no effect has no size."""
    assert calculate_mde(proportion_outcome(0.99), 4, Design()).reason == "not_reached"
    assert calculate_sample_size(UNIT, 0.0, Design()).reason == "not_reached"


@pytest.mark.parametrize(
    "call",
    [
        lambda: calculate_power(UNIT, np.nan, 100, Design()),
        lambda: calculate_power(UNIT, 0.1, 0, Design()),
        lambda: calculate_power(UNIT, 0.1, 100, Design(scale="relative")),
        lambda: calculate_mde(UNIT, 100, Design(scale="relative")),
        lambda: calculate_sample_size(proportion_outcome(0.5), 0.6, Design()),
    ],
)
def test_bad_input_is_refused(call: Callable[[], object]) -> None:
    """An error with a place, never NaN."""
    with pytest.raises(InvalidInputError):
        call()


def test_a_huge_drift_has_a_power() -> None:
    """Where scipy's noncentral t gives NaN the variance alone is left to chance."""
    outcome = mean_outcome(0.0, 1e-6)

    assert calculate_power(outcome, 1e6, 4, Design()) == pytest.approx(1.0)


def test_a_margin_beyond_the_worst_needs_no_search() -> None:
    """A count cannot fall by more than all of it, so the margin is kept whatever happens."""
    design = Design(margin=0.5, sides=1, direction="up")

    mde = calculate_mde(count_outcome(0.002), 1_000_000, design)

    assert mde == pytest.approx(-0.002)


@pytest.mark.parametrize("units", [0.5, 1, 2, 2.0001, 2.9])
@pytest.mark.parametrize("model", [UNIT, proportion_outcome(0.3)], ids=["mean", "share"])
def test_two_arms_of_fewer_than_three_units_show_nothing(model: Outcome, units: float) -> None:
    """Less than one degree of freedom: a reason, where the library searched without end."""
    assert calculate_mde(model, units, Design()).reason == "too_few_units"


@pytest.mark.parametrize("alpha", [0.05, 1e-6, 1e-12])
@pytest.mark.parametrize("units", [3, 3.5, 4, 6])
def test_three_units_and_a_tiny_alpha_have_an_answer(units: float, alpha: float) -> None:
    """The drift is in the thousands and more: there and back, or not reached, but never no end."""
    design = Design(alpha=alpha)
    mde = calculate_mde(UNIT, units, design)

    if isinstance(mde, NotComputable):
        assert mde.reason == "not_reached"
    else:
        assert calculate_power(UNIT, mde, units, design) == pytest.approx(0.8, abs=1e-3)
