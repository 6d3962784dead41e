"""Error rates and coverages are what they say: the short form of benchmarks/calibrate.py, seeded."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats as scipy_stats

from abplat.stats import check_sample_ratio

_PATH = Path(__file__).parents[2] / "benchmarks" / "calibrate.py"
SIMULATIONS = 800


def load_calibration() -> Any:
    """Load the long form, which is a script and no module of the package."""
    spec = importlib.util.spec_from_file_location("calibrate", _PATH)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["calibrate"] = module
    spec.loader.exec_module(module)
    return module


calibrate = load_calibration()
CASES = {case.name: case for case in calibrate.list_cases()}


@pytest.mark.calibration
@pytest.mark.parametrize("name", CASES)
def test_a_method_is_wrong_as_often_as_it_says(name: str) -> None:
    """The share of wrong answers lies within binomial bounds of the rate promised."""
    found = calibrate.run_case(CASES[name], SIMULATIONS)

    assert found.n >= 100
    assert found.is_good, f"{found.wrong} of {found.n} wrong, promised {found.case.rate:.0%}"


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
