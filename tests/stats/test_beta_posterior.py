"""Beta posteriors: exact sums, scipy and far tails."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import betaln
from scipy.stats import beta

from abplat.errors import InvalidInputError
from abplat.stats import beta_posterior
from abplat.stats.beta_posterior import BetaPosterior, compare_beta, update_beta


def exact_chance(treatment: BetaPosterior, control: BetaPosterior) -> float:
    """P(treatment > control) for a whole treatment.a: the sum of Miller (2015), Evan's formula."""
    terms = np.arange(int(treatment.a))
    logs = (
        betaln(control.a + terms, treatment.b + control.b)
        - np.log(treatment.b + terms)
        - betaln(1 + terms, treatment.b)
        - betaln(control.a, control.b)
    )
    return math.fsum(np.exp(logs))


@pytest.mark.parametrize(
    ("treatment", "control"),
    [
        ((1, 1), (1, 1)),
        ((31, 71), (21, 81)),
        ((131, 871), (101, 901)),
        ((3, 900), (60, 800)),
        ((5, 2), (2, 9)),
    ],
)
def test_chance_is_the_exact_sum(treatment: tuple[float, float], control: tuple[float, float]) -> None:
    """Miller (2015), Formulas for Bayesian A/B testing."""
    one, other = BetaPosterior(*treatment), BetaPosterior(*control)

    assert compare_beta(one, other).chance_to_win == pytest.approx(exact_chance(one, other), rel=1e-9)


@pytest.mark.parametrize(("treatment", "control"), [((31, 71), (21, 81)), ((0.5, 0.5), (2.0, 3.0))])
def test_expected_loss_is_the_integral(treatment: tuple[float, float], control: tuple[float, float]) -> None:
    """scipy.integrate.quad of F_T (1 - F_C) over the share."""
    loss = quad(lambda x: beta.cdf(x, *treatment) * beta.sf(x, *control), 0, 1, limit=200)[0]

    assert compare_beta(BetaPosterior(*treatment), BetaPosterior(*control)).loss_if_shipped == pytest.approx(
        loss, rel=1e-7
    )


shapes = st.floats(0.5, 5_000)


@given(shapes, shapes, shapes, shapes)
@settings(max_examples=20, deadline=None)
def test_swapping_arms_and_counting_failures_mirror(a: float, b: float, c: float, d: float) -> None:
    """Chance, losses and their logarithms are those of the mirrored question."""
    found = compare_beta(BetaPosterior(a, b), BetaPosterior(c, d))
    swapped = compare_beta(BetaPosterior(c, d), BetaPosterior(a, b))
    flipped = compare_beta(BetaPosterior(d, c), BetaPosterior(b, a))

    assert found.loss_if_kept == pytest.approx(swapped.loss_if_shipped, rel=1e-9)
    assert found.log_chance_to_win == pytest.approx(swapped.log_chance_to_lose, rel=1e-9, abs=1e-12)
    assert found.log_chance_to_win == pytest.approx(flipped.log_chance_to_win, rel=1e-7, abs=1e-9)
    assert found.loss_if_kept - found.loss_if_shipped == pytest.approx(a / (a + b) - c / (c + d), abs=1e-9)


def test_forty_standard_deviations_keep_the_logarithm() -> None:
    """Between the far tail of the normal limit and 0: large a, b with z about 40."""
    found = compare_beta(update_beta(514_200, 1_000_000), update_beta(485_800, 1_000_000))

    assert found.chance_to_win == 1.0
    assert found.log_chance_to_lose == pytest.approx(-811.0, abs=5.0)
    assert found.loss_if_kept == pytest.approx(0.0284, abs=1e-6)
    assert found.loss_if_shipped >= 0.0


@pytest.mark.parametrize(("a", "b"), [(2.0, 3.0), (200.0, 300.0), (50_000.0, 80_000.0)])
def test_continued_fraction_meets_the_library(a: float, b: float) -> None:
    """Where neither underflows the two ways agree (scipy.special.betainc)."""
    x = np.array([0.2, 0.5]) * a / (a + b)
    prefix = np.exp(a * np.log(x) + b * np.log1p(-x) - betaln(a, b)) / a
    library = beta.cdf(x, a, b)
    found = prefix * beta_posterior._continued_fraction(a, b, x)

    assert found == pytest.approx(library, rel=1e-8)


@pytest.mark.parametrize(
    "call",
    [
        lambda: BetaPosterior(0.0, 1.0),
        lambda: BetaPosterior(1.0, math.inf),
        lambda: update_beta(5, 4),
        lambda: update_beta(-1, 4),
        lambda: update_beta(0, 0, prior=(0.0, 1.0)),
    ],
)
def test_bad_input_is_refused(call: Callable[[], object]) -> None:
    """An error with a place, never NaN."""
    with pytest.raises(InvalidInputError):
        call()


def test_no_units_leave_the_prior() -> None:
    """Without data the posterior is the prior."""
    assert update_beta(0, 0, prior=(0.5, 0.5)) == BetaPosterior(0.5, 0.5)
