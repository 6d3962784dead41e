"""The one estimator against row-level oracles."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import integrate
from scipy import stats as scipy_stats

from abplat.errors import InvalidInputError
from abplat.stats import Comparison, ComparisonPlan, Moments, NotComputable, compare, compare_rows

_RULES = ("min_variance", "within_arms", "pooled_total", "none")


def _unit_values(arm: Any, *, is_ratio: bool, has_x: bool, has_xd: bool) -> tuple[Any, Any]:
    """Return per unit the linearised outcome and covariate (Deng, Knoblich, Lu 2018, eq. 3)."""
    y = (arm.y - arm.y.mean() / arm.d.mean() * arm.d) / arm.d.mean() if is_ratio else arm.y
    if not has_x:
        return y, np.zeros_like(y)
    x = (arm.x - arm.x.mean() / arm.xd.mean() * arm.xd) / arm.xd.mean() if has_xd else arm.x
    return y, x


def test_a_mean_is_compared_by_welch(arms: Any) -> None:
    """Oracle: scipy.stats.ttest_ind(equal_var=False) and its interval."""
    treatment, control = arms
    found = compare(treatment.record(), control.record(), ComparisonPlan(alpha=0.1))

    wanted = scipy_stats.ttest_ind(treatment.y, control.y, equal_var=False)
    ends = wanted.confidence_interval(0.9)
    assert found.p_value == pytest.approx(wanted.pvalue, rel=1e-10)
    assert found.df == pytest.approx(wanted.df, rel=1e-12)
    assert (found.ci_lower, found.ci_upper) == pytest.approx((ends.low, ends.high), rel=1e-10)
    assert found.log10_p == pytest.approx(np.log10(wanted.pvalue), rel=1e-10)


@pytest.mark.parametrize("rule", _RULES)
@pytest.mark.parametrize(
    ("is_ratio", "has_x", "has_xd"),
    [
        (False, False, False),
        (True, False, False),
        (False, True, False),
        (True, True, True),
        (True, True, False),
    ],
    ids=["mean", "ratio", "mean with covariate", "ratio with ratio", "ratio with covariate"],
)
def test_all_kinds_equal_the_rows(arms: Any, rule: str, *, is_ratio: bool, has_x: bool, has_xd: bool) -> None:
    """Oracle: the variance of the linearised rows, computed with numpy.cov."""
    columns = [c for c, used in (("d", is_ratio), ("x", has_x), ("xd", has_xd)) if used]
    plan = ComparisonPlan(kind="ratio" if is_ratio else "mean", theta_rule=rule)
    found = compare(arms[0].record(*columns), arms[1].record(*columns), plan)

    rows = [_unit_values(arm, is_ratio=is_ratio, has_x=has_x, has_xd=has_xd) for arm in arms]
    spreads = [np.cov(y, x) for y, x in rows]
    sizes = [y.size for y, _ in rows]
    theta = _oracle_slope(rule if has_x else "none", arms, rows, (is_ratio, has_xd))
    values = [arm.y.mean() / arm.d.mean() if is_ratio else arm.y.mean() for arm in arms]
    known = [arm.x.mean() / (arm.xd.mean() if has_xd else 1.0) for arm in arms]
    variances = [
        (s[0, 0] - 2 * theta * s[0, 1] + theta**2 * s[1, 1]) / n for s, n in zip(spreads, sizes, strict=True)
    ]
    spent = 1 if has_x and rule != "none" else 0
    df = sum(variances) ** 2 / sum(v**2 / (n - 1) for v, n in zip(variances, sizes, strict=True)) - spent
    assert found.effect == pytest.approx(values[0] - values[1] - theta * (known[0] - known[1]), rel=1e-10)
    assert found.se == pytest.approx(np.sqrt(sum(variances)), rel=1e-10)
    assert found.df == pytest.approx(df, rel=1e-10)
    assert found.treatment_adjusted - found.control_adjusted == pytest.approx(found.effect, rel=1e-10)
    assert found.control_value == pytest.approx(values[1], rel=1e-12)


def _oracle_slope(rule: str, arms: Any, rows: Any, kinds: tuple[bool, bool]) -> float:
    """Find a slope from rows in the way each rule is defined."""
    if rule == "none":
        return 0.0
    if rule == "min_variance":
        weights = [1 / y.size for y, _ in rows]
    elif rule == "within_arms":
        weights = [y.size - 1 for y, _ in rows]
    else:
        whole = type(arms[0])(*(np.concatenate(pair) for pair in zip(*arms, strict=True)))
        y, x = _unit_values(whole, is_ratio=kinds[0], has_x=True, has_xd=kinds[1])
        return float(np.cov(y, x)[0, 1] / np.var(x, ddof=1))
    spreads = [np.cov(y, x) for y, x in rows]
    top = sum(w * s[0, 1] for w, s in zip(weights, spreads, strict=True))
    return float(top / sum(w * s[1, 1] for w, s in zip(weights, spreads, strict=True)))


def test_within_arms_is_analysis_of_covariance(arms: Any) -> None:
    """Oracle: statsmodels OLS of y on treatment and covariate."""
    treatment, control = arms
    found = compare(treatment.record("x"), control.record("x"), ComparisonPlan(theta_rule="within_arms"))

    y, x = np.r_[treatment.y, control.y], np.r_[treatment.x, control.x]
    treated = np.r_[np.ones(treatment.y.size), np.zeros(control.y.size)]
    fit = sm.OLS(y, np.column_stack([np.ones_like(y), treated, x])).fit()
    assert found.effect == pytest.approx(fit.params[1], rel=1e-9)
    assert found.theta[0] == pytest.approx(fit.params[2], rel=1e-9)


def test_welch_is_ordinary_least_squares_with_hc2(arms: Any) -> None:
    """Oracle: statsmodels OLS with HC2 standard errors."""
    treatment, control = arms
    found = compare(treatment.record(), control.record())

    y = np.r_[treatment.y, control.y]
    treated = np.r_[np.ones(treatment.y.size), np.zeros(control.y.size)]
    fit = sm.OLS(y, sm.add_constant(treated)).fit(cov_type="HC2")
    assert (found.effect, found.se) == pytest.approx((fit.params[1], fit.bse[1]), rel=1e-10)


def test_several_covariates_equal_least_squares(arms: Any) -> None:
    """Oracle: statsmodels OLS on two covariates; a doubled covariate changes nothing."""
    treatment, control = arms
    records, doubled = [], []
    for arm in arms:
        table = np.column_stack([arm.x, arm.xd])
        records.append(Moments.from_values(arm.y, covariate=table))
        doubled.append(Moments.from_values(arm.y, covariate=np.column_stack([table, arm.x - arm.xd])))
    plan = ComparisonPlan(theta_rule="within_arms")
    found, again = compare(*records, plan), compare(*doubled, plan)

    y = np.r_[treatment.y, control.y]
    design = np.column_stack(
        [
            np.ones_like(y),
            np.r_[np.ones(treatment.y.size), np.zeros(control.y.size)],
            np.r_[treatment.x, control.x],
            np.r_[treatment.xd, control.xd],
        ]
    )
    fit = sm.OLS(y, design).fit()
    assert found.effect == pytest.approx(fit.params[1], rel=1e-9)
    assert found.theta == pytest.approx(fit.params[2:], rel=1e-9)
    assert again.effect == pytest.approx(found.effect, rel=1e-8)
    assert (again.se, again.df) == pytest.approx((found.se, found.df), rel=1e-8)
    assert compare_rows(records[:1], records[1:], plan)[0].effect == pytest.approx(found.effect, rel=1e-12)


def test_strata_equal_the_formula_of_post_stratification(arms: Any) -> None:
    """Oracle: Miratrix, Sekhon, Yu (2013), sum of W (T - C) with pooled shares, from rows."""
    treatment, control = arms
    found = compare(treatment.strata(), control.strata())

    n = treatment.y.size + control.y.size
    effect = variance = 0.0
    for s in range(3):
        a, b = treatment.y[treatment.stratum == s], control.y[control.stratum == s]
        weight = (a.size + b.size) / n
        effect += weight * (a.mean() - b.mean())
        variance += weight**2 * (a.var(ddof=1) / a.size + b.var(ddof=1) / b.size)
    assert found.effect == pytest.approx(effect, rel=1e-10)
    assert found.se == pytest.approx(np.sqrt(variance), rel=1e-10)


def test_a_slope_per_stratum_equals_the_strata_apart(arms: Any) -> None:
    """Oracle: one comparison per stratum, combined with pooled shares."""
    treatment, control = (arm.strata("x") for arm in arms)
    found = compare(treatment, control, ComparisonPlan(theta_rule="per_stratum"))

    n = sum(r.n for r in (*treatment.values(), *control.values()))
    parts = [(compare(treatment[s], control[s]), (treatment[s].n + control[s].n) / n) for s in treatment]
    assert found.effect == pytest.approx(sum(w * p.effect for p, w in parts), rel=1e-10)
    assert found.se**2 == pytest.approx(sum(w**2 * p.se**2 for p, w in parts), rel=1e-10)


@pytest.mark.parametrize("denominator", ["adjusted", "unadjusted"])
def test_random_shares_add_the_spread_between_strata(arms: Any, denominator: str) -> None:
    """Oracle: the formula of the design, from one comparison per stratum."""
    treatment, control = (arm.strata() for arm in arms)
    plan = ComparisonPlan(strata_shares="random", denominator=denominator)
    found, fixed = compare(treatment, control, plan), compare(treatment, control)

    n = sum(r.n for r in (*treatment.values(), *control.values()))
    parts = [(compare(treatment[s], control[s]), (treatment[s].n + control[s].n) / n) for s in treatment]
    extra = sum(w * (p.effect - found.effect) ** 2 for p, w in parts) / n
    assert found.effect == pytest.approx(fixed.effect)
    assert found.se**2 == pytest.approx(fixed.se**2 + extra, rel=1e-10)


def test_a_fixed_slope_is_used_as_given(arms: Any) -> None:
    """A slope that was fixed beforehand costs no degree of freedom."""
    records = [arm.record("x") for arm in arms]
    found = compare(*records, ComparisonPlan(theta_rule="fixed", theta=(0.25,)))
    shifted = [Moments.from_values(arm.y - 0.25 * arm.x) for arm in arms]

    assert found.theta == (0.25,)
    wanted = compare(*shifted)
    assert (found.effect, found.se, found.df) == pytest.approx(
        (wanted.effect, wanted.se, wanted.df), rel=1e-10
    )


def test_small_strata_are_merged_and_named(arms: Any) -> None:
    """A stratum below the least size is merged; where all are, stratification is dropped."""
    treatment, control = (arm.strata() for arm in arms)
    tiny = {**treatment, "9": Moments.from_values([1.0, 2.0])}
    some = compare(tiny, control)
    none = compare(treatment, control, ComparisonPlan(min_stratum_units=1000))

    assert some.flags == ("strata_merged",)
    assert some.n_treatment == 702
    assert none.flags == ("strata_dropped",)
    assert none.effect == pytest.approx(compare(arms[0].record(), arms[1].record()).effect, rel=1e-10)


def test_empty_strata_have_no_units() -> None:
    """Strata without any unit are no error."""
    empty = {"a": Moments.from_values([])}

    assert compare(empty, empty) == NotComputable("no_units")


def test_rows_equal_the_pairs_one_by_one(arms: Any) -> None:
    """The vectorised door and the scalar door give the same numbers, refusals included."""
    one = Moments.from_values([1.0], covariate=[2.0])
    flat = Moments.from_values([5.0, 5.0, 5.0], covariate=[1.0, 2.0, 3.0])
    zero = Moments.from_values([-1.0, 0.0, 1.0], covariate=[1.0, 2.0, 3.0])
    sunk = Moments.from_values([-4.0, -5.0, -6.0], covariate=[1.0, 2.0, 3.0])
    treatment = [arms[0].record("x"), one, flat, arms[0].record("x"), arms[0].record("x"), zero]
    control = [arms[1].record("x"), flat, flat, zero, sunk, Moments.from_values([], covariate=[])]
    for relative in ("fieller", "delta", "log"):
        for rule in (*_RULES, "per_stratum"):
            plan = ComparisonPlan(relative=relative, theta_rule=rule)
            for left, right, row in zip(
                treatment, control, compare_rows(treatment, control, plan), strict=True
            ):
                single = compare(left, right, plan)
                if isinstance(single, NotComputable):
                    assert row == single
                    continue
                assert (row.flags, row.rel_reason) == (single.flags, single.rel_reason)
                assert row.effect == pytest.approx(single.effect, rel=1e-12)
                assert row.log10_p == pytest.approx(single.log10_p, rel=1e-9)
                if single.rel_reason is None:
                    assert row.rel_ci_lower == pytest.approx(single.rel_ci_lower, rel=1e-9)
                    assert row.rel_p_value == pytest.approx(single.rel_p_value, rel=1e-9)


def test_rows_on_the_normal_reference_equal_the_pairs(arms: Any) -> None:
    """The normal reference has no degrees of freedom."""
    plan = ComparisonPlan(reference="normal", kind="ratio", relative="delta")
    records = [arm.record("d") for arm in arms]
    row, single = compare_rows(records[:1], records[1:], plan)[0], compare(*records, plan)

    assert single.df is None
    assert single.method == "normal"
    assert row.p_value == pytest.approx(single.p_value, rel=1e-12)
    assert single.p_value == pytest.approx(2 * scipy_stats.norm.sf(abs(single.effect / single.se)), rel=1e-10)
    assert single.rel_p_value == pytest.approx(row.rel_p_value, rel=1e-12)


def test_no_rows_give_no_results() -> None:
    """An empty page is an empty answer."""
    assert compare_rows([], []) == ()


def test_a_missing_pre_period_is_an_indicator_covariate(arms: Any) -> None:
    """New customers keep their row: pre-period 0 and an indicator as second covariate.

    Oracle: the rows with known pre-period and those without, as two strata with a common slope.
    """
    records = []
    for arm in arms:
        new = arm.stratum == 0
        table = np.column_stack([np.where(new, 0.0, arm.x), new])
        records.append(Moments.from_values(arm.y, covariate=table))
    found = compare(*records)

    assert isinstance(found, Comparison)
    assert found.se < compare(arms[0].record(), arms[1].record()).se
    assert len(found.theta) == 2


def test_arms_that_differed_before_are_flagged() -> None:
    """A pre-exposure difference of many standard errors raises a flag."""
    rng = np.random.default_rng(5)
    x = rng.normal(0, 1, 1000)
    records = [Moments.from_values(x + rng.normal(0, 1, 1000), covariate=x + gap) for gap in (0.5, 0.0)]

    assert compare(*records).flags == ("covariate_imbalance",)
    assert compare_rows(records[:1], records[1:])[0].flags == ("covariate_imbalance",)


def test_a_ratio_that_moves_by_its_denominator_is_flagged() -> None:
    """The denominator's own difference raises a flag."""
    rng = np.random.default_rng(6)
    records = [Moments.from_values(rng.poisson(5, 900), rng.poisson(m, 900)) for m in (6, 5)]

    assert compare(*records, ComparisonPlan(kind="ratio")).flags == ("denominator_moved",)


