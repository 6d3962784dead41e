"""Spending functions against their published formulas and values."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from abplat.errors import InvalidInputError
from abplat.stats.sequential import Spending, spend

EVERY = [
    Spending("obrien_fleming"),
    Spending("pocock"),
    Spending("hwang_shih_decani", -4.0),
    Spending("hwang_shih_decani", 0.0),
    Spending("hwang_shih_decani", 2.0),
    Spending("kim_demets", 3.0),
]


@pytest.mark.parametrize("spending", EVERY, ids=str)
def test_spending_starts_at_zero_ends_at_alpha_and_never_falls(spending: Spending) -> None:
    """What was spent cannot come back."""
    spent = spend(spending, np.linspace(0, 1.5, 301), 0.025)

    assert spent[0] == pytest.approx(0.0, abs=1e-12)
    assert spent[200] == pytest.approx(0.025, rel=1e-12)
    assert np.all(np.diff(spent) >= -1e-18)
    assert spent[-1] == pytest.approx(0.025, rel=1e-12)


@pytest.mark.parametrize(
    ("spending", "fraction", "expected"),
    [
        # gsDesign::sfLDOF(0.025, 1/2)$spend = 0.00152532..., Lan and DeMets (1983)
        (Spending("obrien_fleming"), 0.5, 2 * norm.sf(norm.isf(0.0125) / np.sqrt(0.5))),
        # gsDesign::sfLDPocock(0.025, 1/2)$spend, Lan and DeMets (1983)
        (Spending("pocock"), 0.5, 0.025 * np.log(1 + (np.e - 1) * 0.5)),
        # gsDesign::sfHSD(0.025, 1/3, -4)$spend = 0.001303062
        (Spending("hwang_shih_decani", -4.0), 1 / 3, 0.001303062),
        (Spending("hwang_shih_decani", 0.0), 0.3, 0.0075),
        # gsDesign::sfPower(0.025, 1/2, 3)$spend = 0.003125
        (Spending("kim_demets", 3.0), 0.5, 0.003125),
    ],
    ids=str,
)
def test_spending_agrees_with_its_source(spending: Spending, fraction: float, expected: float) -> None:
    """Formulas and gsDesign calls."""
    assert float(spend(spending, fraction, 0.025)) == pytest.approx(expected, rel=1e-6)


@given(st.floats(1e-6, 1.0), st.floats(1e-4, 0.2))
@settings(max_examples=50, deadline=None)
def test_obrien_fleming_spends_less_than_pocock(fraction: float, alpha: float) -> None:
    """The default is the more cautious one at every time."""
    cautious = float(spend(Spending("obrien_fleming"), fraction, alpha))

    assert cautious <= float(spend(Spending("pocock"), fraction, alpha)) + 1e-15


@pytest.mark.parametrize(
    ("family", "parameter"),
    [
        ("other", None),
        ("pocock", 1.0),
        ("kim_demets", None),
        ("kim_demets", 0.0),
        ("hwang_shih_decani", np.nan),
    ],
)
def test_spending_refuses_unknown_families_and_bad_parameters(family: Any, parameter: float | None) -> None:
    """A plan is checked when it is made."""
    with pytest.raises(InvalidInputError):
        Spending(family, parameter)


@pytest.mark.parametrize(("fraction", "alpha"), [(-0.1, 0.05), (np.nan, 0.05), (0.5, 0.0), (0.5, 1.0)])
def test_spend_refuses_bad_times_and_rates(fraction: float, alpha: float) -> None:
    """No NaN comes out."""
    with pytest.raises(InvalidInputError):
        spend(Spending(), fraction, alpha)
