"""Properties of what comes before the split: holdouts, layers, prerequisites."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from abplat_sdk import Evaluator, compile_config
from abplat_sdk.document import TOTAL
from abplat_sdk.hashing import find_bucket
from abplat_sdk.prerequisites import MAX_CHAIN, find_chain_fault
from hypothesis import given
from hypothesis import strategies as st

units = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=256)
salts = st.text("0123456789abcdef", min_size=8, max_size=16)
CHI_SQUARED_1 = 23.928  # scipy.stats.chi2.isf(1e-6, 1)


def make_experiment(key: str, **fields: Any) -> dict[str, Any]:
    """Describe an experiment of two equal arms."""
    return {
        "key": key,
        "salt": f"{key}-5a17c0de",
        "hash_version": 1,
        "unit_type": "cust",
        "state": "running",
        "included": TOTAL,
        "control": "control",
        "variants": [{"key": "control", "bound": 5_000}, {"key": "treatment", "bound": TOTAL}],
        **fields,
    }


def compile_experiments(*experiments: dict[str, Any]) -> Evaluator:
    """Compile a configuration."""
    base = {"schema_version": 1, "version": "1", "project": "shop"}
    return compile_config({**base, "experiments": list(experiments)})


def need(key: str, *variants: str) -> list[dict[str, Any]]:
    """Return one prerequisite."""
    return [{"experiment": key, "variants": list(variants)}]


shares = st.integers(0, TOTAL)


@given(units, salts, salts, st.tuples(shares, shares), st.tuples(shares, shares))
def test_growing_shares_never_move_a_unit(
    unit: str, layer: str, holdout: str, first: tuple[int, int], second: tuple[int, int]
) -> None:
    """Neither here nor in what it needs: whoever is in stays in, in the same variant."""
    seen = []
    for own, other in zip(sorted(first), sorted(second), strict=True):
        evaluator = compile_experiments(
            make_experiment("a", included=other, holdouts=[{"salt": holdout, "share": 1_000}]),
            make_experiment(
                "b",
                included=own,
                layer={"salt": layer, "slot": [0, 7_000]},
                prerequisites=need("a", "control", "treatment"),
            ),
        )
        seen.append(evaluator.decide("b", unit))
    before, after = seen

    assert not before.in_experiment or (after.in_experiment and after.variant == before.variant)


@given(units, salts, st.lists(shares, min_size=1, max_size=5, unique=True))
def test_nobody_is_in_two_slots_of_a_layer(unit: str, salt: str, cuts: list[int]) -> None:
    """Slots side by side share nobody, and leave out nobody."""
    bounds = [0, *sorted(cuts), TOTAL]
    evaluator = compile_experiments(
        *(
            make_experiment(f"e{first}", layer={"salt": salt, "slot": [first, end]})
            for first, end in itertools.pairwise(bounds)
            if first < end
        )
    )
    inside = [key for key, decision in evaluator.decide_all(unit).items() if decision.in_experiment]

    assert len(inside) == 1


@given(units, st.permutations(["a", "b", "c", "d"]))
def test_the_order_of_the_document_changes_nothing(unit: str, order: list[str]) -> None:
    """What is needed may stand before or behind."""
    described = {
        "a": make_experiment("a"),
        "b": make_experiment("b", prerequisites=need("a", "treatment")),
        "c": make_experiment("c", prerequisites=need("a", "control", "treatment")),
        "d": make_experiment("d", prerequisites=[*need("b", "control"), *need("c", "treatment")]),
    }
    evaluator = compile_experiments(*(described[key] for key in order))
    together = evaluator.decide_all(unit)

    assert together == compile_experiments(*described.values()).decide_all(unit)
    assert together == {key: evaluator.decide(key, unit) for key in order}
    assert not together["d"].in_experiment or together["b"].variant == "control"


@pytest.mark.parametrize("other", ["split", "layer", "holdout", "prerequisite"])
def test_holdouts_are_independent(other: str) -> None:
    """What a holdout's salt decides says nothing of any other salt: chi-square over 40 salts each."""
    held = {number: f"h{number:07}" for number in range(40)}
    numbers = [f"cust:{number}" for number in range(4_000)]
    for number, salt in held.items():
        evaluator = compile_experiments(
            make_experiment("a", salt=f"a{number:07}"),
            make_experiment("b", salt=f"b{number:07}", prerequisites=need("a", "treatment")),
        )
        cells = [[0, 0], [0, 0]]
        for unit in numbers:
            out = find_bucket(salt, unit) < 3_000
            cells[out][_side(other, number, unit, evaluator)] += 1
        assert chi_squared(cells) < CHI_SQUARED_1


