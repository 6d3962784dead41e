"""Traffic: what decides beside the split, from the definition to the decision."""

from __future__ import annotations

from typing import Any

import duckdb
import pytest
from abplat_sdk import compile_config
from sqlalchemy import select
from sqlalchemy.orm import Session

from abplat.db.models.audit import AuditEntry
from abplat.db.queries import assignments
from abplat.db.queries import definitions as queries
from abplat.db.queries.assignments import Entry, Pin
from abplat.errors import ConflictError, InvalidInputError
from abplat.services import (
    audit,
    catalogue,
    decisions,
    experiments,
    holdouts,
    layers,
    personas,
    phases,
    plans,
    segments,
    simulations,
    why,
)
from abplat.services.configuration import build_configuration, state_of_configuration
from abplat.services.experiments import Moment
from tests.conftest import NOW, make_catalogue, make_experiment

VIP = {"attribute": "unit", "op": "in_segment", "value": "vip"}
PLANNER = {"attribute": "unit", "op": "in_persona", "value": "planner"}
BOTH = ["control", "treatment"]


@pytest.fixture(autouse=True)
def _shop(session: Session) -> None:
    """Start with a project that has everything."""
    audit.act_as(session, "key:test")
    catalogue.apply(session, make_catalogue(), now=NOW)


def run(session: Session, key: str, **over: Any) -> None:
    """Create and start an experiment."""
    experiments.create(session, "shop", make_experiment(key=key, **over), now=NOW)
    experiments.start(session, "shop", key, Moment(NOW))


def decide(session: Session, key: str, unit: str, **asked: Any) -> tuple[str | None, str]:
    """Decide from the configuration as it is now."""
    decision = compile_config(build_configuration(session, "shop")).decide(key, unit, **asked)
    return decision.variant, decision.reason


def explain(session: Session, key: str, unit: str, **asked: Any) -> dict[str, Any]:
    """Ask why."""
    document = build_configuration(session, "shop")
    inquiry = why.Inquiry(unit, asked.pop("attributes", {}), asked.pop("channel", None), **asked)
    return why.explain_decision(session, "shop", key, inquiry, compile_config(document), document)


def simulate(session: Session, key: str = "shorter-form", /, **changes: Any) -> dict[str, Any]:
    """Try a change."""
    return simulations.simulate(session, "shop", key, simulations.parse_trial({"changes": changes}))


def test_a_running_experiment_follows_its_segment(session: Session) -> None:
    """A new member takes part from the next configuration on, which names the version."""
    run(session, "e", targeting=VIP)
    state = state_of_configuration(session, "shop")
    assert decide(session, "e", "cust:9")[1] == "not_targeted"
    segments.update(session, "shop", "vip", {"members": ["cust:9"]}, now=NOW)

    assert decide(session, "e", "cust:9")[1] == "split"
    assert decide(session, "e", "cust:1")[1] == "not_targeted"
    assert build_configuration(session, "shop")["segments"]["vip"]["version"] == 2
    assert state_of_configuration(session, "shop") != state
    assert plans.get_plan(session, "shop", "e")["segments"] == {"vip": 1}


def test_versions_of_segments_are_kept_and_audited(session: Session) -> None:
    """A title makes no version; members do, and the audit names it."""
    segments.update(session, "shop", "vip", {"title": "VIP"}, now=NOW)
    rule = {"attribute": "orders", "op": "gte", "value": 3}
    changed = segments.update(session, "shop", "vip", {"members": None, "rule": rule}, now=NOW)
    entry = session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc())).first()

    assert changed["version"] == 2
    assert [each["members"] for each in segments.list_versions(session, "shop", "vip")] == [
        ["cust:1", "cust:2"],
        None,
    ]
    assert entry is not None
    assert (entry.before["version"], entry.after["version"], entry.after["rule"]) == (1, 2, rule)


