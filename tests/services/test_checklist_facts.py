"""What the checklist knows from data: joins, A/A tests on the same unit, and traffic."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest
from sqlalchemy.orm import Session

from abplat.db.models.identities import IdentityJoin
from abplat.domain.checklist_facts import MOST_JOINS, Joins, SameTest, judge_joins, judge_same_test
from abplat.errors import ConflictError
from abplat.services import catalogue, checklists, experiments, planning, reports, setups
from abplat.services.experiments import Moment
from tests.conftest import NOW, make_catalogue, make_experiment
from tests.web import report_factory as factory

KEY = "shorter-form"


@pytest.fixture(name="session")
def _session(session: Session) -> Session:
    """Return a session with a project that has a draft."""
    catalogue.apply(session, make_catalogue(), now=NOW)
    return session


def tick(session: Session) -> dict[str, str]:
    """Return the state of each item."""
    return {item.key: item.state for item in checklists.get(session, "shop", KEY, now=NOW)}


@pytest.mark.parametrize(
    ("joins", "state"),
    [
        (Joins(), "unknown"),
        (Joins(3, is_any=True), "passed"),
        (Joins(MOST_JOINS, is_any=True), "passed"),
        (Joins(0, is_any=True), "failed"),
        (Joins(3, is_any=True, share=0.2, experiment="a"), "failed"),
        (Joins(0, is_any=False, share=0.9, experiment="a"), "passed"),
    ],
)
def test_joins_are_judged(joins: Joins, state: str) -> None:
    """Recent ones are good, none for four weeks is not, and who is rarely identified is not joined."""
    found = judge_joins(joins)

    assert found.state == state
    assert found.why.endswith(".")
    assert bool(found.fix) == (state != "passed")


@pytest.mark.parametrize(
    ("code", "state"),
    [
        ("inconclusive", "passed"),
        ("stop_no_effect", "passed"),
        ("extend", "unknown"),
        ("not_trusted", "failed"),
    ],
)
def test_an_aa_test_is_judged(code: str, state: str) -> None:
    """It passes where it found nothing at its end."""
    assert judge_same_test("cust", SameTest("pipeline", code, "2026-03-01T00:00:00Z")).state == state


def test_joins_are_counted_from_the_ledger(session: Session) -> None:
    """Those of the last four weeks; an older one says that they have ceased."""
    row = IdentityJoin(project="shop", anonymous="anon:1", known="cust:1", joined_at=NOW - timedelta(days=40))
    session.add(row)
    session.flush()
    assert tick(session)["identities"] == "failed"
    row.joined_at = NOW - timedelta(days=3)
    session.flush()

    assert tick(session)["identities"] == "passed"


@pytest.mark.parametrize(("unit", "state"), [("cust", "passed"), ("anon", "unknown")])
def test_the_youngest_report_of_an_aa_test_counts(session: Session, unit: str, state: str) -> None:
    """One on the same type of unit alone."""
    experiments.create(session, "shop", make_experiment(key="pipeline", kind="aa", unit_type=unit), now=NOW)
    report = factory.make_trap()
    facts = msgspec.structs.replace(report.experiment, key="pipeline", kind="aa")
    verdicts = tuple(msgspec.structs.replace(each, code="inconclusive") for each in report.verdicts)
    same = msgspec.structs.replace(report, experiment=facts, verdicts=verdicts, project="shop")
    reports.store(session, same, now=NOW)

    assert tick(session)["aa"] == state


def test_a_plan_that_finds_too_few_stops_the_start(session: Session) -> None:
    """Hard, but for a reason that is kept; a plan of another draft says nothing."""
    from abplat.analysis.planning.planner import make_answer
    from abplat.domain.plans import parse_plan_request

    setup = setups.open_for(session, "shop", KEY, now=NOW)
    asked = setups.ask_plan(session, "shop", setup.id, now=NOW).plan
    assert asked is not None
    request = {"outcome": {"kind": "proportion", "baseline": 0.1}, "horizon": "7d", "effect": 0.001}
    answer = make_answer(parse_plan_request({**request, "traffic": {"per_day": 10}}), NOW)
    planning.finish(session, "shop", asked["id"], answer, now=NOW)

    assert tick(session)["traffic"] == "failed"
    with pytest.raises(ConflictError, match="so many do not come in"):
        experiments.start(session, "shop", KEY, Moment(NOW))
    experiments.update(session, "shop", KEY, {"horizon": "9d"}, now=NOW)
    assert tick(session)["traffic"] == "passed"


def test_an_audience_without_members_stops_the_start(session: Session) -> None:
    """Nobody could take part."""
    from abplat.services import segments

    segments.create(
        session, "shop", {"key": "empty", "title": "Nobody", "owner": "Ada", "members": []}, now=NOW
    )
    rule = {"attribute": "unit", "op": "in_segment", "value": "empty"}
    experiments.update(session, "shop", KEY, {"targeting": rule}, now=NOW)

    assert tick(session)["traffic"] == "failed"
