"""Satisfaction scores and those who did not answer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize
from scipy import stats as scipy_stats

from abplat.errors import InvalidInputError
from abplat.stats import (
    Moments,
    NotComputable,
    Scores,
    bound_scores,
    check_response,
    compare,
    compare_net_promoter,
    compare_odds,
    compare_ordinal,
    weigh_scores,
)

_T = Scores({1: 8, 2: 5, 3: 20, 4: 41, 5: 60}, asked=300)
_C = Scores({1: 15, 2: 12, 3: 31, 4: 40, 5: 38}, asked=310)


def spread_out(scores: Scores) -> np.ndarray:
    """Return one value per answer."""
    return np.repeat(*(a.astype(t) for a, t in zip(scores.arrays, (float, int), strict=True)))


def test_ranks_equal_brunner_and_munzel() -> None:
    """Oracle: scipy.stats.brunnermunzel(control, treatment, distribution="t")."""
    found = compare_ordinal(_T, _C)

    wanted = scipy_stats.brunnermunzel(spread_out(_C), spread_out(_T), distribution="t")
    u = scipy_stats.mannwhitneyu(spread_out(_T), spread_out(_C)).statistic
    assert found.p_value == pytest.approx(wanted.pvalue, rel=1e-9)
    assert (found.win_share - 0.5) / found.se == pytest.approx(wanted.statistic, rel=1e-9)
    assert found.win_share == pytest.approx(u / (_T.answered * _C.answered), rel=1e-12)
    assert (found.p_value < 0.05) == (found.ci_lower > 0.5)


@given(
    st.lists(st.integers(0, 30), min_size=5, max_size=5).filter(lambda c: sum(c) > 1),
    st.lists(st.integers(0, 30), min_size=5, max_size=5).filter(lambda c: sum(c) > 1),
)
def test_ranks_swap_and_know_no_distance(left: list[int], right: list[int]) -> None:
    """Swapping the arms gives 1 - share; any rising labels give the same."""
    a, b = (Scores(dict(enumerate(c)), sum(c)) for c in (left, right))
    far_a, far_b = (Scores({i**3 * 10.0 - 7: n for i, n in enumerate(c)}, sum(c)) for c in (left, right))
    found, swapped, far = compare_ordinal(a, b), compare_ordinal(b, a), compare_ordinal(far_a, far_b)

    assert far == found
    if isinstance(found, NotComputable):
        assert swapped == found
    else:
        assert swapped.win_share == pytest.approx(1 - found.win_share)
        assert swapped.p_value == pytest.approx(found.p_value)


def test_odds_equal_the_ordered_model() -> None:
    """Oracle: statsmodels OrderedModel(distr="logit"); its error is of the observed information."""
    from statsmodels.miscmodels.ordinal_model import OrderedModel

    found = compare_odds(_T, _C)
    y = np.r_[spread_out(_T), spread_out(_C)]
    treated = np.r_[np.ones(_T.answered), np.zeros(_C.answered)]
    fit = OrderedModel(y, treated[:, None], distr="logit").fit(method="bfgs", disp=0)

    assert found.log_odds == pytest.approx(fit.params[0], abs=1e-4)
    assert found.se == pytest.approx(fit.bse[0], rel=0.01)
    assert found.cuts[0] == pytest.approx(fit.params[1], abs=1e-4)
    assert found.ci_lower > 1


@pytest.mark.parametrize(
    "table",
    [
        [[0, 19, 1], [420, 1, 1]],
        [[48, 3, 1040], [5, 1, 9]],
        [[3, 1, 2098, 0], [0, 1, 2, 24]],
        [[4, 1, 32, 2, 16], [248, 0, 1, 0, 0]],
    ],
)
def test_odds_settle_on_uneven_tables(table: list[list[int]]) -> None:
    """Long steps are cut short; at the end the likelihood is level (its gradient is 0)."""
    from abplat.stats.ordinal import _score_odds

    arms = [Scores(dict(enumerate(row)), sum(row)) for row in table]
    found = compare_odds(*arms)
    values = np.append(found.cuts, found.log_odds)
    likelihood, gradient, _ = _score_odds(values, np.array(table, float))
    nearby = [_score_odds(values + step, np.array(table, float))[0] for step in np.eye(values.size) * 1e-3]

    assert gradient == pytest.approx(np.zeros(values.size), abs=1e-5)
    assert max(nearby) < likelihood


def test_two_scores_have_the_odds_ratio_of_the_table() -> None:
    """With one cut the model is the two by two table: log odds and Woolf's error."""
    found = compare_odds(Scores({0: 30, 1: 70}, 100), Scores({0: 50, 1: 40}, 90))

    assert found.odds_ratio == pytest.approx(70 * 50 / (30 * 40), rel=1e-9)
    assert found.se == pytest.approx((1 / 30 + 1 / 70 + 1 / 50 + 1 / 40) ** 0.5, rel=1e-9)


