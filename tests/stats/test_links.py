"""Link decomposition, mix and rate, subgroups."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abplat.errors import InvalidInputError
from abplat.stats import CAPTION, NotComputable, decompose_links, decompose_mix_and_rate, gail_simon

_CHAIN = st.lists(st.integers(0, 400), min_size=3, max_size=6).map(lambda c: sorted(c, reverse=True))


def _shapley(control: list[float], treatment: list[float]) -> list[float]:
    """Average the step of each link over all orders: the definition, written out."""
    k = len(control)
    shares = [0.0] * k
    for order in itertools.permutations(range(k)):
        now = list(control)
        for i in order:
            before = math.prod(now)
            now[i] = treatment[i]
            shares[i] += (math.prod(now) - before) / math.factorial(k)
    return shares


def test_shares_equal_the_average_over_all_orders() -> None:
    """Oracle: the definition of Shapley's value over all permutations of four links."""
    control, treatment = [1000, 700, 300, 200, 50], [900, 500, 400, 150, 90]
    found = decompose_links(control, treatment)

    rates = [[b / a for a, b in itertools.pairwise(counts)] for counts in (control, treatment)]
    assert [link.points for link in found.links] == pytest.approx(_shapley(*rates), rel=1e-10)
    assert found.method == "shapley"
    assert found.caption == CAPTION


def test_the_intervals_equal_the_bootstrap_over_customers() -> None:
    """Oracle: 20,000 seeded multinomial resamples of the customers of each arm."""
    rng = np.random.default_rng(3)
    control, treatment = [1000, 620, 300, 130], [1200, 800, 420, 160]
    found = decompose_links(control, treatment)

    draws = []
    for counts in (control, treatment):
        ends = -np.diff([*counts, 0])
        sample = rng.multinomial(counts[0], ends / counts[0], 20_000)
        draws.append(sample[:, ::-1].cumsum(axis=1)[:, ::-1])
    rates = [draw[:, 1:] / draw[:, :-1] for draw in draws]
    shares = np.zeros_like(rates[0])
    for order in itertools.permutations(range(3)):
        now = rates[0].copy()
        for i in order:
            before = now.prod(axis=1)
            now[:, i] = rates[1][:, i]
            shares[:, i] += (now.prod(axis=1) - before) / 6
    assert [link.points_se for link in found.links] == pytest.approx(shares.std(axis=0), rel=0.02)
    low, high = np.quantile(shares, [0.025, 0.975], axis=0)
    assert [link.points_ci_lower for link in found.links] == pytest.approx(low, abs=0.003)
    assert [link.points_ci_upper for link in found.links] == pytest.approx(high, abs=0.003)


def test_the_error_of_all_links_is_the_error_of_the_total() -> None:
    """Oracle: sum of (1 - r) / n over links telescopes to 1 / n_K - 1 / N."""
    found = decompose_links([500, 200, 80, 30], [600, 300, 90, 50])

    assert found.log_ratio_se == pytest.approx(math.sqrt(1 / 30 - 1 / 500 + 1 / 50 - 1 / 600))
    assert sum(link.se**2 for link in found.links) == pytest.approx(found.log_ratio_se**2)
    assert found.links[0].ci_upper - found.links[0].log_ratio == pytest.approx(
        1.959964 * found.links[0].se, rel=1e-6
    )


@settings(max_examples=150, deadline=None)
@given(control=_CHAIN, treatment=_CHAIN)
def test_shares_add_up_and_swap_their_sign(control: list[int], treatment: list[int]) -> None:
    """Points add up to the difference exactly; swapping the arms negates them."""
    size = min(len(control), len(treatment))
    control, treatment = control[:size], treatment[:size]
    found, back = decompose_links(control, treatment), decompose_links(treatment, control)
    if isinstance(found, NotComputable):
        assert found.reason == "no_units"
        return

    assert sum(link.points for link in found.links) == pytest.approx(found.difference, abs=1e-12)
    assert [link.points for link in found.links] == pytest.approx(
        [-link.points for link in back.links], abs=1e-12
    )
    if found.log_ratio is not None:
        assert sum(link.points_lmdi for link in found.links) == pytest.approx(found.difference, abs=1e-12)
        assert sum(link.log_ratio for link in found.links) == pytest.approx(found.log_ratio, abs=1e-12)


def test_more_than_twelve_links_are_shared_by_the_logarithmic_mean() -> None:
    """Thirteen links: log-mean, with an error that the bootstrap-checked delta method gives too."""
    control = [2 * c for c in range(60, 46, -1)]
    treatment = [2 * c for c in range(61, 47, -1)]
    found = decompose_links(control, treatment)

    assert found.method == "log_mean"
    assert len(found.links) == 13
    assert found.links[0].points_shapley is None
    assert found.links[0].points == found.links[0].points_lmdi
    assert sum(link.points for link in found.links) == pytest.approx(found.difference)
    assert all(link.points_se > 0 for link in found.links)


def test_more_than_twelve_links_with_a_zero_have_no_points() -> None:
    """The logarithmic mean needs counts in both arms."""
    found = decompose_links([10] * 13 + [0], [10] * 14)

    assert found.reason == "empty_link"
    assert {link.points for link in found.links} == {None}
    assert found.links[0].points_se is None


def test_the_log_mean_error_comes_close_to_shapley_where_effects_are_small() -> None:
    """Both share out the same total, so for a small change their errors agree."""
    shapley = decompose_links([10_000, 6000, 3000], [10_000, 6100, 3000])
    chain = [10_000, 6000, 3000] + [3000] * 11
    padded = decompose_links(chain, [10_000, 6100, 3000] + [3000] * 11)

    assert padded.method == "log_mean"
    assert padded.links[0].points_se == pytest.approx(shapley.links[0].points_se, rel=0.02)


