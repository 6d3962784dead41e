"""The planned split: one look and every look."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats as scipy_stats

from abplat.errors import InvalidInputError
from abplat.stats import NotComputable, check_sample_ratio, check_sample_ratio_sequentially

_PLAN = {"control": 1, "treatment": 1}


def test_the_statistic_equals_scipy() -> None:
    """Oracle: scipy.stats.chisquare."""
    counts = {"a": 480, "b": 1010, "c": 530}
    found = check_sample_ratio(counts, {"a": 1, "b": 2, "c": 1})

    wanted = scipy_stats.chisquare(list(counts.values()), [505, 1010, 505])
    assert (found.statistic, found.p_value) == pytest.approx((wanted.statistic, wanted.pvalue), rel=1e-12)
    assert found.df == 2
    assert found.expected == {"a": 505.0, "b": 1010.0, "c": 505.0}


def test_a_variant_without_weight_spends_no_degree_of_freedom() -> None:
    """The mistake of gbstats: 2000/2150/0 on .5/.5/0 is p = 0.020, not 0.066."""
    counts, weights = {"a": 2000, "b": 2150, "c": 0}, {"a": 0.5, "b": 0.5, "c": 0}
    found = check_sample_ratio(counts, weights)

    assert found.df == 1
    assert found.p_value == pytest.approx(scipy_stats.chisquare([2000, 2150]).pvalue, rel=1e-12)
    assert found.expected["c"] == 0.0
    assert not found.alarm


def test_a_live_variant_without_units_is_the_worst_mismatch() -> None:
    """The mistake of growthbook#4427: an arm with a weight and no units must count."""
    found = check_sample_ratio({"control": 1000, "treatment": 0}, _PLAN)

    assert found.p_value < 1e-200
    assert found.alarm
    assert found.log10_p < -200


def test_units_in_a_variant_without_weight_raise_the_alarm() -> None:
    """Nobody should be there."""
    weights = {**_PLAN, "off": 0}

    assert check_sample_ratio({"control": 50, "treatment": 50, "off": 1}, weights).alarm
    assert check_sample_ratio({"control": 0, "treatment": 0, "off": 1}, weights).statistic == 0.0
    assert check_sample_ratio_sequentially([{"control": 5, "treatment": 5, "off": 1}], weights).alarm


def test_the_p_value_never_underflows_unnoticed() -> None:
    """Oracle: scipy.stats.chi2.logsf while it lasts; beyond, the logarithm goes on."""
    found = check_sample_ratio({"control": 100_000, "treatment": 90_000}, _PLAN)
    far = check_sample_ratio({"control": 10_000_000, "treatment": 9_000_000}, _PLAN)

    assert found.log10_p == pytest.approx(scipy_stats.chi2.logsf(found.statistic, 1) / np.log(10), rel=1e-9)
    assert far.log10_p == pytest.approx(
        (scipy_stats.norm.logsf(far.statistic**0.5) + np.log(2)) / np.log(10), rel=1e-9
    )


def test_the_e_value_is_the_bayes_factor() -> None:
    """Oracle: scipy.stats.dirichlet_multinomial over scipy.stats.multinomial."""
    days = [{"control": 60, "treatment": 40}, {"control": 50, "treatment": 70}]
    found = check_sample_ratio_sequentially(days, {"control": 1, "treatment": 3}, prior_units=40)

    total = np.array([110, 110])
    wanted = scipy_stats.dirichlet_multinomial.logpmf(total, [10, 30], 220) - scipy_stats.multinomial.logpmf(
        total, 220, [0.25, 0.75]
    )
    assert found.log10_e == pytest.approx(wanted / np.log(10), rel=1e-9)
    assert found.path[-1] == found.log10_e
    assert found.alarm_at == 0


def test_daily_looks_do_not_raise_the_error() -> None:
    """Under the plan, peeking daily for 60 days, e passes 20 in at most 5 % of 2,000 experiments."""
    rng = np.random.default_rng(12)
    passed = 0
    for _ in range(2000):
        counts = rng.binomial(200, 0.5, 60)
        days = [{"control": int(c), "treatment": int(200 - c)} for c in counts]
        passed += check_sample_ratio_sequentially(days, _PLAN).p_value < 0.05

    assert passed / 2000 < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 2000)


def test_a_broken_split_is_found() -> None:
    """Two points off the plan with 20,000 units raise the alarm."""
    days = [{"control": 480, "treatment": 520}] * 20
    found = check_sample_ratio_sequentially(days, _PLAN)

    assert found.alarm
    assert 0 < found.alarm_at < 20
    assert found.e_value > 1000
    assert found.p_value < 0.001


def test_no_units_have_no_answer() -> None:
    """Before the first exposure there is nothing to check."""
    none = {"control": 0, "treatment": 0}

    assert check_sample_ratio(none, _PLAN) == NotComputable("no_units")
    assert check_sample_ratio_sequentially([], _PLAN) == NotComputable("no_units")
    assert check_sample_ratio_sequentially([none], _PLAN) == NotComputable("no_units")


@pytest.mark.parametrize(
    ("counts", "weights"),
    [
        ({"a": 1}, {"b": 1}),
        ({"a": -1, "b": 1}, {"a": 1, "b": 1}),
        ({"a": 1.5, "b": 1}, {"a": 1, "b": 1}),
        ({"a": True, "b": 1}, {"a": 1, "b": 1}),
        ({"a": 1, "b": 1}, {"a": -1, "b": 1}),
        ({"a": 1, "b": 1}, {"a": float("nan"), "b": 1}),
        ({"a": 1, "b": 1}, {"a": 0, "b": 1}),
    ],
)
def test_a_wrong_call_is_refused(counts: Any, weights: Any) -> None:
    """Wrong names, counts and weights are an error of the caller."""
    with pytest.raises(InvalidInputError):
        check_sample_ratio(counts, weights)


def test_a_prior_without_units_is_refused() -> None:
    """The alternative needs a size."""
    with pytest.raises(InvalidInputError):
        check_sample_ratio_sequentially([{"control": 1, "treatment": 1}], _PLAN, prior_units=0)
