"""Approvals: never by the author, reset on change, the same for page, API, file and schedule."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from abplat.errors import ApprovalNeededError, ConflictError, InvalidInputError, NotAllowedError
from abplat.services import (
    approvals,
    audit,
    catalogue,
    experiments,
    phases,
    projects,
    proposals,
    schedules,
)
from abplat.services.approvals import Decision
from abplat.services.experiments import Moment
from tests.conftest import NOW, make_catalogue, make_experiment

ADA, BOB, KEY = "user:ada@example.com", "user:bob@example.com", "key:0011223344556677"
EVERYTHING = ["start", "stop", "weights", "guardrails", "ramp"]
GUARDED = [
    {"metric": "completed", "role": "primary"},
    {"metric": "clicks", "role": "guardrail", "margin": 0.05},
]
Shop = Callable[..., Session]


@pytest.fixture(name="shop")
def _shop(session: Session) -> Shop:
    """Return a function that makes the shop, whose experiment Ada has written."""

    def make(required: list[str] = EVERYTHING, **over: Any) -> Session:
        """Make it."""
        audit.act_as(session, ADA)
        document = make_catalogue(experiments=[make_experiment(metrics=GUARDED, **over)])
        document["project"]["approvals"] = {"required": required}
        catalogue.apply(session, document, now=NOW)
        return session

    return make


def ask(session: Session, action: str, actor: str = ADA, **body: Any) -> int:
    """Ask for an action; return the number of the request."""
    audit.act_as(session, actor)
    document = {"action": action, "body": body, "note": "because"}
    return int(approvals.ask(session, "shop", "shorter-form", document, now=NOW)["id"])


def approve(session: Session, request: int, actor: str = BOB) -> dict[str, Any]:
    """Approve a request."""
    audit.act_as(session, actor)
    return approvals.decide(session, "shop", request, Decision(approve=True), now=NOW)


def start(session: Session, actor: str = ADA) -> dict[str, Any]:
    """Start the experiment."""
    audit.act_as(session, actor)
    return experiments.start(session, "shop", "shorter-form", Moment(NOW))


def change(session: Session, actor: str, **changes: Any) -> None:
    """Change the experiment."""
    audit.act_as(session, actor)
    experiments.update(session, "shop", "shorter-form", changes, now=NOW)


def test_nothing_is_asked_unless_the_project_wants_it(shop: Shop) -> None:
    """As before."""
    session = shop([])

    assert start(session)["state"] == "running"
    with pytest.raises(ConflictError, match="wants no approval"):
        ask(session, "stop")


def test_start_needs_a_second_person(shop: Shop) -> None:
    """Refused without, done once with; the request is then used up."""
    session = shop()
    with pytest.raises(ApprovalNeededError, match="second person"):
        start(session)
    request = ask(session, "start")
    with pytest.raises(ApprovalNeededError, match=f"request {request} waits"):
        start(session)
    approve(session, request)

    assert start(session)["state"] == "running"
    assert approvals.get(session, "shop", request)["state"] == "done"


@pytest.mark.parametrize(
    ("actor", "words"), [(ADA, "themselves"), (KEY, "only a person"), ("job:schedule", "person")]
)
def test_neither_author_nor_key_approves(shop: Shop, actor: str, words: str) -> None:
    """Four eyes are two pairs."""
    session = shop()
    request = ask(session, "start")
    with pytest.raises(NotAllowedError, match=words):
        approve(session, request, actor)


def test_a_change_resets_the_approval(shop: Shop) -> None:
    """And who has changed something cannot approve it either."""
    session = shop()
    request = ask(session, "start")
    approve(session, request)
    change(session, BOB, horizon="9d")

    assert approvals.get(session, "shop", request)["state"] == "open"
    with pytest.raises(ApprovalNeededError):
        start(session)
    with pytest.raises(NotAllowedError, match="themselves"):
        approve(session, request, BOB)
    approve(session, request, "user:eve@example.com")
    assert start(session)["state"] == "running"


def test_a_change_of_what_it_is_judged_by_resets_too(shop: Shop) -> None:
    """The plan that the start would freeze is part of what is approved."""
    session = shop()
    request = ask(session, "start")
    approve(session, request)
    from abplat.services import journeys

    audit.act_as(session, BOB)
    journeys.update(session, "shop", "buy", {"window": "9d"}, now=NOW)

    with pytest.raises(ApprovalNeededError, match="something else"):
        start(session)


def test_a_title_may_change(shop: Shop) -> None:
    """Nobody is served or judged by it."""
    session = shop()
    request = ask(session, "start")
    approve(session, request)
    change(session, ADA, title="A better name")

    assert start(session)["state"] == "running"
    assert approvals.get(session, "shop", request)["authors"] == [ADA]


def test_weights_are_approved_as_they_are_asked_for(shop: Shop) -> None:
    """Other weights, or more, need another approval; carrying out does exactly what was asked."""
    session = shop(["weights"])
    start(session)
    weights = {"control": 2000, "treatment": 8000}
    request = ask(session, "weights", weights=weights)
    approve(session, request)
    audit.act_as(session, ADA)
    body = {"reason": "x", "weights": {"control": 1000, "treatment": 9000}}
    with pytest.raises(ApprovalNeededError, match="something else"):
        phases.begin(session, "shop", "shorter-form", body, now=NOW)
    changed = proposals.carry_out(session, "shop", request, now=NOW)

    assert changed["weights"] == weights
    with pytest.raises(ConflictError, match="is done"):
        proposals.carry_out(session, "shop", request, now=NOW)


def test_stop_needs_a_second_person_but_kill_does_not(shop: Shop) -> None:
    """An emergency waits for nobody."""
    session = shop(["stop"])
    start(session)
    with pytest.raises(ApprovalNeededError):
        experiments.stop(session, "shop", "shorter-form", Moment(NOW))
    killed = experiments.kill(session, "shop", "shorter-form", {"reason": "it burns"}, now=NOW)
    request = ask(session, "stop")
    approve(session, request)
    stopped = proposals.carry_out(session, "shop", request, now=NOW)

    assert killed["killed_at"] == NOW
    assert stopped["state"] == "stopped"


def test_guardrails_of_what_was_checked_need_a_second_person(shop: Shop) -> None:
    """Also by way of a draft; a file is no side door."""
    session = shop(["guardrails"])
    loose = [GUARDED[0], {**GUARDED[1], "margin": 0.5}]
    change(session, ADA, metrics=[GUARDED[0], {**GUARDED[1], "margin": 0.04}])
    experiments.check(session, "shop", "shorter-form", now=NOW)
    with pytest.raises(ApprovalNeededError, match="guardrails"):
        change(session, ADA, metrics=loose)
    change(session, ADA, horizon="8d")
    document = make_catalogue(experiments=[make_experiment(metrics=loose)])
    with pytest.raises(ApprovalNeededError, match="guardrails"), session.begin_nested():
        catalogue.apply(session, document, now=NOW)
    request = ask(session, "guardrails", metrics=loose)
    approve(session, request)
    changed = proposals.carry_out(session, "shop", request, now=NOW)

    assert [use["margin"] for use in changed["metrics"] if use["role"] == "guardrail"] == [0.5]


def test_a_schedule_asks_and_waits(shop: Shop) -> None:
    """It asks once, in the name of who wrote it, and starts once somebody has approved."""
    at = NOW + timedelta(hours=1)
    session = shop(["start"], schedule={"start_at": at.isoformat()})
    later = NOW + timedelta(hours=2)
    for _ in range(3):
        assert schedules.run_due(session, {}, now=later) == []
    (request,) = approvals.list_(session, "shop")

    assert (request["authors"], request["state"]) == ([ADA], "open")
    assert "second person" in experiments.get(session, "shop", "shorter-form")["schedule_fault"]
    approve(session, request["id"])
    assert schedules.run_due(session, {}, now=later) == ["start shop/shorter-form"]


def test_a_planned_end_was_approved_with_the_start(shop: Shop) -> None:
    """Another end was not: moving it is no side door to a stop."""
    at = NOW + timedelta(days=1)
    session = shop(["stop"], schedule={"end_at": at.isoformat()})
    start(session)
    change(session, ADA, schedule={"end_at": (NOW + timedelta(hours=1)).isoformat()})

    assert schedules.run_due(session, {}, now=NOW + timedelta(hours=2)) == []
    change(session, ADA, schedule={"end_at": at.isoformat()})
    assert schedules.run_due(session, {}, now=NOW + timedelta(days=2)) == ["stop shop/shorter-form"]


def test_a_ramp_step_waits_in_the_inbox(shop: Shop) -> None:
    """Who has started the experiment does not let it open further."""
    steps = [{"included": 1000, "approval": True}, {"included": 5000, "hold": "1h"}]
    session = shop(["ramp"], schedule={"ramp": steps})
    start(session)
    (request,) = approvals.list_(session, "shop", is_waiting=True)

    assert (request["action"], request["body"], request["authors"]) == ("ramp", {"step": 0}, [ADA])
    with pytest.raises(NotAllowedError, match="themselves"):
        schedules.approve(session, "shop", "shorter-form", {"step": 0}, now=NOW)
    approve(session, request["id"])
    assert schedules.run_due(session, {}, now=NOW) == ["widen shop/shorter-form"]


def test_requests_end_with_what_they_were_for(shop: Shop) -> None:
    """Once stopped there is nothing left to weigh."""
    session = shop(["weights"])
    start(session)
    request = ask(session, "weights", included=10_000, weights={"control": 4000, "treatment": 6000})
    experiments.stop(session, "shop", "shorter-form", Moment(NOW))

    assert approvals.get(session, "shop", request)["state"] == "withdrawn"
    with pytest.raises(ConflictError, match="is withdrawn"):
        approve(session, request)


def test_refused_and_withdrawn_requests_lead_to_nothing(shop: Shop) -> None:
    """And only who has asked takes one back."""
    session = shop()
    refused = ask(session, "start")
    audit.act_as(session, BOB)
    with pytest.raises(NotAllowedError, match="refuse it"):
        approvals.withdraw(session, "shop", refused, now=NOW)
    approvals.decide(session, "shop", refused, Decision(approve=False, note="too early"), now=NOW)
    with pytest.raises(ApprovalNeededError):
        start(session)
    audit.act_as(session, ADA)
    withdrawn = ask(session, "start")

    assert approvals.withdraw(session, "shop", withdrawn, now=NOW)["state"] == "withdrawn"


@pytest.mark.parametrize(
    "document",
    [
        {"action": "nothing"},
        {"action": "start", "body": {"weights": {}}},
        {"action": "start", "body": {"at": "yesterday"}},
        {"action": "start", "approved": True},
        {"action": "guardrails", "body": {"metrics": "none"}},
    ],
)
def test_odd_requests_are_refused_with_the_field(shop: Shop, document: dict[str, Any]) -> None:
    """Unknown fields among them."""
    session = shop()
    with pytest.raises(InvalidInputError):
        approvals.ask(session, "shop", "shorter-form", document, now=NOW)


def test_a_key_cannot_ask_for_fewer_approvals(shop: Shop) -> None:
    """It could then do alone what two people should; a file that is silent leaves them."""
    session = shop(["start", "stop"])
    audit.act_as(session, KEY)
    with pytest.raises(NotAllowedError, match="only a person"):
        projects.update(session, "shop", {"approvals": {"required": ["start"]}}, now=NOW)
    projects.update(session, "shop", {"approvals": {"required": EVERYTHING}}, now=NOW)
    catalogue.apply(session, {"project": {"key": "shop", "title": "New title"}}, now=NOW)

    assert projects.get(session, "shop")["approvals"] == {"required": EVERYTHING}
    audit.act_as(session, ADA)
    projects.update(session, "shop", {"approvals": None}, now=NOW)
    assert projects.get(session, "shop")["approvals"] == {"required": []}


def test_nobody_approves_what_they_have_not_seen(shop: Shop) -> None:
    """What was on the page is compared with what is there."""
    session = shop()
    request = ask(session, "start")
    seen = approvals.get(session, "shop", request)["fingerprint"]
    change(session, ADA, horizon="9d")
    audit.act_as(session, BOB)
    with pytest.raises(ConflictError, match="changed since you looked"):
        approvals.decide(session, "shop", request, Decision(approve=True, seen=seen), now=NOW)
    seen = approvals.get(session, "shop", request)["fingerprint"]

    assert (
        approvals.decide(session, "shop", request, Decision(approve=True, seen=seen), now=NOW)["state"]
        == "approved"
    )
