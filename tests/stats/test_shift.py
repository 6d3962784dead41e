"""Shifted, not saved: the test over classes, and the states."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats as scipy_stats

from abplat import stats
from abplat.errors import InvalidInputError

CONTROL = {"none": 700, "phone": 250, "chat": 50}


def state_of(treatment: dict[str, int]) -> str:
    """Return the state of a treatment against control."""
    found = stats.check_shift(CONTROL, treatment)

    assert isinstance(found, stats.ShiftCheck)
    return found.state


def test_the_test_over_classes_is_pearsons() -> None:
    """As ``scipy.stats.chi2_contingency(correction=False)``."""
    treatment = {"none": 690, "phone": 200, "chat": 110}
    found = stats.check_shift(CONTROL, treatment)
    oracle = scipy_stats.chi2_contingency(
        [list(CONTROL.values()), list(treatment.values())], correction=False
    )

    assert isinstance(found, stats.ShiftCheck)
    assert (found.statistic, found.p_value, found.df) == pytest.approx(
        (oracle.statistic, oracle.pvalue, oracle.dof)
    )


@pytest.mark.parametrize(
    ("treatment", "state"),
    [
        ({"none": 700, "phone": 150, "chat": 150}, "shifted"),
        ({"none": 800, "phone": 100, "chat": 100}, "partly_shifted"),
        ({"none": 800, "phone": 150, "chat": 50}, "fewer"),
        ({"none": 600, "phone": 350, "chat": 50}, "more"),
        ({"none": 705, "phone": 246, "chat": 49}, "nothing_shown"),
        ({"none": 700, "phone": 250, "visit": 50}, "shifted"),
    ],
)
def test_states(treatment: dict[str, int], state: str) -> None:
    """Each by counts that leave no doubt."""
    assert state_of(treatment) == state


def test_few_expected_units_are_taken_together() -> None:
    """A class of two units does not make the test."""
    found = stats.check_shift({**CONTROL, "fax": 2}, CONTROL)

    assert isinstance(found, stats.ShiftCheck)
    assert found.df == 2
    assert found.state == "nothing_shown"


@pytest.mark.parametrize(
    ("control", "treatment", "reason"),
    [({}, CONTROL, "no_units"), ({"none": 5}, {"none": 7}, "zero_variance")],
)
def test_what_cannot_be_computed_has_a_reason(
    control: dict[str, int], treatment: dict[str, int], reason: str
) -> None:
    """And no number."""
    found = stats.check_shift(control, treatment)

    assert isinstance(found, stats.NotComputable)
    assert found.reason == reason


@pytest.mark.parametrize(("counts", "alpha"), [({"none": -1}, 0.05), (CONTROL, 1.0)])
def test_nonsense_is_refused(counts: dict[str, int], alpha: float) -> None:
    """With the field named."""
    with pytest.raises(InvalidInputError):
        stats.check_shift(counts, CONTROL, alpha)


def test_a_total_against_its_channels_is_named_changed() -> None:
    """No single move explains classes that differ without one of them being shown."""
    many = {f"c{number}": 20 for number in range(20)}
    odd = {key: 20 + (8 if place % 2 else -8) for place, key in enumerate(many)}
    found = stats.check_shift({"none": 600, **many}, {"none": 600, **odd})

    assert isinstance(found, stats.ShiftCheck)
    assert found.state in {"changed", "shifted"}


def test_false_alarms_stay_below_alpha() -> None:
    """Over 400 draws of the same law: within three binomial deviations of 5 %."""
    generator = np.random.default_rng(3)
    shares, found = [0.7, 0.2, 0.06, 0.04], 0
    for _ in range(400):
        arms = [
            dict(zip(("none", "a", "b", "c"), map(int, generator.multinomial(800, shares)), strict=True))
            for _ in "ct"
        ]
        check = stats.check_shift(*arms)
        assert isinstance(check, stats.ShiftCheck)
        found += check.state != "nothing_shown"

    assert found <= 20 + 3 * np.sqrt(400 * 0.05 * 0.95)
