"""Decisions of people: each is noted, none passes a failed check in silence."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from sqlalchemy.orm import Session

from abplat.domain.report import Report
from abplat.errors import ConflictError, InvalidInputError
from abplat.services import audit, catalogue, experiments, history, reports, rulings
from abplat.services.experiments import Moment
from tests.conftest import NOW, make_catalogue
from tests.web import report_factory as factory

KEY = "shorter-form"
WHO = ("shop", KEY)
SHIP = {"ruling": "ship", "variant": "treatment", "note": "It helps"}


@pytest.fixture(autouse=True)
def _running(session: Session) -> None:
    """Start with a running experiment."""
    audit.act_as(session, "user:ada@example.com")
    catalogue.apply(session, make_catalogue(), now=NOW)
    experiments.start(session, *WHO, Moment(NOW))


def judged(session: Session, report: Report) -> str:
    """Store a report of the experiment and return its hash."""
    facts = msgspec.structs.replace(report.experiment, key=KEY)
    moved = msgspec.structs.replace(report, experiment=facts)
    return reports.store(session, moved, now=NOW).hash


def decide(session: Session, **sent: Any) -> dict[str, Any]:
    """Decide something."""
    return dict(rulings.decide(session, *WHO, sent, now=NOW))


def test_ship_stops_and_concludes_as_won(session: Session) -> None:
    """With the note, and the report it rests on."""
    name = judged(session, factory.make_report())
    done = decide(session, **SHIP, report=name)

    assert done["state"] == "concluded"
    assert done["conclusion"]["outcome"] == "won"
    assert done["conclusion"]["shipped"] == "treatment"
    assert done["conclusion"]["report"] == name
    assert [deed.verb for deed in history.list_deeds(session, *WHO)][-3:] == ["ship", "stop", "conclude"]


def test_roll_back_after_a_conflict_is_a_loss(session: Session) -> None:
    """Nobody gets the variant."""
    judged(session, factory.make_trap())
    done = decide(session, ruling="roll_back", note="Fewer tents are bought")

    assert done["conclusion"]["outcome"] == "lost"
    assert done["conclusion"]["shipped"] is None


def test_keep_leaves_the_state_and_a_note(session: Session) -> None:
    """It is a decision like the others."""
    judged(session, factory.make_trap())
    done = decide(session, ruling="keep", note="Wait for the weekend")
    deed = history.list_deeds(session, *WHO)[-1]

    assert done["state"] == "running"
    assert (deed.verb, deed.actor, deed.after["note"]) == (
        "keep",
        "user:ada@example.com",
        "Wait for the weekend",
    )


@pytest.mark.parametrize(
    ("make", "ruling"),
    [(factory.make_blocked, "ship"), (factory.make_blocked, "roll_back"), (factory.make_trap, "ship")],
)
def test_what_stands_in_the_way_needs_a_reason(session: Session, make: Any, ruling: str) -> None:
    """A failed check, or a verdict that does not allow shipping; the reason is audited."""
    judged(session, make())
    sent = {**SHIP, "ruling": ruling}
    with pytest.raises(ConflictError, match="Give a reason"):
        decide(session, **sent)
    done = decide(session, **sent, override="The board has asked for it")
    said = next(deed.after for deed in history.list_deeds(session, *WHO) if deed.verb == ruling)

    assert done["state"] == "concluded"
    assert said["override"] == "The board has asked for it"
    assert said["obstacles"]


def test_a_decision_needs_a_note(session: Session) -> None:
    """Blanks are none."""
    judged(session, factory.make_report())
    with pytest.raises(InvalidInputError) as refused:
        decide(session, ruling="ship", variant="treatment", note="  ")

    assert [problem.path for problem in refused.value.problems] == ["note"]


def test_a_decision_on_an_older_report_is_refused(session: Session) -> None:
    """Somebody reads one page while another analysis arrives."""
    judged(session, factory.make_report())
    with pytest.raises(ConflictError, match="newer report"):
        decide(session, **SHIP, report="0" * 64)


def test_looks_are_thinned_evenly(session: Session) -> None:
    """The first and the last are always there."""
    judged(session, factory.make_report())
    looks, n = reports.list_looks(session, *WHO)

    assert (len(looks), n) == (1, 1)
    assert looks[0].digest.goal is not None
    assert list(reports.choose_evenly(672, 40))[::39] == [0, 671]
    assert len(reports.choose_evenly(672, 40)) == 40
