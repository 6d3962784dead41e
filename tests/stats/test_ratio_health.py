"""Denominators that move and values that are missing by arm."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abplat.errors import InvalidInputError
from abplat.stats import (
    ComparisonPlan,
    Moments,
    NotComputable,
    bound_effect,
    check_denominator,
    check_missingness,
    compare,
)
from abplat.stats.tables import Table


def test_the_denominator_is_compared_like_an_outcome(arms: Any) -> None:
    """Oracle: the comparison of the rows of D as outcome, strata included."""
    found = check_denominator(arms[0].record("d", "x"), arms[1].record("d", "x"))
    by_strata = check_denominator(arms[0].strata("d"), arms[1].strata("d"))

    wanted = compare(Moments.from_values(arms[0].d), Moments.from_values(arms[1].d))
    assert found.comparison.effect == pytest.approx(wanted.effect, rel=1e-10)
    assert found.comparison.p_value == pytest.approx(wanted.p_value, rel=1e-9)
    assert by_strata.comparison.effect != wanted.effect
    assert found.code == "denominator_moved"


def test_finding_and_flag_agree() -> None:
    """Fewer sessions, as many orders: the ratio rises, the finding and the flag say why."""
    rng = np.random.default_rng(6)
    arms = [Moments.from_values(rng.poisson(2, 2000), 1 + rng.poisson(m, 2000)) for m in (4.0, 5.0)]
    ratio = compare(*arms, ComparisonPlan(kind="ratio"))

    assert ratio.effect > 0
    assert ratio.p_value < 1e-6
    assert ratio.flags == ("denominator_moved",)
    assert check_denominator(*arms).alarm


def test_units_without_a_denominator_stay_in_the_ratio() -> None:
    """The ratio over participating units only would have another variance: D = 0 stays in n.

    Oracle: seeded resampling of all units.
    """
    rng = np.random.default_rng(7)
    d = rng.poisson(0.8, 1500).astype(float)
    y = rng.binomial(d.astype(int), 0.3).astype(float)
    record = Moments.from_values(y, d)
    found = compare(record, record, ComparisonPlan(kind="ratio"))

    draws = []
    for _ in range(2000):
        rows = rng.integers(0, 1500, 1500)
        draws.append(y[rows].sum() / d[rows].sum())
    assert found.n_treatment == 1500
    assert found.se / np.sqrt(2) == pytest.approx(np.std(draws), rel=0.05)


def test_missingness_is_tested_by_arm() -> None:
    """Oracle: the comparison of the shares; small tables are tested exactly."""
    found = check_missingness(Table(120, 1000, 60, 1000))
    fair = check_missingness(Table(100, 1000, 98, 1000))

    assert found.alarm
    assert found.comparison.effect == pytest.approx(0.06)
    assert not fair.alarm
    assert check_missingness(Table(2, 20, 1, 20)).comparison.method == "score+boschloo"
    assert check_missingness(Table(0, 10, 0, 10)) == NotComputable("no_missing_values")
    assert check_missingness(Table(0, 0, 0, 10)) == NotComputable("no_units")


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000), share=st.floats(0.05, 0.6), helps=st.booleans(), lift=st.floats(-0.3, 0.3)
)  # fmt: skip
def test_bounds_hold_the_truth(seed: int, share: float, lift: float, *, helps: bool) -> None:
    """Property: whatever is missing, the effect among all units lies between the bounds."""
    rng = np.random.default_rng(seed)
    full = [np.clip(rng.random(60) + lift, 0, 1), rng.random(50)]
    seen = [v[(rng.random(v.size) > share) | ((v > 0.5) == helps)] for v in full]
    gone = tuple(v.size - s.size for v, s in zip(full, seen, strict=True))
    found = bound_effect(*[Moments.from_values(v) for v in seen], gone, (0.0, 1.0))

    truth = full[0].mean() - full[1].mean()
    assert found.lower - 1e-9 <= truth <= found.upper + 1e-9
    assert found.ci_lower <= found.lower <= found.upper <= found.ci_upper
    assert found.upper - found.lower == pytest.approx(found.missing_treatment + found.missing_control)


def test_nothing_missing_leaves_one_effect() -> None:
    """Without missing values the bounds are the comparison."""
    arms = [Moments.from_values(v) for v in ([1.0, 2.0, 4.0], [0.0, 1.0, 1.0, 3.0])]
    found, wanted = bound_effect(*arms, (0, 0), (0.0, 5.0)), compare(*arms)

    assert (found.lower, found.upper) == (wanted.effect, wanted.effect)
    assert (found.ci_lower, found.ci_upper) == (wanted.ci_lower, wanted.ci_upper)
    assert not found.excludes_zero


def test_project_star_has_missing_scores(real_data: Any) -> None:
    """Tennessee STAR: scores are missing at random by class size, yet bounds alone prove nothing.

    Oracle: Stock, Watson: small classes 13.90 points, n = 5,786 with scores (three arms).
    """
    df = real_data("project_star.csv.gz")
    score = df.readk + df.mathk
    parts = {kind: score[df.stark == kind] for kind in ("small", "regular", "regular+aide")}
    small, regular = (Moments.from_values(parts[kind].dropna().to_numpy()) for kind in ("small", "regular"))
    gone = tuple(int(parts[kind].isna().sum()) for kind in ("small", "regular"))
    table = Table(gone[0], small.n + gone[0], gone[1], regular.n + gone[1])
    found = bound_effect(small, regular, gone, (float(score.min()), float(score.max())))

    assert sum(int(part.notna().sum()) for part in parts.values()) == 5786
    assert compare(small, regular).effect == pytest.approx(13.90, abs=0.005)
    assert compare(small, regular).se == pytest.approx(2.45, abs=0.005)
    assert not check_missingness(table).alarm
    assert found.lower < 0
    assert found.upper > 13.9
    assert not found.excludes_zero


def test_what_cannot_be_computed_says_why() -> None:
    """Reasons instead of numbers."""
    flat, one = Moments.from_values([1.0, 1.0]), Moments.from_values([1.0])
    fixed = Moments.from_values([1.0, 2.0], [3.0, 3.0])

    assert bound_effect(flat, flat, (0, 0), (0.0, 2.0)) == NotComputable("zero_variance")
    assert bound_effect(one, flat, (5, 5), (0.0, 2.0)) == NotComputable("too_few_units")
    assert check_denominator(fixed, fixed) == NotComputable("zero_variance")


@pytest.mark.parametrize(
    "call",
    [
        lambda a: bound_effect(a, a, (0, 0), (1.0, 1.0)),
        lambda a: bound_effect(a, a, (-1, 0), (0.0, 9.0)),
        lambda a: bound_effect(a, a, (0, 0), (5.0, 9.0)),
        lambda a: check_denominator(a, a),
    ],
)
def test_a_wrong_call_is_refused(call: Callable[[Moments], object]) -> None:
    """A range that cannot be, or no denominator."""
    with pytest.raises(InvalidInputError):
        call(Moments.from_values([1.0, 2.0]))
