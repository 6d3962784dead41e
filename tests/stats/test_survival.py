"""Time to event against lifelines, statsmodels and hand-worked cases."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st

from abplat.errors import InvalidInputError
from abplat.stats import (
    NotComputable,
    RiskTable,
    compare_restricted_means,
    kaplan_meier,
    log_rank,
    restricted_mean,
)

_TIMES = st.lists(st.tuples(st.integers(0, 12), st.booleans()), min_size=1, max_size=25)


def _censored_arm(seed: int, scale: float, n: int = 120) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    event, end = rng.exponential(scale, n), rng.uniform(2, 12, n)
    return np.ceil(np.minimum(event, end) * 10) / 10, event <= end


def test_a_hand_worked_case_of_four() -> None:
    """Oracle: worked by hand: S 3/4 then 3/8; areas beyond 4.5 and 1.5; variance 1.6875 + 1.125."""
    table = RiskTable.from_times([2, 4, 6, 10], [True, False, True, False], tau=10)
    found, curve = restricted_mean(table, 10), kaplan_meier(table)

    assert found.value == pytest.approx(6.5, abs=1e-12)
    assert found.se == pytest.approx(np.sqrt(1.6875 + 1.125), abs=1e-12)
    steps = [(t, s) for t, s, d in zip(curve.times, curve.survival, curve.events, strict=True) if d]
    assert steps == [(2.0, 0.75), (6.0, pytest.approx(0.375, abs=1e-12))]


def test_the_curve_equals_lifelines() -> None:
    """Oracle: lifelines KaplanMeierFitter, log-log interval, and its median."""
    lifelines = pytest.importorskip("lifelines")
    times, seen = _censored_arm(1, 5)
    curve = kaplan_meier(RiskTable.from_times(times, seen), alpha=0.1)

    fit = lifelines.KaplanMeierFitter(alpha=0.1).fit(times, seen)
    wanted = fit.survival_function_.loc[list(curve.times)].to_numpy()[:, 0]
    ends = fit.confidence_interval_.loc[list(curve.times)].to_numpy()
    assert curve.survival == pytest.approx(wanted, rel=1e-10)
    inside = np.array(curve.survival) < 1
    assert np.array(curve.ci_lower)[inside] == pytest.approx(ends[inside, 0], rel=1e-8)
    assert np.array(curve.ci_upper)[inside] == pytest.approx(ends[inside, 1], rel=1e-8)
    assert curve.median == fit.median_survival_time_


def test_greenwood_equals_statsmodels() -> None:
    """Oracle: statsmodels SurvfuncRight.surv_prob_se."""
    times, seen = _censored_arm(2, 5)
    curve = kaplan_meier(RiskTable.from_times(times, seen))

    wanted = sm.duration.SurvfuncRight(times, seen.astype(int))
    ours = [(s, e) for s, e, d in zip(curve.survival, curve.se, curve.events, strict=True) if d]
    assert [s for s, _ in ours] == pytest.approx(wanted.surv_prob, rel=1e-10)
    assert [e for _, e in ours] == pytest.approx(wanted.surv_prob_se, rel=1e-10)


def test_the_restricted_mean_equals_the_area_of_lifelines() -> None:
    """Oracle: lifelines.utils.restricted_mean_survival_time (its variance is another quantity)."""
    pytest.importorskip("lifelines")
    from lifelines import KaplanMeierFitter
    from lifelines.utils import restricted_mean_survival_time

    times, seen = _censored_arm(3, 5)
    found = restricted_mean(RiskTable.from_times(times, seen), tau=8.05)

    wanted = restricted_mean_survival_time(KaplanMeierFitter().fit(times, seen), t=8.05)
    assert found.value == pytest.approx(wanted, rel=1e-9)


def test_the_error_of_the_restricted_mean_equals_the_bootstrap() -> None:
    """Oracle: 3,000 seeded resamples of the units."""
    rng = np.random.default_rng(7)
    times, seen = _censored_arm(4, 5, 200)
    found = restricted_mean(RiskTable.from_times(times, seen), tau=8)

    values = []
    for _ in range(3000):
        rows = rng.integers(0, 200, 200)
        values.append(restricted_mean(RiskTable.from_times(times[rows], seen[rows]), tau=8).value)
    assert found.se == pytest.approx(np.std(values), rel=0.05)


@pytest.mark.parametrize(("rho", "weight"), [(0.0, {}), (1.0, {"weight_type": "fh", "fh_p": 1})])
def test_log_rank_equals_statsmodels(rho: float, weight: dict[str, Any]) -> None:
    """Oracle: statsmodels survdiff, plain and Fleming-Harrington."""
    (t1, d1), (t0, d0) = _censored_arm(5, 5), _censored_arm(6, 7, 90)
    found = log_rank(RiskTable.from_times(t1, d1), RiskTable.from_times(t0, d0), rho=rho)

    arm = np.r_[np.ones(t1.size), np.zeros(t0.size)]
    statistic, p_value = sm.duration.survdiff(np.r_[t1, t0], np.r_[d1, d0].astype(int), arm, **weight)
    assert (found.statistic, found.p_value) == pytest.approx((statistic, p_value), rel=1e-9)
    assert found.log10_p == pytest.approx(np.log10(p_value), rel=1e-9)
    assert found.z > 0


def test_late_weights_equal_lifelines() -> None:
    """Oracle: lifelines logrank_test with Fleming-Harrington (0, 1) weights."""
    pytest.importorskip("lifelines")
    from lifelines.statistics import logrank_test

    (t1, d1), (t0, d0) = _censored_arm(5, 5), _censored_arm(6, 7, 90)
    found = log_rank(RiskTable.from_times(t1, d1), RiskTable.from_times(t0, d0), gamma=1.0)

    wanted = logrank_test(t1, t0, d1, d0, weightings="fleming-harrington", p=0, q=1)
    assert found.statistic == pytest.approx(wanted.test_statistic, rel=1e-6)


def test_stratified_log_rank_equals_statsmodels() -> None:
    """Oracle: statsmodels survdiff(strata=...)."""
    arms = {(a, s): _censored_arm(10 * a + s, 5 + a + 2 * s, 60) for a in (0, 1) for s in (0, 1)}
    tables = [{str(s): RiskTable.from_times(*arms[a, s]) for s in (0, 1)} for a in (0, 1)]
    found = log_rank(tables[1], tables[0])

    times = np.concatenate([arms[k][0] for k in arms])
    seen = np.concatenate([arms[k][1] for k in arms]).astype(int)
    group = np.repeat([k[0] for k in arms], 60)
    strata = np.repeat([k[1] for k in arms], 60)
    wanted = sm.duration.survdiff(times, seen, group, strata=strata)
    assert found.statistic == pytest.approx(wanted[0], rel=1e-9)


def test_a_comparison_combines_both_arms() -> None:
    """Difference and log ratio with their variances added; swapping the arms negates."""
    slow, quick = (RiskTable.from_times(*_censored_arm(s, scale)) for s, scale in ((8, 7), (9, 4)))
    found, back = compare_restricted_means(quick, slow, 9), compare_restricted_means(slow, quick, 9)

    a, b = restricted_mean(quick, 9), restricted_mean(slow, 9)
    assert found.effect == pytest.approx(a.value - b.value)
    assert found.se == pytest.approx(np.hypot(a.se, b.se))
    assert found.effect == -back.effect
    assert (1 + found.rel_effect) * (1 + back.rel_effect) == pytest.approx(1)
    assert found.ci_upper < 0
    assert found.rel_ci_upper < 0
    assert compare_restricted_means(quick, slow).tau == min(quick.follow_up, slow.follow_up)


@settings(max_examples=60, deadline=None)
@given(rows=_TIMES, cut=st.integers(0, 25))
def test_tables_add_up(rows: list[tuple[int, bool]], cut: int) -> None:
    """Tables of disjoint units add up to the table of all."""
    times, seen = [t for t, _ in rows], [d for _, d in rows]
    whole = RiskTable.from_times(times, seen)
    left = RiskTable.from_times(times[:cut], seen[:cut])
    right = RiskTable.from_times(times[cut:], seen[cut:])

    assert left + right == whole
    assert whole.n == len(rows)


@settings(max_examples=60, deadline=None)
@given(rows=_TIMES, scale=st.sampled_from([0.5, 3.0]))
def test_time_scales_through(rows: list[tuple[int, bool]], scale: float) -> None:
    """Days or hours: the restricted mean scales, the curve does not change."""
    times, seen = np.array([t for t, _ in rows], dtype=float), [d for _, d in rows]
    one, other = (RiskTable.from_times(t, seen) for t in (times, times * scale))
    a, b = restricted_mean(one, 5.0), restricted_mean(other, 5.0 * scale)

    assert kaplan_meier(one).survival == kaplan_meier(other).survival
    if isinstance(a, NotComputable):
        assert a == b
    else:
        assert (b.value, b.se) == pytest.approx((a.value * scale, a.se * scale))


def test_without_censoring_the_restricted_mean_is_the_mean() -> None:
    """With everything seen it is the plain mean of min(time, tau)."""
    times = np.array([0.0, 1, 1, 3, 8, 20])
    found = restricted_mean(RiskTable.from_times(times, np.ones(6, dtype=bool)), tau=10)

    assert found.value == pytest.approx(np.minimum(times, 10).mean())
    assert found.se == pytest.approx(np.minimum(times, 10).std() / np.sqrt(6))


def test_a_regular_grid_comes_close_to_the_exact_table() -> None:
    """Two hundred bins leave the restricted mean within half a bin."""
    times, seen = _censored_arm(11, 5)
    grid = RiskTable.from_times(times, seen, tau=10, n_bins=200)

    assert len(grid.edges) == 200
    assert restricted_mean(grid, 10).value == pytest.approx(
        restricted_mean(RiskTable.from_times(times, seen, tau=10), 10).value, abs=0.05
    )
    assert RiskTable.from_times([0.0], [True], n_bins=5).edges == (0.0,)


def test_completers_only_would_say_the_opposite() -> None:
    """The survivor bias of completers-only averages: the quick few hide the many still open."""
    bad = RiskTable.from_times([1.0] * 20 + [10.0] * 80, [True] * 20 + [False] * 80, tau=10)
    good = RiskTable.from_times([4.0] * 90 + [10.0] * 10, [True] * 90 + [False] * 10, tau=10)

    assert compare_restricted_means(good, bad, 10).ci_upper < 0


def test_a_median_that_is_never_reached_is_none() -> None:
    """Fewer than half complete: no median; all complete: the curve ends at 0."""
    few = kaplan_meier(RiskTable.from_times([1, 5, 5, 5], [True, False, False, False]))
    all_done = kaplan_meier(RiskTable.from_times([1, 2], [True, True]))

    assert few.median is None
    assert few.median_ci_upper is None
    assert all_done.median == 1.0
    assert all_done.survival[-1] == 0.0
    assert all_done.ci_lower[-1] == 0.0


def test_what_cannot_be_computed_says_why() -> None:
    """Reasons instead of numbers."""
    empty = RiskTable((1.0,), (0,), (0,))
    open_ones = RiskTable.from_times([3, 3], [False, False])
    done = RiskTable.from_times([3, 3], [True, True])

    assert kaplan_meier(empty) == NotComputable("no_units")
    assert restricted_mean(empty) == NotComputable("no_units")
    assert compare_restricted_means(empty, done) == NotComputable("no_units")
    assert log_rank(empty, done) == NotComputable("no_units")
    assert log_rank(open_ones, open_ones) == NotComputable("no_events")
    assert restricted_mean(open_ones, 5) == NotComputable("tau_beyond_follow_up")
    assert compare_restricted_means(open_ones, done, 5) == NotComputable("tau_beyond_follow_up")
    assert compare_restricted_means(done, open_ones, 5) == NotComputable("tau_beyond_follow_up")
    assert restricted_mean(done, 5).value == 3.0
    assert compare_restricted_means(done, done, 3) == NotComputable("zero_variance")


def test_a_time_of_zero_has_no_ratio() -> None:
    """Everybody done at once: the difference stands, the ratio has a reason."""
    instant = RiskTable.from_times([0.0, 0.0], [True, True])
    found = compare_restricted_means(RiskTable.from_times([1, 3], [True, True]), instant, 3)

    assert found.rel_reason == "non_positive_mean"
    assert found.rel_effect is None
    assert found.effect == 2.0


_WRONG: list[Callable[[], object]] = [
    lambda: RiskTable((1.0, 2.0), (1,), (0,)),
    lambda: RiskTable((2.0, 1.0), (1, 1), (0, 0)),
    lambda: RiskTable((-1.0,), (1,), (0,)),
    lambda: RiskTable((float("nan"),), (1,), (0,)),
    lambda: RiskTable((1.0,), (-1,), (0,)),
    lambda: RiskTable((1.0,), (0.5,), (0,)),
    lambda: RiskTable.from_times([1.0], [True, False]),
    lambda: RiskTable.from_times([-1.0], [True]),
    lambda: RiskTable.from_times(["a"], [True]),
    lambda: RiskTable.from_times([1.0], [2]),
    lambda: RiskTable.from_times([1.0], [True], tau=0.0),
    lambda: RiskTable.from_times([1.0], [True], n_bins=0),
    lambda: restricted_mean(RiskTable((1.0,), (1,), (0,)), -1.0),
    lambda: kaplan_meier(RiskTable((1.0,), (1,), (0,)), alpha=2.0),
    lambda: log_rank(RiskTable((1.0,), (1,), (0,)), {"a": RiskTable((1.0,), (1,), (0,))}),
    lambda: log_rank({"b": RiskTable((1.0,), (1,), (0,))}, {"a": RiskTable((1.0,), (1,), (0,))}),
    lambda: log_rank(RiskTable((1.0,), (1,), (0,)), RiskTable((1.0,), (1,), (0,)), rho=-1.0),
]


@pytest.mark.parametrize("call", _WRONG)
def test_a_wrong_call_is_refused(call: Callable[[], object]) -> None:
    """Tables and times that cannot be are an error."""
    with pytest.raises(InvalidInputError):
        call()


def test_a_table_adds_up_with_tables_only() -> None:
    """Adding a number is a mistake of the caller."""
    with pytest.raises(TypeError):
        RiskTable((1.0,), (1,), (0,)) + 1