def test_a_constant_denominator_is_a_mean(arms: Any) -> None:
    """A ratio over a denominator of 1 is the mean."""
    records = [Moments.from_values(arm.y, np.ones(arm.y.size)) for arm in arms]
    found, mean = compare(*records, ComparisonPlan(kind="ratio")), compare(arms[0].record(), arms[1].record())

    assert (found.effect, found.se, found.p_value) == pytest.approx((mean.effect, mean.se, mean.p_value))


@pytest.mark.parametrize(
    ("treatment", "control", "plan", "reason"),
    [
        ([], [1.0, 2.0], {}, "no_units"),
        ([1.0, 2.0], [1.0], {}, "too_few_units"),
        ([3.0, 3.0], [3.0, 3.0], {}, "zero_variance"),
        ([0.1] * 7, [0.1] * 9, {}, "zero_variance"),
        ([1.0] * 9, [0.0] * 9, {"kind": "proportion", "small_table": "never"}, "zero_variance"),
    ],
)
def test_what_cannot_be_computed_says_why(
    treatment: list[float], control: list[float], plan: dict[str, Any], reason: str
) -> None:
    """No placeholder and no NaN: a reason."""
    records = Moments.from_values(treatment), Moments.from_values(control)

    assert compare(*records, ComparisonPlan(**plan)) == NotComputable(reason)
    assert compare_rows(records[:1], records[1:], ComparisonPlan(**plan)) == (NotComputable(reason),)


