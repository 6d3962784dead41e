"""Slots, holdouts, prerequisites, segments and personas as definitions."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abplat.domain.catalogue import canonical, check_references, parse_catalogue
from abplat.domain.layers import BUCKETS, Slot, find_free, find_holdouts, suggest_slot
from abplat.domain.targeting import list_conditions, list_groups
from abplat.errors import InvalidInputError, LayerFullError
from tests.conftest import make_catalogue, make_experiment

slots = st.tuples(st.integers(0, BUCKETS), st.integers(0, BUCKETS)).map(lambda ends: Slot(*sorted(ends)))


def faults_of(noun: str, document: Any) -> set[tuple[str, str]]:
    """Return path and code of every fault of a definition."""
    with pytest.raises(InvalidInputError) as caught:
        canonical(noun, document)
    return {(problem.path, problem.code) for problem in caught.value.problems}


def problems_of(*experiments: dict[str, Any], **over: Any) -> set[tuple[str, str]]:
    """Return path and code of every reference that leads nowhere."""
    _, entries = parse_catalogue(make_catalogue(experiments=list(experiments), **over))
    return {(problem.path, problem.code) for problem in check_references(entries)}


def need(key: str, *variants: str) -> list[dict[str, Any]]:
    """Return one prerequisite."""
    return [{"experiment": key, "variants": list(variants)}]


@given(st.lists(slots.filter(lambda slot: slot.start < slot.end), max_size=8), st.integers(1, BUCKETS))
def test_free_and_taken_fill_the_layer_and_never_overlap(taken: list[Slot], size: int) -> None:
    """Every bucket is either taken or free, and a suggestion is free."""
    free = find_free(taken)
    suggested = suggest_slot(taken, size)
    covered = {bucket for slot in taken for bucket in range(*slot)}

    assert not any(slot.overlaps(other) for slot in free for other in taken)
    assert sum(slot.end - slot.start for slot in free) == BUCKETS - len(covered)
    if suggested is None:
        assert all(slot.end - slot.start < size for slot in free)
    else:
        assert suggested.end - suggested.start == size
        assert not any(suggested.overlaps(other) for other in taken)


def test_a_refused_slot_is_answered_with_a_free_one() -> None:
    """Whoever is refused sees what to do next."""
    from abplat.domain.layers import require_room

    with pytest.raises(LayerFullError, match=r"\[2000, 4000\] is free"):
        require_room("checkout", Slot(0, 2_000), {"other": Slot(0, 2_000), "wide": Slot(4_000, 6_000)})
    with pytest.raises(LayerFullError, match="no slot of this size"):
        require_room("checkout", Slot(0, 9_000), {"other": Slot(0, 2_000)})


def test_holdouts_come_in_the_documented_order() -> None:
    """All experiments, then the layer's, then those named; each once."""
    holdouts = {
        "named": {"scope": "named"},
        "before-scopes": {},
        "b-all": {"scope": "all"},
        "a-all": {"scope": "all"},
        "layer": {"scope": "layer", "layer": "checkout"},
        "other-layer": {"scope": "layer", "layer": "search"},
    }
    named = {"layer": "checkout", "holdouts": ["before-scopes", "a-all", "named"]}

    assert find_holdouts(named, holdouts) == ["a-all", "b-all", "layer", "before-scopes", "named"]
    assert find_holdouts({"layer": None, "holdouts": []}, holdouts) == ["a-all", "b-all"]


@pytest.mark.parametrize(
    ("noun", "document", "fault"),
    [
        ("holdouts", {"share": 5, "scope": "layer"}, ("layer", "not_used")),
        ("holdouts", {"share": 5, "layer": "checkout"}, ("layer", "not_used")),
        ("holdouts", {"share": 5, "scope": "some"}, ("scope", "bad_choice")),
        ("segments", {}, ("members", "members_or_rule")),
        ("segments", {"members": [], "rule": {"attribute": "a", "op": "exists"}}, ("members", "members_or_rule")),
        ("segments", {"members": ["cust:1", "cust:1"]}, ("members[1]", "duplicate_member")),
        ("segments", {"members": [7]}, ("members[0]", "bad_unit")),
        ("segments", {"members": ["a\x00"]}, ("members[0]", "bad_unit")),
        ("segments", {"rule": {"attribute": "a", "op": "smells"}}, ("rule.op", "bad_choice")),
        (
            "segments",
            {"rule": {"any": [{"attribute": "unit", "op": "in_segment", "value": "x"}]}},
            ("rule.any[0]", "nested_group"),
        ),
        ("personas", {"origin": "data"}, ("rule", "required")),
        ("personas", {"rule": {"attribute": "a", "op": "exists"}}, ("origin", "required")),
        ("personas", {"rule": {"attribute": "a", "op": "exists"}, "origin": "dream"}, ("origin", "bad_choice")),
    ],
)  # fmt: skip
def test_a_fault_is_named(noun: str, document: dict[str, Any], fault: tuple[str, str]) -> None:
    """With its place."""
    assert fault in faults_of(noun, {"key": "k", "title": "K", **document})


