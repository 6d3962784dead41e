"""Two experiments at once, and the planned split by dimension."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats as scipy_stats
from statsmodels.stats.multitest import multipletests

from abplat.errors import InvalidInputError
from abplat.stats import (
    ComparisonPlan,
    Moments,
    NotComputable,
    check_assignment_dependence,
    check_interaction,
    check_sample_ratio,
    check_sample_ratio_by,
)

_PLAN = {"c": 1, "t": 1}


def make_cells(together: float, n: int = 400) -> tuple[dict[tuple[str, str], Moments], Any, Any]:
    """Make four arms with an interaction, and their rows."""
    rng = np.random.default_rng(2)
    records, y, design = {}, [], []
    for i, a in enumerate("ct"):
        for j, b in enumerate("ct"):
            values = rng.normal(0.3 * i + 0.2 * j + together * i * j, 1 + 0.5 * i, n + 40 * j)
            records[a, b] = Moments.from_values(values)
            y.append(values)
            design.append(np.tile([1, i, j, i * j], (values.size, 1)))
    return records, np.concatenate(y), np.concatenate(design)


def test_the_interaction_equals_least_squares() -> None:
    """Oracle: statsmodels OLS with HC2 errors, coefficient of the product."""
    records, y, design = make_cells(0.5)
    found = check_interaction(records, ("c", "c"))

    fit = sm.OLS(y, design).fit(cov_type="HC2")
    assert found.interaction.effect == pytest.approx(fit.params[3], rel=1e-10)
    assert found.interaction.se == pytest.approx(fit.bse[3], rel=1e-10)
    assert found.alone.effect == pytest.approx(fit.params[1], rel=1e-10)
    assert found.interaction.p_value < 0.01


def test_the_interaction_is_the_same_from_both_sides() -> None:
    """Which experiment comes first makes no difference."""
    records, _, _ = make_cells(0.2)
    turned = {(b, a): record for (a, b), record in records.items()}
    plan = ComparisonPlan(reference="normal")
    one, two = (check_interaction(r, ("c", "c"), plan).interaction for r in (records, turned))

    assert (one.effect, one.se, one.p_value) == pytest.approx((two.effect, two.se, two.p_value))
    assert one.df is None


def test_dependence_equals_scipy() -> None:
    """Oracle: scipy.stats.chi2_contingency(correction=False), also with three variants."""
    table = np.array([[510, 480, 505], [470, 540, 500]])
    counts = {(a, b): int(table[i, j]) for i, a in enumerate("ct") for j, b in enumerate("xyz")}
    found = check_assignment_dependence(counts)

    wanted = scipy_stats.chi2_contingency(table, correction=False)
    assert (found.statistic, found.df, found.p_value) == pytest.approx((*wanted[:1], 2, wanted[1]), rel=1e-12)
    assert list(found.expected.values()) == pytest.approx(wanted[3].ravel())
    assert not found.alarm


def test_one_salt_used_twice_raises_the_alarm() -> None:
    """Whoever is treated in one is treated in the other."""
    found = check_assignment_dependence({("c", "c"): 500, ("t", "t"): 500, ("c", "t"): 0, ("t", "c"): 0})

    assert found.alarm
    assert found.statistic == pytest.approx(1000)


def test_nothing_to_compare_has_its_reason() -> None:
    """Empty arms, arms that do not vary, and a single variant."""
    records, _, _ = make_cells(0.0)
    empty, flat = Moments(("y",), 0, (0.0,), (0.0,), (0.0,)), Moments.from_values([1.0, 1.0])

    assert check_interaction({**records, ("t", "t"): empty}, ("c", "c")) == NotComputable("no_units")
    assert check_interaction({**records, ("t", "c"): empty}, ("c", "c")) == NotComputable("no_units")
    assert check_interaction(dict.fromkeys(records, flat), ("c", "c")) == NotComputable("zero_variance")
    assert check_assignment_dependence({("c", "c"): 5, ("c", "t"): 7}) == NotComputable("no_units")


def test_the_split_is_tested_by_dimension_with_holm() -> None:
    """Oracle: scipy.stats.chisquare per row and statsmodels multipletests(method="holm")."""
    counts = {
        "channel": {"web": {"c": 5000, "t": 5100}, "app": {"c": 2000, "t": 1700}},
        "country": {"NL": {"c": 3500, "t": 3400}, "BE": {"c": 3500, "t": 3400}},
    }
    found = check_sample_ratio_by(counts, _PLAN)

    p_values = [
        scipy_stats.chisquare(list(row.values())).pvalue for v in counts.values() for row in v.values()
    ]
    assert [row.adjusted_p for row in found.rows] == pytest.approx(multipletests(p_values, method="holm")[1])
    assert (found.hint.dimension, found.hint.value) == ("channel", "app")
    assert found.hint.contribution > 0.9
    assert not found.hint.rest.alarm
    assert [row.alarm for row in found.rows] == [False, True, False, False]


def test_two_faults_that_cancel_are_found() -> None:
    """The whole looks as planned while each half is off."""
    counts = {"channel": {"web": {"c": 2300, "t": 2000}, "app": {"c": 2000, "t": 2300}}}

    assert not check_sample_ratio({"c": 4300, "t": 4300}, _PLAN).alarm
    assert all(row.alarm for row in check_sample_ratio_by(counts, _PLAN).rows)


def test_a_split_as_planned_gives_no_hint() -> None:
    """Without an alarm there is no cause to name; a value without units says so."""
    counts = {
        "channel": {"web": {"c": 500, "t": 500}, "app": {"c": 0, "t": 0}},
        "all": {"x": {"c": 5, "t": 5}},
    }
    found = check_sample_ratio_by(counts, _PLAN)

    assert (found.hint, found.alarm) == (None, False)
    assert found.rows[1].check == NotComputable("no_units")
    assert found.rows[2].rest == NotComputable("no_units")
    assert found.rows[0].contribution == 0.0


def test_units_in_a_variant_without_weight_are_named() -> None:
    """Nobody should be there, in whatever number."""
    counts = {"channel": {"web": {"c": 50, "t": 50, "off": 1}, "app": {"c": 50, "t": 50, "off": 0}}}
    found = check_sample_ratio_by(counts, {**_PLAN, "off": 0})

    assert [row.alarm for row in found.rows] == [True, False]
    assert found.hint.value == "web"


@pytest.mark.parametrize(
    "call",
    [
        lambda: check_sample_ratio_by({}, _PLAN),
        lambda: check_sample_ratio_by({"a": {"x": {"c": 1}}}, _PLAN),
        lambda: check_assignment_dependence({("a", "b"): -1}),
        lambda: check_interaction({("c", "c"): Moments.from_values([1.0])}, ("c", "c")),
        lambda: check_interaction(make_cells(0)[0], ("x", "c")),
    ],
)
def test_a_wrong_call_is_refused(call: Any) -> None:
    """Counts, pairs and controls are checked."""
    with pytest.raises(InvalidInputError):
        call()
