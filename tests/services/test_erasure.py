"""Erasing a customer leaves nothing of them in the tables of identities and of the ledger, and others whole."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest
from sqlalchemy import Connection, insert, text
from sqlalchemy.orm import Session

from abplat.db.models.moments import read_model_rows
from abplat.db.queries.assignments import Pin
from abplat.db.queries.erasure import erase_component
from abplat.domain.identities import Identification
from abplat.facts.moments import keep_moments, read_moments
from abplat.facts.rows import TouchpointRow
from abplat.services import catalogue, components, ledger
from tests.conftest import NOW, make_catalogue

HOUR = timedelta(hours=1)
KEY = "shorter-form"
TABLES = {
    "assignments": ("unit", "origin"),
    "assignment_conflicts": ("unit", "kept_unit"),
    "identity_joins": ("anonymous", "known"),
    "identity_members": ("id", "component"),
    "customer_moments": ("unit", "document"),
    "read_model_rows": ("body",),
}


@pytest.fixture(name="connection")
def _connection(session: Session) -> Connection:
    """Let two customers share a tablet and have a past."""
    catalogue.apply(session, make_catalogue(), now=NOW)
    connection = session.connection()
    for number, variant in ((1, "control"), (2, "treatment")):
        for place, met in enumerate((variant, "control")):
            said = Identification(
                id="x", anonymous=f"anon:{number}{place}", known=f"cust:{number}", at=NOW + place * HOUR,
                assignments={KEY: met},
            )  # fmt: skip
            ledger.identify(connection, "shop", said, NOW)
        tablet = Identification(
            id="x", anonymous="device:tablet", known=f"cust:{number}", at=NOW + 2 * HOUR, assignments={}
        )
        ledger.identify(connection, "shop", tablet, NOW)
        ledger.assign(connection, "shop", (f"cust:{number}",), {KEY: Pin(variant, NOW)})
    rows = [TouchpointRow(f"t{unit}", unit, "visit", 1) for unit in ("anon:10", "cust:1", "cust:2")]
    keep_moments(connection, "shop", rows)
    waiting = [{"project": "shop", "body": msgspec.json.encode(row).decode()} for row in rows]
    connection.execute(insert(read_model_rows), waiting)
    return connection


def read_all(connection: Connection) -> dict[str, list[str]]:
    """Return every text of the tables in question."""
    return {
        table: [
            str(value)
            for row in connection.execute(text(f"SELECT {', '.join(columns)} FROM {table}"))  # our own names
            for value in row
        ]
        for table, columns in TABLES.items()
    }


def test_nothing_of_a_customer_is_left(connection: Connection) -> None:
    """Neither under the customer's own id nor under any that was joined with it."""
    ids = components.look_up(connection, "shop", ("anon:11",)).ids
    gone = erase_component(connection, "shop", ids)

    assert set(ids) == {"cust:1", "anon:10", "anon:11"}
    assert gone == {
        "assignments": 3, "assignment_conflicts": 0, "identity_joins": 3, "identity_members": 3,
        "customer_moments": 2, "read_model_rows": 2,
    }  # fmt: skip
    left = read_all(connection)
    assert not [value for values in left.values() for value in values if any(each in value for each in ids)]


def test_others_keep_everything(connection: Connection) -> None:
    """Also their part of what was shared."""
    erase_component(connection, "shop", components.look_up(connection, "shop", ("cust:1",)).ids)

    assert ledger.look_up(connection, "shop", ("anon:20",)).pins == {KEY: "treatment"}
    assert set(components.look_up(connection, "shop", ("cust:2",)).ids) == {"cust:2", "anon:20", "anon:21"}
    assert components.look_up(connection, "shop", ("device:tablet",)).shared
    assert set(read_moments(connection, "shop", ["cust:1", "cust:2"])) == {"cust:2"}
    assert len(ledger.list_conflicts(connection, "shop", experiment=None, limit=9, before=None)) == 1


def test_an_erased_id_begins_anew(connection: Connection) -> None:
    """Who comes back is a stranger."""
    erase_component(connection, "shop", components.look_up(connection, "shop", ("cust:1",)).ids)
    held = ledger.look_up(connection, "shop", ("cust:1",))

    assert (held.standing.ids, held.pins) == (("cust:1",), {})
