"""Dunnett's critical values against his tables, scipy and simulation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import multivariate_normal, norm

from abplat.errors import InvalidInputError
from abplat.stats.selection import (
    SharedControl,
    dunnett_critical_value,
    dunnett_p_values,
    share_control,
    simultaneous_intervals,
)


def equal(k: int, **over: Any) -> SharedControl:
    """Make k treatments and a control of equal size."""
    return SharedControl((0.5**0.5,) * k, **over)


@pytest.mark.parametrize(
    ("k", "sides", "df", "table"),
    [
        # Dunnett (1964), Biometrics 20, table II (two-sided, 5 %) and (1955), table 1a (one-sided, 5 %)
        (2, 2, None, 2.21),
        (3, 2, None, 2.35),
        (4, 2, None, 2.44),
        (5, 2, None, 2.51),
        (9, 2, None, 2.69),
        (2, 2, 20.0, 2.38),
        (3, 2, 20.0, 2.54),
        (4, 2, 20.0, 2.65),
        (2, 2, 5.0, 3.03),
        (2, 1, None, 1.92),
        (3, 1, None, 2.06),
        (4, 1, None, 2.16),
        (2, 1, 20.0, 2.03),
        (3, 1, 20.0, 2.19),
    ],
)
def test_critical_values_are_those_of_the_tables(
    k: int, sides: Literal[1, 2], df: float | None, table: float
) -> None:
    """Two decimals, as printed."""
    assert dunnett_critical_value(equal(k, sides=sides, df=df)) == pytest.approx(table, abs=0.0051)


def test_one_treatment_is_the_plain_test() -> None:
    """Without company there is no price (scipy.stats.norm)."""
    one = SharedControl((0.3,))

    assert dunnett_critical_value(one) == pytest.approx(norm.isf(0.025), abs=1e-8)
    assert dunnett_p_values([0.0, 1.0, 9.0], one) == pytest.approx(2 * norm.sf([0.0, 1.0, 9.0]), rel=1e-9)


@pytest.mark.parametrize("loadings", [(0.2, 0.9), (0.7, 0.5, 0.3), (0.99, 0.999)])
def test_unequal_arms_agree_with_the_multivariate_normal(loadings: tuple[float, ...]) -> None:
    """scipy.stats.multivariate_normal.cdf with the product correlation, one-sided."""
    structure = SharedControl(loadings, sides=1)
    cov = np.outer(loadings, loadings)
    np.fill_diagonal(cov, 1.0)
    inside = multivariate_normal(np.zeros(len(loadings)), cov).cdf(np.full(len(loadings), 1.9))

    assert dunnett_p_values(1.9, structure) == pytest.approx(1 - inside, abs=2e-5)


@given(st.lists(st.floats(0.05, 0.95), min_size=2, max_size=6), st.floats(0.001, 0.2))
@settings(max_examples=25, deadline=None)
def test_the_value_lies_between_plain_and_bonferroni(loadings: Sequence[float], alpha: float) -> None:
    """Sidak's bound holds for product correlation."""
    found = dunnett_critical_value(SharedControl(tuple(loadings)), alpha)

    assert norm.isf(alpha / 2) <= found <= norm.isf(alpha / 2 / len(loadings)) + 1e-9
    assert dunnett_p_values(found, SharedControl(tuple(loadings))) == pytest.approx(alpha, rel=1e-8)


def test_far_tails_are_kept() -> None:
    """At z = 12 the p-value is that of Bonferroni to a part in a million, not 0."""
    assert dunnett_p_values(12.0, equal(3)) == pytest.approx(6 * norm.sf(12.0), rel=1e-6)


def test_intervals_hold_together_in_simulation() -> None:
    """Shared control, unequal arms, 40,000 seeded draws: together 95 % within 3 deviations."""
    rng = np.random.default_rng(9)
    variances, control = np.array([1.0, 2.0, 0.5]), 0.7
    arms = rng.standard_normal((40_000, 3)) * np.sqrt(variances)
    z = (arms - rng.standard_normal((40_000, 1)) * control**0.5) / np.sqrt(variances + control)
    critical = dunnett_critical_value(share_control(variances, control))

    assert np.mean(np.all(np.abs(z) <= critical, axis=1)) == pytest.approx(0.95, abs=0.0033)


@pytest.mark.parametrize("structure", [None, equal(3), equal(3, sides=1)], ids=["bonferroni", "two", "one"])
def test_intervals_agree_with_their_p_values(structure: SharedControl | None) -> None:
    """0 is outside exactly when the adjusted p-value is below alpha."""
    for row in simultaneous_intervals([0.5, 2.1, 2.6], [1.0, 1.0, 1.0], structure):
        assert (row.p_value < 0.05) == (row.ci_lower > 0)
        assert (row.ci_upper is None) == (structure is not None and structure.sides == 1)


@pytest.mark.parametrize(
    "call",
    [
        lambda: SharedControl(()),
        lambda: SharedControl((1.0,)),
        lambda: SharedControl((-0.1,)),
        lambda: SharedControl((0.5,), sides=3),
        lambda: SharedControl((0.5,), df=0.0),
        lambda: share_control([1.0], 0.0),
        lambda: dunnett_critical_value(equal(2), 0.0),
        lambda: dunnett_p_values(np.nan, equal(2)),
        lambda: simultaneous_intervals([1.0], [1.0], equal(2)),
        lambda: simultaneous_intervals([], []),
    ],
)
def test_bad_input_is_refused(call: Callable[[], object]) -> None:
    """An error with a place, never NaN."""
    with pytest.raises(InvalidInputError):
        call()