def test_a_denominator_of_zero_is_refused() -> None:
    """A ratio over nothing has no value."""
    record = Moments.from_values([1.0, 2.0], [0.0, 0.0])

    assert compare(record, record, ComparisonPlan(kind="ratio")) == NotComputable("zero_denominator")


def test_sums_without_a_shift_are_refused_once_their_digits_are_gone() -> None:
    """Mean 1e9 and sd 1 summed as raw squares leave only rounding, so there is no variance."""
    values = np.random.default_rng(3).normal(1e9, 1, 1000)
    raw = Moments.from_values(values, shift=(0.0,))

    assert compare(raw, raw) == NotComputable("precision_lost")
    assert isinstance(compare(Moments.from_values(values), Moments.from_values(values)), Comparison)


def test_the_p_value_keeps_digits_and_its_logarithm_beyond_them() -> None:
    """Oracle: the tail of scipy.stats.t by scipy.integrate.quad; peers give 0.0 from t = 13 on."""
    rng = np.random.default_rng(4)
    base = rng.normal(0, 1, 40_000)
    near = compare(Moments.from_values(base + 0.2), Moments.from_values(base))
    far = compare(Moments.from_values(base + 1.0), Moments.from_values(base))

    assert 0 < near.p_value < 1e-150
    t, df = far.effect / far.se, far.df
    peak = scipy_stats.t.logpdf(t, df)
    area = integrate.quad(lambda s: np.exp(scipy_stats.t.logpdf(t + s, df) - peak), 0, 2)[0]
    assert far.log10_p == pytest.approx((peak + np.log(2 * area)) / np.log(10), rel=1e-9)
    assert far.log10_p < -1000
    assert compare_rows([Moments.from_values(base + 1.0)], [Moments.from_values(base)])[0] == far


