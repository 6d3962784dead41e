"""Group sequential bounds against published tables and R packages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import multivariate_normal

from abplat.errors import InvalidInputError
from abplat.stats.sequential import (
    Bounds,
    GroupSequentialPlan,
    Spending,
    crossing,
    inflation_factor,
    next_bound,
    set_bounds,
    solve_drift,
    spend,
)

POCOCK = GroupSequentialPlan(spending=Spending("pocock"))


def even(n_looks: int) -> list[float]:
    """Make evenly spaced information fractions."""
    return [k / n_looks for k in range(1, n_looks + 1)]


def constant_bounds(values: Sequence[float]) -> Bounds:
    """Make symmetric bounds at even looks."""
    upper = tuple(values)
    return Bounds(tuple(even(len(upper))), upper, tuple(-u for u in upper), (0.0,) * len(upper))


@pytest.mark.parametrize(
    ("fractions", "plan", "expected"),
    [
        # R ldbounds: ldBounds(t = c(.2, .4, .6, .8, 1), iuse = c(1, 1), alpha = c(.025, .025))
        (even(5), GroupSequentialPlan(), [4.8769, 3.3569, 2.6803, 2.2898, 2.0310]),
        # R ldbounds: ldBounds(t = c(.2, .4, .6, .8, 1), iuse = c(2, 2), alpha = c(.025, .025))
        (even(5), POCOCK, [2.4380, 2.4268, 2.4101, 2.3966, 2.3859]),
        # R gsDesign: gsDesign(k = 3, test.type = 2, sfu = sfLDOF)$upper$bound
        (even(3), GroupSequentialPlan(), [3.7103, 2.5114, 1.9930]),
        # R gsDesign: gsDesign(k = 2, test.type = 2, sfu = sfLDOF)$upper$bound
        (even(2), GroupSequentialPlan(), [2.9626, 1.9686]),
    ],
    ids=["ldbounds-of", "ldbounds-pocock", "gsdesign-3", "gsdesign-2"],
)
def test_bounds_agree_with_r(
    fractions: list[float], plan: GroupSequentialPlan, expected: list[float]
) -> None:
    """As the packages print them; ldbounds integrates on a grid of 0.05, good to about 1e-4."""
    assert set_bounds(fractions, plan).upper == pytest.approx(expected, abs=1.5e-4)


@pytest.mark.parametrize("plan", [GroupSequentialPlan(), POCOCK], ids=["of", "pocock"])
def test_every_look_spends_its_share_by_another_integral(plan: GroupSequentialPlan) -> None:
    """scipy.stats.multivariate_normal over the joint law of the looks, Corr = sqrt(t_i / t_j), no recursion."""
    fractions = even(4)
    bounds = set_bounds(fractions, plan).upper
    correlation = [[(min(a, b) / max(a, b)) ** 0.5 for b in fractions] for a in fractions]
    for k in range(1, 5):
        box = np.array(bounds[:k])
        inside = multivariate_normal(cov=np.array(correlation)[:k, :k]).cdf(box, lower_limit=-box)
        allowed = 2 * spend(plan.spending, fractions[k - 1], 0.025)
        assert 1 - inside == pytest.approx(allowed, abs=2e-5)


@pytest.mark.parametrize(
    ("n_looks", "obrien_fleming", "pocock"),
    [(14, 2.103, 2.503), (28, 2.140, 2.552), (90, 2.183, 2.603)],
)
def test_last_bounds_of_daily_looks(n_looks: int, obrien_fleming: float, pocock: float) -> None:
    """Constants of an independent run on 601 points per look."""
    assert set_bounds(even(n_looks)).upper[-1] == pytest.approx(obrien_fleming, abs=5.1e-4)
    assert set_bounds(even(n_looks), POCOCK).upper[-1] == pytest.approx(pocock, abs=5.1e-4)


@pytest.mark.parametrize(
    ("constant", "n_looks"),
    [(2.178, 2), (2.289, 3), (2.361, 4), (2.413, 5), (2.555, 10)],
)
def test_pocock_constants_of_the_book_spend_five_percent(constant: float, n_looks: int) -> None:
    """Jennison and Turnbull (2000), table 2.1, alpha 0.05."""
    ends = crossing(constant_bounds([constant] * n_looks), 0.0)

    assert sum(ends.upper) + sum(ends.lower) == pytest.approx(0.05, abs=1.2e-4)


@pytest.mark.parametrize(
    ("constant", "n_looks"), [(1.977, 2), (2.004, 3), (2.024, 4), (2.040, 5), (2.087, 10)]
)
def test_obrien_fleming_constants_of_the_book_spend_five_percent(constant: float, n_looks: int) -> None:
    """Jennison and Turnbull (2000), table 2.3, alpha 0.05."""
    ends = crossing(constant_bounds([constant * (n_looks / k) ** 0.5 for k in range(1, n_looks + 1)]), 0.0)

    assert sum(ends.upper) + sum(ends.lower) == pytest.approx(0.05, abs=1.2e-4)


@pytest.mark.parametrize(("n_looks", "plain"), [(2, 0.083), (5, 0.142), (10, 0.193), (14, 0.22), (28, 0.27)])
def test_plain_tests_at_every_look_err_as_published(n_looks: int, plain: float) -> None:
    """Armitage, McPherson and Rowe (1969), JRSS A 132; 14 and 28 from the design notes (simulated)."""
    ends = crossing(constant_bounds([1.959964] * n_looks), 0.0)

    assert sum(ends.upper) + sum(ends.lower) == pytest.approx(plain, abs=0.006)


def test_the_default_design_of_gsdesign() -> None:
    """R gsDesign(): k = 3, test.type = 4, alpha .025, beta .1, HSD -4 and -2; n.I[3] = 1.070."""
    plan = GroupSequentialPlan(alpha=0.025, sides=1, beta=0.1, spending=Spending("hwang_shih_decani", -4.0))
    drift = solve_drift(even(3), plan, 0.9)
    bounds = set_bounds(even(3), plan, drift=drift)

    assert bounds.upper == pytest.approx([3.0107, 2.5465, 1.9992], abs=1e-4)
    assert bounds.futility == pytest.approx([-0.2387, 0.9411, 1.9992], abs=1e-4)
    assert inflation_factor(even(3), plan, 0.9) == pytest.approx(1.070, abs=5e-4)


def test_futility_bounds_do_not_bind() -> None:
    """The error is alpha for a team that ignores them, and less for one that keeps them."""
    plan = GroupSequentialPlan(alpha=0.025, sides=1, beta=0.2)
    bounds = set_bounds(even(4), plan, drift=solve_drift(even(4), plan, 0.8))

    assert crossing(bounds, 0.0, keep_futility=False).power == pytest.approx(0.025, rel=1e-9)
    assert crossing(bounds, 0.0).power < 0.025


@pytest.mark.parametrize(
    ("constants", "power", "factor"),
    [
        # Jennison and Turnbull (2000), tables 2.2 and 2.4, alpha 0.05, five groups
        ([2.413] * 5, 0.8, 1.228),
        ([2.413] * 5, 0.9, 1.207),
        ([2.040 * (5 / k) ** 0.5 for k in range(1, 6)], 0.8, 1.028),
        ([2.040 * (5 / k) ** 0.5 for k in range(1, 6)], 0.9, 1.026),
    ],
)
def test_maximum_sizes_of_the_book_give_the_power(
    constants: list[float], power: float, factor: float
) -> None:
    """The published inflation factor with the published constants has the power."""
    z_sum = {0.8: 1.959964 + 0.841621, 0.9: 1.959964 + 1.281552}[power]

    assert crossing(constant_bounds(constants), z_sum * factor**0.5).power == pytest.approx(power, abs=1e-3)


@pytest.mark.parametrize(
    ("spending", "extra"),
    [(Spending(), 0.04), (Spending("hwang_shih_decani", -4.0), 0.04), (Spending("pocock"), 0.26)],
    ids=["obrien_fleming", "hwang_shih_decani", "pocock"],
)
def test_price_of_fourteen_looks(spending: Spending, extra: float) -> None:
    """An independent run gave 4, 4 and 26 per cent more units."""
    factor = inflation_factor(even(14), GroupSequentialPlan(spending=spending))

    assert factor - 1 == pytest.approx(extra, abs=0.005)


def test_spending_is_applied_per_side() -> None:
    """A common mistake: applied to two-sided alpha the last of 14 bounds is 2.145."""
    assert set_bounds(even(14)).upper[-1] == pytest.approx(2.1026, abs=1e-4)


def test_tiny_spending_gives_the_cap_and_no_infinity() -> None:
    """Spending of 1e-40 at a first look after 1 % of the information."""
    bounds = set_bounds([0.01, 0.5, 1.0])

    assert bounds.upper[0] == 8.0
    assert np.all(np.isfinite(bounds.upper))
    assert crossing(bounds, 0.0).power == pytest.approx(0.025, rel=1e-9)


@given(st.lists(st.floats(0.02, 0.3), min_size=1, max_size=8), st.sampled_from([1, 2]))
@settings(max_examples=25, deadline=None)
def test_uneven_looks_spend_exactly_alpha(steps: list[float], sides: Literal[1, 2]) -> None:
    """Whatever the times of looking, the error is alpha in the end."""
    fractions = np.cumsum(steps) / np.sum(steps)
    bounds = set_bounds(fractions.tolist(), GroupSequentialPlan(sides=sides))

    assert crossing(bounds, 0.0).power * sides == pytest.approx(0.05, rel=1e-8)
    assert bounds.alpha_spent[-1] == pytest.approx(0.05)


def test_early_and_late_looks_do_not_change_the_looks_before() -> None:
    """A bound depends on the past alone."""
    assert set_bounds([0.3, 0.6]).upper == pytest.approx(set_bounds([0.3, 0.6, 0.8, 1.0]).upper[:2], abs=1e-9)


def test_over_running_spends_what_is_left_once() -> None:
    """The first look past the plan gets the rest of alpha, and later ones nothing."""
    bounds = set_bounds([0.5, 1.2, 1.4])

    assert bounds.alpha_spent[1:] == pytest.approx((0.05, 0.05))
    assert bounds.upper[2] == 8.0
    assert crossing(bounds, 0.0).power == pytest.approx(0.025, rel=1e-9)


def test_a_final_look_below_the_plan_spends_the_rest() -> None:
    """Under-running: nothing of alpha is wasted."""
    ended = set_bounds([0.5, 0.8], final=True)

    assert ended.alpha_spent[-1] == pytest.approx(0.05)
    assert ended.upper[-1] < set_bounds([0.5, 0.8]).upper[-1]


def test_looks_without_new_information_cost_nothing() -> None:
    """Repeated fractions get the cap and leave the other bounds alone."""
    bounds = set_bounds([0.5, 0.5, 1.0, 1.0], final=True)

    assert bounds.upper[::2] == pytest.approx(set_bounds([0.5, 1.0]).upper)
    assert (bounds.upper[1], bounds.upper[3]) == (8.0, 8.0)
    assert crossing(bounds, 0.0).power == pytest.approx(0.025, rel=1e-9)


def test_two_sided_tests_may_have_futility_bounds() -> None:
    """A gain out of reach ends the test between the two efficacy bounds."""
    plan = GroupSequentialPlan(beta=0.2)
    bounds = set_bounds(even(3), plan, drift=solve_drift(even(3), plan, 0.8))

    assert bounds.upper == pytest.approx(set_bounds(even(3)).upper)
    assert all(low < f <= up for low, f, up in zip(bounds.lower, bounds.futility, bounds.upper, strict=True))


def test_looks_without_new_information_keep_futility_in_place() -> None:
    """The idle look has a futility bound that nothing falls to."""
    plan = GroupSequentialPlan(alpha=0.025, sides=1, beta=0.1)
    bounds = set_bounds([0.5, 0.5, 1.0], plan, drift=3.3)

    assert bounds.futility[1] == -8.0
    assert bounds.futility[::2] == pytest.approx(set_bounds([0.5, 1.0], plan, drift=3.3).futility)


def test_very_close_looks_stay_exact() -> None:
    """A step of one thousandth of the information makes a narrow kernel."""
    bounds = set_bounds([0.5, 0.5005, 0.999, 1.0], POCOCK)

    assert crossing(bounds, 0.0).power == pytest.approx(0.025, rel=1e-8)


def test_a_hopeless_effect_stops_for_futility_before_the_end() -> None:
    """With a drift far below the plan everything stops, and later looks are reached by nobody."""
    plan = GroupSequentialPlan(alpha=0.025, sides=1, beta=0.1)
    bounds = set_bounds(even(3), plan, drift=12.0)
    ends = crossing(bounds, -3.0)

    assert sum(ends.lower) == pytest.approx(1.0, abs=1e-6)
    assert ends.power < 1e-6


def test_next_bound_continues_with_the_bounds_used() -> None:
    """Look by look gives what all at once gives."""
    every = set_bounds(even(4))
    spent = every.alpha_spent

    assert next_bound(even(4)[:3], every.pairs[:2], (spent[2] - spent[1]) / 2) == pytest.approx(
        every.upper[2]
    )


def test_next_bound_after_bounds_that_leave_nothing_is_the_cap() -> None:
    """Closed bounds leave no path to the new look."""
    assert next_bound([0.5, 1.0], [(1.0, 1.0)], 0.01) == 8.0


@given(st.floats(0.5, 6.0))
@settings(max_examples=20, deadline=None)
def test_every_test_ends_somewhere(drift: float) -> None:
    """Both bounds meet at the last look: probabilities sum to one."""
    plan = GroupSequentialPlan(alpha=0.025, sides=1, beta=0.1)
    bounds = set_bounds(even(3), plan, drift=solve_drift(even(3), plan, 0.9))
    ends = crossing(bounds, drift)

    assert sum(ends.upper) + sum(ends.lower) == pytest.approx(1.0, abs=1e-6)


def test_daily_looks_keep_the_error_in_simulation() -> None:
    """20,000 seeded walks with 28 looks; 3 binomial standard deviations."""
    rng = np.random.default_rng(20_240_304)
    walks = np.cumsum(rng.standard_normal((20_000, 28)), axis=1) / np.sqrt(np.arange(1, 29))
    upper = np.asarray(set_bounds(even(28)).upper)
    rate = np.mean(np.any(np.abs(walks) >= upper, axis=1))

    assert rate == pytest.approx(0.05, abs=3 * (0.05 * 0.95 / 20_000) ** 0.5)


def test_power_is_as_planned_in_simulation() -> None:
    """20,000 seeded walks under the solved drift: 80 % within 1 point."""
    rng = np.random.default_rng(7)
    fractions = np.array([0.1, 0.3, 0.45, 0.8, 1.0])
    drift = solve_drift(fractions.tolist(), POCOCK, 0.8)
    steps = np.diff(fractions, prepend=0.0)
    walks = np.cumsum(rng.standard_normal((20_000, 5)) * np.sqrt(steps) + drift * steps, axis=1)
    upper = np.asarray(set_bounds(fractions.tolist(), POCOCK).upper)

    assert np.mean(np.any(walks / np.sqrt(fractions) >= upper, axis=1)) == pytest.approx(0.8, abs=0.01)


@pytest.mark.parametrize(
    "call",
    [
        lambda: set_bounds([]),
        lambda: set_bounds([0.5, 0.4]),
        lambda: set_bounds([0.0, 0.5]),
        lambda: set_bounds([np.nan]),
        lambda: set_bounds([0.5, 1.0], GroupSequentialPlan(beta=0.2)),
        lambda: next_bound([0.5, 1.0], [], 0.01),
        lambda: solve_drift([1.0], GroupSequentialPlan(), 0.01),
        lambda: GroupSequentialPlan(alpha=0.0),
        lambda: GroupSequentialPlan(alpha=0.5),
        lambda: GroupSequentialPlan(sides=3),
        lambda: GroupSequentialPlan(beta=1.0),
    ],
)
def test_bad_input_is_refused(call: Callable[[], object]) -> None:
    """An error with a place, never NaN."""
    with pytest.raises(InvalidInputError):
        call()