def test_net_promoters_have_the_variance_of_three_values() -> None:
    """Oracle: p+ + p- - (p+ - p-)^2 with n - 1 (Rocks 2016, eq. 2)."""
    treatment = Scores({10: 30, 9: 20, 8: 25, 6: 15, 0: 10}, 100)
    control = Scores({10: 20, 7: 50, 5: 50}, 120)
    found = compare_net_promoter(treatment, control)

    variances = [(p + m - (p - m) ** 2) / (n - 1) for p, m, n in ((0.5, 0.25, 100), (1 / 6, 50 / 120, 120))]
    assert found.effect == pytest.approx(25 + 25)
    assert found.se == pytest.approx(100 * sum(variances) ** 0.5, rel=1e-12)


def test_response_rates_are_compared() -> None:
    """A rate that moved raises the alarm, equal rates do not."""
    more = Scores({5: 600}, 1000)
    less = Scores({5: 500}, 1000)

    assert check_response(more, less).alarm
    assert check_response(more, less).comparison.effect == pytest.approx(0.1)
    assert not check_response(less, less).alarm
    assert check_response(Scores({}, 0), less) == NotComputable("no_units")


def test_worst_cases_fill_in_the_silent_ones() -> None:
    """Oracle: the filled rows, compared by hand (Manski 1990)."""
    found = bound_scores(_T, _C, 1, 5)

    low = np.r_[spread_out(_T), np.full(300 - _T.answered, 1.0)]
    high = np.r_[spread_out(_C), np.full(310 - _C.answered, 5.0)]
    assert found.lower == pytest.approx(low.mean() - high.mean(), rel=1e-12)
    answered = compare(_T.moments, _C.moments).effect
    assert found.ci_lower < found.lower < answered < found.upper < found.ci_upper


def test_the_interval_of_bounds_reaches_one_sided_far_apart_and_two_sided_together() -> None:
    """Imbens, Manski (2004): 1.645 errors for wide bounds, 1.96 where all have answered."""
    wide = bound_scores(_T, _C, 1, 5)
    everyone = bound_scores(Scores(_T.counts, _T.answered), Scores(_C.counts, _C.answered), 1, 5)
    whole = Moments.from_values(np.r_[spread_out(_T), np.full(300 - _T.answered, 1.0)])
    other = Moments.from_values(np.r_[spread_out(_C), np.full(310 - _C.answered, 5.0)])

    assert (wide.lower - wide.ci_lower) / compare(whole, other).se == pytest.approx(1.6449, abs=1e-3)
    se = compare(_T.moments, _C.moments).se
    assert everyone.lower == pytest.approx(everyone.upper)
    assert (everyone.lower - everyone.ci_lower) / se == pytest.approx(1.95996, abs=1e-4)


def test_weights_remove_what_the_strata_explain() -> None:
    """Loyal customers answer more in treatment; weighted, the scores are equal again."""
    treatment = {"new": Scores({2: 50, 3: 50}, 1000), "loyal": Scores({4: 400, 5: 400}, 1000)}
    control = {"new": Scores({2: 150, 3: 150}, 1000), "loyal": Scores({4: 100, 5: 100}, 1000)}
    found = weigh_scores(treatment, control)
    naive = compare(*(sum(arm.values(), Scores({}, 0)).moments for arm in (treatment, control)))

    assert naive.effect > 0.8
    assert found.effect == pytest.approx(0.0, abs=1e-12)
    assert (found.lower, found.upper) == pytest.approx((found.effect, found.effect), abs=1e-12)