_A, _B = Moments.from_values([1.0, 2.5]), Moments.from_values([1.0, 3.0])
_WIDE = Moments.from_values([1.0, 2.0], [1.0, 2.0])


@pytest.mark.parametrize(
    "call",
    [
        lambda: compare(_A, _B, ComparisonPlan(kind="ratio")),
        lambda: compare(_A, {"s": _B}),
        lambda: compare(_A, _WIDE),
        lambda: compare({"s": _A}, {"s": _WIDE}),
        lambda: compare(_A, _B, ComparisonPlan(kind="proportion")),
        lambda: compare(_A, _B, ComparisonPlan(theta_rule="fixed", theta=(1.0,))),
        lambda: compare_rows([_A], []),
        lambda: compare_rows([_A], [_WIDE]),
        lambda: ComparisonPlan(alpha=0.0),
        lambda: ComparisonPlan(kind="median"),
        lambda: ComparisonPlan(theta_rule="fixed"),
        lambda: ComparisonPlan(min_stratum_units=1),
    ],
)
def test_a_wrong_call_is_refused(call: Any) -> None:
    """Arms that do not fit the plan are an error of the caller."""
    with pytest.raises(InvalidInputError):
        call()


def test_proportions_without_units_have_no_table() -> None:
    """Empty arms are no table, and no error."""
    plan = ComparisonPlan(kind="proportion")
    empty, one = Moments.from_values([]), Moments.from_values([1.0])

    assert compare(empty, one, plan) == NotComputable("no_units")
    assert compare_rows([empty], [one], plan) == (NotComputable("no_units"),)
