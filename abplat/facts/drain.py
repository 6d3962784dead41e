"""The drain: moves rows from the intake into the lake, each exactly once, whoever dies when.

For one project and kind: look, with one handle, at the number of the last batch in the lake and at
the number that the database calls done. If the lake is ahead, somebody died between the two: the
rows of that batch are let go now. Otherwise append the next batch with the same handle, under the
next number, which refuses a rival who did the same; make it durable; and only then let go of the
rows and advance the number, in one transaction. The drain owns its transactions.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, func, insert, select, text

from abplat.db.engine import writing
from abplat.db.models.intake import drain_state, failed_events, intake
from abplat.db.queries import sightings
from abplat.db.queries import suppression as suppressions
from abplat.errors import ConflictError
from abplat.facts.lake import Lake
from abplat.facts.rows import ROW_TYPES, Row, ids_of
from abplat.facts.tables import to_table

APP = "abplat-drain"
_NAMES = {"touchpoint": "name", "exposure": "experiment"}
_LOG = logging.getLogger(__name__)
_DELETE = {
    "sqlite": text(
        "DELETE FROM intake WHERE project = :project AND event_id IN (SELECT value FROM json_each(:ids))"
    ),
    "postgresql": text(
        "DELETE FROM intake WHERE project = :project"
        " AND event_id IN (SELECT json_array_elements_text(CAST(:ids AS json)))"
    ),
}
_MOVE = {
    "sqlite": text(
        "INSERT INTO read_model_rows (project, body) SELECT project, body FROM intake"
        " WHERE project = :project AND event_id IN (SELECT value FROM json_each(:ids))"
    ),
    "postgresql": text(
        "WITH gone AS (DELETE FROM intake WHERE project = :project"
        " AND event_id IN (SELECT json_array_elements_text(CAST(:ids AS json))) RETURNING project, body)"
        " INSERT INTO read_model_rows (project, body) SELECT project, body FROM gone"
    ),
}
_SET_ASIDE = "touchpoint"
_ADVANCE = text(
    "INSERT INTO drain_state (project, kind, done) VALUES (:project, :kind, :done) "
    "ON CONFLICT (project, kind) DO UPDATE SET done = excluded.done WHERE drain_state.done < excluded.done"
)


def _pass(_step: str) -> None:
    """Do nothing at a step; tests stop here."""


class Drain:
    """Moves what waits in the intake to the lake.

    Any number may run at once: rivals cost time and nothing else.
    """

    def __init__(
        self, engine: Engine, lake: Lake, *, batch_rows: int = 20_000, at_step: Callable[[str], None] = _pass
    ) -> None:
        """Remember where from and where to.

        Args:
            engine: Database of the intake.
            lake: Where the rows go.
            batch_rows: Rows of one batch; the intake's writer waits while they are deleted.
            at_step: Called with the name of every step, so that a test can die there.
        """
        self._engine = engine
        self._lake = lake
        self._batch_rows = batch_rows
        self._at_step = at_step

    def repair(self) -> int:
        """Set aside what a power cut left half written; call it once before the first run."""
        tables = [(project, kind) for project in self._lake.projects() for kind in self._lake.kinds]
        return sum(self._lake.repair(project, kind) for project, kind in tables)

    def run(self, limit: int | None = None) -> int:
        """Drain until nothing waits, or so many rows are moved; return how many were."""
        moved = 0
        for project in self._projects():
            while kinds := self._peek(project):
                for kind, last_id in kinds:
                    moved += self._move(project, kind, last_id)
                if limit is not None and moved >= limit:
                    return moved
        return moved

    def run_waiting(self, most: int | None = None) -> int:
        """Drain what waits now; what arrives meanwhile is left to the next run.

        A run that chased its own tail while events stream in would commit every handful of them.
        """
        with self._engine.connect() as connection:
            waiting = connection.execute(select(func.count()).select_from(intake)).scalar() or 0
        limit = waiting if most is None else min(waiting, most)
        return self.run(limit) if limit else 0

    def _projects(self) -> list[str]:
        """Return the projects with rows, by hopping over the index instead of reading it."""
        found: list[str] = []
        query = select(func.min(intake.c.project))
        with self._engine.connect() as connection:
            project = connection.execute(query).scalar()
            while project is not None:
                found.append(project)
                project = connection.execute(query.where(intake.c.project > project)).scalar()
        return found

    def _peek(self, project: str) -> list[tuple[str, str]]:
        """Return the kinds among the first rows of a project, each with the last id of them."""
        first = (
            select(intake.c.kind, intake.c.event_id)
            .where(intake.c.project == project)
            .order_by(intake.c.event_id)
            .limit(self._batch_rows)
            .subquery()
        )
        query = select(first.c.kind, func.max(first.c.event_id)).group_by(first.c.kind)
        with self._engine.connect() as connection:
            return [(kind, last_id) for kind, last_id in connection.execute(query.order_by(first.c.kind))]

    def _move(self, project: str, kind: str, last_id: str) -> int:
        """Move one batch of one kind; return how many rows that were."""
        if kind not in ROW_TYPES:
            return self._refuse(project, self._read(project, kind, last_id))
        # The order matters: handle, number, rows. Whoever overtakes us after the first is found by the append.
        table = self._lake.open(project, kind)
        last = table.last_sequence(APP) or 0
        done = self._done(project, kind)
        if last > done:
            return self._let_go(project, kind, table.ids_of_batch(last), last)
        if last < done:
            _LOG.error("the lake of %s/%s ends at batch %d, the database at %d", project, kind, last, done)
        waiting = self._read(project, kind, last_id)
        rows, broken = _decode(kind, waiting)
        if broken:
            return self._refuse(project, broken)
        waiting, rows = self._turn_away(project, waiting, rows)
        if not rows:
            return 0
        batch = done + 1
        self._at_step("read")
        try:
            table.append(to_table(kind, rows, [each.received_us for each in waiting], batch), APP, batch)
        except ConflictError:
            return 0  # a rival has moved these rows; the next look finds what is left
        self._at_step("appended")
        seen = _find_seen(kind, rows, max((each.received_us for each in waiting), default=0))
        return self._let_go(project, kind, [row.event_id for row in rows], batch, seen)

    def _turn_away(
        self, project: str, waiting: Sequence[Any], rows: list[Row]
    ) -> tuple[Sequence[Any], list[Row]]:
        """Let go of the rows of erased people that came in before the door knew; return the others."""
        with self._engine.connect() as connection:
            suppression = suppressions.read(connection, project)
        if suppression is None:
            return waiting, rows
        out = {row.event_id for row in rows if suppression.holds_any(ids_of(row))}
        if out:
            with writing(self._engine).begin() as connection:
                _delete(connection, project, sorted(out))
        return [each for each in waiting if each.event_id not in out], [
            row for row in rows if row.event_id not in out
        ]

    def _done(self, project: str, kind: str) -> int:
        """Return the number of the last batch whose rows were let go."""
        query = select(drain_state.c.done).where(drain_state.c.project == project, drain_state.c.kind == kind)
        with self._engine.connect() as connection:
            return connection.execute(query).scalar() or 0

    def _read(self, project: str, kind: str, last_id: str) -> Sequence[Any]:
        """Read the rows of a kind up to an id."""
        query = (
            select(intake.c.event_id, intake.c.body, intake.c.received_us)
            .where(intake.c.project == project, intake.c.kind == kind, intake.c.event_id <= last_id)
            .order_by(intake.c.event_id)
            .limit(self._batch_rows)
        )
        with self._engine.connect() as connection:
            return connection.execute(query).all()

    def _let_go(
        self,
        project: str,
        kind: str,
        ids: Sequence[str],
        batch: int,
        seen: Mapping[tuple[str, str], int] = {},
    ) -> int:
        """Delete rows that the lake holds and call their batch done, at once; note what was heard of."""
        with writing(self._engine).begin() as connection:
            _hand_over(connection, project, kind, ids)
            sightings.note(connection, project, kind, seen)
            self._at_step("deleted")
            connection.execute(_ADVANCE, {"project": project, "kind": kind, "done": batch})
        self._at_step("done")
        return len(ids)

    def _refuse(self, project: str, waiting: Sequence[Any]) -> int:
        """Put rows that this version cannot read where people look, so that they stop nobody."""
        message = "the row cannot be read by this version of abplat"
        failures = [
            {
                "project": project,
                "received_us": each.received_us,
                "code": "undecodable",
                "message": message,
                "body": each.body,
            }
            for each in waiting
        ]
        with writing(self._engine).begin() as connection:
            if failures:
                connection.execute(insert(failed_events), failures)
            _delete(connection, project, [each.event_id for each in waiting])
        _LOG.error("%d rows of %s cannot be read; they lie in failed_events", len(waiting), project)
        return 0


def _decode(kind: str, waiting: Sequence[Any]) -> tuple[list[Row], list[Any]]:
    """Turn bodies into rows, and name those that are none."""
    row_type = ROW_TYPES[kind]
    try:
        text_of_all = "[" + ",".join([each.body for each in waiting]) + "]"
        rows: list[Row] = msgspec.json.decode(text_of_all, type=list[row_type])  # type: ignore[valid-type]
    except msgspec.DecodeError:
        return [], [each for each in waiting if not _is_readable(each.body, row_type)]
    return rows, []


def _find_seen(kind: str, rows: Sequence[Row], received_us: int) -> dict[tuple[str, str], int]:
    """Return what was heard of from which channel, for the checklist of experiments; no number rests on it."""
    name = _NAMES.get(kind)
    if name is None:
        return {}
    return {(getattr(row, name), getattr(row, "channel", None) or ""): received_us for row in rows}


def _is_readable(body: str, row_type: type[Row]) -> bool:
    """Tell whether a body is a row."""
    try:
        msgspec.json.decode(body, type=row_type)
    except msgspec.DecodeError:
        return False
    return True


def _hand_over(connection: Connection, project: str, kind: str, ids: Sequence[str]) -> None:
    """Delete rows by their ids; those that the read model of customers wants are set aside."""
    if kind == _SET_ASIDE:
        values = {"project": project, "ids": msgspec.json.encode(ids).decode()}
        connection.execute(_MOVE[connection.dialect.name], values)
    _delete(connection, project, ids)


def _delete(connection: Connection, project: str, ids: Sequence[str]) -> None:
    """Delete rows by their ids, handed over as one value: thousands of parameters are slow to bind."""
    statement = _DELETE[connection.dialect.name]
    connection.execute(statement, {"project": project, "ids": msgspec.json.encode(ids).decode()})
