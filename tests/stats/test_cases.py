"""The cases of the link, mix, conflict and time decompositions, with numbers derived on their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from abplat import stats


def test_d01_more_carts_of_lower_intent() -> None:
    """Derived by hand: phi_1 = (0.4 - 0.2)(0.35 + 0.5) / 2, L(0.14, 0.10) = 0.04 / ln 1.4."""
    found = stats.decompose_links([1000, 200, 100], [1000, 400, 140])

    assert [link.points_shapley for link in found.links] == pytest.approx([0.085, -0.045], abs=1e-12)
    assert [link.points_lmdi for link in found.links] == pytest.approx(
        [0.0824017087, -0.0424017087], abs=1e-9
    )
    assert found.log_ratio == pytest.approx(0.3364722366, abs=1e-9)
    assert found.log_ratio_se == pytest.approx(0.123056317, abs=1e-9)


def test_d02_no_change_is_no_contribution() -> None:
    """Equal rates in arms of different size: all contributions are exactly zero."""
    found = stats.decompose_links([500, 250, 100, 20], [1000, 500, 200, 40])

    assert [link.points for link in found.links] == [0.0, 0.0, 0.0]
    assert found.log_ratio_se == pytest.approx(0.2683281573, abs=1e-9)


def test_d03_a_link_nobody_crosses() -> None:
    """Logarithms are undefined, Shapley is exact."""
    found = stats.decompose_links([100, 50, 0], [100, 50, 10])

    assert [link.points_shapley for link in found.links] == pytest.approx([0.0, 0.1], abs=1e-12)
    assert [link.points_lmdi for link in found.links] == [None, None]
    assert found.log_ratio is None


def test_d04_a_pure_mix_shift() -> None:
    """Derived by hand: web falls from 80 to 60 %, rates 10 and 50 % stay."""
    found = stats.decompose_mix_and_rate(
        {"web": (800, 80), "phone": (200, 100)}, {"web": (600, 60), "phone": (400, 200)}
    )

    assert (found.mix, found.rate) == pytest.approx((0.08, 0.0), abs=1e-12)
    assert (found.mix_se, found.rate_se) == pytest.approx((0.0092398593, 0.0172445644), abs=1e-9)


def test_d05_one_conflict_and_one_harmless_win() -> None:
    """Oracle: scipy.stats.norm.sf(10 / 3) = 0.00042906 and Holm over two."""
    found = stats.find_conflicts((-0.02, 0.006), {"click": (0.05, 0.01), "scroll": (0.001, 0.01)})

    assert [one.p_holm for one in found] == pytest.approx([0.0008581207, 0.4601721627], abs=1e-9)
    assert [one.is_conflict for one in found] == [True, False]


def test_all_shared_cases_hold(shared_cases: Callable[[str], list[dict[str, Any]]]) -> None:
    """Every expected field of the shared file, to its tolerance."""
    cases = shared_cases("journey_decomposition.json")
    answers = {case["id"]: _answer(case["kind"], case["input"]) for case in cases}

    for case in cases:
        _compare(answers[case["id"]], case["expect"], case["tolerance"], case["id"])


def _answer(kind: str, given: dict[str, Any]) -> Any:
    if kind == "links":
        return stats.decompose_links(given["control"], given["treatment"])
    if kind == "mix_rate":
        arms = [{k: tuple(v) for k, v in given[arm].items()} for arm in ("control", "treatment")]
        return stats.decompose_mix_and_rate(*arms)
    if kind == "conflict":
        touchpoints = {k: tuple(v) for k, v in given["touchpoints"].items()}
        found = stats.find_conflicts(tuple(given["journey"]), touchpoints)
        return {c.key: {"p": c.p_value, "p_holm": c.p_holm, "conflict": c.is_conflict} for c in found}
    times, seen = zip(*given["times"], strict=True)
    table = stats.RiskTable.from_times(times, seen, tau=given["tau"])
    mean, curve = stats.restricted_mean(table, given["tau"]), stats.kaplan_meier(table)
    steps = [[t, s] for t, s, d in zip(curve.times, curve.survival, curve.events, strict=True) if d]
    return {"rmst": mean.value, "se": mean.se, "survival": steps}


def _compare(found: Any, wanted: Any, tolerance: float, path: str) -> None:
    if isinstance(wanted, dict):
        for key, value in wanted.items():
            inner = (
                found[key]
                if isinstance(found, dict | type({}.items())) or hasattr(found, "keys")
                else getattr(found, key)
            )
            _compare(inner, value, tolerance, f"{path}.{key}")
    elif isinstance(wanted, list):
        for i, (one, other) in enumerate(zip(found, wanted, strict=True)):
            _compare(one, other, tolerance, f"{path}[{i}]")
    elif isinstance(wanted, float):
        assert found == pytest.approx(wanted, abs=tolerance), path
    else:
        assert found == wanted, path
