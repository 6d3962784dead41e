"""Designs: the drift they need, and the price of looks and arms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
import pytest
from scipy.stats import norm

from abplat.errors import InvalidInputError
from abplat.stats.planning import (
    Design,
    Monitoring,
    best_shares,
    comparison_alpha,
    look_bounds,
    needed_drift,
    power_of_drift,
    power_with_guardrails,
)
from abplat.stats.sequential import Spending

GROUP = Monitoring(kind="group_sequential", n_looks=14)
ANY_TIME = Monitoring(kind="always_valid", n_looks=14)


@pytest.mark.parametrize(
    ("monitoring", "extra"),
    [
        (GROUP, 0.04),
        (Monitoring(kind="group_sequential", n_looks=14, spending=Spending("pocock")), 0.26),
        (ANY_TIME, 0.76),
    ],
    ids=["obrien_fleming", "pocock", "always_valid"],
)
def test_price_of_monitoring(monitoring: Monitoring, extra: float) -> None:
    """An independent run gave +4 %, +26 %, +76 % units for 80 % power at 14 looks."""
    factor = (needed_drift(Design(monitoring=monitoring)) / needed_drift(Design())) ** 2

    assert factor - 1 == pytest.approx(extra, abs=0.006)


@pytest.mark.parametrize("monitoring", [Monitoring(), GROUP, ANY_TIME], ids=["fixed", "group", "any_time"])
@pytest.mark.parametrize("sides", [1, 2])
def test_needed_drift_has_the_power(monitoring: Monitoring, sides: Literal[1, 2]) -> None:
    """There and back."""
    design = Design(monitoring=monitoring, sides=sides, power=0.9)

    assert power_of_drift(needed_drift(design), design) == pytest.approx(0.9, abs=1e-8)
    assert power_of_drift(0.0, design) <= 0.05 / sides + 1e-9


def test_always_valid_power_in_simulation() -> None:
    """20,000 seeded walks under the solved drift, 14 looks: 80 % within 1 point."""
    design = Design(monitoring=ANY_TIME)
    rng = np.random.default_rng(8)
    fractions = np.arange(1, 15) / 14
    steps = rng.standard_normal((20_000, 14)) / 14**0.5 + needed_drift(design) / 14
    z = np.cumsum(steps, axis=1) / np.sqrt(fractions)

    assert np.mean(np.any(z >= look_bounds(design).upper, axis=1)) == pytest.approx(0.8, abs=0.01)


def test_fixed_drift_is_the_sum_of_two_quantiles() -> None:
    """scipy.stats.norm: 1.960 + 0.842."""
    assert needed_drift(Design()) == pytest.approx(norm.isf(0.025) + norm.ppf(0.8))


def test_families_share_alpha() -> None:
    """None < Dunnett < Bonferroni in strictness; one treatment shares with nobody."""
    three = {
        name: comparison_alpha(Design(shares=(0.25,) * 4, family=name))
        for name in ("none", "dunnett", "bonferroni")
    }

    assert three["none"] == 0.05
    assert three["bonferroni"] == pytest.approx(0.05 / 3)
    assert 0.05 / 3 < three["dunnett"] < 0.05
    assert norm.isf(three["dunnett"] / 2) == pytest.approx(2.349, abs=1e-3)  # Dunnett (1964), table II
    assert comparison_alpha(Design(family="dunnett")) == 0.05


def test_bounds_of_looks() -> None:
    """What Z is held against: the plain value, or the tuned sequence at each fraction."""
    assert look_bounds(Design()).upper == pytest.approx((norm.isf(0.025),))
    assert look_bounds(Design(monitoring=ANY_TIME)).upper[-1] == pytest.approx(3.035, abs=5e-4)
    assert look_bounds(Design(monitoring=ANY_TIME, sides=1)).lower == (-8.0,) * 14


def test_best_shares_minimise_the_noise_of_a_comparison() -> None:
    """Control sqrt(K) times as large: no other split of four arms is better."""
    control = np.linspace(0.05, 0.9, 2_000)
    noise = 1 / control + 3 / (1 - control)

    assert best_shares(3)[0] == pytest.approx(control[np.argmin(noise)], abs=5e-4)
    assert sum(best_shares(3)) == pytest.approx(1.0)


def test_guardrails_split_the_type_two_error() -> None:
    """Schultzberg, Ankargren and Frånberg (2024): beta over the number of metrics."""
    assert power_with_guardrails(0.8, 0) == pytest.approx(0.8)
    assert power_with_guardrails(0.8, 4) == pytest.approx(0.96)


@pytest.mark.parametrize(
    "call",
    [
        lambda: Monitoring(kind="often"),
        lambda: Monitoring(n_looks=3),
        lambda: Monitoring(kind="group_sequential", n_looks=0),
        lambda: Design(alpha=0.0),
        lambda: Design(sides=3),
        lambda: Design(power=0.01),
        lambda: Design(shares=(1.0,)),
        lambda: Design(shares=(0.5, 0.6)),
        lambda: Design(family="holm"),
        lambda: Design(direction="left"),
        lambda: Design(scale="log"),
        lambda: Design(margin=-0.1, sides=1),
        lambda: Design(margin=0.1),
        lambda: best_shares(0),
        lambda: power_with_guardrails(0.8, -1),
        lambda: power_of_drift(np.nan, Design()),
    ],
)
def test_bad_input_is_refused(call: Callable[[], object]) -> None:
    """An error with a place, never NaN."""
    with pytest.raises(InvalidInputError):
        call()
