"""Feeds the read models of customers with what the drain has set aside.

A few rows at a time, each step in a transaction of its own that also removes them: every event reaches a
read model once, the drain does not wait for it, and the intake's writer only for milliseconds. This module
owns its transactions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Engine, delete, select

from abplat.db.engine import writing
from abplat.db.models.moments import read_model_rows
from abplat.facts.moments import keep_moments
from abplat.facts.rows import ROW_TYPES
from abplat.facts.sightings import keep_sightings

_STEP: Final = 1_000
_id = read_model_rows.c.id
_READERS: dict[str, Callable[[Connection, str, list[Any]], None]] = {
    "touchpoint": keep_moments,
    "exposure": keep_sightings,
}


def feed_read_models(engine: Engine, limit: int) -> int:
    """Take in up to so many rows, oldest first; return how many."""
    taken = 0
    while taken < limit and (step := _take(engine)):
        taken += step
    return taken


def _take(engine: Engine) -> int:
    """Take in the next rows; return how many there were."""
    with engine.connect() as connection:  # look without the write lock
        if connection.execute(select(_id).limit(1)).scalar() is None:
            return 0
    with writing(engine).begin() as connection:
        first = select(_id).order_by(_id).limit(_STEP)
        if connection.dialect.name == "postgresql":
            first = first.with_for_update(skip_locked=True)
        gone = delete(read_model_rows).where(_id.in_(first)).returning(
            read_model_rows.c.project, read_model_rows.c.kind, read_model_rows.c.body
        )  # fmt: skip
        rows = sorted(connection.execute(gone).all(), key=lambda row: row[:2])
        for (project, kind), group in groupby(rows, key=lambda row: row[:2]):
            _READERS[kind](connection, project, _decode(kind, [row.body for row in group]))
    return len(rows)


def _decode(kind: str, bodies: Sequence[str]) -> list[Any]:
    """Turn bodies into rows; the drain has read them before."""
    rows: list[Any] = msgspec.json.decode(f"[{','.join(bodies)}]", type=list[ROW_TYPES[kind]])  # type: ignore[misc]
    return rows
