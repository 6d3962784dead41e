"""Hazard ratios, proportionality, competing ends and bins: against statsmodels and lifelines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.duration.survfunc import CumIncidenceRight

from abplat.errors import InvalidInputError
from abplat.stats import (
    CauseTable,
    NotComputable,
    RiskTable,
    check_bins,
    check_proportionality,
    choose_bin_width,
    compare_incidence,
    compare_restricted_means,
    cumulative_incidence,
    fit_cox,
    kaplan_meier,
    log_rank,
)

_ENDS = st.lists(
    st.tuples(st.integers(0, 12), st.sampled_from(["", "done", "lost"])), min_size=1, max_size=30
)  # fmt: skip


def _arm(rng: Any, n: int, hazard: float, shape: float = 1.0) -> tuple[Any, Any]:
    event, end = 10 * rng.weibull(shape, n) / hazard ** (1 / shape), rng.uniform(2, 15, n)
    return np.ceil(np.minimum(event, end) * 10) / 10, event <= end


def _lung(real_data: Any) -> tuple[Any, list[RiskTable]]:
    df = real_data("lung.csv.gz")
    tables = [RiskTable.from_times(df.time[df.sex == s], df.status[df.sex == s] == 2) for s in (2, 1)]
    return df, tables


def test_lung_by_sex(real_data: Any) -> None:
    """Oracles: R coxph and survdiff: -0.5310 (0.1672), chi-square 10.3267; PHReg(ties="efron")."""
    df, tables = _lung(real_data)
    found, test = fit_cox(*tables), log_rank(*tables)

    female, dead = (df.sex == 2).astype(float), (df.status == 2).astype(int)
    wanted = sm.PHReg(df.time, female, status=dead, ties="efron").fit()
    assert (found.log_hazard_ratio, found.se) == pytest.approx((-0.531024, 0.167179), abs=1e-6)
    assert (found.log_hazard_ratio, found.se) == pytest.approx((wanted.params[0], wanted.bse[0]), rel=1e-6)
    assert test.statistic == pytest.approx(10.3267, abs=5e-5)
    assert found.n_events == 165
    assert found.flags == ()


def test_wide_bins_cost_digits(real_data: Any) -> None:
    """Oracle: the design's figures on lung: 7-day bins about +1 %, 30-day bins about +8 % in chi-square."""
    df, exact = _lung(real_data)
    statistic = log_rank(*exact).statistic
    errors = []
    for width in (7, 30):
        tables = [
            RiskTable.from_times(np.ceil(df.time[df.sex == s] / width) * width, df.status[df.sex == s] == 2)
            for s in (2, 1)
        ]
        errors.append(log_rank(*tables).statistic / statistic - 1)

    assert errors == pytest.approx([0.01, 0.08], abs=0.01)
    assert check_bins(
        RiskTable.from_times(df.time, df.status == 2, tau=1020.0, n_bins=34), 1020.0
    ) == NotComputable("too_few_bins")


@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_the_hazard_ratio_equals_statsmodels(ties: Any) -> None:
    """Oracle: statsmodels PHReg with tied times, plain and stratified."""
    rng = np.random.default_rng(1)
    cells = {(a, s): _arm(rng, 90, 1.5**a * 2**s) for a in (1, 0) for s in (0, 1)}
    strata = [{str(s): RiskTable.from_times(*cells[a, s]) for s in (0, 1)} for a in (1, 0)]
    plain = [strata[i]["0"] + strata[i]["1"] for i in (0, 1)]

    times, seen = (np.concatenate([cells[k][i] for k in cells]) for i in (0, 1))
    arm, stratum = (np.repeat([float(k[i]) for k in cells], 90) for i in (0, 1))
    for tables, options in ((plain, {}), (strata, {"strata": stratum.astype(int)})):
        found = fit_cox(*tables, ties)
        wanted = sm.PHReg(times, arm, status=seen.astype(int), ties=ties, **options).fit()
        assert found.log_hazard_ratio == pytest.approx(wanted.params[0], rel=1e-6)
        assert found.se == pytest.approx(wanted.bse[0], rel=1e-6)
        assert found.p_value == pytest.approx(wanted.pvalues[0], rel=1e-5)


