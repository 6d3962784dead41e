"""Clusters and switchbacks against published figures and a row-level oracle."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import linalg
from scipy import stats as scipy_stats

from abplat.errors import InvalidInputError
from abplat.stats import (
    ClusterPlan,
    ClusterTotals,
    NotComputable,
    SwitchbackPlan,
    compare_clusters,
    read_switchback,
)
from abplat.stats.cluster_robust import fit_clusters


def sum_rows(x: Any, y: Any, cluster: Any) -> tuple[Any, Any]:
    """Return the sums of products per cluster."""
    keys = np.unique(cluster)
    cross = np.array([x[cluster == k].T @ x[cluster == k] for k in keys])
    return cross, np.array([x[cluster == k].T @ y[cluster == k] for k in keys])


def literal_cr2(x: Any, y: Any, cluster: Any, contrast: Any) -> tuple[float, float]:
    """Compute CR2 and its degrees of freedom from rows, as Bell and McCaffrey write them."""
    inverse = np.linalg.inv(x.T @ x)
    hat = x @ inverse @ x.T
    rest = y - hat @ y
    scores, columns = [], []
    for key in np.unique(cluster):
        at = np.flatnonzero(cluster == key)
        root = linalg.fractional_matrix_power(np.eye(at.size) - hat[np.ix_(at, at)], -0.5).real
        scores.append(x[at].T @ root @ rest[at])
        columns.append((np.eye(y.size) - hat)[:, at] @ root @ x[at] @ inverse @ contrast)
    covariance = inverse @ sum(np.outer(s, s) for s in scores) @ inverse
    gram = np.column_stack(columns).T @ np.column_stack(columns)
    return float(np.sqrt(contrast @ covariance @ contrast)), float(np.trace(gram) ** 2 / np.sum(gram**2))


def make_clusters(n_clusters: int, seed: int = 3, lift: float = 0.0) -> ClusterTotals:
    """Make clusters of unequal size, every other one treated, each with luck of its own."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(20, 200, n_clusters)
    cluster = np.repeat(np.arange(n_clusters), sizes)
    luck = rng.normal(0, 0.5, n_clusters)
    treated = cluster % 2 == 0
    y = luck[cluster] + rng.normal(0, 1, cluster.size) + lift * treated
    return ClusterTotals.from_rows(y, np.where(treated, "t", "c"), cluster, covariates=luck[cluster] + 0.1)


def test_stata_and_r_agree_on_a_small_example() -> None:
    """Published: Stata ``reg y x, cluster(clusters)`` and ``vce(hc2)``, in the tests of R dfadjust 1.1.0."""
    ten = np.arange(10)
    y = np.r_[np.cos(ten), np.tan(ten + 1)]
    x = np.column_stack([np.ones(20), np.r_[np.sin(ten + 1), np.sin(ten + 2)]])
    cluster = np.tile([2, 1, 3, 2, 2, 3, 3, 1, 1, 2], 2)
    fit = fit_clusters(*sum_rows(x, y, cluster), 20, "cr1")
    single = fit_clusters(*sum_rows(x, y, np.arange(20)), 20, "cr2")

    assert fit.beta == pytest.approx([-0.4456202905, 0.3241183110], abs=1e-9)
    assert np.sqrt(np.diag(fit.covariance)) == pytest.approx([0.4827602183, 0.1814501834], abs=1e-9)
    assert np.sqrt(np.diag(single.covariance)) == pytest.approx([0.4227339762, 0.4421048122], abs=1e-9)


@pytest.mark.parametrize("contrast", [[1, 0, 0], [0, 1, 0], [0, 1, -1]])
def test_cr2_from_sums_equals_cr2_from_rows(contrast: list[float]) -> None:
    """Oracle: the definition, with matrices as large as the rows (clubSandwich: CR2, Satterthwaite)."""
    rng = np.random.default_rng(8)
    cluster = np.repeat(np.arange(9), [3, 8, 2, 12, 5, 5, 1, 9, 4])
    x = np.column_stack([np.ones(cluster.size), cluster % 2, rng.normal(0, 1, cluster.size)])
    y = rng.normal(0, 1, cluster.size) + rng.normal(0, 1, 9)[cluster]
    fit = fit_clusters(*sum_rows(x, y, cluster), y.size, "cr2")

    aim = np.array(contrast, float)
    se, df = literal_cr2(x, y, cluster, aim)
    assert np.sqrt(aim @ fit.covariance @ aim) == pytest.approx(se, rel=1e-9)
    assert fit.df(aim) == pytest.approx(df, rel=1e-9)


