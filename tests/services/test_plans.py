"""Plans: kept with their request, computed elsewhere, and never half answered."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from abplat.domain.plans import parse_plan_request
from abplat.errors import InvalidInputError, NotFoundError, Problem
from abplat.services import catalogue, experiments, planning, projects
from abplat.services.experiments import Moment
from tests.conftest import NOW, make_catalogue, make_experiment, make_metric

NUMBERS = {"outcome": {"kind": "proportion", "baseline": 0.1}, "effect": 0.1}


@pytest.fixture(autouse=True)
def _shop(session: Session) -> None:
    """Start with a project that has everything."""
    metrics = [*make_catalogue()["metrics"], make_metric(key="calls", kind="effort")]
    experiment = make_experiment(
        layer="checkout", slot=[0, 5000], holdouts=["global"], included=2000,
        metrics=[{"metric": "completed", "role": "primary"}, {"metric": "calls", "role": "guardrail", "margin": 0.1}],
    )  # fmt: skip
    catalogue.apply(session, make_catalogue(metrics=metrics, experiments=[experiment]), now=NOW)


def find(session: Session, document: dict[str, Any]) -> Any:
    """Return what the definitions say of a request."""
    return planning.find_subject(session, "shop", parse_plan_request(document))


def test_a_plan_is_kept_and_its_job_queued(session: Session) -> None:
    """The job knows project and plan; the request comes back as it was sent."""
    plan = planning.create(session, "shop", NUMBERS, now=NOW)
    job = session.execute(text("SELECT kind, key FROM jobs")).one()

    assert (plan["state"], plan["request"], plan["answer"]) == ("queued", NUMBERS, None)
    assert tuple(job) == ("plan", f"shop/{plan['id']}")
    assert planning.get(session, "shop", plan["id"]) == plan


def test_another_project_has_no_such_plan(session: Session) -> None:
    """It looks just like none at all."""
    plan = planning.create(session, "shop", NUMBERS, now=NOW)
    projects.create(session, {"key": "other", "title": "Other"}, now=NOW)

    for project, plan_id in (("other", plan["id"]), ("shop", "0" * 32)):
        with pytest.raises(NotFoundError):
            planning.get(session, project, plan_id)


@pytest.mark.parametrize(
    ("job_state", "state", "codes"), [("running", "running", []), ("failed", "failed", ["internal"])]
)
def test_the_job_tells_how_it_goes(session: Session, job_state: str, state: str, codes: list[str]) -> None:
    """A worker that gave up leaves no plan waiting for ever."""
    plan = planning.create(session, "shop", NUMBERS, now=NOW)
    session.execute(text("UPDATE jobs SET state = :state"), {"state": job_state})
    found = planning.get(session, "shop", plan["id"])

    assert found["state"] == state
    assert [problem["code"] for problem in found["problems"]] == codes


def test_a_refusal_is_kept(session: Session) -> None:
    """With the field and the remedy."""
    plan = planning.create(session, "shop", NUMBERS, now=NOW)
    planning.fail(session, "shop", plan["id"], [Problem("effect", "is too large")], now=NOW)
    found = planning.get(session, "shop", plan["id"])

    assert (found["state"], found["finished_at"]) == ("failed", NOW)
    assert found["problems"] == [{"path": "effect", "message": "is too large", "code": "invalid"}]


@pytest.mark.parametrize(
    ("document", "path", "code"),
    [
        ({"experiment": "none"}, "experiment", "unknown_experiment"),
        ({"experiment": "shorter-form", "metric": "clicks"}, "metric", "unknown_metric"),
        ({"experiment": "shorter-form", "history_of": "none"}, "history_of", "unknown_experiment"),
        ({"metric": "none", "horizon": "7d"}, "metric", "unknown_metric"),
        ({"metric": "clicks", "horizon": "7d"}, "journey", "required"),
        ({"metric": "clicks", "horizon": "7d", "journey": "none"}, "journey", "unknown_journey"),
        ({"metric": "completed", "horizon": "7d", "journey": "none"}, "journey", "not_used"),
    ],
)
def test_a_name_that_leads_nowhere_is_refused_at_once(
    session: Session, document: dict[str, Any], path: str, code: str
) -> None:
    """Before anything is queued."""
    with pytest.raises(InvalidInputError) as caught:
        planning.create(session, "shop", document, now=NOW)

    assert [(problem.path, problem.code) for problem in caught.value.problems] == [(path, code)]
    assert session.execute(text("SELECT count(*) FROM plans")).scalar() == 0


def test_share_of_a_test_is_included_slot_and_holdouts(session: Session) -> None:
    """A fifth of half of what the holdout of 5 % leaves."""
    found = find(session, {"experiment": "shorter-form", "horizon": "3d"})

    assert found["share"] == pytest.approx(0.2 * 0.5 * 0.95)
    assert found["frozen"]["experiment"]["horizon"] == "3d"
    assert found["past"] is None


def test_an_experiment_that_has_run_is_its_own_past(session: Session) -> None:
    """A draft has none, unless another one is named."""
    experiments.start(session, "shop", "shorter-form", Moment(NOW))
    own = find(session, {"experiment": "shorter-form"})["past"]
    named = find(session, {"metric": "completed", "horizon": "7d", "history_of": "shorter-form"})["past"]

    assert (own["experiment"], own["is_required"]) == ("shorter-form", False)
    assert (named["experiment"], named["is_required"]) == ("shorter-form", True)


def test_plans_are_listed_from_the_youngest(session: Session) -> None:
    """The order is that of asking; a page starts where the one before ended, whatever came since."""
    asked = [
        planning.create(session, "shop", NUMBERS, now=NOW + timedelta(minutes=i))["id"] for i in range(3)
    ]
    first = planning.list_(session, "shop", after="", limit=2)
    planning.create(session, "shop", NUMBERS, now=NOW + timedelta(hours=1))
    second = planning.list_(session, "shop", after=first.next_key or "", limit=2)

    assert [plan["id"] for plan in first.items] == [asked[2], asked[1]]
    assert [plan["id"] for plan in second.items] == [asked[0]]
    assert second.next_key is None


def test_a_listed_plan_knows_that_its_job_gave_up(session: Session) -> None:
    """As the plan itself does."""
    plan = planning.create(session, "shop", NUMBERS, now=NOW)
    session.execute(text("UPDATE jobs SET state = 'failed'"))
    [listed] = planning.list_(session, "shop", after="", limit=10).items

    assert (listed["id"], listed["state"]) == (plan["id"], "failed")
    assert listed["problems"] == planning.get(session, "shop", plan["id"])["problems"]


def test_old_plans_are_forgotten(session: Session) -> None:
    """After 90 days, not before."""
    old = planning.create(session, "shop", NUMBERS, now=NOW)["id"]
    young = planning.create(session, "shop", NUMBERS, now=NOW + timedelta(days=2))["id"]

    assert planning.forget_old(session, now=NOW + planning.KEEP_FOR) == 0
    assert planning.forget_old(session, now=NOW + planning.KEEP_FOR + timedelta(days=1)) == 1
    assert planning.get(session, "shop", young)["id"] == young
    with pytest.raises(NotFoundError):
        planning.get(session, "shop", old)
