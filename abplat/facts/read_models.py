"""Feeds the read models of customers with what the drain has set aside.

A few rows at a time, each step in a transaction of its own that also removes them: every event reaches a
read model once, the drain does not wait for it, and the intake's writer only for milliseconds. This module
owns its transactions.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any, Final

import msgspec
from sqlalchemy import Engine, delete, select

from abplat.db.engine import writing
from abplat.db.models.moments import read_model_rows
from abplat.facts.moments import keep_moments
from abplat.facts.rows import TouchpointRow

_STEP: Final = 1_000
_id = read_model_rows.c.id


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
            read_model_rows.c.project, read_model_rows.c.body
        )  # fmt: skip
        rows = sorted(connection.execute(gone).all(), key=_project_of)
        for project, group in groupby(rows, key=_project_of):
            keep_moments(connection, project, _decode([row.body for row in group]))
    return len(rows)


def _project_of(row: Any) -> str:
    """Return the project of a row."""
    return str(row.project)


def _decode(bodies: Sequence[str]) -> list[TouchpointRow]:
    """Turn bodies into rows; the drain has read them before."""
    return msgspec.json.decode(f"[{','.join(bodies)}]", type=list[TouchpointRow])