def test_a_link_nobody_reaches_has_no_rate() -> None:
    """Nobody at the start of a link: its rate is None with a reason, the points still add up."""
    found = decompose_links([100, 0, 0], [100, 40, 10])

    assert found.links[1].control_rate is None
    assert found.links[1].reason == "empty_link"
    assert sum(link.points for link in found.links) == pytest.approx(0.1)


def test_a_certain_link_has_no_interval() -> None:
    """Everybody crosses everywhere: nothing varies, and no zero-width interval is shown."""
    found = decompose_links([50, 50], [60, 60])

    assert found.se is None
    assert found.p_value is None
    assert found.links[0].points_ci_lower is None
    assert found.links[0].reason == "zero_variance"


def test_an_empty_arm_has_no_decomposition() -> None:
    """No units, no accounting."""
    assert decompose_links([0, 0], [5, 1]) == NotComputable("no_units")


def test_mix_and_rate_add_up_and_their_errors_equal_the_bootstrap() -> None:
    """Oracle: 20,000 seeded resamples of starters and completions."""
    control = {"web": (800, 90), "phone": (200, 100), "app": (300, 60)}
    treatment = {"web": (600, 70), "phone": (400, 190), "app": (350, 60)}
    found = decompose_mix_and_rate(control, treatment)

    rng = np.random.default_rng(9)
    parts = []
    for arm in (control, treatment):
        n, done = np.array(list(arm.values())).T
        starters = rng.multinomial(n.sum(), n / n.sum(), 20_000)
        parts.append((starters / n.sum(), rng.binomial(starters, done / n) / starters))
    (wc, mc), (wt, mt) = parts
    mix = ((wt - wc) * (mt + mc) / 2).sum(axis=1)
    rate = ((mt - mc) * (wt + wc) / 2).sum(axis=1)
    assert found.mix + found.rate == pytest.approx(found.difference, abs=1e-14)
    assert (found.mix_se, found.rate_se) == pytest.approx((mix.std(), rate.std()), rel=0.02)
    assert sum(p.mix for p in found.by_channel.values()) == pytest.approx(found.mix)
    assert found.mix_ci_lower < found.mix < found.mix_ci_upper
    assert found.rate_ci_lower < found.rate < found.rate_ci_upper


def test_the_shares_of_channels_are_checked_as_a_split() -> None:
    """Oracle: scipy.stats.chi2_contingency without correction."""
    from scipy import stats as scipy_stats

    control, treatment = {"web": (800, 9), "phone": (200, 1)}, {"web": (780, 9), "phone": (260, 1)}
    found = decompose_mix_and_rate(control, treatment)

    wanted = scipy_stats.chi2_contingency([[800, 200], [780, 260]], correction=False).pvalue
    assert found.mix_p_value == pytest.approx(wanted, rel=1e-10)
    assert decompose_mix_and_rate({"web": (8, 3)}, {"web": (9, 3)}).mix_p_value == 1.0


def test_a_channel_without_starters_is_refused() -> None:
    """Empty cells have to be merged first."""
    assert decompose_mix_and_rate({"a": (0, 0), "b": (5, 1)}, {"a": (3, 1), "b": (5, 1)}) == NotComputable(
        "empty_cell"
    )
    assert decompose_mix_and_rate({"a": (0, 0)}, {"a": (3, 1)}) == NotComputable("no_units")


def test_effects_of_different_sign_are_found() -> None:
    """Oracle: Gail and Simon (1985), table 1: Q = 2.71 / 4.23 / 5.43 at K = 2 / 3 / 4 is p = 0.05."""
    for k, critical in ((2, 2.71), (3, 4.23), (4, 5.43)):
        z = math.sqrt(critical)
        found = gail_simon([-z, *[z] * (k - 1)], [1.0] * k)

        assert found.p_value == pytest.approx(0.05, abs=2e-4)
        assert found.n_subgroups == k


def test_effects_of_one_sign_are_no_interaction() -> None:
    """All up: nothing against it; fewer than two subgroups: no question."""
    assert gail_simon([1.0, 2.0], [1.0, 1.0]).p_value == 1.0
    assert gail_simon([1.0, 0.0], [1.0, 1.0]).q_minus == 0.0
    assert gail_simon([1.0], [1.0]) == NotComputable("too_few_strata")


_WRONG: list[Callable[[], object]] = [
    lambda: decompose_links([10, 5], [10]),
    lambda: decompose_links([10], [10]),
    lambda: decompose_links([10, 11], [10, 5]),
    lambda: decompose_links([10, -1], [10, 5]),
    lambda: decompose_links([10, 2.5], [10, 5]),
    lambda: decompose_links([10, 5], [10, 5], alpha=0.0),
    lambda: decompose_mix_and_rate({}, {}),
    lambda: decompose_mix_and_rate({"a": (1, 1)}, {"b": (1, 1)}),
    lambda: decompose_mix_and_rate({"a": (1, 2)}, {"a": (1, 1)}),
    lambda: decompose_mix_and_rate({"a": (1, -1)}, {"a": (1, 1)}),
    lambda: decompose_mix_and_rate({"a": (1, 1)}, {"a": (1, 1)}, alpha=1.0),
    lambda: gail_simon([1.0], [1.0, 1.0]),
    lambda: gail_simon([1.0, 1.0], [1.0, 0.0]),
]


@pytest.mark.parametrize("call", _WRONG)
def test_a_wrong_call_is_refused(call: Callable[[], object]) -> None:
    """Counts that cannot be are an error."""
    with pytest.raises(InvalidInputError):
        call()