def test_a_rule_segment_and_a_persona_decide(session: Session) -> None:
    """Both look at the attributes of the call."""
    segments.create(
        session,
        "shop",
        {"key": "loyal", "title": "Loyal", "rule": {"attribute": "orders", "op": "gte", "value": 3}},
        now=NOW,
    )
    run(session, "s", targeting={"attribute": "unit", "op": "in_segment", "value": "loyal"})
    run(session, "p", targeting=PLANNER)

    assert decide(session, "s", "cust:1", attributes={"orders": 3})[1] == "split"
    assert decide(session, "s", "cust:1", attributes={"orders": 2})[1] == "not_targeted"
    assert decide(session, "p", "cust:1", attributes={"visits": 5})[1] == "split"
    assert decide(session, "p", "cust:1")[1] == "not_targeted"
    assert build_configuration(session, "shop")["personas"]["planner"]["origin"] == "data"


def test_the_public_configuration_hides_members_and_decides_alike(session: Session) -> None:
    """Members are hashed for client keys; a rule stays one."""
    run(session, "e", targeting={"any": [VIP, PLANNER]})
    whole = build_configuration(session, "shop")
    public = decisions.hide_identifiers(whole)

    assert "cust:1" not in str(public["segments"])
    for unit in ("cust:1", "cust:2", "cust:3"):
        for attributes in ({}, {"visits": 9}):
            asked = ("e", unit, attributes)
            assert compile_config(public).decide(*asked) == compile_config(whole).decide(*asked)


def test_only_what_a_running_experiment_goes_by_is_published(session: Session) -> None:
    """A browser is told no more than it needs; what is used cannot be archived."""
    assert build_configuration(session, "shop")["segments"] == {}
    run(session, "e", targeting=VIP)
    with pytest.raises(ConflictError, match="experiment e is running"):
        segments.archive(session, "shop", "vip", now=NOW)
    experiments.stop(session, "shop", "e", Moment(NOW))

    assert build_configuration(session, "shop")["segments"] == {}
    assert segments.archive(session, "shop", "vip", now=NOW)["archived_at"] == NOW
    assert personas.archive(session, "shop", "planner", now=NOW)["archived_at"] == NOW


def test_holdouts_of_all_and_of_the_layer_hold_everywhere(session: Session) -> None:
    """They are frozen at the start; later ones concern later experiments."""
    run(session, "before", layer="checkout", slot=[0, 1000])
    holdouts.create(session, "shop", {"key": "all", "title": "A", "share": 1000, "scope": "all"}, now=NOW)
    of_layer = {"key": "one-layer", "title": "L", "share": 2000, "scope": "layer", "layer": "checkout"}
    holdouts.create(session, "shop", of_layer, now=NOW)
    run(session, "inside", layer="checkout", slot=[1000, 2000], holdouts=["global"])
    run(session, "outside")
    held = {
        each["key"]: [holdout["key"] for holdout in each["holdouts"]]
        for each in build_configuration(session, "shop")["experiments"]
    }

    assert held == {"before": [], "inside": ["all", "one-layer", "global"], "outside": ["all"]}
    with pytest.raises(ConflictError, match="in use"):
        layers.archive(session, "shop", "checkout", now=NOW)


def test_a_prerequisite_decides(session: Session) -> None:
    """Only who got the treatment there takes part here; a stop there ends it here."""
    run(session, "first")
    run(session, "second", prerequisites=[{"experiment": "first", "variants": ["treatment"]}])
    for number in range(100):
        unit = f"cust:{number}"
        inside = decide(session, "second", unit)[1] == "split"
        assert inside == (decide(session, "first", unit)[0] == "treatment")
    experiments.stop(session, "shop", "first", Moment(NOW))

    assert decide(session, "second", unit)[1] == "not_targeted"
    assert decide(session, "second", unit, pin="control") == ("control", "pinned")


def test_a_running_experiment_is_not_reshuffled(session: Session) -> None:
    """Whatever decides and is hashed, or hangs on another experiment, is frozen; a larger holdout waits."""
    run(session, "first")
    run(session, "e", layer="checkout", slot=[0, 5000], holdouts=["global"])
    before = build_configuration(session, "shop")["experiments"]
    for changes in (
        {"prerequisites": [{"experiment": "first", "variants": BOTH}]},
        {"slot": [0, 6000]},
        {"layer": None, "slot": None},
        {"holdouts": []},
        {"targeting": VIP},
        {"overrides": {"cust:1": "treatment"}},
        {"included": 10},
    ):
        with pytest.raises(ConflictError, match="cannot change any more"):
            experiments.update(session, "shop", "e", changes, now=NOW)
    holdouts.update(session, "shop", "global", {"share": 9000, "scope": "all"}, now=NOW)

    assert build_configuration(session, "shop")["experiments"] == before