def _side(other: str, number: int, unit: str, evaluator: Evaluator) -> bool:
    """Say on which side a unit lies under another salt."""
    if other == "split":
        return evaluator.decide("a", unit).variant == "control"
    if other == "prerequisite":
        return evaluator.decide("b", unit).in_experiment
    return find_bucket(f"{other[0]}other{number:04}", unit) < 5_000


def chi_squared(cells: list[list[int]]) -> float:
    """Pearson's statistic of independence for a two-by-two table."""
    total = sum(map(sum, cells))
    rows, columns = [sum(row) for row in cells], [sum(column) for column in zip(*cells, strict=True)]
    return sum(
        (cells[i][j] - rows[i] * columns[j] / total) ** 2 / (rows[i] * columns[j] / total)
        for i in (0, 1)
        for j in (0, 1)
    )


def test_the_longest_chain_is_decided() -> None:
    """Ten steps are followed, with pins of any of them."""
    keys = [f"e{place}" for place in range(MAX_CHAIN + 1)]
    chain = [make_experiment(keys[0])]
    chain += [
        make_experiment(key, prerequisites=need(before, "control", "treatment"))
        for before, key in itertools.pairwise(keys)
    ]
    evaluator = compile_experiments(*reversed(chain))

    assert evaluator.decide(keys[-1], "cust:1").in_experiment
    pinned = evaluator.decide(keys[-1], "cust:1", pins={keys[-1]: "treatment"})
    assert (pinned.variant, pinned.reason) == ("treatment", "pinned")


@given(st.dictionaries(st.integers(0, 15), st.lists(st.integers(0, 15), max_size=3), max_size=16))
def test_chains_are_judged_as_by_walking_them(graph: dict[int, list[int]]) -> None:
    """A plain walk along every way finds the same faults."""
    needs = {str(key): [str(other) for other in others] for key, others in graph.items()}

    def walk(path: tuple[str, ...]) -> bool:
        """Tell whether every way from here ends in time."""
        if path[-1] in path[:-1] or len(path) > MAX_CHAIN + 1:
            return False
        return all(walk((*path, other)) for other in needs[path[-1]] if other in needs)

    fault = find_chain_fault(needs)
    assert (fault is None) == all(walk((key,)) for key in needs)
    if fault is not None and fault.code == "cycle":
        assert fault.keys[0] == fault.keys[-1]
        assert all(after in needs[before] for before, after in itertools.pairwise(fault.keys))


@pytest.mark.parametrize("odd", [None, 7, "x", [], {"a": []}, {"a": None}, {7: "control"}, object()])
def test_odd_pins_never_raise(odd: Any) -> None:
    """Whatever the host passes for pins, it gets a decision."""
    evaluator = compile_experiments(
        make_experiment("a"), make_experiment("b", prerequisites=need("a", "control", "treatment"))
    )

    assert evaluator.decide("b", "cust:1", pins=odd).reason == "split"
    assert evaluator.decide("a", "cust:1", pins=odd).reason == "split"
    assert evaluator.decide("b", "", pins=odd).reason == "invalid_unit"
    assert evaluator.decide(odd, "cust:1", pins=odd).reason == "unknown_experiment"
    assert evaluator.decide_all("cust:1", odd, odd)["b"].reason == "split"
    assert evaluator.decide("b", 7, odd, odd if isinstance(odd, str) else None, odd, odd).unit == "7"
