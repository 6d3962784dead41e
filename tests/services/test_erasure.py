"""Erasing a customer leaves nothing of them in the tables of identities and of the ledger, and others whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import msgspec
import pytest
from sqlalchemy import Connection, insert, text

from abplat.db.models.moments import read_model_rows
from abplat.db.queries.assignments import Pin
from abplat.domain.identities import Identification
from abplat.facts.erasure import erase_tables
from abplat.facts.moments import keep_moments, read_moments
from abplat.facts.rows import TouchpointRow
from abplat.services import catalogue, components, ledger
from abplat.services.platform import Platform
from tests.conftest import NOW, make_catalogue

Erase = Callable[[str], tuple[dict[str, int], tuple[str, ...]]]
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


@pytest.fixture(name="erase")
def _erase(platform: Platform) -> Callable[[str], tuple[dict[str, int], tuple[str, ...]]]:
    """Let two customers share a tablet and have a past; return what erases all ids of one."""
    with platform.writers.begin() as session:
        catalogue.apply(session, make_catalogue(), now=NOW)
        live(session.connection())

    def erase(unit: str) -> tuple[dict[str, int], tuple[str, ...]]:
        """Erase a customer by any id."""
        with platform.engine.connect() as connection:
            ids = tuple(components.look_up(connection, "shop", (unit,)).ids)
        return erase_tables(platform.engine, "shop", ids), ids

    return erase


@pytest.fixture(name="connection")
def _connection(platform: Platform) -> Iterator[Connection]:
    """Return a connection to look with."""
    with platform.engine.connect() as connection:
        yield connection


def live(connection: Connection) -> None:
    """Leave traces of two customers."""
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
    # What another has inherited from the first customer, as an operator's merge leaves it.
    connection.execute(text("UPDATE assignments SET origin = 'cust:1' WHERE unit = 'cust:2'"))


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


def test_nothing_of_a_customer_is_left(erase: Erase, connection: Connection) -> None:
    """Neither under the customer's own id nor under any that was joined with it."""
    gone, ids = erase("anon:11")

    assert set(ids) == {"cust:1", "anon:10", "anon:11"}
    assert gone == {
        "assignments": 3, "conflicts": 0, "joins": 3, "members": 3, "moments": 2, "read_model_rows": 2,
        "intake": 0, "failed_events": 0,
    }  # fmt: skip
    left = read_all(connection)
    assert not [value for values in left.values() for value in values if any(each in value for each in ids)]


def test_others_keep_everything(erase: Erase, connection: Connection) -> None:
    """Also their part of what was shared, and what they have inherited."""
    erase("cust:1")

    assert ledger.look_up(connection, "shop", ("anon:20",)).pins == {KEY: "treatment"}
    assert set(components.look_up(connection, "shop", ("cust:2",)).ids) == {"cust:2", "anon:20", "anon:21"}
    assert components.look_up(connection, "shop", ("device:tablet",)).shared
    assert set(read_moments(connection, "shop", ["cust:1", "cust:2"])) == {"cust:2"}
    assert len(ledger.list_conflicts(connection, "shop", experiment=None, limit=9, before=None)) == 1


def test_an_erased_id_begins_anew(erase: Erase, connection: Connection) -> None:
    """Who comes back is a stranger."""
    erase("cust:1")
    held = ledger.look_up(connection, "shop", ("cust:1",))

    assert (held.standing.ids, held.pins) == (("cust:1",), {})