def test_what_was_stored_before_a_field_was_added_is_unchanged(session: Session) -> None:
    """A running experiment without the newer fields still takes a new title and applies as unchanged."""
    row = queries.get(session, "experiments", "shop", "shorter-form")
    held = queries.get(session, "holdouts", "shop", "global")
    row.document = {name: value for name, value in row.document.items() if name != "prerequisites"}
    held.document = {"key": "global", "title": "Global", "share": 500}
    session.flush()
    run(session, "e", holdouts=["global"])
    experiments.start(session, "shop", "shorter-form", Moment(NOW))

    assert experiments.update(session, "shop", "shorter-form", {"title": "New"}, now=NOW)["title"] == "New"
    planned = catalogue.plan(session, catalogue.export(session, "shop"))
    assert {change.action for change in planned.changes} == {"unchanged"}
    assert simulate(session)["fields"] == []


def test_a_cycle_cannot_be_saved(session: Session) -> None:
    """The answer names the way round."""
    experiments.create(
        session,
        "shop",
        make_experiment(key="b", prerequisites=[{"experiment": "shorter-form", "variants": BOTH}]),
        now=NOW,
    )
    with pytest.raises(InvalidInputError, match="b -> shorter-form -> b") as caught:
        experiments.update(
            session, "shop", "shorter-form",
            {"prerequisites": [{"experiment": "b", "variants": BOTH}]}, now=NOW,
        )  # fmt: skip

    assert [(each.path, each.code) for each in caught.value.problems] == [
        ("prerequisites", "prerequisite_cycle")
    ]


def test_slots_of_a_layer_are_listed(session: Session) -> None:
    """Who has what, what is free, and what to take."""
    run(session, "a", layer="checkout", slot=[1000, 3000])
    run(session, "b", layer="checkout", slot=[4000, 9000])
    experiments.create(session, "shop", make_experiment(key="d", layer="checkout", slot=[0, 500]), now=NOW)
    found = layers.list_slots(session, "shop", "checkout", 900)

    assert [each["experiment"] for each in found["occupied"]] == ["a", "b"]
    assert [each["experiment"] for each in found["drafts"]] == ["d"]
    assert (found["free"], found["suggested"]) == ([[0, 1000], [3000, 4000], [9000, 10000]], [0, 900])
    assert layers.list_slots(session, "shop", "checkout", 1001)["suggested"] is None
    assert found["free_share"] == 0.3


def test_why_names_every_gate_and_what_to_recompute(session: Session) -> None:
    """The bucket of each gate comes out of the statement beside it."""
    run(session, "first")
    run(
        session, "e", layer="checkout", slot=[0, 9000], holdouts=["global"], targeting=VIP,
        prerequisites=[{"experiment": "first", "variants": BOTH}],
    )  # fmt: skip
    found = explain(session, "e", "cust:1")

    assert [gate["gate"] for gate in found["gates"]] == [
        *("state", "override", "holdout", "pin", "targeting", "prerequisite", "layer", "inclusion", "split")
    ]
    hashed = [gate["hashed"] for gate in found["gates"] if gate["hashed"]]
    assert [each["salt_of"] for each in hashed] == [
        *("holdout global", "layer checkout", "experiment e", "experiment e")
    ]
    for each in hashed:
        assert duckdb.sql(each["sql"]["duckdb"]).fetchall() == [(each["bucket"],)]
        if session.get_bind().dialect.name == "postgresql":
            sql = each["sql"]["postgresql"].replace("%", "%%")
            assert session.connection().exec_driver_sql(sql).scalar() == each["bucket"]
    assert found["segments"] == {"vip": 1}
    assert found["decision"]["reason"] == next(
        gate["reason"] for gate in found["gates"] if gate["outcome"] == "decides"
    )


