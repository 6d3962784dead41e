"""What exposures tell the ledger: which variant an anonymous visitor was shown, and when.

A visitor may meet one process of a shop and log in at another. The exposure is what both have in common,
so the drain hands it to the ledger. Only ids that nobody can guess are taken: events may come with a
public key, and nobody shall choose a variant for a customer by sending one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from sqlalchemy import Connection

from abplat.clock import from_micros
from abplat.db.driver import run
from abplat.db.queries import assignments, identities
from abplat.db.queries.assignments import FRESH, INHERITED, Entry, Pin
from abplat.domain.components import SHARED
from abplat.domain.fields import KEY_PATTERN
from abplat.domain.identities import is_nobody
from abplat.domain.identity import id_type
from abplat.facts.rows import ExposureRow

ANONYMOUS: Final = frozenset({"anon", "device"})
_SOURCES: Final = {None: FRESH, "split": FRESH, "pinned": INHERITED}
_KEY = re.compile(KEY_PATTERN)
_PROJECT = "SELECT 1 FROM projects WHERE key = ?"


def keep_sightings(connection: Connection, project: str, rows: Iterable[ExposureRow]) -> None:
    """Keep what anonymous ids were shown first; what was decided by hand or is malformed is passed over."""
    first: dict[tuple[str, str], ExposureRow] = {}
    for row in rows:
        if _counts(row):
            kept = first.setdefault((row.actor, row.experiment), row)
            if row.ts_us < kept.ts_us:
                first[row.actor, row.experiment] = row
    if not first or run(connection, _PROJECT, [project]).scalar() is None:
        return
    known = identities.members(connection, project, {unit for unit, _ in first})
    shared = {unit for unit, member in known.items() if member.state == SHARED}
    entries = [_entry(row) for (unit, _), row in sorted(first.items()) if unit not in shared]
    assignments.keep(connection, project, entries)


def _counts(row: ExposureRow) -> bool:
    """Tell whether an exposure can be an assignment of an anonymous id."""
    keys = (row.experiment, row.variant)
    return (
        id_type(row.actor) in ANONYMOUS
        and row.reason in _SOURCES
        and all(map(_KEY.fullmatch, keys))
        and not is_nobody(row.actor)
    )


def _entry(row: ExposureRow) -> Entry:
    """Return an exposure as the ledger keeps it."""
    pin = Pin(row.variant, from_micros(row.ts_us), _SOURCES[row.reason], row.channel)
    return Entry(row.actor, row.experiment, pin)