@pytest.mark.parametrize("pattern", [r"\bx", "x" * 201, "x{101}"])
def test_what_the_evaluator_would_not_take_cannot_be_saved(pattern: str) -> None:
    """Otherwise nobody would be eligible, and nobody would say so."""
    targeting = {"attribute": "a", "op": "matches", "value": pattern}

    assert {code for _, code in faults_of("experiments", make_experiment(targeting=targeting))} <= {
        "bad_rule",
        "bad_value",
    }


@pytest.mark.parametrize(
    ("needs", "fault"),
    [
        ([{"experiment": "a", "variants": []}], ("prerequisites[0].variants", "bad_length")),
        ([{"experiment": "a"}], ("prerequisites[0].variants", "required")),
        ([{"experiment": "a", "variants": [1]}], ("prerequisites[0].variants[0]", "bad_key")),
        (need("a", "x") * 2, ("prerequisites[1].experiment", "duplicate_prerequisite")),
        ([{"variants": ["x"]}], ("prerequisites[0].experiment", "required")),
        ([{"experiment": "a", "variants": ["x"], "y": 1}], ("prerequisites[0].y", "unknown_field")),
    ],
)
def test_a_faulty_prerequisite_is_named(needs: Any, fault: tuple[str, str]) -> None:
    """With its place."""
    assert fault in faults_of("experiments", make_experiment(prerequisites=needs))


def test_a_prerequisite_must_be_possible() -> None:
    """Experiment and variant are there, the same ids are assigned, and not in one layer."""
    other = make_experiment(key="other")
    path = "experiments[shorter-form].prerequisites[0]"

    def problems(needs: Any, **over: Any) -> set[tuple[str, str]]:
        return problems_of(other | over, make_experiment(prerequisites=needs, **over.pop("own", {})))

    assert problems(need("other", "treatment")) == set()
    assert problems(need("gone", "treatment")) == {(f"{path}.experiment", "unknown_experiment")}
    assert problems(need("other", "gone")) == {(f"{path}.variants[0]", "unknown_variant")}
    assert problems(need("other", "control"), unit_type="anon") == {(f"{path}.experiment", "other_unit_type")}
    both = [each | {"layer": "checkout", "slot": [0, 10]} for each in (other, make_experiment())]
    both[1]["prerequisites"] = need("other", "control")
    assert problems_of(*both) == {(f"{path}.experiment", "same_layer")}


def test_prerequisites_that_go_round_are_refused_naming_the_way() -> None:
    """A cycle of three, and of one."""
    chain = {"a": "b", "b": "c", "c": "a"}
    experiments = [make_experiment(key=key, prerequisites=need(to, "control")) for key, to in chain.items()]
    _, entries = parse_catalogue(make_catalogue(experiments=experiments))
    problems = check_references(entries)

    assert {problem.code for problem in problems} == {"prerequisite_cycle"}
    assert all("a -> b -> c -> a" in problem.message for problem in problems)
    assert problems_of(make_experiment(prerequisites=need("shorter-form", "control"))) == {
        ("experiments[shorter-form].prerequisites", "prerequisite_cycle")
    }


def test_targeting_refers_to_what_is_there() -> None:
    """Segments, personas, journeys and their stages."""
    rule = {
        "all": [
            {"attribute": "unit", "op": "in_segment", "value": "gone"},
            {"attribute": "unit", "op": "in_persona", "value": "vip"},
            {"attribute": "journey_stage:gone", "op": "exists"},
            {"not": {"attribute": "journey_stage:buy", "op": "in", "value": ["quote", "gone"]}},
            {"attribute": "journey_stage:buy", "op": "equals", "value": "visit"},
            {"attribute": "lifecycle_state", "op": "equals", "value": "care"},
            {"attribute": "unit", "op": "in_segment", "value": "vip"},
        ]
    }
    path = "experiments[shorter-form].targeting"

    assert problems_of(make_experiment(targeting=rule)) == {
        (f"{path}.all[0].value", "unknown_segment"),
        (f"{path}.all[1].value", "unknown_persona"),
        (f"{path}.all[2].attribute", "unknown_journey"),
        (f"{path}.all[3].not.value", "unknown_stage"),
    }
    assert list_groups(rule) == {"segments": ["gone", "vip"], "personas": ["vip"]}
    assert len(list(list_conditions(rule))) == 7


def test_a_holdout_of_a_layer_needs_the_layer() -> None:
    """A layer that is not there holds nobody out."""
    holdout = {"key": "h", "title": "H", "share": 10, "scope": "layer", "layer": "gone"}

    assert problems_of(holdouts=[holdout]) == {("holdouts[h].layer", "unknown_layer")}