def test_why_knows_the_ledger(session: Session) -> None:
    """A pinned customer is told so, with since when; without pins the split shows."""
    run(session, "e")
    assignments.keep(session.connection(), "shop", [Entry("cust:5", "e", Pin("treatment", NOW, "inherited"))])
    pinned, alone = explain(session, "e", "cust:5"), explain(session, "e", "cust:5", with_pins=False)

    assert (pinned["decided_by"], pinned["decision"]["variant"]) == ("pin", "treatment")
    assert (
        pinned["pins"]["e"] | {"variant": "treatment", "assigned_at": NOW, "source": "inherited"}
        == pinned["pins"]["e"]
    )
    assert alone["decided_by"] == "split"
    assert explain(session, "shorter-form", "cust:5")["decision"]["reason"] == "unknown_experiment"


def test_a_simulation_says_how_much_would_move(session: Session) -> None:
    """Growing moves nobody to another variant; other weights do, and are refused when it runs."""
    experiments.update(session, "shop", "shorter-form", {"included": 2000}, now=NOW)
    grown = simulate(session, included=4000)
    assert grown["moved_share"] == pytest.approx(0.2, abs=0.02)
    assert (grown["switched_share"], grown["refused"]) == (0, [])
    assert grown["entering_share"] == grown["moved_share"]

    experiments.start(session, "shop", "shorter-form", Moment(NOW))
    variants = [{"key": "control", "weight": 1000}, {"key": "treatment", "weight": 9000}]
    moved = simulate(session, variants=variants)
    assert moved["switched_share"] == pytest.approx(0.2 * 0.4, abs=0.02)
    assert moved["refused"] == ["variants"]
    assert {(each["from"], each["to"]) for each in moved["moves"]} == {
        *((None, None), ("control", "control"), ("control", "treatment"), ("treatment", "treatment"))
    }
    with pytest.raises(ConflictError):
        experiments.update(session, "shop", "shorter-form", {"variants": variants}, now=NOW)


def test_a_simulation_of_nothing_moves_nobody(session: Session) -> None:
    """And writes nothing."""
    before = experiments.get(session, "shop", "shorter-form")
    found = simulate(session)

    assert (found["moved_share"], found["fields"]) == (0, [])
    assert experiments.get(session, "shop", "shorter-form") == before


def test_a_simulation_starts_from_what_is_served(session: Session) -> None:
    """After a new phase its weights and its salt count, and a holdout made since moves nobody."""
    run(session, "e")
    body = {"reason": "more of it", "weights": {"control": 2000, "treatment": 8000}}
    phases.begin(session, "shop", "e", body, now=NOW)
    late = {"key": "late", "title": "Late", "share": 5000, "scope": "all"}
    holdouts.create(session, "shop", late, now=NOW)
    trial = simulations.parse_trial({"changes": {"title": "New"}})
    found = simulations.simulate(session, "shop", "e", trial)
    treated = sum(each["share"] for each in found["moves"] if each["to"] == "treatment")

    assert (found["moved_share"], found["refused"]) == (0, [])
    assert treated == pytest.approx(0.8, abs=0.02)


def test_a_simulation_knows_pins_and_given_units(session: Session) -> None:
    """Pinned customers stay where they are; units with attributes are tried with them."""
    run(session, "e")
    pins = [Entry(f"cust:{number}", "e", Pin("control", NOW)) for number in range(50)]
    assignments.keep(session.connection(), "shop", pins)
    rule = {"attribute": "country", "op": "equals", "value": "DE"}
    units = [{"unit": "cust:x1", "attributes": {"country": "DE"}}, {"unit": "cust:x2", "attributes": {}}]
    trial = simulations.parse_trial({"changes": {"targeting": rule}, "units": units})
    found = simulations.simulate(session, "shop", "e", trial)
    moved = {each["source"]: (each["units"], each["moved_share"]) for each in found["sources"]}

    assert moved == {"ledger": (50, 0), "given": (2, 0.5), "synthetic": (10_000, 1)}
    assert found["unknown_attributes"] == ["country"]


def test_a_simulation_refuses_what_cannot_be_saved(session: Session) -> None:
    """Under the path of the field."""
    with pytest.raises(InvalidInputError) as caught:
        simulate(session, targeting={"attribute": "unit", "op": "in_segment", "value": "gone"})

    assert [(each.path, each.code) for each in caught.value.problems] == [
        ("targeting.value", "unknown_segment")
    ]
