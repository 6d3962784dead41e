"""Many ids are resolved at once as the ledger resolves one, on either database."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy.orm import Session

from abplat.db.queries import assignments
from abplat.db.queries.assignments import Entry, Pin
from abplat.domain.components import Join
from abplat.services import bulk, components, ledger, projects
from tests.conftest import NOW


def test_many_ids_are_resolved_as_one(session: Session) -> None:
    """Joined, shared, unknown, of no type, and one that no database keeps."""
    projects.create(session, {"key": "shop", "title": "Shop"}, now=NOW)
    connection = session.connection()
    joins = [("anon:w1", "cust:1"), ("email:a@b.c", "cust:1"), ("anon:w2", "device:d2")]
    joins += [("device:tablet", f"cust:{number}") for number in (5, 6)]
    for a, b in joins:
        components.join(connection, "shop", Join(a, b, NOW))
    seen = [("anon:w1", "treatment", 1), ("cust:1", "control", 2), ("device:d2", "treatment", 3)]
    seen += [("cust:9", "treatment", 4), ("device:tablet", "treatment", 5)]
    entries = [
        Entry(unit, key, Pin(variant, NOW + timedelta(minutes=at)))
        for unit, variant, at in seen
        for key in ("form", "other")
    ]
    assignments.keep(connection, "shop", entries)
    ids = ["cust:1", "anon:w1", "email:a@b.c", "anon:w2", "device:d2", "device:tablet", "cust:5", "cust:9"]
    many = [f"cust:{number}" for number in range(100, 12_000)]
    found = bulk.look_up(connection, "shop", "form", [*ids, "untyped", "anon:null", "a:\x00b", *many])

    assert found.shared == {"device:tablet"}
    assert found.units[len(ids) :] == ["untyped", "anon:null", "a:\x00b", *many]
    for each, unit in zip(ids, found.units, strict=False):
        alone = ledger.look_up(connection, "shop", (each,))
        assert (unit, found.pins.get(unit)) == (alone.standing.unit, alone.pins.get("form")), each
    assert set(found.pins) == {"cust:1", "anon:w2", "device:d2", "cust:9"}
