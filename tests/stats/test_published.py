"""Published experiments give their published results; skipped where the data are absent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import statsmodels.api as sm

from abplat.stats import (
    AnytimeTest,
    ComparisonPlan,
    LinearPlan,
    Moments,
    RiskTable,
    Table,
    check_sample_ratio,
    compare,
    compare_anytime,
    decompose_links,
    fit_cox,
    kaplan_meier,
    log_rank,
    pooled_z_test,
    proportion_interval,
)

Reader = Callable[[str], Any]


def test_cookie_cats(real_data: Reader) -> None:
    """Published: split p 0.00861; day-1 44.82 / 44.23 % p 0.0744; day-7 z 3.164 p 0.00155; rounds p 0.376."""
    rows = real_data("cookie_cats.csv.gz")
    arms = {key: rows[rows.version == key] for key in ("gate_30", "gate_40")}
    split = check_sample_ratio({key: len(arm) for key, arm in arms.items()}, {"gate_30": 1, "gate_40": 1})
    counts = {
        day: [int(x) for key in arms for x in (arms[key][day].sum(), len(arms[key]))]
        for day in ("retention_1", "retention_7")
    }
    rounds = [Moments.from_values(arm.sum_gamerounds) for arm in arms.values()]

    assert split.p_value == pytest.approx(0.00861, abs=5e-6)
    assert counts["retention_1"] == [20_034, 44_700, 20_119, 45_489]
    assert pooled_z_test(Table(*counts["retention_1"]))[1] == pytest.approx(0.0744, abs=5e-5)
    assert pooled_z_test(Table(*counts["retention_7"])) == pytest.approx((3.164, 0.00155), abs=5e-4)
    assert compare(*rounds).p_value == pytest.approx(0.376, abs=5e-4)
    assert compare(*rounds).treatment_value == pytest.approx(52.456, abs=5e-4)


@pytest.mark.parametrize(
    ("arm", "column", "rate", "t"),
    [
        ("Mens E-Mail", "visit", 0.18276, 22.620),
        ("Mens E-Mail", "conversion", 0.012531, 7.390),
        ("Mens E-Mail", "spend", 1.42262, 5.300),
        ("Womens E-Mail", "visit", 0.15140, 13.985),
        ("Womens E-Mail", "conversion", 0.008837, 3.782),
        ("Womens E-Mail", "spend", 1.07720, 3.256),
    ],
)
def test_hillstrom(real_data: Reader, arm: str, column: str, rate: float, t: float) -> None:
    """Published: Welch t of both mailings against none, n 21,306."""
    rows = real_data("hillstrom.csv.gz")
    kind = "mean" if column == "spend" else "proportion"
    treatment, control = (
        Moments.from_values(rows[rows.treatment == key][column].astype(float)) for key in (arm, "No E-Mail")
    )
    found = compare(treatment, control, ComparisonPlan(kind=kind))

    assert control.n == 21_306
    assert found.treatment_value == pytest.approx(rate, abs=6e-6)
    assert found.effect / found.se == pytest.approx(t, abs=6e-4)


def test_hillstrom_links(real_data: Reader) -> None:
    """Visits carry the effect on conversion: points of both links add up to 1.2531 - 0.5726 %."""
    rows = real_data("hillstrom.csv.gz")
    chains = []
    for key in ("No E-Mail", "Mens E-Mail"):
        arm = rows[rows.treatment == key]
        chains.append([len(arm), int(arm.visit.sum()), int(arm.conversion.sum())])
    found = decompose_links(*chains)

    assert found.difference == pytest.approx(0.012531 - 0.005726, abs=1e-6)
    assert found.links[0].points + found.links[1].points == pytest.approx(found.difference)
    assert found.links[0].points_ci_lower > 0


def test_hillstrom_covariate(real_data: Reader) -> None:
    """Oracle: statsmodels OLS of spend on treatment and history, as an analysis of covariance."""
    rows = real_data("hillstrom.csv.gz")
    rows = rows[rows.treatment != "Womens E-Mail"]
    treated = (rows.treatment == "Mens E-Mail").to_numpy()
    records = [Moments.from_values(rows.spend[m], covariate=rows.history[m]) for m in (treated, ~treated)]
    found = compare(*records, ComparisonPlan(theta_rule="within_arms"))

    fit = sm.OLS(rows.spend, np.column_stack([np.ones(len(rows)), treated, rows.history])).fit()
    assert found.effect == pytest.approx(fit.params.iloc[1], rel=1e-9)


def test_udacity_free_trial(real_data: Reader) -> None:
    """Published course answers: gross -0.0206 (-0.0291, -0.0120), net -0.0049 (-0.0116, 0.0019)."""
    rows = real_data("udacity_free_trial.csv.gz")
    whole = rows.groupby("group")[["pageviews", "clicks"]].sum()
    done = rows.dropna(subset=["enrollments"]).groupby("group")[["clicks", "enrollments", "payments"]].sum()
    plan = dict.fromkeys(whole.index, 1)
    control, treatment = sorted(done.index, key=lambda g: not g.lower().startswith("control"))
    intervals = [
        proportion_interval(
            Table(*(int(done.loc[g, c]) for g in (treatment, control) for c in (column, "clicks"))),
            "pooled_z",
        )
        for column in ("enrollments", "payments")
    ]

    for column in ("pageviews", "clicks"):
        split = check_sample_ratio({g: int(whole.loc[g, column]) for g in whole.index}, plan)
        assert not split.alarm
    assert [round(v, 4) for v in (intervals[0].effect, intervals[0].ci_lower, intervals[0].ci_upper)] == [
        -0.0206,
        -0.0291,
        -0.0120,
    ]
    assert [round(v, 4) for v in (intervals[1].effect, intervals[1].ci_lower, intervals[1].ci_upper)] == [
        -0.0049,
        -0.0116,
        0.0019,
    ]


def test_lung(real_data: Reader) -> None:
    """R survival: survdiff by sex 10.3, observed 53 of 73.4 expected; survfit log-log medians 270, 426."""
    rows = real_data("lung.csv.gz")
    men, women = (
        RiskTable.from_times(rows.time[rows.sex == s], rows.status[rows.sex == s] == 2) for s in (1, 2)
    )
    found = log_rank(women, men)

    assert found.statistic == pytest.approx(10.3267, abs=5e-5)
    assert found.p_value == pytest.approx(0.00131, abs=5e-6)
    assert (found.observed, found.expected) == pytest.approx((53, 73.4), abs=0.05)
    assert [kaplan_meier(table).median for table in (men, women)] == [270.0, 426.0]
    curve = kaplan_meier(women)
    assert (curve.median_ci_lower, curve.median_ci_upper) == (345.0, 524.0)


def test_nsw(real_data: Reader) -> None:
    """Dehejia and Wahba (1999): 1,794 (633); with HC2 671.00, which is Welch."""
    rows = real_data("nsw_dehejia_wahba.csv.gz")
    records = [Moments.from_values(rows.re78[rows.treat == t]) for t in (1, 0)]
    found = compare(*records)

    assert found.effect == pytest.approx(1794.34, abs=5e-3)
    assert found.se == pytest.approx(671.00, abs=5e-3)


def test_nsw_with_two_covariates(real_data: Reader) -> None:
    """Oracle: statsmodels OLS of re78 on treat, re74, re75."""
    rows = real_data("nsw_dehejia_wahba.csv.gz")
    records = [
        Moments.from_values(arm.re78, covariate=arm[["re74", "re75"]].to_numpy())
        for arm in (rows[rows.treat == t] for t in (1, 0))
    ]
    found = compare(*records, ComparisonPlan(theta_rule="within_arms"))

    fit = sm.OLS(rows.re78, sm.add_constant(rows[["treat", "re74", "re75"]])).fit()
    assert found.effect == pytest.approx(fit.params["treat"], rel=1e-9)
    assert found.theta == pytest.approx(fit.params[["re74", "re75"]].to_numpy(), rel=1e-8)


def test_resume_audit(real_data: Reader) -> None:
    """Bertrand and Mullainathan (2004): 9.65 against 6.45 %, z 4.108, p 3.98e-5."""
    rows = real_data("resume_audit.csv.gz")
    race = rows["race"]
    answer = rows["received_callback"]
    counts = [int(v) for key in ("white", "black") for v in (answer[race == key].sum(), (race == key).sum())]

    assert counts == [235, 2435, 157, 2435]
    assert pooled_z_test(Table(*counts)) == pytest.approx((4.108, 3.98e-5), rel=1e-3)


def test_nsw_with_one_variance(real_data: Reader) -> None:
    """Dehejia and Wahba (1999): 1,794 (633), ordinary least squares, which pools the variance."""
    rows = real_data("nsw_dehejia_wahba.csv.gz")
    treated, control = (Moments.from_values(rows.re78[rows.treat == t]) for t in (1, 0))
    found = compare_anytime({"treated": treated}, control, LinearPlan(effect_sd=0.2))

    assert isinstance(found, AnytimeTest)
    assert round(found.rows[0].effect, 2) == 1794.34
    assert round(found.rows[0].se, 2) == 632.85


def test_star(real_data: Reader) -> None:
    """Stock and Watson, STAR table: 918.04 (1.63), small 13.90 (2.45), with an aide 0.31 (2.27), n 5,786."""
    rows = real_data("project_star.csv.gz").dropna(subset=["readk", "mathk", "stark"])
    score = rows.readk + rows.mathk
    arms = {key: Moments.from_values(score[rows.stark == key]) for key in rows.stark.unique()}
    regular = arms["regular"]
    small, aide = (compare(arms[key], regular) for key in ("small", "regular+aide"))

    assert sum(arm.n for arm in arms.values()) == 5_786
    assert round(float(regular.mean[0]), 2) == 918.04
    assert round(float(regular.covariance[0, 0] / regular.n) ** 0.5, 2) == 1.63
    assert [round(v, 2) for v in (small.effect, small.se, aide.effect, aide.se)] == [13.90, 2.45, 0.31, 2.27]


def test_lung_by_another_library(real_data: Reader) -> None:
    """Oracle: lifelines medians with log-log ends, and its Cox model of age and sex, as the R documentation prints it."""
    from lifelines import CoxPHFitter, KaplanMeierFitter
    from lifelines.utils import median_survival_times

    rows = real_data("lung.csv.gz")
    dead = rows.status == 2
    for sex in (1, 2):
        mine = rows.sex == sex
        fit = KaplanMeierFitter().fit(rows.time[mine], dead[mine])
        ends = median_survival_times(fit.confidence_interval_).iloc[0].tolist()
        curve = kaplan_meier(RiskTable.from_times(rows.time[mine], dead[mine]))
        assert (curve.median, curve.median_ci_lower, curve.median_ci_upper) == (
            fit.median_survival_time_,
            *ends,
        )
    both = CoxPHFitter().fit(rows.assign(dead=dead)[["time", "dead", "age", "sex"]], "time", "dead")
    assert both.params_.to_numpy() == pytest.approx([0.017045, -0.513219], abs=1e-5)
    assert both.standard_errors_.to_numpy() == pytest.approx([0.009223, 0.167458], abs=1e-5)
    alone = CoxPHFitter().fit(rows.assign(dead=dead)[["time", "dead", "sex"]], "time", "dead")
    women, men = (RiskTable.from_times(rows.time[rows.sex == s], dead[rows.sex == s]) for s in (2, 1))
    ours = fit_cox(women, men)
    assert (ours.log_hazard_ratio, ours.se) == pytest.approx(
        (alone.params_.iloc[0], alone.standard_errors_.iloc[0]), abs=1e-5
    )