def test_newton_ends_at_the_top() -> None:
    """The mistake of lifelines: a coefficient near 0 needs full steps. Oracle: the score is 0."""
    rng = np.random.default_rng(2)
    t1, d1 = _arm(rng, 3000, 1.001)
    t0, d0 = _arm(rng, 3000, 1.0)
    found = fit_cox(RiskTable.from_times(t1, d1), RiskTable.from_times(t0, d0), "breslow")

    score = 0.0
    for time in np.unique(np.r_[t1[d1], t0[d0]]):
        r1, r0 = (t1 >= time).sum() * np.exp(found.log_hazard_ratio), (t0 >= time).sum()
        e1, e0 = (t1[d1] == time).sum(), (t0[d0] == time).sum()
        score += e1 - (e1 + e0) * r1 / (r1 + r0)
    assert abs(found.log_hazard_ratio) < 0.1
    assert abs(score) * found.se**2 < 1e-9


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), scale=st.sampled_from([0.25, 60.0]))
def test_swapping_inverts_the_ratio_and_time_does_not_matter(seed: int, scale: float) -> None:
    """Properties: swap negates the logarithm, a change of unit changes nothing, empty strata neither."""
    rng = np.random.default_rng(seed)
    arms = [_arm(rng, n, h) for n, h in ((40, 1.4), (30, 1.0))]
    a, b = (RiskTable.from_times(*arm) for arm in arms)
    c, d = (RiskTable.from_times(scale * t, e) for t, e in arms)
    found, back, scaled = fit_cox(a, b), fit_cox(b, a), fit_cox(c, d)

    assert back.log_hazard_ratio == pytest.approx(-found.log_hazard_ratio, abs=1e-9)
    assert back.se == pytest.approx(found.se, rel=1e-9)
    assert scaled.log_hazard_ratio == pytest.approx(found.log_hazard_ratio, abs=1e-9)
    empty = RiskTable((1.0,), (0,), (0,))
    strata = fit_cox({"x": a, "y": empty}, {"x": b, "y": empty})
    assert strata.log_hazard_ratio == pytest.approx(found.log_hazard_ratio, abs=1e-9)


def test_the_hazard_ratio_holds_its_error_and_finds_the_truth() -> None:
    """600 seeded trials with a ratio of 1.5: the 95 % interval covers it."""
    rng = np.random.default_rng(3)
    covered = 0
    for _ in range(600):
        found = fit_cox(*[RiskTable.from_times(*_arm(rng, 120, h)) for h in (1.5, 1.0)])
        covered += found.ci_lower <= 1.5 <= found.ci_upper

    assert 549 <= covered <= 586


def test_the_proportionality_check_holds_its_error_under_an_effect() -> None:
    """1,500 seeded trials with proportional hazards (ratio 2): 5 % alarms; both ratios aim at 2."""
    rng = np.random.default_rng(4)
    checks = [
        check_proportionality(*[RiskTable.from_times(*_arm(rng, 300, h, 1.5)) for h in (2.0, 1.0)])
        for _ in range(1500)
    ]

    assert 50 <= sum(check.alarm for check in checks) <= 101
    assert np.std([check.z for check in checks]) == pytest.approx(1, abs=0.06)
    assert np.mean([check.average_ratio for check in checks]) == pytest.approx(2, abs=0.05)
    assert np.mean([check.late_ratio for check in checks]) == pytest.approx(2, abs=0.07)


def test_a_fading_effect_is_found_and_named() -> None:
    """Hazards that cross: the ratio is near 1, the check and the flag say not to read it."""
    rng = np.random.default_rng(5)
    tables = [RiskTable.from_times(10 * rng.weibull(shape, 600), np.ones(600)) for shape in (0.7, 1.6)]
    found = fit_cox(*tables)

    assert found.flags == ("non_proportional_hazards",)
    assert found.proportionality.average_ratio > found.proportionality.late_ratio
    assert found.proportionality.z < 0
    assert found.proportionality.log_rank == log_rank(*tables)
    assert found.proportionality.late == log_rank(*tables, gamma=1.0)
    strata = check_proportionality({"a": tables[0]}, {"a": tables[1]})
    assert strata == found.proportionality


def test_the_incidence_equals_statsmodels() -> None:
    """Oracle: statsmodels CumIncidenceRight, incidence and standard error, two causes, ties."""
    rng = np.random.default_rng(6)
    times, ends = rng.integers(1, 30, 300), rng.choice([0, 1, 2], 300)
    table = CauseTable.from_times(times, np.array(["", "done", "lost"])[ends])

    wanted = CumIncidenceRight(times, ends)
    for place, cause in enumerate(("done", "lost")):
        found = cumulative_incidence(table, cause)
        at = np.searchsorted(found.times, wanted.times)
        assert np.array(found.incidence)[at] == pytest.approx(wanted.cinc[place], rel=1e-10)
        assert np.array(found.se)[at] == pytest.approx(wanted.cinc_se[place], rel=1e-8)


