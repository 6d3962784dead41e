"""Error rates, coverages and power are what they say: the short form of benchmarks/calibrate.py, seeded."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats as scipy_stats

from abplat.stats import check_sample_ratio

_FOLDER = Path(__file__).parents[2] / "benchmarks"
SIMULATIONS = 300


def load_calibration() -> Any:
    """Load the long form, which is a script and no module of the package."""
    sys.path.insert(0, str(_FOLDER))
    try:
        return importlib.import_module("calibrate")
    finally:
        sys.path.remove(str(_FOLDER))


calibrate = load_calibration()
CASES = {case.name: case for case in calibrate.list_cases()}


def test_no_case_hides_another() -> None:
    """Names are seeds: each is used once."""
    assert len(CASES) == sum(1 for _ in calibrate.list_cases())
    assert len(CASES) > 140


@pytest.mark.calibration
@pytest.mark.parametrize("name", CASES)
def test_a_method_is_wrong_as_often_as_it_says(name: str) -> None:
    """The share of wrong answers (for power: of right ones) lies within bounds of the rate promised."""
    found = calibrate.run_case(CASES[name], SIMULATIONS)

    assert found.n >= 5
    assert found.is_good, f"{found.count} of {found.n}, promised {calibrate.write_promise(found.case)}"


@pytest.mark.calibration
def test_p_values_of_the_split_are_uniform() -> None:
    """Oracle: Kolmogorov-Smirnov against the uniform distribution."""
    rng = np.random.default_rng(17)
    weights = {"a": 3, "b": 2, "c": 1}
    p_values = [
        check_sample_ratio(dict(zip("abc", row.tolist(), strict=True)), weights).p_value
        for row in rng.multinomial(60_000, [3 / 6, 2 / 6, 1 / 6], 3000)
    ]

    assert scipy_stats.kstest(p_values, "uniform").pvalue > 0.01


def test_a_broken_promise_is_seen() -> None:
    """A method that errs twice as often as it says fails, above and (where exact) below."""
    case = calibrate.Case("broken", 0.05, "exact", lambda rng, n: (rng.random(n) < 0.1).tolist())
    careful = case._replace(draws=lambda rng, n: (rng.random(n) < 0.01).tolist())

    assert not calibrate.run_case(case, 2000).is_good
    assert not calibrate.run_case(careful, 2000).is_good
    assert calibrate.run_case(careful._replace(rule="at most"), 2000).is_good
