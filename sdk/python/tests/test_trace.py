"""A trace says what the evaluator says, gate by gate."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from abplat_sdk import compile_config
from abplat_sdk.trace import DECIDES, Trace, explain
from hypothesis import given, settings
from hypothesis import strategies as st

DECISIONS = json.loads((Path(__file__).parents[2] / "vectors" / "decisions.json").read_text("utf-8"))
ORDER = ["state", "override", "holdout", "pin", "targeting", "prerequisite", "layer", "inclusion", "split"]
EVALUATOR = compile_config(DECISIONS["config"])


def variant_of(trace: Trace, document: dict[str, Any], key: str, pin: str | None) -> str | None:
    """Work out the variant from what the deciding gate saw."""
    found = next((each for each in document["experiments"] if each["key"] == key), None)
    gate = trace.deciding
    if found is None or gate.reason == "unknown_experiment":
        return None
    if gate.reason == "override":
        return gate.detail.removeprefix("listed for ")
    if gate.reason == "pinned":
        return pin
    if gate.reason == "split":
        return next(
            variant["key"]
            for variant in found["variants"]
            if gate.hashed is not None and gate.hashed.bucket < variant["bound"]
        )
    return str(found["control"])


def test_a_trace_agrees_with_the_decision_over_all_vectors() -> None:
    """Reason, variant and bucket follow from the gates, and the decision is the evaluator's own."""
    for case in DECISIONS["cases"]:
        pins = dict(case.get("pins") or {})
        if case["pin"] is not None:
            pins[case["key"]] = case["pin"]
        trace = explain(EVALUATOR, case["key"], case["unit"], case["attributes"], pins, case["channel"])
        seen = {name: getattr(trace.decision, name) for name in case["expected"]}
        buckets = {gate.gate: gate.hashed.bucket for gate in trace.gates if gate.hashed is not None}

        assert seen == case["expected"], ascii(case)
        assert trace.deciding.reason == case["expected"]["reason"], ascii(case)
        variant = variant_of(trace, DECISIONS["config"], case["key"], pins.get(case["key"]))
        assert variant == case["expected"]["variant"], ascii(case)
        if case["expected"]["bucket"] is not None:
            assert buckets["split"] == case["expected"]["bucket"]


@settings(max_examples=300, deadline=None)
@given(
    key=st.sampled_from(EVALUATOR.keys()),
    unit=st.text(min_size=1, max_size=12),
    attributes=st.dictionaries(
        st.sampled_from(["country", "vip", "orders", "visits", "urgent", "channel", "journey_stage:buy"]),
        st.sampled_from(["DE", "FR", True, 3, 9, None, "store", "quote"]),
    ),
    pins=st.dictionaries(st.sampled_from(EVALUATOR.keys()), st.sampled_from(["control", "treatment", "x"])),
    channel=st.sampled_from(["web", "store", None]),
)
def test_a_trace_agrees_with_any_decision(
    key: str, unit: str, attributes: dict[str, Any], pins: dict[str, str], channel: str | None
) -> None:
    """The first gate that decides gives the evaluator's reason; gates come in the documented order."""
    trace = explain(EVALUATOR, key, unit, attributes, pins, channel)
    places = [ORDER.index(gate.gate) for gate in trace.gates if gate.gate in ORDER]

    assert trace.deciding.reason == trace.decision.reason
    assert trace.decision == EVALUATOR.decide_all(unit, attributes, pins, channel)[key]
    assert places == sorted(places)
    assert [gate.outcome for gate in trace.gates].count(DECIDES) == 1


def test_a_trace_names_what_each_part_of_a_rule_saw() -> None:
    """Whoever asks why finds the condition that failed."""
    trace = explain(EVALUATOR, "everything", "cust:1", {"country": "FR", "vip": True})
    (gate,) = [gate for gate in trace.gates if gate.gate == "targeting"]

    assert [(part["path"], part["seen"], part["holds"]) for part in gate.parts] == [
        ("any[0]", "FR", False),
        ("any[1]", True, True),
    ]


def test_a_trace_names_a_fault_of_a_rule() -> None:
    """A rule that makes nobody eligible says why."""
    (gate,) = [gate for gate in explain(EVALUATOR, "broken-rule", "cust:1").gates if gate.gate == "targeting"]

    assert "smells_like" in gate.detail
    assert explain(EVALUATOR, "half", "cust:1").deciding.hashed is not None
