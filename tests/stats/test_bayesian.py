"""Posteriors: closed forms against integration, and nothing lost at 40 standard deviations."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import norm

from abplat.errors import InvalidInputError
from abplat.stats.bayesian import (
    NormalPrior,
    judge_posterior,
    log_chances_to_be_best,
    log_expected_loss,
    stopping_error,
    update_normal,
)

FLAT = NormalPrior(sd=np.inf)


def test_conjugate_update_is_bayes_rule() -> None:
    """Mean and variance against scipy.integrate.quad of prior times likelihood."""
    prior, effect, se = NormalPrior(0.1, 0.2), 0.3, 0.15
    density = lambda t: norm.pdf(t, 0.1, 0.2) * norm.pdf(effect, t, se)  # noqa: E731
    total = quad(density, -3, 3)[0]
    mean = quad(lambda t: t * density(t), -3, 3)[0] / total
    variance = quad(lambda t: (t - mean) ** 2 * density(t), -3, 3)[0] / total
    means, sds = update_normal(effect, se, prior)

    assert (float(means), float(sds)) == pytest.approx((mean, variance**0.5), rel=1e-8)


def test_flat_prior_is_the_likelihood() -> None:
    """Infinite sd leaves estimate and standard error as they are."""
    means, sds = update_normal([0.1, 0.2], 0.5, FLAT)

    assert means.tolist() == [0.1, 0.2]
    assert sds.tolist() == [0.5, 0.5]


@pytest.mark.parametrize("x", [-40.0, -35.0, -29.0, -3.0, 0.0, 0.5, 3.0, 8.0])
def test_expected_loss_is_the_integral(x: float) -> None:
    """scipy.integrate.quad of the part that is lost, at sd 2."""
    mean = 2 * x
    loss = quad(lambda t: -t * norm.pdf(t, mean, 2), min(mean, 0) - 25, min(0, mean + 25), epsabs=1e-300)[0]

    assert np.exp(log_expected_loss(mean, 2.0)) == pytest.approx(loss, rel=1e-6)


@pytest.mark.parametrize("x", [29.999, 30.001, 40.0, 1e4, 1e8])
def test_log_loss_far_out_follows_the_asymptotic_law(x: float) -> None:
    """Log loss = -x^2/2 - log sqrt(2 pi) - 2 log x + log(1 - 3/x^2 + 15/x^4 - 105/x^6) for sd 1."""
    series = np.log1p(-3 / x**2 + 15 / x**4 - 105 / x**6 + 945 / x**8)
    expected = -0.5 * x * x - 0.5 * np.log(2 * np.pi) - 2 * np.log(x) + series

    assert float(log_expected_loss(x, 1.0)) == pytest.approx(expected, rel=1e-12)


@given(st.floats(-60, 60), st.floats(1e-3, 1e3))
@settings(max_examples=100, deadline=None)
def test_losses_differ_by_the_mean(x: float, sd: float) -> None:
    """E[max(0, X)] - E[max(0, -X)] = E[X]: no cancellation either way."""
    gain, loss = np.exp(log_expected_loss(-x * sd, sd)), np.exp(log_expected_loss(x * sd, sd))

    assert float(gain - loss) == pytest.approx(x * sd, rel=1e-9, abs=1e-9 * sd)


@pytest.mark.parametrize("sign", [1, -1])
def test_forty_standard_deviations_lose_nothing(sign: int) -> None:
    """The chance, its logarithm and both losses stay finite, ordered and right (scipy.stats.norm)."""
    found = judge_posterior(sign * 40.0, 1.0, FLAT, scale="relative")
    small = found.log_chance_to_lose if sign > 0 else found.log_chance_to_win
    large = found.loss_if_kept if sign > 0 else found.loss_if_shipped

    assert small == pytest.approx(norm.logsf(40), rel=1e-12)
    assert large == pytest.approx(40.0, rel=1e-12)
    assert np.isfinite([found.ci_lower, found.ci_upper, found.log_chance_to_win]).all()


def test_direction_down_mirrors() -> None:
    """A fall is a gain where down is better."""
    up = judge_posterior(-0.2, 0.1, FLAT, scale="absolute" if FLAT.scale == "absolute" else "relative")
    down = judge_posterior(-0.2, 0.1, FLAT, scale="relative", direction="down")

    assert down.chance_to_win == pytest.approx(1 - up.chance_to_win)
    assert down.loss_if_shipped == up.loss_if_kept
    assert (down.ci_lower, down.mean) == (up.ci_lower, up.mean)


def test_prior_of_another_scale_is_refused_not_ignored() -> None:
    """A peer's mistake: its absolute prior never reached a relative effect."""
    with pytest.raises(InvalidInputError, match="on_scale"):
        judge_posterior(0.1, 0.1, NormalPrior(sd=5.0, scale="absolute"), scale="relative")


