"""Quadrature: known integrals, narrow peaks and far tails."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from abplat.stats.quadrature import gauss_legendre, log_integral


@pytest.mark.parametrize("panels", [1, 3])
def test_rule_integrates_polynomials_and_waves(panels: int) -> None:
    """Closed forms of x^5 and sin over (0, 3)."""
    nodes, weights = gauss_legendre(0.0, 3.0, panels)

    assert weights @ nodes**5 == pytest.approx(121.5, rel=1e-13)
    assert weights @ np.sin(nodes) == pytest.approx(1 - np.cos(3.0), rel=1e-13)
    assert np.all(np.diff(nodes) > 0)


@given(st.floats(-50, 50), st.floats(1e-7, 20))
@settings(max_examples=40, deadline=None)
def test_log_integral_finds_any_normal_peak(centre: float, spread: float) -> None:
    """A density integrates to one, wherever it is and however narrow (log of scipy.stats.norm)."""
    found = log_integral(lambda x: norm.logpdf(x, centre, spread), -500.0, 500.0)

    assert found == pytest.approx(0.0, abs=1e-8)


def test_log_integral_of_a_cut_off_tail() -> None:
    """The peak lies at the border: log of scipy.stats.norm.sf(38)."""
    assert log_integral(norm.logpdf, 38.0, 100.0) == pytest.approx(norm.logsf(38), rel=1e-10)
