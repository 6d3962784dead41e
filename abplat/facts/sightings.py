"""What exposures tell the ledger: which variant somebody was shown, and when.

A visitor may meet one process of a shop and log in at another. The exposure is what both have in common,
so the ledger hears of it in the transaction that keeps it. With a public key only ids that nobody can
guess are taken: nobody shall choose a variant for a customer by sending an event.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from sqlalchemy import Connection

from abplat.clock import from_micros
from abplat.db.queries import assignments, identities, phases
from abplat.db.queries.assignments import FRESH, INHERITED, Entry, Pin
from abplat.domain.components import SHARED
from abplat.domain.fields import KEY_PATTERN
from abplat.domain.identities import is_nobody
from abplat.domain.identity import id_type
from abplat.facts.rows import ExposureRow, Row

ANONYMOUS: Final = frozenset({"anon", "device"})
_SOURCES: Final = {None: FRESH, "split": FRESH, "pinned": INHERITED}
_KEY = re.compile(KEY_PATTERN)


def select_sightings(rows: Iterable[Row], *, is_public: bool) -> list[ExposureRow]:
    """Return the exposures that are assignments; what was decided by hand or is malformed is none."""
    exposures = [row for row in rows if isinstance(row, ExposureRow)]
    return [
        row for row in exposures if _counts(row) and not (is_public and id_type(_unit(row)) not in ANONYMOUS)
    ]


def keep_sightings(connection: Connection, project: str, rows: Iterable[ExposureRow]) -> None:
    """Keep what ids were shown first; shared ids are nobody's, and what is from before a reset is void."""
    given = list(rows)
    draws = phases.present_draws(connection, project, (row.experiment for row in given))
    first: dict[tuple[str, str], ExposureRow] = {}
    for row in given:
        draw = draws.get(row.experiment)
        if draw is not None and not draw.covers(from_micros(row.ts_us), row.phase):
            continue
        kept = first.setdefault((_unit(row), row.experiment), row)
        if row.ts_us < kept.ts_us:
            first[_unit(row), row.experiment] = row
    known = identities.members(connection, project, {unit for unit, _ in first})
    shared = {unit for unit, member in known.items() if member.state == SHARED}
    entries = [_entry(row) for (unit, _), row in sorted(first.items()) if unit not in shared]
    assignments.keep(connection, project, entries)


def _counts(row: ExposureRow) -> bool:
    """Tell whether an exposure can be an assignment."""
    keys = (row.experiment, row.variant)
    return row.reason in _SOURCES and all(map(_KEY.fullmatch, keys)) and not is_nobody(_unit(row))


def _entry(row: ExposureRow) -> Entry:
    """Return an exposure as the ledger keeps it."""
    pin = Pin(row.variant, from_micros(row.ts_us), _SOURCES[row.reason], row.channel)
    return Entry(_unit(row), row.experiment, pin)


def _unit(row: ExposureRow) -> str:
    """Return who was drawn: the group of the customer, where one was."""
    return row.cluster or row.actor
