"""Mistakes of peers with the values of a metric, each shown not to be made here.

Capping (growthbook#6331, #1912), collapsed quantiles (growthbook#5532), over-dispersed counts,
restricted means (lifelines#1456) and Cox tolerances have their test beside the method.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from abplat.errors import InvalidInputError
from abplat.stats import (
    ComparisonPlan,
    LogHistogram,
    Moments,
    check_covariate_balance,
    choose_cap,
    choose_cap_from_histogram,
    compare,
)


def test_a_single_stratum_keeps_the_covariate(arms: Any) -> None:
    """growthbook#5057: one stratum, or merged ones, silently lost the covariate."""
    records = [arm.record("x") for arm in arms]
    plain = compare(*records)
    single = compare({"all": records[0]}, {"all": records[1]})
    merged = compare(*(arm.strata("x") for arm in arms), ComparisonPlan(min_stratum_units=10_000))

    assert (single.effect, single.se, single.theta) == (plain.effect, plain.se, plain.theta)
    assert merged.theta[0] != 0
    assert merged.se == pytest.approx(plain.se, rel=1e-9)
    assert merged.flags == ("strata_dropped",)


def test_the_baseline_of_an_adjusted_ratio_has_a_variance(arms: Any) -> None:
    """growthbook#3767, Eppo-docs#94: baseline variance 0 or without its covariance gives a false width.

    Oracle: seeded resampling of the units of both arms.
    """
    rng = np.random.default_rng(1)
    plan = ComparisonPlan(kind="ratio", relative="delta")
    found = compare(*(arm.record("d", "x", "xd") for arm in arms), plan)

    draws = []
    for _ in range(1200):
        sample = []
        for arm in arms:
            rows = rng.integers(0, arm.y.size, arm.y.size)
            sample.append(type(arm)(*(column[rows] for column in arm)).record("d", "x", "xd"))
        draws.append(compare(*sample, plan).rel_effect)
    assert (found.rel_ci_upper - found.rel_ci_lower) / (2 * 1.96) == pytest.approx(np.std(draws), rel=0.06)


def test_a_ratio_does_not_take_its_denominator_for_the_sample() -> None:
    """spotify-confidence: 11.9 % false alarms in A/A tests of a ratio; 4,000 seeded tests here."""
    rng = np.random.default_rng(2)
    wrong = naive = 0
    for _ in range(4000):
        records = []
        for _ in "ab":
            level, d = rng.beta(2, 6, 150), 1 + rng.poisson(5, 150)
            records.append(Moments.from_values(rng.binomial(d, level), d))
        found = compare(*records, ComparisonPlan(kind="ratio"))
        wrong += found.p_value < 0.05
        share = (found.treatment_value + found.control_value) / 2
        se = np.sqrt(share * (1 - share) * sum(1 / (r.n * r.mean[1]) for r in records))
        naive += abs(found.effect / se) > 1.96

    assert 159 <= wrong <= 241
    assert naive > 400


def test_two_rows_per_unit_are_no_record() -> None:
    """ep-stats#97: squares of single rows under n units give a negative variance; refused on reading."""
    with pytest.raises(InvalidInputError):
        Moments.from_sums(100, {"y": 400.0}, {"y*y": 800.0})


def test_a_binary_variance_is_not_used_for_other_values() -> None:
    """spotify/confidence#70: a proportion needs outcomes that are 0 or 1."""
    records = [Moments.from_values(v) for v in ([0, 1, 2, 1], [0, 1, 1, 0])]

    with pytest.raises(InvalidInputError):
        compare(*records, ComparisonPlan(kind="proportion"))


def test_a_cap_is_never_made_anew_for_a_segment() -> None:
    """growthbook#3226: capped segments must add up to the capped whole, and an arm alone has no cap."""
    rng = np.random.default_rng(3)
    values = {key: rng.lognormal(0, 2, 3000) for key in ("control", "treatment")}
    segment = rng.integers(0, 3, 3000)
    cap = choose_cap(values, 0.99)
    whole = Moments.from_values(cap.apply(values["control"]))
    parts = [Moments.from_values(cap.apply(values["control"][segment == s])) for s in range(3)]

    total = parts[0] + parts[1] + parts[2]
    assert total.mean == pytest.approx(whole.mean, rel=1e-12)
    assert total.covariance == pytest.approx(whole.covariance, rel=1e-10)
    with pytest.raises(InvalidInputError):
        choose_cap({"control": values["control"]})


def test_a_cap_per_arm_would_hide_the_effect() -> None:
    """Capping each arm at its own quantile takes away the very difference; the pooled cap keeps order."""
    rng = np.random.default_rng(4)
    base = rng.lognormal(0, 1.5, 4000)
    arms = {"control": base[:2000], "treatment": base[2000:]}
    cap = choose_cap(arms, 0.9)

    for values in arms.values():
        ordered = cap.apply(np.sort(values))
        assert (np.diff(ordered) >= 0).all()
        assert ordered.max() == cap.value


def test_an_extreme_value_is_not_replaced_by_the_mean() -> None:
    """Optimizely replaces outliers by the mean: a big spender would count less than a small one."""
    cap = choose_cap({"a": [1.0] * 98 + [3.0, 900.0], "b": [1.0] * 98 + [2.0, 3.0]}, 0.99)

    assert cap.apply([900.0])[0] == cap.value
    assert cap.apply([900.0])[0] > cap.apply([1.0])[0]


def test_the_histogram_of_days_is_that_of_the_whole() -> None:
    """growthbook#5532, t-digest: sketches that merge loosely drift; this one merges exactly."""
    values = np.random.default_rng(5).lognormal(0, 2, 20_000)
    days = LogHistogram()
    for part in np.array_split(values, 50):
        days = days + LogHistogram.from_values(part)

    assert days == LogHistogram.from_values(values)
    both = {"a": days, "b": LogHistogram()}
    assert choose_cap_from_histogram(both, 0.99).value == pytest.approx(np.quantile(values, 0.99), rel=0.02)


@pytest.mark.parametrize("value", [0.1, 1.7510696998797357, 1e6 / 3, -1e-7 / 3])
def test_a_constant_past_is_constant_whatever_its_digits(value: float) -> None:
    """Rounding left by a constant covariate is no spread: no slope, no degree of freedom, no alarm."""
    rng = np.random.default_rng(6)
    y = [rng.normal(1, 1, 31), rng.normal(1, 1, 47)]
    records = [Moments.from_values(v, covariate=np.full(v.size, value)) for v in y]
    found, plain = compare(*records), compare(*[Moments.from_values(v) for v in y])

    assert (found.theta, found.flags) == ((0.0,), ("covariate_singular",))
    assert (found.se, found.df) == pytest.approx((plain.se, plain.df), rel=1e-12)
    assert not check_covariate_balance(*records).alarm
