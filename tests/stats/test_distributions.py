"""The permutation test of two distributions over categories."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats as oracle

from abplat.errors import InvalidInputError
from abplat.stats import DistributionTest, NotComputable, compare_distributions

A = {"web": 120, "web > phone": 40, "app": 25, "store": 15}
B = {"web": 90, "web > phone": 70, "app": 20, "store": 20}


def test_the_statistic_is_pearsons_and_the_p_value_near_its_limit() -> None:
    """Oracle: ``scipy.stats.chi2_contingency`` without correction; large counts."""
    found = compare_distributions(A, B)
    table = [[A[key] for key in A], [B[key] for key in A]]
    statistic, p_value, *_ = oracle.chi2_contingency(table, correction=False)

    assert isinstance(found, DistributionTest)
    assert found.statistic == pytest.approx(statistic)
    assert found.p_value == pytest.approx(p_value, abs=0.005)


def test_a_small_table_agrees_with_fishers_exact_test() -> None:
    """Oracle: ``scipy.stats.fisher_exact`` where margins are equal, so both order tables alike."""
    found = compare_distributions({"a": 8, "b": 2}, {"a": 3, "b": 7}, min_count=1)
    exact = oracle.fisher_exact([[8, 2], [3, 7]]).pvalue

    assert isinstance(found, DistributionTest)
    assert found.p_value == pytest.approx(exact, abs=0.01)


def test_arms_may_change_places_and_keys_their_order() -> None:
    """Neither moves the p-value beyond the chance of the deals; the same call repeats it exactly."""
    found, swapped = compare_distributions(A, B), compare_distributions(B, A)

    assert found == compare_distributions(dict(reversed(A.items())), B)
    assert isinstance(found, DistributionTest)
    assert isinstance(swapped, DistributionTest)
    assert swapped.statistic == pytest.approx(found.statistic)
    assert swapped.p_value == pytest.approx(found.p_value, abs=0.01)


def test_dealing_ends_when_enough_deals_were_as_uneven() -> None:
    """A large p-value needs few deals and is still near its limit; a small one sees them all."""
    even = compare_distributions(A, {key: n + 3 for key, n in A.items()})
    uneven = compare_distributions(A, {**A, "web": 250})
    table = [list(A.values()), [n + 3 for n in A.values()]]

    assert isinstance(even, DistributionTest)
    assert isinstance(uneven, DistributionTest)
    assert even.n_draws < 500
    assert even.p_value == 250 / even.n_draws
    assert even.p_value == pytest.approx(oracle.chi2_contingency(table, correction=False)[1], abs=0.06)
    assert uneven.n_draws == 9_999


@pytest.mark.parametrize("share", [0.5, 0.1])
def test_many_categories_need_no_deals(share: float) -> None:
    """Oracle: 20,000 deals; mean, variance and tail of the statistic, most categories being rare."""
    rng = np.random.default_rng(8)
    total = np.floor(np.maximum(5, 3_000 / np.arange(1, 151) ** 1.5)).astype(np.int64)
    n = int(total.sum() * share)
    deals = rng.multivariate_hypergeometric(total, n, size=20_000, method="marginals")
    expected = total * n / total.sum()
    dealt = ((deals - expected) ** 2 / expected).sum(axis=1) * total.sum() / (total.sum() - n)
    for wanted in (0.5, 0.1, 0.05, 0.01):
        place = int(np.argsort(dealt)[int((1 - wanted) * dealt.size)])
        arms = [
            {f"p{i}": int(count) for i, count in enumerate(part)}
            for part in (deals[place], total - deals[place])
        ]
        found = compare_distributions(*arms)

        assert isinstance(found, DistributionTest)
        assert found.n_draws == 0
        assert found.statistic == pytest.approx(dealt[place])
        assert found.p_value == pytest.approx(wanted, rel=0.25, abs=0.003)


def test_rare_categories_are_put_together() -> None:
    """A hundred paths of one customer each are one category."""
    rare = {f"p{i}": 1 for i in range(100)}
    found = compare_distributions({"web": 100, **rare}, {"web": 100, **{f"q{i}": 1 for i in range(100)}})

    assert isinstance(found, DistributionTest)
    assert (found.n_categories, found.n_pooled, found.p_value) == (2, 200, 1.0)


@pytest.mark.parametrize(
    ("treatment", "control", "reason"),
    [({}, A, "no_units"), (A, {"web": 0}, "no_units"), ({"web": 5}, {"web": 9}, "too_few_categories")],
)
def test_what_cannot_be_compared_has_a_reason(
    treatment: dict[str, int], control: dict[str, int], reason: str
) -> None:
    """No number."""
    found = compare_distributions(treatment, control)

    assert isinstance(found, NotComputable)
    assert found.reason == reason


def test_nonsense_is_refused() -> None:
    """Negative counts, no deals."""
    with pytest.raises(InvalidInputError):
        compare_distributions({"a": -1}, A)
    with pytest.raises(InvalidInputError):
        compare_distributions(A, B, n_draws=0)


def test_equal_arms_are_told_apart_as_often_as_alpha_says() -> None:
    """A/A: 5 % of 400 simulations, within three binomial standard deviations."""
    rng = np.random.default_rng(5)
    shares = np.array([0.4, 0.3, 0.1, 0.1] + [0.01] * 10)
    rejected = 0
    for _ in range(400):
        arms = [dict(zip("abcdefghijklmn", rng.multinomial(300, shares).tolist(), strict=True)) for _ in "ct"]
        found = compare_distributions(arms[0], arms[1], n_draws=499)
        rejected += isinstance(found, DistributionTest) and found.p_value <= 0.05

    assert abs(rejected / 400 - 0.05) < 3 * (0.05 * 0.95 / 400) ** 0.5
