"""What the ledger says of many units, on either database."""

from __future__ import annotations

from sqlalchemy.orm import Session

from abplat.db.queries import assignments
from abplat.db.queries.assignments import Pin
from abplat.services import projects
from tests.conftest import NOW


def test_the_ledger_is_asked_for_many_at_once(session: Session) -> None:
    """Named units or all, one experiment and project; a unit that no database keeps is no fault."""
    projects.create(session, {"key": "shop", "title": "Shop"}, now=NOW)
    projects.create(session, {"key": "other", "title": "Other"}, now=NOW)
    units = [f"cust:{number}" for number in range(10_000)]
    pin = Pin("treatment", NOW, "fresh")
    assignments.keep(session, "shop", {"cust:7": {"form": pin, "other": pin}, "cust:8": {"form": pin}})
    assignments.keep(session, "other", {"cust:9": {"form": pin}})

    assert assignments.pinned_in(session, "shop", "form", [*units[:8], "a\x00b"]) == {"cust:7": "treatment"}
    assert assignments.pinned_in(session, "shop", "form", units).keys() == {"cust:7", "cust:8"}
    assert assignments.pinned_in(session, "shop", "form").keys() == {"cust:7", "cust:8"}
    assert assignments.pinned_in(session, "shop", "no") == {}