def test_singletons_have_the_degrees_of_imbens_and_kolesar() -> None:
    """Published: 27 controls and 3 treated have 2.5 degrees (Imbens, Kolesar 2016, section II.C)."""
    variant = ("t",) * 3 + ("c",) * 27
    y = tuple(np.random.default_rng(1).normal(0, 1, 30))
    totals = ClusterTotals(cluster=tuple(map(str, range(30))), variant=variant, y=y, d=(1.0,) * 30)
    found = compare_clusters(totals, "t", "c").comparison

    wanted = (27 + 3) ** 2 * 26 * 2 / (27**2 * 26 + 3**2 * 2)
    assert found.df == pytest.approx(wanted, rel=1e-9)
    assert round(found.df, 1) == 2.5
    assert found.se == pytest.approx(
        np.sqrt(np.var(y[:3], ddof=1) / 3 + np.var(y[3:], ddof=1) / 27), rel=1e-12
    )


@pytest.mark.parametrize("method", ["cr1", "cr0"])
def test_the_star_classes_reproduce_the_clustered_error(real_data: Any, method: str) -> None:
    """Published: small class 13.90 points (Stock, Watson); clustered by school its error is 4.23."""
    star = real_data("project_star.csv.gz").dropna(subset=["readk", "mathk", "stark", "schoolidk"])
    y = (star.readk + star.mathk).to_numpy(float)
    totals = ClusterTotals.from_rows(y, star.stark, star.schoolidk)
    found = compare_clusters(totals, "small", "regular", ClusterPlan(method=method)).comparison

    two = star.stark.isin(["small", "regular"]).to_numpy()
    x = sm.add_constant((star.stark[two] == "small").to_numpy(float))
    options = {"groups": star.schoolidk[two].to_numpy(), "use_correction": method == "cr1"}
    fit = sm.OLS(y[two], x).fit(cov_type="cluster", cov_kwds=options)
    assert round(found.effect, 2) == 13.90
    assert found.se == pytest.approx(fit.bse[1], rel=1e-10)
    assert round(found.se, 2) == {"cr1": 4.23, "cr0": 4.20}[method]


def test_the_audit_reproduces_the_clustered_error(real_data: Any) -> None:
    """Published: 3.20 points, error 0.00619 clustered by job advertisement (Bertrand, Mullainathan 2004)."""
    rows = real_data("resume_audit.csv.gz")
    totals = ClusterTotals.from_rows(rows.received_callback, rows.race, rows.job_ad_id)
    found = compare_clusters(totals, "white", "black", ClusterPlan(method="cr1")).comparison
    better = compare_clusters(totals, "white", "black").comparison

    assert round(found.effect, 4) == 0.0320
    assert round(found.se, 5) == 0.00619
    assert better.se == pytest.approx(found.se, rel=0.01)