@given(st.floats(0.5, 100), st.floats(-0.5, 0.5), st.floats(0.01, 0.5))
@settings(max_examples=50, deadline=None)
def test_prior_and_likelihood_convert_together(baseline: float, effect: float, se: float) -> None:
    """Relative or absolute: the same chance to win, and the loss in the unit of each."""
    prior = NormalPrior(0.02, 0.3)
    relative = judge_posterior(effect, se, prior, scale="relative")
    moved = prior.on_scale("absolute", -baseline)
    absolute = judge_posterior(effect * baseline, se * baseline, moved, scale="absolute")

    assert absolute.log_chance_to_win == pytest.approx(relative.log_chance_to_win, rel=1e-9)
    assert absolute.loss_if_shipped == pytest.approx(relative.loss_if_shipped * baseline, rel=1e-9)
    assert moved.on_scale("relative", baseline).sd == pytest.approx(0.3)
    assert prior.on_scale("relative", baseline) is prior


def test_chance_to_be_best_of_two_is_the_closed_form() -> None:
    """Phi of the difference, also 40 standard deviations out (scipy.stats.norm)."""
    for gap in (0.3, 5.0, 40.0 * 1.25):
        logs = log_chances_to_be_best([0.0, gap], [0.75, 1.0])

        assert logs[0] == pytest.approx(norm.logcdf(-gap / 1.25), rel=1e-7)
        assert logs[1] == pytest.approx(norm.logcdf(gap / 1.25), abs=1e-9)


def test_chance_to_be_best_agrees_with_simulation() -> None:
    """Four arms, 400,000 seeded draws, 4 binomial deviations."""
    rng = np.random.default_rng(1)
    means, sds = np.array([1.0, 1.2, 0.9, 1.1]), np.array([0.1, 0.3, 0.5, 0.01])
    draws = rng.normal(means, sds, (400_000, 4)).argmax(axis=1)
    share = np.bincount(draws, minlength=4) / 400_000

    assert np.exp(log_chances_to_be_best(means, sds)) == pytest.approx(share, abs=3.2e-3)


def test_arms_of_very_unequal_precision_sum_to_one() -> None:
    """A peak of one millionth of the width of the other."""
    logs = log_chances_to_be_best([0.0, 0.0, -1.0], [1e-6, 1.0, 1e-3])

    assert np.exp(logs) == pytest.approx([0.5, 0.5, 0.0], abs=1e-6)


@pytest.mark.parametrize(("n_looks", "expected"), [(14, 0.38), (28, 0.46)])
def test_stopping_at_ninety_five_per_cent_errs_as_simulated(n_looks: int, expected: float) -> None:
    """An independent simulation gave 38 and 46 % for a flat prior."""
    looks = [k / n_looks for k in range(1, n_looks + 1)]

    assert stopping_error(looks, 0.95, planned_se=1.0) == pytest.approx(expected, abs=0.01)


def test_a_prior_makes_stopping_more_cautious() -> None:
    """Belief in small effects draws early looks in; one that wins alone is refused."""
    looks = [k / 14 for k in range(1, 15)]
    guarded = stopping_error(looks, 0.95, planned_se=0.1, prior=NormalPrior(0.01, 0.1))

    assert guarded < stopping_error(looks, 0.95, planned_se=0.1)
    with pytest.raises(InvalidInputError):
        stopping_error(looks, 0.95, planned_se=0.1, prior=NormalPrior(5.0, 0.1))


@pytest.mark.parametrize(
    "call",
    [
        lambda: NormalPrior(np.nan),
        lambda: NormalPrior(0.0, 0.0),
        lambda: NormalPrior(0.0, 1.0, "log"),
        lambda: NormalPrior().on_scale("absolute", 0.0),
        lambda: update_normal(0.0, 0.0, NormalPrior()),
        lambda: judge_posterior(0.0, 1.0, FLAT, scale="relative", direction="left"),
        lambda: judge_posterior(0.0, 1.0, FLAT, scale="relative", alpha=2),
        lambda: log_chances_to_be_best([1.0], [1.0]),
        lambda: log_chances_to_be_best([1.0, 2.0], [1.0, 0.0]),
        lambda: stopping_error([0.5, 1.0], 0.4, 1.0),
    ],
)
def test_bad_input_is_refused(call: Callable[[], object]) -> None:
    """An error with a place, never NaN."""
    with pytest.raises(InvalidInputError):
        call()
