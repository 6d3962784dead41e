"""A reset draws everybody anew: nothing that was shown before it comes back, however late it is heard of."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection
from sqlalchemy.orm import Session

from abplat.clock import to_micros
from abplat.db.queries.assignments import Pin
from abplat.domain.identities import Identification
from abplat.facts.rows import ExposureRow
from abplat.facts.sightings import keep_sightings
from abplat.services import catalogue, experiments, ledger, phases
from abplat.services.experiments import Moment
from tests.conftest import NOW, make_catalogue

HOUR = timedelta(hours=1)
KEY = "shorter-form"
RESET_AT = NOW + 2 * HOUR


@pytest.fixture(name="connection")
def _connection(session: Session) -> Connection:
    """Start an experiment and reset it two hours later: phase 1, then phase 2."""
    catalogue.apply(session, make_catalogue(), now=NOW)
    experiments.start(session, "shop", KEY, Moment(NOW))
    phases.begin(session, "shop", KEY, {"reset": True, "reason": "a bug"}, now=RESET_AT)
    session.flush()
    return session.connection()


def shown(after: timedelta, phase: int | None = None) -> ExposureRow:
    """Return an exposure so long after the reset."""
    ts_us = to_micros(RESET_AT + after)
    return ExposureRow("e1", "anon:1", KEY, "treatment", ts_us, reason="split", phase=phase)


def said(after: timedelta, phase: int | None = None) -> Identification:
    """Return what a device says at a log-in, long after the reset."""
    phases_said: dict[str, Any] = {} if phase is None else {"phases": {KEY: phase}}
    return Identification(
        id="x", anonymous="anon:1", known="cust:1", at=RESET_AT + 5 * HOUR,
        assignments={KEY: "treatment"}, assigned_at={KEY: RESET_AT + after}, **phases_said,
    )  # fmt: skip


CASES = [
    pytest.param(-HOUR, None, False, id="shown before"),
    pytest.param(HOUR, None, True, id="shown after"),
    pytest.param(HOUR, 1, False, id="shown after, by a configuration from before"),
    pytest.param(-HOUR, 2, True, id="decided after, by a clock that is late"),
]


@pytest.mark.parametrize(("after", "phase", "holds"), CASES)
def test_an_exposure_from_before_is_void(
    connection: Connection,
    after: timedelta,
    phase: int | None,
    holds: bool,  # noqa: FBT001  # a parameter of the test
) -> None:
    """The phase decides where the event has it, else the time."""
    keep_sightings(connection, "shop", [shown(after, phase)])

    assert bool(ledger.look_up(connection, "shop", ("anon:1",)).pins) is holds


@pytest.mark.parametrize(("after", "phase", "holds"), CASES)
def test_an_identification_from_before_passes_nothing_on(
    connection: Connection,
    after: timedelta,
    phase: int | None,
    holds: bool,  # noqa: FBT001  # a parameter of the test
) -> None:
    """The two ids are joined all the same."""
    answer = ledger.identify(connection, "shop", said(after, phase), RESET_AT + 5 * HOUR)

    assert (answer.outcome, bool(answer.pins)) == ("joined", holds)


def test_a_late_exposure_does_not_push_out_a_new_assignment(connection: Connection) -> None:
    """It is the earlier one, and yet it does not count."""
    ledger.assign(connection, "shop", ("anon:1",), {KEY: Pin("control", RESET_AT + HOUR)}, {KEY: 2})
    keep_sightings(connection, "shop", [shown(-HOUR)])

    assert ledger.look_up(connection, "shop", ("anon:1",)).pins == {KEY: "control"}


def test_a_decision_by_the_old_configuration_is_not_kept(connection: Connection) -> None:
    """A server that has not heard of the reset yet cannot bring the old draw back."""
    held = ledger.assign(connection, "shop", ("cust:1",), {KEY: Pin("treatment", RESET_AT)}, {KEY: 1})

    assert held.pins == {}


def test_other_phases_forget_nothing(session: Session) -> None:
    """New weights bind nobody anew: what was shown before them holds."""
    catalogue.apply(session, make_catalogue(), now=NOW)
    experiments.start(session, "shop", KEY, Moment(NOW))
    weights = {"control": 4000, "treatment": 6000}
    phases.begin(session, "shop", KEY, {"weights": weights, "reason": "more"}, now=RESET_AT)
    session.flush()
    keep_sightings(session.connection(), "shop", [shown(-HOUR, 1)])

    assert ledger.look_up(session.connection(), "shop", ("anon:1",)).pins == {KEY: "treatment"}