@settings(max_examples=80, deadline=None)
@given(rows=_ENDS)
def test_causes_and_open_units_add_up(rows: list[tuple[int, str]]) -> None:
    """Property: the incidences of all causes and the Kaplan-Meier curve of any end add up to 1."""
    times, ends = [t for t, _ in rows], [e for _, e in rows]
    if not any(ends):
        return
    table = CauseTable.from_times(times, ends)
    curves = [np.array(cumulative_incidence(table, cause).incidence) for cause in table.events]
    open_share = np.array(kaplan_meier(table.any_cause()).survival)

    assert sum(curves) + open_share == pytest.approx(np.ones(open_share.size), abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(rows=_ENDS, cut=st.integers(0, 30))
def test_cause_tables_add_up(rows: list[tuple[int, str]], cut: int) -> None:
    """Property: tables of disjoint units give the table of all, a cause unknown to one part included."""
    times, ends = [t for t, _ in rows], [e for _, e in rows]
    if not any(ends[:cut]) or not any(ends[cut:]):
        return
    whole = CauseTable.from_times(times, ends)

    assert (
        CauseTable.from_times(times[:cut], ends[:cut]) + CauseTable.from_times(times[cut:], ends[cut:])
        == whole
    )
    assert whole.n == len(rows)


def test_one_cause_alone_is_kaplan_meier() -> None:
    """Oracle: 1 - Kaplan-Meier and Greenwood's error, while units are at risk."""
    times, seen = _arm(np.random.default_rng(7), 200, 1.0)
    found = cumulative_incidence(CauseTable.from_times(times, np.where(seen, "done", "")), "done", 0.1)
    curve = kaplan_meier(RiskTable.from_times(times, seen), 0.1)

    assert found.incidence == pytest.approx([1 - s for s in curve.survival], abs=1e-12)
    assert found.se == pytest.approx(curve.se, rel=1e-8)
    assert all(
        lo <= v <= hi for lo, v, hi in zip(found.ci_lower, found.incidence, found.ci_upper, strict=True)
    )


def test_censoring_competing_ends_would_promise_too_much() -> None:
    """The mistake: 1 - Kaplan-Meier with cancellations as censored exceeds the true share.

    Oracle: every unit is seen to its end, so the true share is a plain count.
    """
    rng = np.random.default_rng(8)
    first, second = rng.exponential(5, 4000), rng.exponential(5, 4000)
    times, ends = np.minimum(first, second), np.where(first < second, "done", "cancelled")
    table = CauseTable.from_times(times, ends)
    found = cumulative_incidence(table, "done")
    naive = 1 - np.array(kaplan_meier(RiskTable.from_times(times, ends == "done")).survival)

    at = np.searchsorted(found.times, 6.0) - 1
    truth = np.mean((ends == "done") & (times <= 6.0))
    assert found.incidence[at] == pytest.approx(truth, abs=1e-12)
    assert found.se[at] == pytest.approx(np.sqrt(truth * (1 - truth) / 4000), rel=1e-6)
    assert naive[at] > truth + 0.2


def test_incidences_are_compared_at_a_horizon() -> None:
    """Difference and errors of both arms; coverage in 600 seeded trials with censoring."""
    rng = np.random.default_rng(9)

    def arm(rate: float, n: int) -> CauseTable:
        done, lost, end = rng.exponential(1 / rate, n), rng.exponential(10, n), rng.uniform(3, 9, n)
        times = np.min([done, lost, end], axis=0)
        return CauseTable.from_times(
            times, np.array(["done", "lost", ""])[np.argmin([done, lost, end], axis=0)]
        )

    def truth(rate: float) -> float:
        return rate / (rate + 0.1) * (1 - np.exp(-5 * (rate + 0.1)))

    covered = 0
    for _ in range(600):
        found = compare_incidence(arm(0.3, 200), arm(0.2, 150), "done", 5.0)
        covered += found.ci_lower <= truth(0.3) - truth(0.2) <= found.ci_upper
    assert 549 <= covered <= 586
    a, b = arm(0.3, 200), arm(0.2, 150)
    assert compare_incidence(a, b, "done", 5.0).effect == -compare_incidence(b, a, "done", 5.0).effect
    assert found.method == "aalen_johansen"


def test_a_cause_that_one_arm_never_saw_is_zero_there() -> None:
    """Nobody cancelled in control: incidence 0, no relative effect, a difference all the same."""
    a = CauseTable.from_times([1, 2, 3, 9], ["done", "lost", "done", ""])
    b = CauseTable.from_times([1, 2, 3, 9], ["done", "done", "done", ""])
    found = compare_incidence(a, b, "lost", 5.0)

    assert found.effect == 0.25
    assert found.rel_reason == "zero_baseline"
    assert compare_incidence(a, b, "done", 0.5) == NotComputable("zero_variance")


def test_the_error_of_a_restricted_mean_is_that_of_the_mean_not_of_a_unit() -> None:
    """The mistake of lifelines#1456: Var[min(T, tau)] is n times too large.

    Oracle: the spread of 500 seeded samples.
    """
    rng = np.random.default_rng(10)
    found = [
        compare_restricted_means(*[RiskTable.from_times(*_arm(rng, 100, 1.0)) for _ in "ab"], 9.0)
        for _ in range(500)
    ]

    spread = np.std([one.effect for one in found])
    assert np.mean([one.se for one in found]) == pytest.approx(spread, rel=0.1)
    logs = np.std([np.log1p(one.rel_effect) for one in found])
    widths = [np.log1p(one.rel_ci_upper) - np.log1p(one.rel_ci_lower) for one in found]
    assert np.mean(widths) / (2 * 1.959964) == pytest.approx(logs, rel=0.1)


@given(tau=st.floats(1e-3, 1e9))
@settings(max_examples=60, deadline=None)
def test_a_hundred_bins_always_fit(tau: float) -> None:
    """Property: the width leaves at least a hundred bins, and no wider handy one would."""
    width = choose_bin_width(tau)

    assert tau / width >= 100 * (1 - 1e-12)
    assert width <= 7 * 86_400


def test_bins_are_counted_up_to_the_horizon() -> None:
    """An exact table loses nothing at any number of bins."""
    table = RiskTable.from_times([1.0, 5.0, 9.0], [True] * 3)
    grid = RiskTable.from_times([1.0, 5.0, 9.0], [True] * 3, tau=10.0, n_bins=120)

    assert check_bins(table, 10.0) == NotComputable("too_few_bins")
    assert check_bins(table, 10.0, exact=True) == 3
    assert check_bins(grid, 10.0) == 120
    assert check_bins(grid, 5.0) == NotComputable("too_few_bins")


def test_what_cannot_be_computed_says_why() -> None:
    """Reasons instead of numbers."""
    empty, done = RiskTable((1.0,), (0,), (0,)), RiskTable.from_times([1, 2, 3], [True] * 3)
    open_ones, later = RiskTable.from_times([3, 3], [False] * 2), RiskTable.from_times([7, 8, 9], [True] * 3)
    nobody = CauseTable((1.0,), {"done": (0,)}, (0,))
    short = CauseTable.from_times([1, 2], ["done", ""])

    assert fit_cox(empty, done) == NotComputable("no_units")
    assert fit_cox(done, open_ones) == NotComputable("no_events")
    assert fit_cox(done, later) == NotComputable("not_converged")
    assert check_proportionality(empty, done) == NotComputable("no_units")
    assert check_proportionality(open_ones, open_ones) == NotComputable("no_events")
    assert check_proportionality(done, later) == NotComputable("no_events")
    at_once = RiskTable.from_times([1, 1], [True, True])
    assert check_proportionality(at_once, at_once) == NotComputable("no_events")
    once = RiskTable.from_times([1, 5], [True, False])
    assert check_proportionality(once, once) == NotComputable("no_events")
    assert cumulative_incidence(nobody, "done") == NotComputable("no_units")
    assert compare_incidence(nobody, short, "done", 1.0) == NotComputable("no_units")
    assert compare_incidence(short, short, "done", 5.0) == NotComputable("tau_beyond_follow_up")


_TABLE = CauseTable((1.0, 2.0), {"done": (1, 0)}, (0, 1))


@pytest.mark.parametrize(
    "call",
    [
        lambda: CauseTable((1.0,), {}, (0,)),
        lambda: CauseTable((1.0,), {"a": (1, 2)}, (0,)),
        lambda: CauseTable.from_times([1.0], [""]),
        lambda: cumulative_incidence(_TABLE, "lost"),
        lambda: cumulative_incidence(_TABLE, "done", alpha=2.0),
        lambda: compare_incidence(_TABLE, _TABLE, "lost", 1.0),
        lambda: compare_incidence(_TABLE, _TABLE, "done", 0.0),
        lambda: fit_cox(_TABLE.any_cause(), _TABLE.any_cause(), "exact"),
        lambda: fit_cox(_TABLE.any_cause(), _TABLE.any_cause(), alpha=0.0),
        lambda: fit_cox(_TABLE.any_cause(), {"a": _TABLE.any_cause()}),
        lambda: choose_bin_width(0.0),
        lambda: check_bins(_TABLE.any_cause(), -1.0),
    ],
)
def test_a_wrong_call_is_refused(call: Callable[[], object]) -> None:
    """Tables that cannot be, unknown causes, impossible horizons."""
    with pytest.raises(InvalidInputError):
        call()


def test_a_table_adds_up_with_tables_only() -> None:
    """Adding a number is a mistake of the caller."""
    with pytest.raises(TypeError):
        _TABLE + 1


def test_a_horizon_cuts_the_table() -> None:
    """Times beyond tau are still open at tau, whatever came later."""
    table = CauseTable.from_times([1, 4, 12, 15], ["done", "lost", "done", ""], tau=10.0)

    assert table.edges[-1] == 10.0
    assert table.censored[-1] == 2
    assert table.cause("done").events == (1, 0, 0)
    assert table.cause("unknown").events == (0, 0, 0)
