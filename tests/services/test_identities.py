"""The ledger: the earliest assignment holds everywhere, and nobody inherits from a shared device."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from abplat.domain.identities import Identification
from abplat.errors import InvalidInputError
from abplat.services import catalogue, identities
from tests.conftest import NOW, make_catalogue


@pytest.fixture(autouse=True)
def _shop(session: Session) -> None:
    """Start with a project that has an experiment."""
    catalogue.apply(session, make_catalogue(), now=NOW)


def say(anonymous: str, known: str, at: datetime = NOW, **pins: str) -> Identification:
    """Return what a device says at a log-in."""
    shown = {key.replace("_", "-"): variant for key, variant in pins.items()}
    return Identification(id="x", anonymous=anonymous, known=known, at=at, assignments=shown)


def test_a_customer_keeps_what_was_seen_before_the_login(session: Session) -> None:
    """The anonymous assignment is inherited."""
    said = identities.identify(session, "shop", say("anon:1", "cust:1", shorter_form="treatment"))

    assert said == ("cust:1", {"shorter-form": "treatment"}, False, [])


def test_the_earliest_assignment_wins_and_the_conflict_is_told(session: Session) -> None:
    """Two devices had met two variants: the first one holds."""
    identities.identify(session, "shop", say("anon:1", "cust:1", shorter_form="treatment"))
    later = NOW + timedelta(hours=1)
    said = identities.identify(session, "shop", say("anon:2", "cust:1", later, shorter_form="control"))

    assert (said.pins, said.conflicts) == ({"shorter-form": "treatment"}, ["shorter-form"])


def test_a_late_report_of_an_earlier_assignment_wins(session: Session) -> None:
    """What counts is when it was shown, not when it was heard of."""
    identities.identify(session, "shop", say("anon:1", "cust:1", shorter_form="treatment"))
    earlier = NOW - timedelta(hours=1)
    said = identities.identify(session, "shop", say("anon:2", "cust:1", earlier, shorter_form="control"))

    assert said.pins == {"shorter-form": "control"}


def test_a_shared_tablet_passes_nothing_on(session: Session) -> None:
    """One customer's variants are not another's."""
    identities.identify(session, "shop", say("device:till", "cust:1", shorter_form="treatment"))
    said = identities.identify(session, "shop", say("device:till", "cust:2"))

    assert (said.pins, said.shared) == ({}, True)


def test_context_tells_what_is_known_of_an_id(session: Session) -> None:
    """An agent sees the joined ids and the variants."""
    identities.identify(session, "shop", say("anon:1", "cust:1", shorter_form="treatment"))
    context = identities.get_context(session, "shop", "cust:1")

    assert context.joined == ["anon:1"]
    assert [(each.variant, each.source) for each in context.assignments] == [("treatment", "inherited")]


def test_an_unknown_variant_is_refused(session: Session) -> None:
    """The ledger holds only what exists."""
    with pytest.raises(InvalidInputError, match="control, treatment"):
        identities.check_assignments(session, "shop", say("anon:1", "cust:1", shorter_form="nope"))