def test_bounds_by_odds_equal_a_linear_program() -> None:
    """Oracle: scipy.optimize.linprog over all weights within the factor (Charnes-Cooper form)."""
    scores, odds = Scores({1: 5, 3: 7, 4: 20, 5: 9}, 90), 2.5
    found = weigh_scores({"all": scores}, {"all": scores}, odds=odds)

    values, counts = scores.arrays
    silent = (90 - 41) / 41
    light, heavy = 1 + silent / odds, 1 + silent * odds
    n = values.size
    rows = np.block([[np.eye(n), -heavy * counts[:, None]], [-np.eye(n), light * counts[:, None]]])
    ends = [
        optimize.linprog(
            np.append(-side * values, 0), A_ub=rows, b_ub=np.zeros(2 * n), A_eq=[[1] * n + [0]], b_eq=[1]
        ).fun
        * -side
        for side in (1, -1)
    ]
    assert found.upper == pytest.approx(ends[0] - ends[1], rel=1e-7)
    assert found.lower == pytest.approx(-found.upper)


def test_one_stratum_with_all_answers_is_the_plain_comparison() -> None:
    """Weights of one change neither effect nor error."""
    found = weigh_scores({"all": _T}, {"all": _C})
    plain = compare(_T.moments, _C.moments)

    assert (found.effect, found.se) == pytest.approx((plain.effect, plain.se), rel=1e-10)


def test_scores_add_up() -> None:
    """Counting parts and adding equals counting all."""
    whole = Scores.from_answers([1, 2, 2, 5, 5, 5], 9)

    assert Scores.from_answers([1, 2], 4) + Scores.from_answers([2, 5, 5, 5], 5) == whole
    assert whole.answered == 6
    with pytest.raises(TypeError):
        whole + 1


def test_nothing_to_compare_has_its_reason() -> None:
    """Silence, a single answer, one score for all, and arms that do not overlap."""
    none, one, same = Scores({}, 10), Scores({3: 1}, 10), Scores({3: 9}, 10)

    assert compare_ordinal(none, _C) == compare_odds(_T, none) == NotComputable("no_responses")
    assert compare_ordinal(one, _C) == NotComputable("too_few_units")
    assert compare_ordinal(same, same) == compare_odds(same, same) == NotComputable("zero_variance")
    assert compare_odds(Scores({5: 9}, 9), Scores({1: 9}, 9)) == NotComputable("not_converged")
    assert bound_scores(Scores({}, 0), _C, 1, 5) == NotComputable("no_units")
    assert bound_scores(Scores({3: 1}, 1), _C, 1, 5) == NotComputable("too_few_units")
    assert weigh_scores({"a": one}, {"a": _C}) == NotComputable("no_responses")
    assert weigh_scores({"a": same}, {"a": same}) == NotComputable("zero_variance")
    assert bound_scores(Scores({3: 9}, 9), Scores({3: 9}, 9), 1, 5).ci_upper == 0.0


@pytest.mark.parametrize(
    "call",
    [
        lambda: Scores({1: -1}, 5),
        lambda: Scores({1: 1.5}, 5),
        lambda: Scores({float("nan"): 1}, 5),
        lambda: Scores({1: 6}, 5),
        lambda: bound_scores(_T, _C, 5, 1),
        lambda: bound_scores(_T, _C, 2, 5),
        lambda: weigh_scores({"a": _T}, {"b": _C}),
        lambda: weigh_scores({"a": _T}, {"a": _C}, odds=0.5),
        lambda: compare_ordinal(_T, _C, alpha=0),
        lambda: compare_odds(_T, _C, alpha=1),
        lambda: compare_net_promoter(_T, _C, promoters_from=3, detractors_to=5),
    ],
)
def test_a_wrong_call_is_refused(call: Any) -> None:
    """Counts, limits and strata are checked."""
    with pytest.raises(InvalidInputError):
        call()