def test_covariates_and_blocks_equal_least_squares() -> None:
    """Oracle: statsmodels WLS on the rows of the clusters, cluster covariance."""
    totals = make_clusters(40, lift=0.3)
    block = tuple(str(int(c) // 8) for c in totals.cluster)
    totals = ClusterTotals(
        cluster=totals.cluster, variant=totals.variant, y=totals.y, d=totals.d, x=totals.x, block=block
    )
    plan = ClusterPlan(method="cr0", adjust_blocks=True)
    found = compare_clusters(totals, "t", "c", plan).comparison

    y, d, x = np.array(totals.y), np.array(totals.d), np.array(totals.x)[:, 0]
    dummies = np.array([[b == level for level in sorted(set(block))] for b in block], float)
    design = np.column_stack([np.array(totals.variant) == "t", x, dummies])
    fit = sm.WLS(y / d, design, weights=d).fit(
        cov_type="cluster", cov_kwds={"groups": np.arange(40), "use_correction": False}
    )
    assert found.effect == pytest.approx(fit.params[0], rel=1e-8)
    assert found.se == pytest.approx(fit.bse[0], rel=1e-8)
    assert found.theta[0] == pytest.approx(fit.params[1], rel=1e-8)


def test_a_covariate_explains_the_luck_of_clusters() -> None:
    """Known luck narrows the interval; a constant covariate, or one twice, changes nothing."""
    totals = make_clusters(30, lift=0.2)
    bare = ClusterTotals(cluster=totals.cluster, variant=totals.variant, y=totals.y, d=totals.d)
    twice = ClusterTotals(
        cluster=totals.cluster, variant=totals.variant, y=totals.y, d=totals.d,
        x=tuple((row[0], 2 * row[0], 1.0) for row in totals.x),
    )  # fmt: skip
    with_x, without = (compare_clusters(t, "t", "c").comparison for t in (totals, bare))

    assert with_x.se < without.se / 2
    assert compare_clusters(twice, "t", "c").comparison.effect == pytest.approx(with_x.effect, rel=1e-9)
    assert without.theta == ()


def test_few_clusters_are_permuted_in_every_way() -> None:
    """Oracle: scipy.stats.permutation_test on cluster means; the interval turns on the p-value."""
    totals = make_clusters(9, lift=3.0)
    found = compare_clusters(totals, "t", "c", ClusterPlan(weight="clusters"))

    means = np.array(totals.y) / np.array(totals.d)
    treated = np.array(totals.variant) == "t"
    wanted = scipy_stats.permutation_test(
        (means[treated], means[~treated]), lambda a, b: np.mean(a) - np.mean(b), n_resamples=np.inf
    )
    # scipy doubles the smaller tail; with a clear effect both count the one deal that happened
    assert (found.comparison.method, found.n_permutations, found.is_exact) == ("permutation", 126, True)
    assert found.comparison.p_value == pytest.approx(1 / 126)
    assert wanted.pvalue / 2 == pytest.approx(1 / 126)
    assert found.comparison.ci_lower > 0


def test_the_permutation_interval_inverts_the_test() -> None:
    """Taking an effect at either end off the treated clusters moves the p-value across alpha."""
    totals = make_clusters(9, seed=5, lift=1.0)
    plan = ClusterPlan(alpha=0.1)
    found = compare_clusters(totals, "t", "c", plan).comparison

    def shifted_p(effect: float) -> float:
        y = tuple(
            y - effect * d * (v == "t") for y, d, v in zip(totals.y, totals.d, totals.variant, strict=True)
        )
        moved = ClusterTotals(cluster=totals.cluster, variant=totals.variant, y=y, d=totals.d)
        return float(compare_clusters(moved, "t", "c", plan).comparison.p_value)

    for end, inward in ((found.ci_lower, 1e-6), (found.ci_upper, -1e-6)):
        assert shifted_p(end + inward) > 0.1
        assert shifted_p(end - inward) <= 0.1


def test_many_clusters_are_dealt_by_a_seeded_sample() -> None:
    """The sampled p-value repeats, and is near that of CR2 where clusters are many."""
    totals = make_clusters(40, lift=0.3)
    plan = ClusterPlan(method="permutation", weight="clusters")
    found = compare_clusters(totals, "t", "c", plan)
    again = compare_clusters(totals, "t", "c", plan)
    robust = compare_clusters(totals, "t", "c", ClusterPlan(weight="clusters", method="cr2"))

    assert found == again
    assert (found.n_permutations, found.is_exact) == (10_000, False)
    bare = ClusterTotals(cluster=totals.cluster, variant=totals.variant, y=totals.y, d=totals.d)
    robust = compare_clusters(bare, "t", "c", ClusterPlan(weight="clusters", method="cr2"))
    assert found.comparison.p_value == pytest.approx(robust.comparison.p_value, abs=0.02)


def test_labels_are_dealt_within_blocks() -> None:
    """Four pairs have 16 ways, not 70."""
    totals = ClusterTotals(
        cluster=tuple("abcdefgh"),
        variant=("t", "c") * 4,
        y=(5.0, 1.0, 7.0, 2.0, 9.0, 4.0, 12.0, 6.0),
        d=(1.0,) * 8,
        block=tuple("ppqqrrss"),
    )
    found = compare_clusters(totals, "t", "c", ClusterPlan(alpha=0.2))

    assert found.n_permutations == 16
    assert found.comparison.p_value == pytest.approx(2 / 16)


def test_swapping_the_arms_turns_the_sign() -> None:
    """Effect and interval turn over."""
    totals = make_clusters(24, lift=0.4)
    one, two = (compare_clusters(totals, *pair).comparison for pair in (("t", "c"), ("c", "t")))

    assert (one.effect, one.ci_lower) == pytest.approx((-two.effect, -two.ci_upper))
    assert (one.df, one.p_value) == pytest.approx((two.df, two.p_value))


def test_too_few_clusters_have_no_interval() -> None:
    """One cluster in an arm, or 3 against 3 at 5 %, can prove nothing."""

    def make(variant: str) -> ClusterTotals:
        n = len(variant)
        return ClusterTotals(
            cluster=tuple(map(str, range(n))), variant=tuple(variant), y=tuple(1.0 + i * i for i in range(n)), d=(1.0,) * n
        )  # fmt: skip

    assert compare_clusters(make("tcc"), "t", "c").reason == "too_few_clusters"
    assert compare_clusters(make("tttccc"), "t", "c").reason == "too_few_clusters"
    assert compare_clusters(make("ttt"), "t", "c") == NotComputable("no_units")


def test_clusters_without_a_difference_have_zero_variance() -> None:
    """Clusters that are all alike leave no uncertainty to speak of."""
    totals = ClusterTotals(
        cluster=tuple("abcdefghijkl"), variant=("t", "c") * 6, y=(3.0,) * 12, d=(10.0,) * 12
    )

    assert compare_clusters(totals, "t", "c") == NotComputable("zero_variance")


def test_more_columns_than_clusters_are_refused() -> None:
    """Blocks of two leave nothing for the variance when covariates are many."""
    totals = ClusterTotals(
        cluster=tuple("abcd"), variant=("t", "c") * 2, y=(1.0, 2.0, 4.0, 3.0), d=(1.0,) * 4,
        x=((1.0, 5.0), (2.0, 3.0), (0.0, 1.0), (4.0, 4.5)),
    )  # fmt: skip

    assert compare_clusters(totals, "t", "c", ClusterPlan(method="cr2")).reason == "too_few_clusters"


def test_a_switchback_counts_periods_and_drops_the_burn_in() -> None:
    """Teams alternate by the hour; the first ten minutes of each hour belong to nobody."""
    rng = np.random.default_rng(4)
    times = rng.uniform(0, 24 * 60, 4000)
    team = rng.integers(0, 3, 4000).astype(str)
    hour = (times // 60).astype(int)
    variant = np.where((hour + team.astype(int)) % 2 == 0, "t", "c")
    y = rng.normal(0, 1, 4000) + (variant == "t") * 0.5 + rng.normal(0, 0.3, 24)[hour]
    totals = read_switchback(y, variant, times, SwitchbackPlan(period=60, burn_in=10), team)
    found = compare_clusters(totals, "t", "c", ClusterPlan(adjust_blocks=True))

    assert len(totals.cluster) == 72
    assert set(totals.block) == {"0", "1", "2"}
    assert totals.n_dropped == int((times % 60 < 10).sum())
    assert sum(totals.d) == 4000 - totals.n_dropped
    assert found.comparison.ci_lower < 0.5 < found.comparison.ci_upper
    assert 60 < found.comparison.df < 72


@pytest.mark.parametrize(
    "call",
    [
        lambda: ClusterTotals(cluster=("a",), variant=(), y=(1.0,), d=(1.0,)),
        lambda: ClusterTotals(cluster=("a",), variant=("t",), y=(1.0,), d=(0.0,)),
        lambda: ClusterTotals(cluster=("a", "a"), variant=("t", "t"), y=(1.0, 1.0), d=(1.0, 1.0)),
        lambda: ClusterTotals(cluster=("a", "b"), variant=("t", "t"), y=(1, 1), d=(1, 1), x=((1.0,), ())),
        lambda: ClusterTotals(cluster=("a",), variant=("t",), y=(1,), d=(1,), x=((float("nan"),),)),
        lambda: ClusterTotals(cluster=("a", "a"), variant=("t", "c"), y=(1, 1), d=(1, 1), block=("p", "q")),
        lambda: ClusterTotals.from_rows([1.0], ["t", "c"], ["a"]),
        lambda: ClusterPlan(alpha=0),
        lambda: ClusterPlan(method="cr9"),
        lambda: ClusterPlan(weight="x"),
        lambda: compare_clusters(make_clusters(4), "t", "t"),
        lambda: compare_clusters(make_clusters(4), "t", "c", ClusterPlan(adjust_blocks=True)),
        lambda: compare_clusters(
            ClusterTotals(cluster=tuple("aabb"), variant=tuple("tctc"), y=(1, 2, 3, 4), d=(1,) * 4),
            "t", "c", ClusterPlan(method="permutation"),
        ),
        lambda: SwitchbackPlan(period=0),
        lambda: SwitchbackPlan(period=60, burn_in=60),
        lambda: read_switchback([1.0], ["t"], [1.0, 2.0], SwitchbackPlan(period=60)),
        lambda: read_switchback([1.0], ["t"], [-1.0], SwitchbackPlan(period=60)),
        lambda: read_switchback([1.0, 2.0], ["t", "c"], [1.0, 2.0], SwitchbackPlan(period=60)),
    ],
)  # fmt: skip
def test_a_wrong_call_is_refused(call: Any) -> None:
    """Broken totals, plans and assignments are errors of the caller."""
    with pytest.raises(InvalidInputError):
        call()
