"""Whether an effect lasts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import statsmodels.api as sm

from abplat.errors import InvalidInputError
from abplat.stats import (
    ComparisonPlan,
    Moments,
    NotComputable,
    NoveltyPlan,
    check_novelty,
    compare,
    fit_trend,
    split_looks,
)


def make_arm(
    lifts: list[float], days: int = 8, n: int = 500, seed: int = 1
) -> dict[tuple[int, int], Moments]:
    """Make units that keep their own level over all ages, with an effect per age; young days miss ages."""
    rng = np.random.default_rng(seed)
    records = {}
    for day in range(days):
        level = rng.normal(0, 1, n)
        for age in range(min(len(lifts), days + 3 - day)):
            records[day, age] = Moments.from_values(5 + lifts[age] + level + rng.normal(0, 1, n))
    return records


def test_the_slope_equals_weighted_least_squares() -> None:
    """Oracle: statsmodels WLS with the scale fixed at 1."""
    times, effects, ses = [0, 1, 2, 5, 7], [0.5, 0.45, 0.3, 0.2, 0.25], [0.05, 0.04, 0.06, 0.08, 0.1]
    found = fit_trend(times, effects, ses)

    fit = sm.WLS(effects, sm.add_constant(np.array(times, float)), weights=np.power(ses, -2.0)).fit(
        cov_type="fixed scale"
    )
    assert (found.slope, found.se) == pytest.approx((fit.params[1], fit.bse[1]), rel=1e-10)
    assert found.p_value == pytest.approx(fit.pvalues[1], rel=1e-8)
    assert (found.first, found.last) == pytest.approx(tuple(fit.predict([[1, 0], [1, 7]])), rel=1e-10)


def test_the_parts_between_looks_add_up_again() -> None:
    """The precision-weighted mean of the parts is the last look."""
    effects, ses = [0.3, 0.25, 0.2, 0.22], [0.2, 0.1, 0.08, 0.05]
    parts, errors = split_looks(effects, ses)

    weight = np.power(errors, -2.0)
    assert weight @ np.array(parts) / weight.sum() == pytest.approx(0.22, rel=1e-12)
    assert weight.sum() ** -0.5 == pytest.approx(0.05, rel=1e-12)


def test_a_fading_effect_raises_the_alarm() -> None:
    """Novelty: 0.6 on the first day, nothing a week later."""
    found = check_novelty(make_arm([0.6, 0.4, 0.25, 0.15, 0.1, 0.05]), make_arm([0.0] * 6, seed=2))

    assert found.alarm
    assert not found.is_primacy
    assert found.trend.pattern == "fading"
    assert found.trend.method == "days"
    assert found.trend.first > 3 * found.trend.last


def test_a_growing_effect_is_primacy() -> None:
    """Customers learn: no effect at first, 0.6 at the end; no alarm."""
    found = check_novelty(make_arm([0.0, 0.1, 0.25, 0.4, 0.5, 0.6]), make_arm([0.0] * 6, seed=2))

    assert found.is_primacy
    assert not found.alarm


def test_a_lasting_effect_raises_no_alarm_beyond_one_percent() -> None:
    """400 seeded experiments with a steady effect: the error stays within binomial bounds of 1 %."""
    raised = 0
    for seed in range(400):
        treatment = make_arm([0.3] * 4, days=8, n=60, seed=3 * seed)
        found = check_novelty(treatment, make_arm([0.0] * 4, days=8, n=60, seed=3 * seed + 1))
        raised += found.trend.p_value < 0.01

    assert raised <= 4 + 3 * np.sqrt(400 * 0.01 * 0.99)


def test_every_age_shows_the_same_units() -> None:
    """Days too young for the last age are left out of all ages."""
    plan = NoveltyPlan(last_age=5)
    treatment, control = make_arm([0.2] * 8, days=8), make_arm([0.0] * 8, days=8, seed=5)
    found = check_novelty(treatment, control, plan)

    assert found.days == (0, 1, 2, 3, 4, 5)
    assert {row.result.n_treatment for row in found.rows} == {3000}
    pooled = [sum((arm[d, 2] for d in range(1, 6)), arm[0, 2]) for arm in (treatment, control)]
    assert found.rows[2].result == compare(*pooled)


def test_the_last_age_is_one_that_half_of_the_units_have_reached() -> None:
    """Left out, it is the oldest age with half of the units."""
    found = check_novelty(make_arm([0.2] * 12, days=8), make_arm([0.0] * 12, days=8, seed=5))

    assert found.rows[-1].age == 7
    assert found.days == (0, 1, 2, 3)


def test_few_days_take_the_slope_over_the_columns() -> None:
    """With fewer than five exposure days the columns are taken as they are; so on the absolute scale."""
    treatment, control = make_arm([0.9, 0.5, 0.1], days=3), make_arm([0.0] * 3, days=3, seed=9)
    found = check_novelty(treatment, control, NoveltyPlan(scale="absolute", last_age=2))

    rows = [row.result for row in found.rows]
    wanted = fit_trend([0, 1, 2], [r.effect for r in rows], [r.se for r in rows])
    assert found.trend == wanted
    assert found.trend.method == "columns"


def test_days_that_are_all_alike_take_the_slope_over_the_columns() -> None:
    """Slopes that do not vary say nothing about their error, and days without an effect are left out."""
    treatment, control = make_arm([0.9, 0.5, 0.1], days=1), make_arm([0.0] * 3, days=1, seed=9)
    alike = [
        {(day, age): arm[0, age] for day in range(6) for age in range(3)} for arm in (treatment, control)
    ]
    flat = Moments.from_values([1.0, 1.0])
    some = [{**arm, **{(day, 1): flat for day in range(2)}} for arm in alike]

    assert check_novelty(*alike).trend.method == "columns"
    assert check_novelty(*some).trend.method == "columns"


def test_the_sign_of_the_effect_does_not_matter() -> None:
    """A harm that fades is fading too."""
    found = check_novelty(make_arm([0.0] * 6, seed=2), make_arm([0.6, 0.4, 0.25, 0.15, 0.1, 0.05]))

    assert found.alarm
    assert found.trend.slope > 0


def test_the_asos_experiment_54a85a_shows_primacy() -> None:
    """Published: the datasheet of ASOS names it for a possible primacy effect (Liu et al. 2021)."""
    from pathlib import Path

    import pandas as pd

    path = Path(__file__).resolve().parents[3] / "shared/data/real/asos_digital_experiments.parquet"
    if not path.exists():
        pytest.skip("the data set is not here")
    rows = pd.read_parquet(path)
    rows = rows[(rows.experiment_id == "54a85a") & (rows.metric_id == 1)].sort_values("time_since_start")
    patterns = {}
    for variant, looks in rows.groupby("variant_id"):
        daily = looks.iloc[::8]
        effect = daily.mean_t - daily.mean_c
        se = np.sqrt(daily.variance_t / daily.count_t + daily.variance_c / daily.count_c)
        parts, errors = split_looks(effect.tolist(), se.tolist())
        patterns[int(variant)] = fit_trend(daily.time_since_start.tolist(), parts, errors)

    assert patterns[2].pattern == "growing"
    assert patterns[2].first < 0 < patterns[2].last
    assert patterns[0].pattern == "steady"


def test_too_little_to_see_a_trend_has_its_reason() -> None:
    """Two ages make no line, and no day may be old enough."""
    young = check_novelty(make_arm([0.1, 0.1]), make_arm([0.0, 0.0], seed=3))
    none = check_novelty(make_arm([0.1] * 3), make_arm([0.0] * 3, seed=3), NoveltyPlan(last_age=9))
    flat = {(0, a): Moments.from_values([1.0, 1.0]) for a in range(3)}

    assert young.trend == none.trend == NotComputable("too_few_ages")
    assert none.rows == ()
    assert check_novelty(flat, flat).trend == NotComputable("too_few_ages")
    assert fit_trend([0, 0, 1], [1, 2, 3], [1, 1, 1]) == NotComputable("too_few_ages")


def test_ages_without_a_baseline_take_no_part_in_a_relative_trend() -> None:
    """A control mean of about 0 has no share to speak of; the absolute scale still answers."""
    rng = np.random.default_rng(6)
    arms = [
        {(e, a): Moments.from_values(rng.normal(0, 1, 200)) for e in range(6) for a in range(4)} for _ in "tc"
    ]

    assert check_novelty(*arms).trend == NotComputable("too_few_ages")
    assert check_novelty(*arms, NoveltyPlan(scale="absolute")).trend.pattern == "steady"


@pytest.mark.parametrize(
    "call",
    [
        lambda: check_novelty({}, {}),
        lambda: check_novelty({"a": Moments.from_values([1.0])}, {(0, 0): Moments.from_values([1.0])}),
        lambda: check_novelty({(0, -1): Moments.from_values([1.0])}, {(0, 0): Moments.from_values([1.0])}),
        lambda: fit_trend([0, 1], [1, 2, 3], [1, 1, 1]),
        lambda: split_looks([1, 2], [1, 1]),
        lambda: NoveltyPlan(scale="x"),
        lambda: NoveltyPlan(alpha=0),
        lambda: NoveltyPlan(min_days=2),
        lambda: NoveltyPlan(comparison=ComparisonPlan(kind="x")),
    ],
)
def test_a_wrong_call_is_refused(call: Any) -> None:
    """Keys, lengths and plans are checked."""
    with pytest.raises(InvalidInputError):
        call()
